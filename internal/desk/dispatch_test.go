package desk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func TestOfferCarriesWhatProvesIt(t *testing.T) {
	r := newRig(t)
	r.present("jo")
	r.accepted("jo")
	opened := r.opened()
	lease := r.lease("w1", "front")[0]
	position := r.position()
	r.offer(opened, "jo")
	record := r.last(opened.ID)
	d := record.Dispatch
	if d == nil || d.Offer != r.ticket(opened.ID).Offer.ID || !d.Until.Equal(start.Add(30*time.Second)) || d.OrderKey != "k" ||
		d.Position != position || d.Pool != lease.Pool || d.Epoch != lease.Epoch || d.Round != opened.Round ||
		d.Considered[0] != "jo" || d.Load["Chat"] != 1 || d.Limits["Chat"] != 2 || d.Why == "" {
		t.Errorf("got %+v", d)
	}
	if record.Actor != "worker/w1" || record.PlanRevision != 1 || !record.To.WakeAt.Equal(d.Until) {
		t.Errorf("got %+v", record)
	}
}

func TestCommitRefusesWhatNoLongerHolds(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(*rig, *dispatch.Decision)
		why     string
	}{
		"ticket changed":    {func(r *rig, d *dispatch.Decision) { must(r.Note(r.ctx, manager, d.Ticket, api.Note{Body: "x"}))(r) }, "version"},
		"ticket taken":      {func(r *rig, d *dispatch.Decision) { must(r.Cancel(r.ctx, manager, d.Ticket, api.Because{}))(r) }, "Cancelled"},
		"no such ticket":    {func(_ *rig, d *dispatch.Decision) { d.Ticket = 99 }, "no ticket 99"},
		"no such agent":     {func(_ *rig, d *dispatch.Decision) { d.Agent = "ghost" }, "no agent"},
		"agent left":        {func(r *rig, d *dispatch.Decision) { r.presence("jo", "Busy"); d.AgentVersion++ }, "Busy"},
		"agent changed":     {func(r *rig, _ *dispatch.Decision) { r.accepted("jo") }, "agent \"jo\" changed"},
		"agent not skilled": {func(_ *rig, d *dispatch.Decision) { d.Agent, d.AgentVersion = "kim", 1 }, "skill"},
		"wrong round":       {func(_ *rig, d *dispatch.Decision) { d.Round += 2 }, "round"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *organisation) {
				o.queues["general"].Spec.Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "go", MinLevel: 2}}
				o.agents["jo"].Spec.Skills = []v1alpha1.AgentSkill{{Name: "go", Level: 2}}
				o.agent("kim").Spec.Skills = []v1alpha1.AgentSkill{{Name: "go", Level: 1}}
			})
			r.present("jo", "kim")
			opened := r.opened()
			d := r.decision(opened, "jo")
			test.happens(r, &d)
			before := r.ticket(opened.ID)
			if got := r.commit(d)[0]; !strings.Contains(got, test.why) {
				t.Errorf("answered %q, want a refusal that mentions %q", got, test.why)
			}
			if after := r.ticket(opened.ID); after.Version != before.Version {
				t.Error("the refused decision left a trace")
			}
		})
	}
}

func TestPausedQueueOffersNothing(t *testing.T) {
	r := newRig(t, func(o *organisation) { o.queues["general"].Spec.State = v1alpha1.QueuePaused })
	r.present("jo")
	opened := r.opened()
	if got := r.commit(r.decision(opened, "jo"))[0]; !strings.Contains(got, "paused") {
		t.Errorf("answered %q", got)
	}
	if s := r.snapshot(); len(s.Classes) != 0 {
		t.Errorf("the snapshot shows %+v", s.Classes)
	}
}

func TestSamePairIsNotAskedAgainWithin60Seconds(t *testing.T) {
	r := newRig(t)
	offered := r.offered("jo")
	must(r.Decline(r.ctx, as("jo"), offered.ID, api.Decline{Offer: offered.Offer.ID}))(t)
	again := func() string {
		d := r.decision(offered, "jo")
		d.Round++ // everybody was asked
		return r.commit(d)[0]
	}
	r.pass(dispatch.PairPause - time.Millisecond)
	if got := again(); !strings.Contains(got, "not asked again") {
		t.Errorf("answered %q within the pause", got)
	}
	r.pass(time.Millisecond)
	if got := again(); got != "" {
		t.Errorf("refused after the pause: %s", got)
	}
}

