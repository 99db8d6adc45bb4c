package desk_test

import (
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
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
