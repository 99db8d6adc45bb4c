package ticket

import (
	"fmt"
	"slices"
	"time"
)

// Patience says what becomes of a ticket that waits long in a queue. Times count from its entry.
type Patience struct {
	// Relax has when each stage of relaxed requirements begins, rising.
	Relax []time.Duration
	// Overflow is when the ticket goes to another queue; zero: never.
	Overflow time.Duration
}

// Await sets the timers of a ticket that a queue owns by the patience of the queue, and takes them off one that an agent
// has. It follows every change of a ticket. If another patience holds now than before, what is overdue by it is due now,
// and a stage that begins later by it is left.
func (t *Ticket) Await(p Patience, now time.Time) {
	relaxes, overflows := t.RelaxesAt, t.OverflowsAt
	t.RelaxesAt, t.OverflowsAt = time.Time{}, time.Time{}
	if !t.queued() {
		return
	}
	t.Stage = min(t.Stage, p.stageAt(now.Sub(t.EnteredQueueAt)))
	if t.Stage < len(p.Relax) {
		t.RelaxesAt = t.after(p.Relax[t.Stage], relaxes, now)
	}
	// Who is offered the ticket may take it though its time is over; and from no queue it overflows twice.
	if t.Status == Waiting && p.Overflow > 0 && !slices.Contains(t.Overflowed, t.Queue) {
		t.OverflowsAt = t.after(p.Overflow, overflows, now)
	}
}

// after that time in the queue a timer is due. One that was not set before is due now at the earliest; one that follows a
// late one is due when it would have been.
func (t *Ticket) after(d time.Duration, was, now time.Time) time.Time {
	due := t.EnteredQueueAt.Add(d)
	if due.Before(now) && (was.IsZero() || !was.Before(now)) {
		return now
	}
	return due
}

// queued says whether a queue owns the ticket.
func (t *Ticket) queued() bool { return t.Status == Waiting || t.Status == Offered }

// stageAt is the stage that a ticket has reached which has waited for that long.
func (p Patience) stageAt(waited time.Duration) int {
	stage := 0
	for stage < len(p.Relax) && p.Relax[stage] <= waited {
		stage++
	}
	return stage
}

func (Relax) apply(t *Ticket, now time.Time) string {
	if t.RelaxesAt.IsZero() {
		return "no further stage of its queue's requirements is to come"
	}
	if now.Before(t.RelaxesAt) {
		return fmt.Sprintf("the next stage of its queue's requirements begins at %s", t.RelaxesAt.UTC().Format(time.RFC3339))
	}
	t.Stage++
	t.SetAside = ""
	return ""
}

func (e Overflow) apply(t *Ticket, now time.Time) string {
	if slices.Contains(t.Overflowed, e.Queue) {
		return fmt.Sprintf("it overflowed from queue %q already", e.Queue)
	}
	t.Overflowed = append(t.Overflowed, t.Queue)
	if e.Queue != t.Queue {
		t.wait(e.Queue, now)
	}
	return ""
}