func TestNobodyIsAskedTwiceInARound(t *testing.T) {
	r := newRig(t)
	offered := r.offered("jo")
	must(r.Decline(r.ctx, as("jo"), offered.ID, api.Decline{Offer: offered.Offer.ID}))(t)
	r.pass(time.Hour)
	if got := r.commit(r.decision(offered, "jo"))[0]; !strings.Contains(got, "this round") {
		t.Errorf("answered %q", got)
	}
}

func TestOneBatchGivesAnAgentSeveralTickets(t *testing.T) {
	r := newRig(t)
	r.present("jo")
	a, b, c := r.opened(), r.opened(), r.opened()
	decisions := []dispatch.Decision{r.decision(a, "jo"), r.decision(b, "jo"), r.decision(c, "jo")}
	decisions[1].AgentVersion++
	decisions[2].AgentVersion += 2
	got := r.commit(decisions...)
	if got[0] != "" || got[1] != "" || !strings.Contains(got[2], "no room") {
		t.Errorf("answered %q, want two offers and no room for a third", got)
	}
}

// What an agent is not given leaves them room, and with it another ticket may go next than those that were decided after it.
func TestNothingThatCountsOnARefusedDecisionIsCommitted(t *testing.T) {
	r := newRig(t)
	r.present("jo")
	r.present("sam")
	first, second, third, last := r.opened(), r.opened(), r.opened(), r.opened()
	batch := []dispatch.Decision{r.decision(first, "sam"), r.decision(second, "jo"), r.decision(third, "jo"), r.decision(last, "sam")}
	batch[2].AgentVersion++
	batch[3].AgentVersion++
	must(r.Cancel(r.ctx, manager, second.ID, api.Because{}))(t)
	got := r.commit(batch...)
	counts := fmt.Sprintf("it counts on the decision on ticket %d, which was refused", second.ID)
	if got[0] != "" || !strings.Contains(got[1], "Cancelled") || got[2] != counts || got[3] != counts {
		t.Errorf("answered %q, want the second refused, as it is cancelled, and all that come after it", got)
	}
	status(t, r.ticket(first.ID), ticket.Offered, "general", "sam")
	status(t, r.ticket(third.ID), ticket.Waiting, "general", "")
	status(t, r.ticket(last.ID), ticket.Waiting, "general", "")
}

func TestCommitNeedsTheLeaseAndThePlan(t *testing.T) {
	r := newRig(t)
	r.present("jo")
	opened := r.opened()
	lease := r.lease("w1", "front")[0]
	batch := r.batch(lease, r.decision(opened, "jo"))
	stale := batch
	stale.Epoch--
	_, err := r.Commit(r.ctx, manager, lease.Pool, stale)
	refused(t, err, api.ProblemLeaseLost)
	r.apply(func(o *organisation) { o.agent("kim") })
	_, err = r.Commit(r.ctx, manager, lease.Pool, batch)
	if p := refused(t, err, api.ProblemLeaseLost); p.Status != 409 || !strings.Contains(p.Detail, "plan revision") {
		t.Errorf("got %d %s", p.Status, p.Detail)
	}
	status(t, r.ticket(opened.ID), ticket.Waiting, "general", "")
}

func (r *rig) snapshot() *api.Snapshot {
	r.Helper()
	lease := r.lease("w1", "front")[0]
	return must(r.Snapshot(r.ctx, manager, lease.Pool, lease.Epoch))(r)
}

func (r *rig) changes(after int64) *api.Changes {
	r.Helper()
	lease := r.lease("w1", "front")[0]
	return must(r.Changes(r.ctx, manager, lease.Pool, lease.Epoch, after, 0))(r)
}

func TestSnapshotHasWhatDispatchNeeds(t *testing.T) {
	r := newRig(t)
	r.present("jo")
	a := r.opened()
	b := r.opened(about("billing"))
	r.accepted("jo")
	s := r.snapshot()
	if s.Position != r.position() || s.PlanRevision != 1 || !s.Now.Equal(start) || len(s.Agents) != 2 || s.Agents[0].Load["Chat"] != 1 {
		t.Errorf("got %+v", s)
	}
	if len(s.Classes) != 2 || s.Classes[0].Class != "billing/Chat" || s.Classes[0].Demands[0].Ticket != b.ID ||
		s.Classes[1].Demands[0].Ticket != a.ID || len(s.Classes[1].Demands) != 1 {
		t.Errorf("got classes %+v", s.Classes)
	}
}

