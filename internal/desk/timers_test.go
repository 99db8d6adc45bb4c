package desk_test

import (
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// timerCases are the timers of a ticket, each with what it makes of it.
var timerCases = map[string]struct {
	set    func(*rig) *ticket.Ticket
	due    time.Duration
	status ticket.Status
	agent  string
	record eventlog.Type
	kind   ticket.TimerKind
}{
	"offer expires": {
		func(r *rig) *ticket.Ticket { return r.offered("jo") }, 30 * time.Second,
		ticket.Waiting, "", eventlog.OfferExpired, ticket.OfferTimer,
	},
	"call back": {
		func(r *rig) *ticket.Ticket {
			t := r.accepted("jo")
			return must(r.Pend(r.ctx, as("jo"), t.ID, api.Pend{Until: start.Add(time.Hour)}))(r)
		}, time.Hour, ticket.Open, "jo", eventlog.Resumed, ticket.CallBackTimer,
	},
	"call back without room": {
		func(r *rig) *ticket.Ticket {
			t := r.accepted("jo")
			t = must(r.Pend(r.ctx, as("jo"), t.ID, api.Pend{Until: start.Add(time.Hour)}))(r)
			r.accepted("jo")
			r.accepted("jo")
			return t
		}, time.Hour, ticket.Waiting, "", eventlog.Resumed, ticket.CallBackTimer,
	},
	"reopen window ends": {
		func(r *rig) *ticket.Ticket { return r.resolved("jo") }, 72 * time.Hour, ticket.Closed, "jo", eventlog.Closed, ticket.ReopenTimer,
	},
}

func TestTimersFireWhenDueAndNotEarlier(t *testing.T) {
	for name, test := range timerCases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			set := test.set(r) // with nobody scaled up: timers are the desk's own
			if got := set.WakeAt(); !got.Equal(start.Add(test.due)) {
				t.Fatalf("due at %s", got)
			}
			r.run()
			r.eventually("the loops sleep", r.clock.HasWaiters)
			r.pass(test.due - time.Millisecond)
			r.sleepsUntil(start.Add(test.due))
			if got := r.ticket(set.ID); got.Version != set.Version {
				t.Fatalf("fired early: %s", got.Status)
			}
			r.pass(time.Millisecond)
			r.eventually("fired", func() bool { return r.ticket(set.ID).Version > set.Version })
			status(t, r.ticket(set.ID), test.status, "general", test.agent)
			last := r.last(set.ID)
			if last.Type != test.record || last.Timer == nil || last.Timer.Kind != test.kind || !last.Timer.Due.Equal(start.Add(test.due)) || last.Actor != "desk" {
				t.Errorf("got record %+v", last)
			}
			if got := r.ticket(set.ID); !got.OpenedAt.Equal(set.OpenedAt) {
				t.Error("its age changed")
			}
		})
	}
}

// A ticket whose timer cannot be fired holds up no other, and what was undone with it is measured once.
func TestATimerThatFailsHoldsUpNoOther(t *testing.T) {
	r := newRig(t, escalating())
	broken, sound := r.opened(), r.opened()
	err := r.store.Update(r.ctx, func(tx store.Tx) error {
		x := r.ticket(broken.ID)
		x.Version++
		x.Escalation.UnassignedAt = time.Time{}
		x.Escalation.Run = &escalation.Run{Number: 1, Policy: "standard", Hash: "lost", NextAt: start.Add(time.Minute)}
		return tx.UpdateTicket(x, "")
	})
	if err != nil {
		t.Fatal(err)
	}
	r.run()
	r.eventually("the loops sleep", r.clock.HasWaiters)
	r.pass(20 * time.Minute)
	r.eventually("the other is escalated", func() bool { return len(r.told(sound.ID)) > 0 })
	if got := r.ticket(broken.ID); got.Version != broken.Version+1 {
		t.Errorf("the broken one changed: %+v", got)
	}
	r.eventually("each is measured once", func() bool { return r.fired("Unassigned") == 1 && r.fired("Escalation") == 1 })
}

// fired counts the timers of a kind whose lateness was measured.
func (r *rig) fired(kind string) (n uint64) {
	r.Helper()
	families := must(r.metrics.Gather())(r)
	for _, family := range families {
		for _, m := range family.Metric {
			if family.GetName() == "caseload_desk_timer_lateness_seconds" && m.Label[0].GetValue() == kind {
				n += m.Histogram.GetSampleCount()
			}
		}
	}
	return n
}

func TestTimersSurviveARestart(t *testing.T) {
	for name, test := range timerCases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			set := test.set(r)
			r.restart()
			r.pass(test.due + time.Hour) // down meanwhile
			r.run()
			r.eventually("fired", func() bool { return r.ticket(set.ID).Status == test.status })
		})
	}
}

