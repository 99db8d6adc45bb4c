package desk_test

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// level declares a service level that counts around the clock and warns at 75 %.
func (o *organisation) level(name string, targets ...v1alpha1.ServiceTargets) *v1alpha1.ServiceLevel {
	l := &v1alpha1.ServiceLevel{ObjectMeta: metav1.ObjectMeta{Name: name}}
	l.Spec.Targets = targets
	o.levels[name] = l
	return l
}

func levelRef(name string) *v1alpha1.ServiceLevelReference {
	return &v1alpha1.ServiceLevelReference{Name: v1alpha1.ObjectName(name)}
}

// serves gives all tickets a level: an hour for a response, four for the resolution, and half of that if Urgent.
func serves(o *organisation) {
	o.level("standard",
		v1alpha1.ServiceTargets{Priority: "Urgent", FirstResponse: "30m", NextResponse: "30m", Resolution: "2h"},
		v1alpha1.ServiceTargets{Priority: "Low", FirstResponse: "1h", NextResponse: "1h", Resolution: "4h"})
	o.teams["support"].Spec.Defaults.ServiceLevelRef = levelRef("standard")
}

func urgent(b *api.OpenTicket) { b.Priority = ticket.Urgent }

func (r *rig) replied(id int64, from string) *ticket.Ticket {
	r.Helper()
	return must(r.Reply(r.ctx, manager, id, api.Reply{From: from, Body: "hello"}))(r)
}

// types of a ticket's records.
func (r *rig) types(id int64) []eventlog.Type {
	r.Helper()
	var types []eventlog.Type
	for _, record := range r.records(id) {
		types = append(types, record.Type)
	}
	return types
}

func TestServiceLevelIsSetByRoutingAndKeptThroughTransfers(t *testing.T) {
	r := newRig(t, serves, func(o *organisation) {
		o.level("gold", v1alpha1.ServiceTargets{Priority: "Low", FirstResponse: "10m"})
		o.rules[0].Set = &v1alpha1.TicketChanges{ServiceLevelRef: levelRef("gold")}
	})
	if got := r.opened(); got.ServiceLevel != "standard" || !got.Service.Due().Equal(start.Add(time.Hour)) {
		t.Errorf("by default: %q, due %s", got.ServiceLevel, got.Service.Due())
	}
	vip := r.opened(about("billing"))
	moved := must(r.Transfer(r.ctx, manager, vip.ID, api.Transfer{Queue: "general", Reason: "x"}))(t)
	for _, got := range []*ticket.Ticket{vip, moved} {
		if got.ServiceLevel != "gold" || !got.Service.Due().Equal(start.Add(10*time.Minute)) {
			t.Errorf("in queue %s: %q, due %s", got.Queue, got.ServiceLevel, got.Service.Due())
		}
	}
}

func TestWarningsAndBreachesAreRecordedOnceWhenDueWithNobodyThere(t *testing.T) {
	r := newRig(t, serves)
	opened := r.opened()
	r.run()
	r.eventually("the loops sleep", r.clock.HasWaiters)
	for _, step := range []struct {
		after  time.Duration
		record eventlog.Type
		metric ticket.Metric
	}{
		{45 * time.Minute, eventlog.AtRisk, ticket.FirstResponse},
		{60 * time.Minute, eventlog.Breached, ticket.FirstResponse},
		{180 * time.Minute, eventlog.AtRisk, ticket.Resolution},
		{240 * time.Minute, eventlog.Breached, ticket.Resolution},
	} {
		before := r.ticket(opened.ID)
		if got := before.WakeAt(); !got.Equal(start.Add(step.after)) {
			t.Fatalf("%s %s is due at %s", step.metric, step.record, got)
		}
		r.clock.SetTime(start.Add(step.after - time.Millisecond))
		r.sleepsUntil(start.Add(step.after))
		if now := r.ticket(opened.ID); now.Version != before.Version {
			t.Fatalf("%s early", r.last(opened.ID).Type)
		}
		r.clock.SetTime(start.Add(step.after))
		r.eventually("fired", func() bool { return r.ticket(opened.ID).Version > before.Version })
		last := r.last(opened.ID)
		if _, breach, _ := last.Timer.Kind.Metric(); last.Type != step.record || last.Actor != "desk" || breach != (step.record == eventlog.Breached) {
			t.Fatalf("got %+v, want %s of %s", last, step.record, step.metric)
		}
	}
	if got := r.ticket(opened.ID).WakeAt(); !got.IsZero() {
		t.Errorf("something is to come at %s", got)
	}
	want := []eventlog.Type{eventlog.Opened, eventlog.AtRisk, eventlog.Breached, eventlog.AtRisk, eventlog.Breached}
	if got := r.types(opened.ID); !slices.Equal(got, want) {
		t.Errorf("records %v", got)
	}
}

