package desk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func TestTicketIsRoutedInTheTransactionThatOpensIt(t *testing.T) {
	r := newRig(t)
	opened := r.opened(about("billing"))
	status(t, opened, ticket.Waiting, "billing", "")
	if opened.Rule != "rules/billing" || opened.PlanRevision != 1 || opened.Priority != ticket.Normal {
		t.Errorf("got rule %q of revision %d, priority %s", opened.Rule, opened.PlanRevision, opened.Priority)
	}
	records := r.records(opened.ID)
	if len(records) != 1 || records[0].To.Queue != "billing" || records[0].To.Status != ticket.Waiting || records[0].PlanRevision != 1 {
		t.Errorf("want one record that opens it in its queue, got %+v", records)
	}
}

func TestTicketThatNothingRoutesIsUnrouted(t *testing.T) {
	r := newRig(t, func(o *organisation) { o.teams["support"].Spec.DefaultQueueRef = nil })
	status(t, r.opened(), ticket.Waiting, plan.UnroutedQueue, "")
	for _, q := range must(r.Overview(r.ctx, manager))(t).Queues {
		if q.Name == plan.UnroutedQueue && q.Waiting == 1 {
			return
		}
	}
	t.Error("the overview does not show the unrouted queue")
}

// A channel is any word: no list of them stands in the way of routing, offering and counting a ticket.
func TestChannelIsAnyWord(t *testing.T) {
	r := newRig(t, func(o *organisation) {
		o.rule("fax", &v1alpha1.TicketMatch{Channels: []v1alpha1.Channel{"Fax"}}, "billing")
	})
	fax := func(b *api.OpenTicket) { b.Channel = "Fax" }
	status(t, r.offered("jo", fax), ticket.Offered, "billing", "jo")
	if got := r.commit(r.decision(r.opened(fax), "jo"))[0]; !strings.Contains(got, "no room") {
		t.Errorf("a second fax was answered %q: a channel without a limit takes one at a time", got)
	}
}

func TestOfferAcceptResolve(t *testing.T) {
	r := newRig(t)
	offered := r.offered("jo")
	status(t, offered, ticket.Offered, "general", "jo")
	accepted := must(r.Accept(r.ctx, as("jo"), offered.ID, api.Accept{Offer: offered.Offer.ID}))(t)
	status(t, accepted, ticket.Open, "general", "jo")
	resolved := must(r.Resolve(r.ctx, as("jo"), offered.ID, api.Because{Reason: "done"}))(t)
	status(t, resolved, ticket.Resolved, "general", "jo")
	closed := must(r.Close(r.ctx, as("jo"), offered.ID, api.Because{}))(t)
	status(t, closed, ticket.Closed, "general", "jo")
}

func TestOnlyOwnerOfferedAgentOrManagerActs(t *testing.T) {
	r := newRig(t)
	r.present("sam")
	offered := r.offered("jo")
	_, err := r.Accept(r.ctx, as("sam"), offered.ID, api.Accept{Offer: offered.Offer.ID})
	if p := refused(t, err, api.ProblemForbidden); !strings.Contains(p.Detail, "jo") || p.Status != 403 {
		t.Errorf("the refusal does not say whose it is: %d %s", p.Status, p.Detail)
	}
	must(r.Accept(r.ctx, as("jo"), offered.ID, api.Accept{Offer: offered.Offer.ID}))(t)

	for verb, try := range map[string]func(api.Call) error{
		"decline": func(c api.Call) error { _, err := r.Decline(r.ctx, c, 1, api.Decline{Offer: 1}); return err },
		"transfer": func(c api.Call) error {
			_, err := r.Transfer(r.ctx, c, 1, api.Transfer{Queue: "billing", Reason: "x"})
			return err
		},
		"return":  func(c api.Call) error { _, err := r.Return(r.ctx, c, 1, api.Because{}); return err },
		"pend":    func(c api.Call) error { _, err := r.Pend(r.ctx, c, 1, api.Pend{}); return err },
		"hold":    func(c api.Call) error { _, err := r.Hold(r.ctx, c, 1, api.Because{}); return err },
		"resume":  func(c api.Call) error { _, err := r.Resume(r.ctx, c, 1, api.Because{}); return err },
		"resolve": func(c api.Call) error { _, err := r.Resolve(r.ctx, c, 1, api.Because{}); return err },
		"reopen":  func(c api.Call) error { _, err := r.Reopen(r.ctx, c, 1, api.Because{}); return err },
		"close":   func(c api.Call) error { _, err := r.Close(r.ctx, c, 1, api.Because{}); return err },
		"cancel":  func(c api.Call) error { _, err := r.Cancel(r.ctx, c, 1, api.Because{}); return err },
		"reply": func(c api.Call) error {
			_, err := r.Reply(r.ctx, c, 1, api.Reply{From: "Agent", Body: "x"})
			return err
		},
		"note": func(c api.Call) error { _, err := r.Note(r.ctx, c, 1, api.Note{Body: "x"}); return err },
		"update": func(c api.Call) error {
			_, err := r.Update(r.ctx, c, 1, api.Update{AddTags: []string{"x"}})
			return err
		},
	} {
		t.Run(verb, func(t *testing.T) {
			refused(t, try(as("sam")), api.ProblemForbidden)
			refused(t, try(api.Call{Actor: "user/nobody"}), api.ProblemForbidden)
		})
	}
	// Nobody owns what waits but its queue.
	waiting := r.opened()
	_, err = r.Resolve(r.ctx, as("jo"), waiting.ID, api.Because{})
	refused(t, err, api.ProblemForbidden)
	must(r.Resolve(r.ctx, manager, waiting.ID, api.Because{}))(t)
}

