package desk

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// full says whether as many tickets wait in a queue as its limit allows. Those set aside do not count.
func (c *change) full(queue string) (bool, error) {
	q := c.plan.Queues[queue]
	if q == nil || q.MaxWaiting == 0 {
		return false, nil
	}
	classes, err := c.Classes(queue)
	waiting := 0
	for _, n := range classes {
		waiting += n
	}
	return waiting >= q.MaxWaiting, err
}

// reject refuses a new ticket for a full queue that takes no more.
func (c *change) reject(queue string) error {
	q := c.plan.Queues[queue]
	if q == nil || !q.Rejects {
		return nil
	}
	full, err := c.full(queue)
	if err != nil || !full {
		return err
	}
	c.desk.metrics.rejected.WithLabelValues(queue).Inc()
	return api.NewProblem(http.StatusTooManyRequests, api.ProblemQueueFull,
		"queue %q is full: %d tickets wait in it, and it takes no more; try again later", queue, q.MaxWaiting)
}

// insertRouted stores a new ticket with its record. It goes on to another queue if its own is full.
func (c *change) insertRouted(t *ticket.Ticket, r eventlog.Record) (*ticket.Ticket, error) {
	full, err := c.full(t.Queue)
	if err != nil {
		return nil, err
	}
	if err := c.insert(t, r); err != nil || !full {
		return t, err
	}
	return c.overflowFull(t)
}

// overflowFull hands a ticket on that routing sent to a full queue. Where no other takes it, it stays.
func (c *change) overflowFull(t *ticket.Ticket) (*ticket.Ticket, error) {
	to, why, err := c.overflowTarget(t)
	if err != nil || to == t.Queue {
		return t, err
	}
	reason := fmt.Sprintf("queue %s is full%s", t.Queue, why)
	return c.apply(t, ticket.Overflow{Queue: to}, eventlog.Record{Type: eventlog.Overflowed, Reason: reason})
}

// overflow hands a ticket on that waited too long. Where no queue takes it, it stays for good.
func (c *change) overflow(t *ticket.Ticket, r eventlog.Record) (*ticket.Ticket, error) {
	to, why, err := c.overflowTarget(t)
	if err != nil {
		return nil, err
	}
	if to == t.Queue {
		why += "; no other queue takes it, so it stays"
	}
	r.Type, r.Reason = eventlog.Overflowed, r.Reason+why
	return c.apply(t, ticket.Overflow{Queue: to}, r)
}

// overflowTarget is the first queue along the ticket's chain of overflows that takes it: it serves the channel and is not
// full. Without any it is the default queue, however full that is, rather than none; and the ticket's own if that cannot
// be either. Why tells of those passed over.
func (c *change) overflowTarget(t *ticket.Ticket) (queue, why string, err error) {
	own := c.plan.Queues[t.Queue]
	if own == nil {
		return t.Queue, "", nil
	}
	passed := append(slices.Clone(t.Overflowed), t.Queue)
	takes := func(q *plan.Queue) bool { return q.Serves(t.Channel) && !slices.Contains(passed, q.Name) }
	var reasons strings.Builder
	for next := c.plan.Queues[own.Overflow]; next != nil; next = c.plan.Queues[next.Overflow] {
		if slices.Contains(passed, next.Name) {
			break
		}
		full, err := c.full(next.Name)
		switch {
		case err != nil:
			return "", "", err
		case !next.Serves(t.Channel):
			fmt.Fprintf(&reasons, "; queue %s does not serve %s", next.Name, t.Channel)
		case full:
			fmt.Fprintf(&reasons, "; queue %s is full", next.Name)
		default:
			return next.Name, reasons.String(), nil
		}
	}
	name, of := c.plan.DefaultQueue(own)
	if q := c.plan.Queues[name]; q != nil && takes(q) {
		fmt.Fprintf(&reasons, "; default queue of %s", of)
		return name, reasons.String(), nil
	}
	return t.Queue, reasons.String(), nil
}