func TestWindowContinuesAClass(t *testing.T) {
	r := newRig(t)
	for range 3 {
		var batch api.OpenTickets
		for range 100 {
			batch.Tickets = append(batch.Tickets, chat())
		}
		must(r.OpenTickets(r.ctx, manager, batch))(t)
	}
	urgent := r.opened(func(b *api.OpenTicket) { b.Priority = ticket.Urgent })
	s := r.snapshot()
	head := s.Classes[0]
	if len(head.Demands) != 256 || !head.More || head.Demands[0].Ticket != urgent.ID {
		t.Fatalf("the head has %d demands (more: %t), first %d", len(head.Demands), head.More, head.Demands[0].Ticket)
	}
	lease := r.lease("w1", "front")[0]
	rest := must(r.Window(r.ctx, manager, lease.Pool, lease.Epoch, head.Class, api.PlaceOf(&head.Demands[255])))(t)
	if len(rest.Demands) != 45 || rest.More || rest.Demands[0].Ticket != head.Demands[255].Ticket+1 {
		t.Errorf("behind come %d demands (more: %t)", len(rest.Demands), rest.More)
	}

	// What became of the ticket at the edge does not matter.
	for _, priority := range []ticket.Priority{ticket.Urgent, ticket.Low} {
		must(r.Update(r.ctx, manager, head.Demands[255].Ticket, api.Update{Priority: &priority}))(t)
		again := must(r.Window(r.ctx, manager, lease.Pool, lease.Epoch, head.Class, api.PlaceOf(&head.Demands[255])))(t)
		if len(again.Demands) < 45 || again.Demands[0].Ticket != rest.Demands[0].Ticket || again.Demands[44].Ticket != rest.Demands[44].Ticket {
			t.Errorf("with the edge %s come %d demands from %d", priority, len(again.Demands), again.Demands[0].Ticket)
		}
	}
	_, err := r.Window(r.ctx, manager, lease.Pool, lease.Epoch, head.Class, api.Place{Ticket: urgent.ID})
	refused(t, err, api.ProblemInvalid)
}

func TestChangesAreThePresentRows(t *testing.T) {
	r := newRig(t)
	r.present("jo")
	old := r.opened()
	after := r.position()
	arrived := r.opened()
	r.offer(old, "jo")
	ch := r.changes(after)
	if len(ch.Waiting) != 1 || ch.Waiting[0].Ticket != arrived.ID || len(ch.Gone) != 1 || ch.Gone[0] != old.ID ||
		len(ch.Agents) != 1 || ch.Agents[0].Load["Chat"] != 1 || ch.Position != r.position() || ch.Reset {
		t.Errorf("got %+v", ch)
	}
	if ch := r.changes(r.position()); len(ch.Waiting)+len(ch.Gone)+len(ch.Agents) != 0 || ch.Reset {
		t.Errorf("nothing happened, got %+v", ch)
	}
	offered := r.offer(arrived, "jo")
	must(r.Decline(r.ctx, as("jo"), arrived.ID, api.Decline{Offer: offered.Offer.ID}))(t)
	if ch := r.changes(ch.Position); len(ch.Waiting) != 1 || len(ch.Waiting[0].Asks) != 1 || len(ch.Gone) != 0 {
		t.Errorf("the ticket was offered and declined, got %+v", ch)
	}
	r.apply(func(o *organisation) { o.agent("kim") })
	if ch := r.changes(ch.Position); !ch.Reset || ch.PlanRevision != 2 {
		t.Errorf("a new plan must reset: %+v", ch)
	}
}

// What changed is told from the last records that the desk remembers, or from the log where it does not.
func TestChangesAreTheSameAfterARestart(t *testing.T) {
	r := newRig(t)
	r.present("jo", "sam")
	old := r.accepted("jo")
	after := r.position()
	must(r.Transfer(r.ctx, as("jo"), old.ID, api.Transfer{Queue: "general"}))(t)
	arrived := r.opened()
	offered := r.offer(arrived, "sam")
	must(r.Decline(r.ctx, as("sam"), arrived.ID, api.Decline{Offer: offered.Offer.ID}))(t)
	must(r.Cancel(r.ctx, manager, r.opened().ID, api.Because{}))(t)
	r.presence("sam", "Away")
	remembered := r.changes(after)
	r.restart()
	read := r.changes(after)
	for _, ch := range []*api.Changes{remembered, read} {
		if len(ch.Waiting) != 2 || len(ch.Gone) != 1 || len(ch.Agents) != 2 {
			t.Fatalf("got %+v", ch)
		}
		ch.Position, ch.Now = 0, time.Time{}
	}
	if diff := cmp.Diff(remembered, read); diff != "" {
		t.Errorf("(-remembered +read):\n%s", diff)
	}
}

