package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func reference(k string) func(*api.OpenTicket) {
	return func(b *api.OpenTicket) { b.Reference = &ticket.Reference{Source: "mail", Key: k} }
}

func keyed(actor, key, digest string) api.Call {
	return api.Call{Actor: actor, Manage: true, Key: key, Digest: []byte(digest)}
}

func TestRepeatedCallGivesItsFirstAnswer(t *testing.T) {
	r := newRig(t)
	call := keyed("user/a", "k1", "body")
	first := must(r.OpenTicket(r.ctx, call, chat()))(t)
	r.restart() // also after a crash that ate the answer
	again := must(r.OpenTicket(r.ctx, call, chat()))(t)
	if again.Ticket.ID != first.Ticket.ID || again.Existing {
		t.Errorf("got ticket %d (existing %t), want %d", again.Ticket.ID, again.Existing, first.Ticket.ID)
	}
	if other := must(r.OpenTicket(r.ctx, keyed("user/b", "k1", "body"), chat()))(t); other.Ticket.ID == first.Ticket.ID {
		t.Error("another caller's key gave the same answer")
	}
	must(r.Resolve(r.ctx, keyed("user/a", "k2", ""), first.Ticket.ID, api.Because{}))(t)
	must(r.Reopen(r.ctx, manager, first.Ticket.ID, api.Because{}))(t)
	if got := must(r.Resolve(r.ctx, keyed("user/a", "k2", ""), first.Ticket.ID, api.Because{}))(t); got.Status != ticket.Resolved {
		t.Errorf("the repetition answers %s, want the first answer", got.Status)
	}
	if now := r.ticket(first.Ticket.ID); now.Status != ticket.Waiting {
		t.Errorf("the repetition took effect: %s", now.Status)
	}
}

func TestSameKeyWithAnotherRequestIsRefused(t *testing.T) {
	r := newRig(t)
	must(r.OpenTicket(r.ctx, keyed("user/a", "k1", "one"), chat()))(t)
	_, err := r.OpenTicket(r.ctx, keyed("user/a", "k1", "two"), chat())
	if p := refused(t, err, api.ProblemKeyReused); p.Status != 422 {
		t.Errorf("status %d, want 422", p.Status)
	}
	_, err = r.Cancel(r.ctx, keyed("user/a", "k1", "one"), 1, api.Because{})
	refused(t, err, api.ProblemKeyReused)
	asAgent := keyed("user/a", "k1", "one")
	asAgent.Agent, asAgent.Impersonates = "jo", true
	_, err = r.OpenTicket(r.ctx, asAgent, chat())
	refused(t, err, api.ProblemKeyReused)
	if n := len(must(r.Tickets(r.ctx, manager, api.TicketQuery{}))(t).Items); n != 1 {
		t.Errorf("%d tickets, want 1", n)
	}
}

func TestRefusedCallCanBeRepaired(t *testing.T) {
	r := newRig(t)
	call := keyed("user/a", "k1", "x")
	bad := chat()
	bad.Channel = "chat room"
	_, err := r.OpenTicket(r.ctx, call, bad)
	if p := refused(t, err, api.ProblemInvalid); p.Status != 422 || p.Errors[0].Location != "body.channel" {
		t.Errorf("got %d %+v", p.Status, p.Errors)
	}
	must(r.OpenTicket(r.ctx, call, chat()))(t)
}

func TestAnswersAreKeptForADay(t *testing.T) {
	r := newRig(t)
	call := keyed("user/a", "k1", "one")
	must(r.OpenTicket(r.ctx, call, chat()))(t)
	r.run()
	r.eventually("loops sleep", r.clock.HasWaiters)
	r.pass(24*time.Hour - time.Millisecond)
	if got := must(r.OpenTicket(r.ctx, call, chat()))(t); got.Ticket.ID != 1 {
		t.Fatalf("forgotten within a day: opened %d", got.Ticket.ID)
	}
	r.pass(time.Hour)
	if got := must(r.OpenTicket(r.ctx, call, chat()))(t); got.Ticket.ID == 1 {
		t.Error("remembered after a day")
	}
}

