package ticket

import "time"

// TimerKind says what happens to a ticket when one of its timers is due.
type TimerKind string

const (
	// OfferTimer ends the offer.
	OfferTimer TimerKind = "Offer"
	// CallBackTimer ends Pending: the time to call back has come.
	CallBackTimer TimerKind = "CallBack"
	// ReopenTimer ends the reopen window and closes the ticket.
	ReopenTimer TimerKind = "ReopenWindow"
	// RelaxTimer begins the next stage of the queue's requirements.
	RelaxTimer TimerKind = "Relaxation"
	// OverflowTimer hands a ticket that nobody took to another queue.
	OverflowTimer TimerKind = "Overflow"
	// UnassignedTimer: the ticket has been without an agent for too long.
	UnassignedTimer TimerKind = "Unassigned"
	// EscalationTimer: a step of the escalation is due, or its acknowledgement lapses.
	EscalationTimer TimerKind = "Escalation"
)

// Timer of a ticket: at its instant the ticket changes by itself. The zero value is none.
type Timer struct {
	Kind TimerKind
	At   time.Time
}

// timers of the ticket, whatever its status; those that are not set have no instant. Of those due at the same instant the
// first listed is the first to fire. Each is kept in a field of the ticket and is set, moved and taken off by the events
// that change it: what a timer causes takes that timer off, or moves it.
func (t *Ticket) timers() [7]Timer {
	var offer time.Time
	if t.Offer != nil {
		offer = t.Offer.Until
	}
	var unassigned, step time.Time
	if t.Escalation != nil {
		unassigned = t.Escalation.UnassignedAt
		if t.Escalation.Run != nil {
			step = t.Escalation.Run.NextAt
		}
	}
	return [...]Timer{
		{OfferTimer, offer}, {CallBackTimer, t.Until}, {ReopenTimer, t.ClosesAt},
		{RelaxTimer, t.RelaxesAt}, {OverflowTimer, t.OverflowsAt}, {UnassignedTimer, unassigned}, {EscalationTimer, step},
	}
}

// NextTimer is the earliest of the ticket's timers; the zero value if it has none.
func (t *Ticket) NextTimer() Timer {
	var next Timer
	for _, timer := range t.timers() {
		next = next.orEarlier(timer)
	}
	return next.orEarlier(t.Service.NextTimer())
}

func (t Timer) orEarlier(other Timer) Timer {
	if !other.At.IsZero() && (t.At.IsZero() || other.At.Before(t.At)) {
		return other
	}
	return t
}

// WakeAt is the earliest instant at which the ticket changes by itself, zero if it does not.
func (t *Ticket) WakeAt() time.Time { return t.NextTimer().At }

// Due says whether the timer is set and its instant has come.
func (t Timer) Due(now time.Time) bool { return !t.At.IsZero() && !t.At.After(now) }