// What is done too late is a breach on record first, also if the loop of timers has not come to it.
func TestNothingDoneTooLateCountsAsInTime(t *testing.T) {
	r := newRig(t, serves)
	late, inTime := r.opened(), r.opened()
	r.pass(time.Hour - time.Millisecond)
	if got := r.replied(inTime.ID, "Agent"); got.Service.FirstResponse.State != ticket.ClockMet {
		t.Errorf("in time: %+v", got.Service.FirstResponse)
	}
	r.pass(time.Millisecond)
	got := r.replied(late.ID, "Agent")
	if got.Service.FirstResponse.State != ticket.ClockMissed || got.Version != 4 {
		t.Errorf("late: %+v at version %d", got.Service.FirstResponse, got.Version)
	}
	if types := r.types(late.ID); !slices.Equal(types, []eventlog.Type{eventlog.Opened, eventlog.AtRisk, eventlog.Breached, eventlog.Replied}) {
		t.Errorf("records %v", types)
	}
	if stored := r.ticket(late.ID); stored.Version != 4 || !stored.Service.Equal(got.Service) {
		t.Errorf("stored %+v", stored)
	}
}

func TestResolutionPausesWhileOthersHaveIt(t *testing.T) {
	r := newRig(t, serves)
	accepted := r.accepted("jo")
	r.pass(time.Hour)
	held := must(r.Hold(r.ctx, as("jo"), accepted.ID, api.Because{}))(t)
	if c := held.Service.Resolution; c.State != ticket.ClockPaused || time.Duration(c.Used) != time.Hour || !c.Due.IsZero() {
		t.Errorf("on hold: %+v", c)
	}
	r.pass(24 * time.Hour)
	resumed := must(r.Resume(r.ctx, as("jo"), accepted.ID, api.Because{}))(t)
	if want := start.Add(28 * time.Hour); !resumed.Service.Resolution.Due.Equal(want) {
		t.Errorf("due at %s, want %s", resumed.Service.Resolution.Due, want)
	}
	last := r.last(accepted.ID)
	if len(last.Clocks) != 1 || last.Clocks[0].Metric != ticket.Resolution || !last.Clocks[0].Due.Equal(start.Add(28*time.Hour)) {
		t.Errorf("the record tells of clocks %+v", last.Clocks)
	}
}

func TestTicketDueFirstGoesFirst(t *testing.T) {
	r := newRig(t, func(o *organisation) {
		o.level("gold", v1alpha1.ServiceTargets{Priority: "Low", FirstResponse: "10m"})
		o.rule("gold", &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"vip"}}, "general")
		o.rules[1].Set = &v1alpha1.TicketChanges{ServiceLevelRef: levelRef("gold")}
	})
	older, vip := r.opened(), r.opened(about("vip"))
	lease := r.lease("w1", "front")[0]
	s := must(r.Snapshot(r.ctx, manager, lease.Pool, lease.Epoch))(t)
	demands := s.Classes[0].Demands
	if len(demands) != 2 || demands[0].Ticket != vip.ID || demands[1].Ticket != older.ID || !demands[0].Due.Equal(start.Add(10*time.Minute)) {
		t.Errorf("in order: %+v", demands)
	}
}