func TestTimerSetWhileTheLoopSleepsOnALaterOneFiresInTime(t *testing.T) {
	r := newRig(t)
	r.resolved("jo")
	r.run()
	r.eventually("the loops sleep", r.clock.HasWaiters)
	offered := r.offered("jo")
	r.eventually("expired", func() bool {
		r.pass(time.Second)
		return r.ticket(offered.ID).Status == ticket.Waiting
	})
	if late := r.last(offered.ID).At.Sub(offered.Offer.Until); late > 5*time.Second {
		t.Errorf("fired %s late", late)
	}
}

func TestManyTimersDueAtOnceAllFire(t *testing.T) {
	r := newRig(t)
	r.fill(1100)
	for after := int64(0); ; {
		list := must(r.Tickets(r.ctx, manager, api.TicketQuery{After: after, Limit: 500}))(t)
		for _, x := range list.Items {
			must(r.Resolve(r.ctx, manager, x.ID, api.Because{}))(t)
		}
		if after = list.Continue; after == 0 {
			break
		}
	}
	r.pass(73 * time.Hour)
	r.run()
	r.eventually("all closed", func() bool {
		return len(must(r.Tickets(r.ctx, manager, api.TicketQuery{Status: []ticket.Status{ticket.Resolved}}))(t).Items) == 0
	})
}

// countedTimers counts how often somebody goes to sleep.
type countedTimers struct {
	*clocktesting.FakeClock
	n atomic.Int64
}

func (c *countedTimers) NewTimer(d time.Duration) clock.Timer {
	c.n.Add(1)
	return c.FakeClock.NewTimer(d)
}

// After a step back the loops sleep until the clock has caught up, and then fire what is due.
func TestLoopsSleepWhileTheClockIsBehind(t *testing.T) {
	hook := newWebhook(t)
	r := newRig(t, hook.declare("Offered"))
	offered := r.offered("jo") // until 30 s; its message is the desk's to deliver after 5 s
	r.pass(5*time.Second - time.Millisecond)
	r.opened()
	r.clock.SetTime(start)
	counted := &countedTimers{FakeClock: r.clock.FakeClock}
	r.Desk = must(desk.New(desk.Options{Store: r.store, Clock: counted, HelpDesk: "acme"}))(t)
	r.run()
	r.eventually("the loops sleep", r.clock.HasWaiters)
	before := counted.n.Load()
	for range 40 {
		r.pass(time.Millisecond)
		time.Sleep(time.Millisecond) // real time for what the step set off
	}
	if n := counted.n.Load() - before; n > 5 {
		t.Errorf("went to sleep %d times within 40 ms", n)
	}
	r.pass(5 * time.Second)
	r.eventually("delivered", func() bool { return len(hook.all()) == 1 })
	r.pass(25 * time.Second)
	r.eventually("expired", func() bool { return r.ticket(offered.ID).Status == ticket.Waiting })
}

func TestDeskTimeNeverGoesBack(t *testing.T) {
	r := newRig(t)
	r.pass(time.Hour)
	r.opened()
	r.clock.SetTime(start) // an hour back
	for range 2 {          // also for a desk that starts then
		opened := r.opened()
		if !opened.OpenedAt.Equal(start.Add(time.Hour)) {
			t.Errorf("opened at %s, want desk time to stand still", opened.OpenedAt)
		}
		if r.Behind() != time.Hour {
			t.Errorf("behind by %s, want 1h", r.Behind())
		}
		if got := must(r.Plan(r.ctx, manager))(t).ClockStandsAt; !got.Equal(start.Add(time.Hour)) {
			t.Errorf("the manager hears that desk time stands at %s", got)
		}
		r.restart()
	}
	steps := 0
	at := time.Time{}
	for _, record := range r.records(0) {
		if record.At.Before(at) {
			t.Errorf("record %d is of %s, the one before of %s", record.Seq, record.At, at)
		}
		at = record.At
		if record.Type == eventlog.ClockStepped {
			steps++
		}
	}
	if steps != 2 {
		t.Errorf("%d records of the step, want one by each desk that saw it", steps)
	}
	r.clock.SetTime(start.Add(2 * time.Hour))
	if opened := r.opened(); !opened.OpenedAt.Equal(start.Add(2*time.Hour)) || r.Behind() != 0 {
		t.Errorf("opened at %s, behind by %s", opened.OpenedAt, r.Behind())
	}
	if got := must(r.Plan(r.ctx, manager))(t).ClockStandsAt; !got.IsZero() {
		t.Errorf("the manager hears that desk time stands at %s", got)
	}
}