func TestWhatTheStatusDoesNotAllowIsRefusedWithTheReason(t *testing.T) {
	r := newRig(t)
	resolved := r.resolved("jo")
	_, err := r.Hold(r.ctx, as("jo"), resolved.ID, api.Because{})
	p := refused(t, err, api.ProblemNotAllowed)
	if p.Status != 409 || !strings.Contains(p.Detail, "Resolved") || !strings.Contains(p.Detail, "reopen") {
		t.Errorf("got %d %q, want a 409 that names the status and what can be done", p.Status, p.Detail)
	}
	if got := r.ticket(resolved.ID); got.Version != resolved.Version {
		t.Error("a refused verb changed the ticket")
	}
}

func TestAcceptIsValidWhileTheOfferIsCurrentAndBeforeItEnds(t *testing.T) {
	r := newRig(t)
	first, second := r.offered("jo"), r.offered("jo")
	if until := first.Offer.Until; !until.Equal(start.Add(30 * time.Second)) {
		t.Fatalf("offer lasts until %s, want the queue's timeout", until)
	}
	_, err := r.Accept(r.ctx, as("jo"), first.ID, api.Accept{Offer: second.Offer.ID})
	refused(t, err, api.ProblemNotAllowed)
	r.pass(30*time.Second - time.Millisecond)
	must(r.Accept(r.ctx, as("jo"), first.ID, api.Accept{Offer: first.Offer.ID}))(t)
	r.pass(time.Millisecond)
	_, err = r.Accept(r.ctx, as("jo"), second.ID, api.Accept{Offer: second.Offer.ID})
	refused(t, err, api.ProblemNotAllowed)
}

func TestDeclinedTicketWaitsOnWithItsAge(t *testing.T) {
	r := newRig(t)
	offered := r.offered("jo")
	r.pass(10 * time.Second)
	waiting := must(r.Decline(r.ctx, as("jo"), offered.ID, api.Decline{Offer: offered.Offer.ID, Reason: "lunch"}))(t)
	status(t, waiting, ticket.Waiting, "general", "")
	if !waiting.OpenedAt.Equal(start) || !waiting.EnteredQueueAt.Equal(start) {
		t.Errorf("opened %s, entered %s; a decline must not change its age", waiting.OpenedAt, waiting.EnteredQueueAt)
	}
	if r := r.last(offered.ID); r.Type != eventlog.Declined || r.Reason != "lunch" || r.Actor != "agent/jo" {
		t.Errorf("got record %+v", r)
	}
}