// A worker that is far behind gets what changed in answers of bounded size, which together leave nothing out, though what
// they speak of goes on changing in between.
func TestManyChangesComeInParts(t *testing.T) {
	r := newRig(t)
	after := r.position()
	r.fill(1200)
	for range 80 { // more than is read at once
		must(r.Note(r.ctx, manager, 1200, api.Note{Body: strings.Repeat("x", 65536)}))(t)
	}
	r.fill(900)

	waiting := map[int64]int64{} // versions
	first := r.changes(after)
	if n := len(first.Waiting); !first.More || n < 1000 || n > 1500 || first.Position >= r.position() {
		t.Fatalf("the first of several answers has %d tickets up to %d of %d, more: %t", n, first.Position, r.position(), first.More)
	}
	must(r.Cancel(r.ctx, manager, 7, api.Because{}))(t)
	must(r.Note(r.ctx, manager, 8, api.Note{Body: "changed since"}))(t)
	for ch := first; ; ch = r.changes(ch.Position) {
		for _, d := range ch.Waiting {
			waiting[d.Ticket] = d.Version
		}
		for _, id := range ch.Gone {
			delete(waiting, id)
		}
		if !ch.More {
			if ch.Position != r.position() {
				t.Errorf("ends at %d of %d", ch.Position, r.position())
			}
			break
		}
	}
	if _, there := waiting[7]; there || len(waiting) != 2099 || waiting[8] != 2 || waiting[1200] != 81 || waiting[2100] != 1 {
		t.Errorf("%d tickets wait; versions of the changed %d and %d", len(waiting), waiting[8], waiting[1200])
	}
}

// A ticket that changes queues goes before a younger one there, whether a worker hears of it or comes to find it.
func TestAgeCountsFromOpening(t *testing.T) {
	r := newRig(t)
	old := r.opened()
	r.pass(time.Minute)
	young := r.opened(about("billing"))
	r.pass(time.Minute)
	before := r.position()
	must(r.Transfer(r.ctx, manager, old.ID, api.Transfer{Queue: "billing", Reason: "x"}))(t)
	if heard := r.changes(before).Waiting; len(heard) != 1 || !heard[0].OpenedAt.Equal(start) {
		t.Errorf("heard %+v, want a ticket opened at %s", heard, start)
	}
	found := r.snapshot().Classes[0].Demands
	if len(found) != 2 || found[0].Ticket != old.ID || found[1].Ticket != young.ID || !found[0].OpenedAt.Equal(start) {
		t.Errorf("found %+v", found)
	}
}

func TestArrivalAndFreedAgentWakeAWorkerAtOnce(t *testing.T) {
	r := newRig(t)
	open := r.accepted("jo")
	lease := r.lease("w1", "front")[0]
	wait := func() chan *api.Changes {
		got := make(chan *api.Changes, 1)
		after := r.position()
		go func() {
			ch, err := r.Changes(r.ctx, manager, lease.Pool, lease.Epoch, after, 30)
			if err != nil {
				t.Error(err)
			}
			got <- ch
		}()
		r.eventually("the worker waits", r.clock.HasWaiters)
		return got
	}
	arrived := wait()
	r.opened()
	if ch := soon(t, arrived); len(ch.Waiting) != 1 {
		t.Errorf("an arrival woke with %+v", ch)
	}
	freed := wait()
	must(r.Resolve(r.ctx, as("jo"), open.ID, api.Because{}))(t)
	if ch := soon(t, freed); len(ch.Agents) != 1 || len(ch.Agents[0].Load) != 0 {
		t.Errorf("a freed agent woke with %+v", ch)
	}
	arriving := wait()
	r.present("sam")
	if ch := soon(t, arriving); len(ch.Agents) != 1 || ch.Agents[0].Name != "sam" {
		t.Errorf("an agent who came woke with %+v", ch)
	}
}

