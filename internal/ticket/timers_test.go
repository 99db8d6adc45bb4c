package ticket_test

import (
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// caused is what the timer of a kind makes happen.
func caused(t *ticket.Ticket, kind ticket.TimerKind) ticket.Event {
	switch kind {
	case ticket.OfferTimer:
		return ticket.ExpireOffer{Offer: t.Offer.ID}
	case ticket.CallBackTimer:
		return ticket.CallBack{Room: true}
	case ticket.ReopenTimer:
		return ticket.Elapse{}
	}
	return nil
}

// A timer causes its event when it is due and not before, and is then no more.
func TestTimers(t *testing.T) {
	timers := map[ticket.Status]ticket.TimerKind{
		ticket.Offered: ticket.OfferTimer, ticket.Pending: ticket.CallBackTimer, ticket.Resolved: ticket.ReopenTimer,
	}
	for _, s := range ticket.Statuses {
		tk := in(t, s)
		timer := tk.NextTimer()
		if timer.Kind != timers[s] || timer.At.IsZero() != (timers[s] == "") || !timer.At.Equal(tk.WakeAt()) {
			t.Fatalf("%s has timer %+v, wakes at %s", s, timer, tk.WakeAt())
		}
		if timer.At.IsZero() {
			continue
		}
		early := timer.At.Add(-time.Microsecond)
		if _, err := ticket.Apply(tk, caused(&tk, timer.Kind), early); err == nil || timer.Due(early) {
			t.Errorf("%s: the timer %s fires early", s, timer.Kind)
		}
		if !timer.Due(timer.At) {
			t.Errorf("%s: the timer %s is not due at its instant", s, timer.Kind)
		}
		if after := mustApply(t, tk, timer.At, caused(&tk, timer.Kind)); after.NextTimer() == timer {
			t.Errorf("%s: the timer %s does not end", s, timer.Kind)
		}
	}
}