func TestTransferResolveAndLeavingRescindTheOffer(t *testing.T) {
	for name, end := range map[string]func(*rig, int64){
		"transfer": func(r *rig, id int64) {
			must(r.Transfer(r.ctx, manager, id, api.Transfer{Queue: "billing", Reason: "x"}))(r)
		},
		"resolve":            func(r *rig, id int64) { must(r.Resolve(r.ctx, manager, id, api.Because{}))(r) },
		"cancel":             func(r *rig, id int64) { must(r.Cancel(r.ctx, manager, id, api.Because{}))(r) },
		"agent goes away":    func(r *rig, _ int64) { r.presence("jo", "Away") },
		"agent goes offline": func(r *rig, _ int64) { r.presence("jo", "Offline") },
		"agent removed":      func(r *rig, _ int64) { r.apply(func(o *organisation) { delete(o.agents, "jo") }) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			offered := r.offered("jo")
			end(r, offered.ID)
			if got := r.ticket(offered.ID); got.Status == ticket.Offered || got.Offer != nil || got.Agent != "" {
				t.Errorf("still offered: %+v", got)
			}
			_, err := r.Accept(r.ctx, api.Call{Actor: "x", Agent: "jo", Manage: true}, offered.ID, api.Accept{Offer: offered.Offer.ID})
			refused(t, err, api.ProblemNotAllowed)
			state := must(r.Work(r.ctx, manager, "sam", 0, 0))(t)
			if len(state.Tickets) != 0 {
				t.Errorf("sam has %v", state.Tickets)
			}
		})
	}
}

func TestTransferCarriesTheHistoryWhole(t *testing.T) {
	r := newRig(t)
	open := r.accepted("jo")
	must(r.Note(r.ctx, as("jo"), open.ID, api.Note{Body: "tried a restart"}))(t)
	r.pass(time.Minute)
	moved := must(r.Transfer(r.ctx, as("jo"), open.ID, api.Transfer{Queue: "billing", Reason: "about an invoice"}))(t)
	status(t, moved, ticket.Waiting, "billing", "")
	if !moved.OpenedAt.Equal(open.OpenedAt) || moved.HomeQueue != "billing" || !moved.EnteredQueueAt.Equal(start.Add(time.Minute)) {
		t.Errorf("opened %s, home %s, entered %s", moved.OpenedAt, moved.HomeQueue, moved.EnteredQueueAt)
	}
	var types []eventlog.Type
	history := must(r.History(r.ctx, manager, open.ID))(t)
	for _, record := range history.Records {
		types = append(types, record.Type)
	}
	want := []eventlog.Type{eventlog.Opened, eventlog.Offered, eventlog.Accepted, eventlog.Noted, eventlog.Transferred}
	if len(types) != len(want) {
		t.Fatalf("history has %v, want %v", types, want)
	}
	for i := range want {
		if types[i] != want[i] || history.Records[i].Version != int64(i+1) {
			t.Errorf("record %d is %s of version %d, want %s of %d", i, types[i], history.Records[i].Version, want[i], i+1)
		}
	}
}

func TestTransferRefusesWhatCannotTakeTheTicket(t *testing.T) {
	r := newRig(t, func(o *organisation) { o.queues["billing"].Spec.Channels = []v1alpha1.Channel{"Phone"} })
	open := r.accepted("jo")
	for name, body := range map[string]api.Transfer{
		"no such queue":  {Queue: "nowhere", Reason: "x"},
		"other channel":  {Queue: "billing", Reason: "x"},
		"no such agent":  {Agent: "ghost", Reason: "x"},
		"neither":        {Reason: "x"},
		"queue or agent": {Queue: "general", Agent: "sam", Reason: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Transfer(r.ctx, as("jo"), open.ID, body)
			if p := refused(t, err, api.ProblemInvalid); len(p.Errors) == 0 {
				t.Error("names no field")
			}
		})
	}
	_, err := r.Transfer(r.ctx, as("jo"), open.ID, api.Transfer{Agent: "sam", Reason: "x"})
	if p := refused(t, err, api.ProblemConflict); !strings.Contains(p.Detail, "Offline") {
		t.Errorf("does not say that sam is Offline: %s", p.Detail)
	}
	r.present("sam")
	status(t, must(r.Transfer(r.ctx, as("jo"), open.ID, api.Transfer{Agent: "sam", Reason: "x"}))(t), ticket.Open, "general", "sam")
}