func TestReferenceIsKnownForever(t *testing.T) {
	r := newRig(t)
	first := must(r.OpenTicket(r.ctx, manager, chat(reference("m1"))))(t).Ticket
	must(r.Cancel(r.ctx, manager, first.ID, api.Because{}))(t)
	r.pass(1000 * 24 * time.Hour)
	r.restart()
	again := must(r.OpenTicket(r.ctx, manager, chat(reference("m1"))))(t)
	if !again.Existing || again.ID != first.ID || again.Status != ticket.Cancelled || again.Ticket.ID != first.ID {
		t.Errorf("got %+v, want the ticket that is there", again)
	}
}

func TestBatchTakesOrRefusesEachOnItsOwn(t *testing.T) {
	r := newRig(t)
	noTeam, noSubject := chat(), chat()
	noTeam.Team, noSubject.Subject = "nowhere", " "
	before := r.position()
	got := must(r.OpenTickets(r.ctx, manager, api.OpenTickets{Tickets: []api.OpenTicket{
		chat(reference("m1")), noTeam, chat(reference("m1")), noSubject, chat(),
	}}))(t).Results
	if got[0].Ticket == nil || got[0].Existing || !got[2].Existing || got[2].Ticket.ID != got[0].Ticket.ID || got[4].Ticket == nil {
		t.Errorf("got %+v", got)
	}
	if got[1].Error == "" || got[3].Error == "" || got[1].Ticket != nil {
		t.Errorf("bad tickets were not refused: %+v", got)
	}
	if n := r.position() - before; n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}

// crashing is a store whose process ends right after its first commit: nothing that comes later becomes durable.
type crashing struct {
	store.Store
	ended bool
}

func (s *crashing) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.ended {
		return errors.New("the process has ended")
	}
	s.ended = true
	return s.Store.Update(ctx, fn)
}

func answered[T any](result *T, err error) (any, error) { return result, err }