func TestChangesOfOtherPoolsDoNotWake(t *testing.T) {
	r := newRig(t, func(o *organisation) {
		o.tiers["front"].Spec.AgentSelector.MatchLabels = map[string]string{"line": "1"}
		o.agents["jo"].Labels = map[string]string{"line": "1"}
		o.agents["sam"].Labels = map[string]string{"line": "2"}
		o.tier("back", map[string]string{"line": "2"})
		o.queue("expert", "back")
		o.rule("expert", &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"expert"}}, "expert")
	})
	lease := r.lease("w1", "front")[0]
	got := make(chan *api.Changes, 1)
	after := r.position()
	go func() {
		ch, _ := r.Changes(r.ctx, manager, lease.Pool, lease.Epoch, after, 10)
		got <- ch
	}()
	r.eventually("the worker waits", r.clock.HasWaiters)
	for range 5 {
		r.opened(about("expert"))
	}
	select {
	case ch := <-got:
		t.Fatalf("woke with %+v", ch)
	case <-time.After(50 * time.Millisecond):
	}
	var ch *api.Changes
	r.eventually("the wait is over", func() bool {
		r.pass(time.Second)
		select {
		case ch = <-got:
			return true
		default:
			return false
		}
	})
	if ch.Position != r.position() || len(ch.Waiting) != 0 {
		t.Errorf("got %+v, want nothing up to %d", ch, r.position())
	}
}

func TestFarBehindResets(t *testing.T) {
	r := newRig(t)
	after := r.position()
	opened := r.opened()
	for range 11 {
		var batch api.OpenTickets
		for range 500 {
			batch.Tickets = append(batch.Tickets, chat())
		}
		must(r.OpenTickets(r.ctx, manager, batch))(t)
	}
	if ch := r.changes(after); !ch.Reset {
		t.Errorf("%d records behind without a reset", r.position()-after)
	}
	_ = opened
}

func TestSetAsideTicketIsNotOfferedUntilItChanges(t *testing.T) {
	r := newRig(t)
	r.present("jo")
	bad, good := r.opened(), r.opened()
	lease := r.lease("w1", "front")[0]
	if err := r.SetAside(r.ctx, manager, lease.Pool, api.SetAside{Epoch: lease.Epoch, Ticket: bad.ID, Reason: "panic: x"}); err != nil {
		t.Fatal(err)
	}
	if ch := r.changes(r.position() - 1); len(ch.Gone) != 1 || ch.Gone[0] != bad.ID || len(ch.Waiting) != 0 {
		t.Errorf("workers hear %+v", ch)
	}
	if last := r.last(bad.ID); last.Type != eventlog.SetAside || r.ticket(bad.ID).SetAside != "panic: x" {
		t.Errorf("not visible: %+v", last)
	}
	s := r.snapshot()
	if len(s.Classes) != 1 || len(s.Classes[0].Demands) != 1 || s.Classes[0].Demands[0].Ticket != good.ID {
		t.Errorf("the snapshot has %+v", s.Classes)
	}
	if got := r.commit(r.decision(bad, "jo"))[0]; !strings.Contains(got, "set aside") {
		t.Errorf("answered %q", got)
	}
	subject := "said otherwise"
	must(r.Update(r.ctx, manager, bad.ID, api.Update{Subject: &subject}))(t)
	if s := r.snapshot(); len(s.Classes[0].Demands) != 2 {
		t.Error("not back after it changed")
	}
}

func TestUnroutedIsNeverDispatched(t *testing.T) {
	r := newRig(t, func(o *organisation) { o.teams["support"].Spec.DefaultQueueRef = nil })
	r.present("jo")
	opened := r.opened()
	if opened.Queue != plan.UnroutedQueue {
		t.Fatal(opened.Queue)
	}
	if s := r.snapshot(); len(s.Classes) != 0 {
		t.Errorf("the snapshot shows %+v", s.Classes)
	}
	if got := r.commit(r.decision(opened, "jo"))[0]; got == "" {
		t.Error("was offered")
	}
}

func TestWorkWaitsForTheAgentsOwnChange(t *testing.T) {
	r := newRig(t)
	r.present("jo", "sam")
	first := must(r.Work(r.ctx, as("jo"), "jo", 0, 0))(t)
	got := make(chan *api.AgentWork, 1)
	go func() {
		work := first
		for len(work.Tickets) == 0 { // it may wake in vain, but not for sam
			var err error
			if work, err = r.Work(r.ctx, as("jo"), "jo", work.Position, 30); err != nil {
				t.Error(err)
				break
			}
		}
		got <- work
	}()
	r.eventually("jo waits", r.clock.HasWaiters)
	r.offered("sam")
	open := r.offered("jo")
	work := soon(t, got)
	if len(work.Tickets) != 1 || work.Tickets[0].ID != open.ID || work.Agent.Load["Chat"] != 1 {
		t.Errorf("got %+v", work)
	}
}