func TestPendingAndOnHold(t *testing.T) {
	r := newRig(t)
	open := r.accepted("jo")
	status(t, must(r.Hold(r.ctx, as("jo"), open.ID, api.Because{Reason: "vendor"}))(t), ticket.OnHold, "general", "jo")
	status(t, must(r.Resume(r.ctx, as("jo"), open.ID, api.Because{}))(t), ticket.Open, "general", "jo")
	until := start.Add(time.Hour)
	pending := must(r.Pend(r.ctx, as("jo"), open.ID, api.Pend{Until: until}))(t)
	status(t, pending, ticket.Pending, "general", "jo")
	if wakes := r.last(open.ID).To.WakeAt; !wakes.Equal(until) {
		t.Errorf("the record sets the timer to %s, want %s", wakes, until)
	}
}

func TestCustomersReply(t *testing.T) {
	r := newRig(t)
	reply := func(id int64) *ticket.Ticket {
		t.Helper()
		return must(r.Reply(r.ctx, api.Call{Actor: "user/portal"}, id, api.Reply{From: "Customer", Body: "still broken"}))(t)
	}
	open := r.accepted("jo")
	must(r.Pend(r.ctx, as("jo"), open.ID, api.Pend{}))(t)
	status(t, reply(open.ID), ticket.Open, "general", "jo")

	must(r.Hold(r.ctx, as("jo"), open.ID, api.Because{}))(t)
	status(t, reply(open.ID), ticket.OnHold, "general", "jo")

	must(r.Resume(r.ctx, as("jo"), open.ID, api.Because{}))(t)
	must(r.Resolve(r.ctx, as("jo"), open.ID, api.Because{}))(t)
	r.pass(72*time.Hour - time.Millisecond)
	reopened := reply(open.ID)
	status(t, reopened, ticket.Open, "general", "jo")
	if reopened.Reopened != 1 || r.last(open.ID).Type != eventlog.Reopened || !strings.Contains(string(r.last(open.ID).Data), "still broken") {
		t.Errorf("reopened %d times, by %s", reopened.Reopened, r.last(open.ID).Type)
	}

	must(r.Resolve(r.ctx, as("jo"), open.ID, api.Because{}))(t)
	r.pass(72 * time.Hour) // though the timer has not fired yet
	followUp := reply(open.ID)
	if followUp.ID == open.ID || followUp.FollowUpOf != open.ID || followUp.Body != "still broken" || followUp.Subject != open.Subject {
		t.Errorf("got %+v, want a new ticket that continues %d", followUp, open.ID)
	}
	status(t, followUp, ticket.Waiting, "general", "")
	status(t, r.ticket(open.ID), ticket.Resolved, "general", "jo")
}

func TestReopenedTicketWaitsIfItsAgentIsNotThere(t *testing.T) {
	r := newRig(t)
	resolved := r.resolved("jo")
	r.presence("jo", "Offline")
	waiting := must(r.Reopen(r.ctx, manager, resolved.ID, api.Because{}))(t)
	status(t, waiting, ticket.Waiting, "general", "")
	if waiting.PreferredAgent != "jo" {
		t.Errorf("prefers %q, want jo", waiting.PreferredAgent)
	}
}

func TestAgentsReplyKeepsTheStatus(t *testing.T) {
	r := newRig(t)
	open := r.accepted("jo")
	must(r.Pend(r.ctx, as("jo"), open.ID, api.Pend{}))(t)
	replied := must(r.Reply(r.ctx, as("jo"), open.ID, api.Reply{From: "Agent", Body: "any news?"}))(t)
	status(t, replied, ticket.Pending, "general", "jo")
}

func TestWhoServedTheCustomerLastIsPreferred(t *testing.T) {
	r := newRig(t)
	r.accepted("jo", from("c1"))
	if next := r.opened(from("c1")); next.PreferredAgent != "jo" {
		t.Errorf("prefers %q, want jo", next.PreferredAgent)
	}
	customer := must(r.PutCustomer(r.ctx, manager, ticket.Customer{ID: "c1", Segment: "Enterprise"}))(t)
	if customer.LastAgent != "jo" {
		t.Error("an edit of the customer forgot who served them last")
	}
	r.apply(func(o *organisation) { delete(o.agents, "jo") })
	if next := r.opened(from("c1")); next.PreferredAgent != "" {
		t.Errorf("prefers %q, who is gone", next.PreferredAgent)
	}
}