// A desk that dies right after the first commit of a call has all of it: the row, its record, the message to the webhook
// and the answer, which the repetition gets without a second effect.
func TestEveryCallIsOneTransactionAndDoneOnce(t *testing.T) {
	nothing := func(*rig) *ticket.Ticket { return &ticket.Ticket{} }
	offered := func(r *rig) *ticket.Ticket { return r.offered("jo") }
	open := func(r *rig) *ticket.Ticket { return r.accepted("jo") }
	pending := func(r *rig) *ticket.Ticket { return must(r.Pend(r.ctx, as("jo"), open(r).ID, api.Pend{}))(r) }
	resolved := func(r *rig) *ticket.Ticket { return r.resolved("jo") }
	subject := "said otherwise"
	type on = func(*desk.Desk, context.Context, api.Call, *ticket.Ticket) (any, error)
	because := func(verb func(*desk.Desk, context.Context, api.Call, int64, api.Because) (*ticket.Ticket, error)) on {
		return func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(verb(d, ctx, c, x.ID, api.Because{}))
		}
	}
	for name, test := range map[string]struct {
		given func(*rig) *ticket.Ticket
		call  on
		// record that the call leaves, with a message if it is a ticket's.
		record eventlog.Type
	}{
		"open": {nothing, func(d *desk.Desk, ctx context.Context, c api.Call, _ *ticket.Ticket) (any, error) {
			return answered(d.OpenTicket(ctx, c, chat(from("c1"))))
		}, eventlog.Opened},
		"open several": {nothing, func(d *desk.Desk, ctx context.Context, c api.Call, _ *ticket.Ticket) (any, error) {
			return answered(d.OpenTickets(ctx, c, api.OpenTickets{Tickets: []api.OpenTicket{chat()}}))
		}, eventlog.Opened},
		"accept": {offered, func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(d.Accept(ctx, c, x.ID, api.Accept{Offer: x.Offer.ID}))
		}, eventlog.Accepted},
		"decline": {offered, func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(d.Decline(ctx, c, x.ID, api.Decline{Offer: x.Offer.ID}))
		}, eventlog.Declined},
		"transfer": {open, func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(d.Transfer(ctx, c, x.ID, api.Transfer{Queue: "billing", Reason: "x"}))
		}, eventlog.Transferred},
		"pend": {open, func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(d.Pend(ctx, c, x.ID, api.Pend{Until: start.Add(time.Hour)}))
		}, eventlog.Pended},
		"return":  {open, because((*desk.Desk).Return), eventlog.Returned},
		"hold":    {open, because((*desk.Desk).Hold), eventlog.Held},
		"resume":  {pending, because((*desk.Desk).Resume), eventlog.Resumed},
		"resolve": {open, because((*desk.Desk).Resolve), eventlog.Resolved},
		"reopen":  {resolved, because((*desk.Desk).Reopen), eventlog.Reopened},
		"close":   {resolved, because((*desk.Desk).Close), eventlog.Closed},
		"cancel":  {open, because((*desk.Desk).Cancel), eventlog.Cancelled},
		"reply": {open, func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(d.Reply(ctx, c, x.ID, api.Reply{From: "Agent", Body: "x"}))
		}, eventlog.Replied},
		"customer's reply": {resolved, func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(d.Reply(ctx, c, x.ID, api.Reply{From: "Customer", Body: "x"}))
		}, eventlog.Reopened},
		"note": {open, func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(d.Note(ctx, c, x.ID, api.Note{Body: "x"}))
		}, eventlog.Noted},
		"update": {open, func(d *desk.Desk, ctx context.Context, c api.Call, x *ticket.Ticket) (any, error) {
			return answered(d.Update(ctx, c, x.ID, api.Update{Subject: &subject}))
		}, eventlog.Updated},
		"presence": {nothing, func(d *desk.Desk, ctx context.Context, c api.Call, _ *ticket.Ticket) (any, error) {
			return answered(d.SetPresence(ctx, c, "jo", api.SetPresence{Presence: "Available"}))
		}, eventlog.PresenceChanged},
		"customer": {nothing, func(d *desk.Desk, ctx context.Context, c api.Call, _ *ticket.Ticket) (any, error) {
			return answered(d.PutCustomer(ctx, c, ticket.Customer{ID: "c1", Segment: "Enterprise"}))
		}, eventlog.CustomerUpdated},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, newWebhook(t).declare())
			given := test.given(r)
			before := r.position()
			dying := must(desk.New(desk.Options{Store: &crashing{Store: r.store}, Clock: r.clock, HelpDesk: "acme"}))(t)
			call := api.Call{Actor: "user/a", Agent: "jo", Manage: true, Key: "k", Digest: []byte("body")}
			first := must(test.call(dying, r.ctx, call, given))(t)
			var left []eventlog.Type
			for _, record := range must(r.Records(r.ctx, manager, before, 10, 0, 0))(t).Items {
				left = append(left, record.Type)
				if record.Ticket == 0 {
					continue
				}
				if x := r.ticket(record.Ticket); x.Version != record.Version || !reflect.DeepEqual(eventlog.StateOf(x), record.To) {
					t.Errorf("the record says %+v of version %d, the ticket is %+v", record.To, record.Version, x)
				}
			}
			want := []eventlog.Type{test.record}
			if test.record != eventlog.PresenceChanged && test.record != eventlog.CustomerUpdated {
				want = append(want, eventlog.OutboxEnqueued)
			}
			if !slices.Equal(left, want) {
				t.Errorf("left %v in the log, want %v", left, want)
			}
			if waiting := must(r.Overview(r.ctx, manager))(t).Outbox.Waiting; waiting != r.count(eventlog.OutboxEnqueued) {
				t.Errorf("%d messages wait, %d are on record", waiting, r.count(eventlog.OutboxEnqueued))
			}
			r.restart()
			// What others do meanwhile, a repetition must not undo.
			r.presence("jo", "Busy")
			must(r.PutCustomer(r.ctx, manager, ticket.Customer{ID: "c1", Segment: "Private"}))(t)
			after := r.position()
			again := must(test.call(r.Desk, r.ctx, call, given))(t)
			if was, is := string(must(json.Marshal(first))(t)), string(must(json.Marshal(again))(t)); is != was {
				t.Errorf("the repetition answered\n%s\nafter\n%s", is, was)
			}
			if customer := must(r.Customer(r.ctx, manager, "c1"))(t); r.position() != after || customer.Segment != "Private" {
				t.Error("the repetition had an effect")
			}
		})
	}
}
