package ticket_test

import (
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// A clock warns and then tells of the breach, each once and none early; a warning that would come too late is left out.
func TestClockTimers(t *testing.T) {
	due := start.Add(time.Hour)
	tk := mustApply(t, opened(), start, ticket.Assign{Agent: "jo"}) // nothing else is due
	tk.RelaxesAt, tk.OverflowsAt = time.Time{}, time.Time{}
	tk.Service = &ticket.Service{FirstResponse: &ticket.Clock{State: ticket.ClockRunning, WarnAt: start.Add(45 * time.Minute), Due: due}}
	warn, breach := ticket.Warn{Metric: ticket.FirstResponse}, ticket.Breach{Metric: ticket.FirstResponse}
	refuse := func(tk ticket.Ticket, e ticket.Event, now time.Time) {
		t.Helper()
		if _, err := ticket.Apply(tk, e, now); err == nil {
			t.Errorf("%s at %s is not refused", e.Name(), now)
		}
	}
	timer := func(tk ticket.Ticket, kind ticket.TimerKind, at time.Time) {
		t.Helper()
		if got := tk.NextTimer(); got.Kind != kind || !got.At.Equal(at) {
			t.Errorf("the timer is %+v, want %s of %s", got, kind, at)
		}
	}
	timer(tk, "FirstResponseWarning", start.Add(45*time.Minute))
	refuse(tk, warn, start.Add(45*time.Minute-1))
	refuse(tk, breach, due) // not before it was warned of
	tk = mustApply(t, tk, start.Add(45*time.Minute), warn)
	timer(tk, "FirstResponseBreach", due)
	refuse(tk, warn, due)
	refuse(tk, breach, due.Add(-1))
	tk = mustApply(t, tk, due, breach)
	if timer := tk.NextTimer(); !timer.At.IsZero() || tk.Service.Standing() != ticket.ClockBreached {
		t.Errorf("after the breach: %+v, %s", timer, tk.Service.Standing())
	}
	refuse(tk, breach, due)

	// The due time was set past at half past ten.
	tk.Service.FirstResponse = &ticket.Clock{Due: due, WarnAt: start.Add(90 * time.Minute)}
	timer(tk, "FirstResponseBreach", start.Add(90*time.Minute))
	refuse(tk, warn, start.Add(2*time.Hour))
	mustApply(t, tk, start.Add(90*time.Minute), breach)
}

// What is due earliest orders the ticket, and the worst is how it stands.
func TestStanding(t *testing.T) {
	var none *ticket.Service
	if !none.Due().IsZero() || none.Standing() != "" || none.Clock(ticket.Resolution) != nil {
		t.Error("a ticket without a service level has a due time")
	}
	s := &ticket.Service{
		FirstResponse: &ticket.Clock{State: ticket.ClockMissed, BreachedAt: start, DoneAt: start},
		NextResponse:  &ticket.Clock{State: ticket.ClockAtRisk, Due: start.Add(time.Hour)},
		Resolution:    &ticket.Clock{State: ticket.ClockRunning, Due: start.Add(30 * time.Minute)},
	}
	if !s.Due().Equal(start.Add(30*time.Minute)) || s.Standing() != ticket.ClockAtRisk {
		t.Errorf("due at %s, %s", s.Due(), s.Standing())
	}
}