func TestHistoryShowsTheCustomersOtherTickets(t *testing.T) {
	r := newRig(t)
	first, second, other := r.opened(from("c1")), r.opened(from("c1")), r.opened(from("c2"))
	h := must(r.History(r.ctx, manager, second.ID))(t)
	if h.Customer == nil || h.Customer.ID != "c1" || len(h.Prior) != 1 || h.Prior[0].ID != first.ID {
		t.Errorf("got customer %+v and %d prior tickets; another customer's is %d", h.Customer, len(h.Prior), other.ID)
	}
}

func TestLongHistoryShowsTheNewest(t *testing.T) {
	r := newRig(t)
	r.fill(30, from("c1"))
	opened := r.opened(from("c1"))
	const notes = 600
	for range notes {
		must(r.Note(r.ctx, manager, opened.ID, api.Note{Body: "again"}))(t)
	}
	h := must(r.History(r.ctx, manager, opened.ID))(t)
	if n := len(h.Records); n != 500 || h.Records[n-1].Version != notes+1 || h.EarlierRecords != notes+1-500 {
		t.Errorf("got %d records up to version %d, %d earlier", n, h.Records[n-1].Version, h.EarlierRecords)
	}
	if n := len(h.Prior); n != 20 || h.Prior[0].ID != opened.ID-1 || h.Prior[19].ID != opened.ID-20 {
		t.Errorf("got %d prior tickets", n)
	}

	long := strings.Repeat("x", 65536)
	for range 100 {
		must(r.Note(r.ctx, manager, opened.ID, api.Note{Body: long}))(t)
	}
	h = must(r.History(r.ctx, manager, opened.ID))(t)
	if n := len(h.Records); n > 64 || h.EarlierRecords+int64(n) != notes+101 {
		t.Errorf("got %d records of 64 KiB, %d earlier", n, h.EarlierRecords)
	}
	read := 0
	for after, more := int64(0), true; more; {
		page := must(r.Records(r.ctx, manager, after, 1000, opened.ID, 0))(t)
		after, more = page.Position, len(page.Items) > 0
		read += len(page.Items)
	}
	if read != notes+101 {
		t.Errorf("paged through %d records", read)
	}
}

// What intake refuses of a ticket's tags and attributes, no update brings about either.
func TestTagsAndAttributesAreBounded(t *testing.T) {
	many := func(n int) map[string]string {
		all := map[string]string{}
		for i := range n {
			all[fmt.Sprint(i)] = "x"
		}
		return all
	}
	tags := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprint(i))
		}
		return all
	}
	for name, test := range map[string]struct {
		tags       []string
		attributes map[string]string
		says       string
	}{
		"all that fits":      {tags(64), many(64), ""},
		"many tags":          {tags(65), nil, "at most 64 tags"},
		"a long tag":         {[]string{strings.Repeat("é", 64)}, nil, "tags: has 64 characters; at most 63"},
		"many attributes":    {nil, many(65), "at most 64 attributes"},
		"an attribute":       {nil, map[string]string{strings.Repeat("k", 128): strings.Repeat("é", 1024)}, ""},
		"a long key":         {nil, map[string]string{strings.Repeat("k", 129): "x"}, "a key has 1 to 128 characters, not 129"},
		"an empty key":       {nil, map[string]string{"": "x"}, "a key has 1 to 128 characters, not 0"},
		"a long value":       {nil, map[string]string{"floor": strings.Repeat("x", 1025)}, "attributes.floor: has 1025 characters; at most 1024"},
		"tags and a value":   {tags(65), map[string]string{"floor": strings.Repeat("x", 1025)}, "at most 64 tags"},
		"none, or one empty": {nil, map[string]string{"floor": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			opened := r.opened()
			_, intake := r.OpenTicket(r.ctx, manager, chat(func(b *api.OpenTicket) { b.Tags, b.Attributes = test.tags, test.attributes }))
			_, update := r.Update(r.ctx, manager, opened.ID, api.Update{AddTags: test.tags, Attributes: test.attributes})
			for what, err := range map[string]error{"intake": intake, "update": update} {
				switch {
				case test.says == "" && err != nil:
					t.Errorf("%s: %v", what, err)
				case test.says != "" && !strings.Contains(refused(t, err, api.ProblemInvalid).Detail, test.says):
					t.Errorf("%s: %v, want %q", what, err, test.says)
				}
			}
			if got := r.ticket(opened.ID); test.says != "" && len(got.Tags)+len(got.Attributes) > 0 {
				t.Errorf("a refused update left %d tags and %d attributes", len(got.Tags), len(got.Attributes))
			}
		})
	}
}