// A new plan dates the tickets anew that have a service level which changed, also accepted ones, in batches that a restart in
// the middle goes on with. What is due under the old plan until then breaches nothing.
func TestNewPlanRedatesTickets(t *testing.T) {
	r := newRig(t, serves)
	accepted := r.accepted("jo")
	r.fill(1100)
	r.pass(30 * time.Minute)
	r.apply(func(o *organisation) { o.levels["standard"].Spec.Targets[1].FirstResponse = "2h" })
	r.pass(31 * time.Minute) // behind the old due time
	last := r.replied(1101, "Customer")
	if types := r.types(last.ID); !slices.Equal(types, []eventlog.Type{eventlog.Opened, eventlog.Redated, eventlog.Replied}) {
		t.Errorf("a ticket that no batch has come to has records %v", types)
	}
	r.restart()
	r.run()
	r.eventually("all dated anew", func() bool {
		return r.ticket(1100).Service.Due().Equal(start.Add(2 * time.Hour))
	})
	for _, id := range []int64{accepted.ID, 2, 600, 1100} {
		if got := r.ticket(id); !got.Service.FirstResponse.Due.Equal(start.Add(2*time.Hour)) || got.Service.FirstResponse.State != ticket.ClockRunning {
			t.Errorf("ticket %d: %+v", id, got.Service.FirstResponse)
		}
	}
	records := r.records(accepted.ID)
	if types := r.types(accepted.ID); !slices.Equal(types, []eventlog.Type{eventlog.Opened, eventlog.Offered, eventlog.Accepted, eventlog.Redated}) {
		t.Errorf("records %v", types)
	}
	if r.ticket(accepted.ID).Agent != "jo" || records[3].Reason == "" {
		t.Errorf("last record %+v", records[3])
	}
	position := r.position()
	r.apply(func(o *organisation) { o.queues["general"].Spec.Priority = 3 })
	if n := r.position() - position; n != 1 {
		t.Errorf("a plan that leaves the levels as they are wrote %d records", n)
	}
}

// A plan that changes another target leaves a due time, and what is due is told.
func TestDueTimeThatANewPlanLeaves(t *testing.T) {
	r := newRig(t, serves)
	r.fill(502)
	r.apply(func(o *organisation) { o.levels["standard"].Spec.Targets[1].Resolution = "3h" })
	r.pass(50 * time.Minute)
	r.replied(502, "Agent")
	if types := r.types(502); !slices.Equal(types, []eventlog.Type{eventlog.Opened, eventlog.Redated, eventlog.AtRisk, eventlog.Replied}) {
		t.Errorf("records %v", types)
	}
}

func TestPriorityDatesAnew(t *testing.T) {
	r := newRig(t, serves)
	accepted := r.accepted("jo")
	r.pass(10 * time.Minute)
	priority := ticket.Urgent
	got := must(r.Update(r.ctx, as("jo"), accepted.ID, api.Update{Priority: &priority}))(t)
	if due := got.Service.FirstResponse.Due; !due.Equal(start.Add(30 * time.Minute)) {
		t.Errorf("due at %s", due)
	}
}

func TestDeletedServiceLevelLeavesNothingDue(t *testing.T) {
	r := newRig(t, serves)
	accepted, waiting := r.accepted("jo"), r.opened()
	r.apply(func(o *organisation) {
		delete(o.levels, "standard")
		o.teams["support"].Spec.Defaults.ServiceLevelRef = nil
	})
	for _, id := range []int64{accepted.ID, waiting.ID} {
		if got := r.ticket(id); !got.Service.Due().IsZero() || !got.WakeAt().IsZero() {
			t.Errorf("ticket %d is due at %s", id, got.Service.Due())
		}
	}
	if last := r.last(accepted.ID); last.Type != eventlog.Redated || len(last.Clocks) != 2 {
		t.Errorf("last record %+v", last)
	}
}

func TestOverviewCountsWhatIsAtRiskAndBreached(t *testing.T) {
	r := newRig(t, serves)
	r.opened(urgent) // due in 30 minutes
	r.opened()
	r.opened(about("billing"))
	r.pass(46 * time.Minute)
	r.run()
	general := func() api.QueueOverview {
		queues := must(r.Overview(r.ctx, manager))(t).Queues
		return queues[slices.IndexFunc(queues, func(q api.QueueOverview) bool { return q.Name == "general" })]
	}
	r.eventually("told", func() bool { return general().AtRisk == 1 && general().Breached == 1 })
	if got := general().NextDue; !got.Equal(start.Add(time.Hour)) {
		t.Errorf("next due at %s", got)
	}
	for standing, want := range map[ticket.ClockState][]int64{ticket.ClockBreached: {1}, ticket.ClockAtRisk: {2, 3}} {
		list := must(r.Tickets(r.ctx, manager, api.TicketQuery{Standing: standing}))(t)
		var got []int64
		for _, x := range list.Items {
			got = append(got, x.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: tickets %v, want %v", standing, got, want)
		}
	}
	r.replied(1, "Agent")
	r.replied(2, "Agent")
	if got := general(); got.AtRisk != 0 || got.Breached != 0 {
		t.Errorf("all answered: %+v", got)
	}
}
