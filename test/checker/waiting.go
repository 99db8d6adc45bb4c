package checker

import (
	"slices"
	"time"
)

func queued(status string) bool { return status == "Waiting" || status == "Offered" }

// waits checks what becomes of a ticket that waits: stages of requirements and overflow, counted from its entry into the
// queue.
func (c *checker) waits(r *Record, t *ticketState) {
	to := r.To
	entered := t.entered
	if t.Queue != to.Queue || queued(to.Status) && !queued(t.Status) {
		entered = r.At
		if to.Stage != 0 {
			c.fault(r, "ticket %d enters queue %s at stage %d", t.id, to.Queue, to.Stage)
		}
	} else if highest := t.Stage + relaxes(r); to.Stage > highest {
		c.fault(r, "ticket %d goes from stage %d to %d", t.id, t.Stage, to.Stage)
	}
	t.entered = entered
	c.overflow(r, t)
	if !queued(to.Status) {
		return
	}
	queue := c.plan.Queues[to.Queue]
	if to.Stage > 0 {
		if begins := entered.Add(millis(queue.stage(to.Stage).AfterMillis)); r.At.Before(begins) || to.Stage > len(queue.Relaxation) {
			c.fault(r, "ticket %d is in stage %d, which begins at %s", t.id, to.Stage, begins)
		}
	}
	var relaxation, overflow time.Time
	if to.Stage < len(queue.Relaxation) {
		relaxation = entered.Add(millis(queue.Relaxation[to.Stage].AfterMillis))
	}
	if to.Status == "Waiting" && queue.OverflowMillis > 0 && !slices.Contains(to.Overflowed, to.Queue) {
		overflow = entered.Add(millis(queue.OverflowMillis))
	}
	c.awaits(r, "Relaxation", relaxation)
	c.awaits(r, "Overflow", overflow)
}

func relaxes(r *Record) int {
	if r.Type == "ticket.relaxed" {
		return 1
	}
	return 0
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// overflow checks the chain: no queue twice.
func (c *checker) overflow(r *Record, t *ticketState) {
	if r.Type != "ticket.overflowed" {
		if len(r.To.Overflowed) > 0 && !slices.Equal(r.To.Overflowed, t.Overflowed) {
			c.fault(r, "ticket %d has come from %v, and suddenly from %v", t.id, t.Overflowed, r.To.Overflowed)
		}
		return
	}
	if t.Status != "Waiting" {
		c.fault(r, "ticket %d overflows while it is %s", t.id, t.Status)
	}
	if slices.Contains(t.Overflowed, r.To.Queue) || slices.Contains(t.Overflowed, t.Queue) {
		c.fault(r, "ticket %d overflows from %s to %s, having come from %v", t.id, t.Queue, r.To.Queue, t.Overflowed)
	}
	if !slices.Equal(r.To.Overflowed, append(slices.Clone(t.Overflowed), t.Queue)) {
		c.fault(r, "ticket %d overflows from %s, but is said to come from %v", t.id, t.Queue, r.To.Overflowed)
	}
}

// awaits checks that a timer that the ticket must have is set: it is the next, or a later one than the next. Overdue when it
// is set, as under a new plan, it is due at once.
func (c *checker) awaits(r *Record, kind string, due time.Time) {
	to := r.To
	late := due
	if r.At.After(due) {
		late = r.At
	}
	switch {
	case due.IsZero() && to.Wake == kind:
		c.fault(r, "ticket %d has a timer %s of %s that nothing asks for", r.Ticket, kind, to.WakeAt)
	case due.IsZero():
	case to.WakeAt.IsZero() || to.WakeAt.After(late):
		c.fault(r, "ticket %d needs a timer %s of %s, but its next is %s of %s", r.Ticket, kind, due, to.Wake, to.WakeAt)
	case to.Wake == kind && !to.WakeAt.Equal(due) && !to.WakeAt.Equal(late):
		c.fault(r, "ticket %d has a timer %s of %s instead of %s", r.Ticket, kind, to.WakeAt, due)
	}
}