// Small updates do not add up to what one may not do, and what routing adds does not stand in their way.
func TestUpdatesDoNotAddUpBeyondTheBounds(t *testing.T) {
	r := newRig(t, func(o *organisation) {
		o.rules[0].Set = &v1alpha1.TicketChanges{AddTags: []v1alpha1.Tag{"money"}}
	})
	full := r.opened(about("billing"), func(b *api.OpenTicket) {
		for i := range 64 {
			b.Tags = append(b.Tags, fmt.Sprint(i))
		}
	})
	if len(full.Tags) != 65 {
		t.Fatalf("routing did not add its tag: %v", full.Tags)
	}
	subject := "about an invoice"
	must(r.Update(r.ctx, manager, full.ID, api.Update{Subject: &subject}))(t)
	_, err := r.Update(r.ctx, manager, full.ID, api.Update{AddTags: []string{"one more"}})
	refused(t, err, api.ProblemInvalid)
	for i := range 65 {
		_, err = r.Update(r.ctx, manager, full.ID, api.Update{Attributes: map[string]string{fmt.Sprint(i): "x"}})
		if i < 64 && err != nil {
			t.Fatal(err)
		}
	}
	refused(t, err, api.ProblemInvalid)
	must(r.Update(r.ctx, manager, full.ID, api.Update{Attributes: map[string]string{"0": "", "new": "x"}}))(t)
}

func TestUpdateRoutesAWaitingTicketAnew(t *testing.T) {
	r := newRig(t)
	opened := r.opened()
	category := "billing"
	moved := must(r.Update(r.ctx, manager, opened.ID, api.Update{Category: &category}))(t)
	status(t, moved, ticket.Waiting, "billing", "")
	low := ticket.Low
	if got := must(r.Update(r.ctx, manager, opened.ID, api.Update{Priority: &low}))(t); got.Priority != ticket.Low {
		t.Errorf("priority %s, want Low", got.Priority)
	}
	open := r.accepted("jo")
	if got := must(r.Update(r.ctx, as("jo"), open.ID, api.Update{Category: &category}))(t); got.Queue != "general" || got.Agent != "jo" {
		t.Errorf("an accepted ticket moved to %s", got.Queue)
	}
	before := r.position()
	must(r.Update(r.ctx, as("jo"), open.ID, api.Update{Category: &category}))(t)
	if r.position() != before {
		t.Error("an update that changes nothing was recorded")
	}
}

func TestGoneAgentsTicketsReturnToTheirHomeQueue(t *testing.T) {
	r := newRig(t)
	r.org.agents["jo"].Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 10}}
	r.apply()
	open, pending, held, resolved := r.accepted("jo"), r.accepted("jo"), r.accepted("jo"), r.resolved("jo")
	offered := r.offered("jo")
	must(r.Pend(r.ctx, as("jo"), pending.ID, api.Pend{Until: start.Add(time.Hour)}))(t)
	must(r.Hold(r.ctx, as("jo"), held.ID, api.Because{}))(t)
	r.apply(func(o *organisation) { delete(o.agents, "jo") })
	for _, was := range []*ticket.Ticket{open, pending, held, offered} {
		now := r.ticket(was.ID)
		status(t, now, ticket.Waiting, "general", "")
		if last := r.last(was.ID); last.Type != eventlog.Returned || !strings.Contains(last.Reason, "jo is no longer in the plan") {
			t.Errorf("record %s says %q", last.Type, last.Reason)
		}
		if !now.OpenedAt.Equal(was.OpenedAt) {
			t.Error("its age changed")
		}
	}
	status(t, r.ticket(resolved.ID), ticket.Resolved, "general", "jo")
	r.apply(func(o *organisation) { o.agent("jo") })
	if got := r.agent("jo"); got.Presence != dispatch.Offline || len(got.Load) != 0 {
		t.Errorf("jo is back %s with %v, want Offline with nothing", got.Presence, got.Load)
	}
}
