package desk

import (
	"context"
	"sync"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// timerBatch bounds the timers fired in one transaction.
const timerBatch = 500

// alarm wakes a loop when something is due earlier than it sleeps.
type alarm struct {
	mu   sync.Mutex
	set  time.Time
	wake broadcast
}

// disarm returns what the next sooner closes, however late it is: ask for it before looking for the next timer.
func (a *alarm) disarm() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set = time.Time{}
	return a.wake.wait()
}

// arm says until when the loop sleeps.
func (a *alarm) arm(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set = at
}

func (a *alarm) sooner(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.set.IsZero() || at.Before(a.set) {
		a.wake.signal()
	}
}

// fireTimers fires what is due and says how long nothing will be.
func (d *Desk) fireTimers(ctx context.Context) (time.Duration, <-chan struct{}, error) {
	earlier := d.timers.disarm()
	var next time.Time
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) (err error) {
		next, err = r.NextWake()
		return err
	})
	if err != nil || next.IsZero() {
		return -1, earlier, err
	}
	if wait := d.time.until(next); wait > 0 {
		d.timers.arm(next)
		return wait, earlier, nil
	}
	return 0, earlier, d.update(ctx, deskActor, func(c *change) error {
		due, err := c.Due(c.now, timerBatch)
		if err != nil {
			return err
		}
		for _, id := range due {
			if err := c.fire(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// timerRecords name what a timer does to a ticket of a status.
var timerRecords = map[ticket.Status]eventlog.Type{
	ticket.Offered: eventlog.OfferExpired, ticket.Pending: eventlog.Resumed, ticket.Resolved: eventlog.Closed,
}

// timerReasons say why.
var timerReasons = map[ticket.Status]string{
	ticket.Offered: "not answered in time", ticket.Resolved: "the reopen window ended",
}

// fire lets a ticket's timer do what it is for.
func (c *change) fire(id int64) error {
	t, err := c.ticketByID(id)
	if err != nil {
		return err
	}
	due := t.WakeAt()
	if due.IsZero() || due.After(c.now) { // an earlier one of the batch changed it
		return nil
	}
	room, err := c.room(t)
	if err != nil {
		return err
	}
	record := eventlog.Record{
		Type: timerRecords[t.Status], Reason: timerReasons[t.Status], Timer: &eventlog.Timer{Due: due},
	}
	c.desk.metrics.lateness.Observe(c.now.Sub(due).Seconds())
	if _, err := c.comeBack(t, ticket.TimerEvent(t, room), record); err != nil {
		return err
	}
	if t.Status == ticket.Offered {
		return c.missed(t.Agent)
	}
	return nil
}

// missed counts an offer that the agent let expire. After a few in a row the agent is taken to be away.
func (c *change) missed(name string) error {
	a, err := c.agent(name)
	if err != nil {
		return err
	}
	a.Missed, a.changed = a.Missed+1, true
	if a.Missed < c.plan.HelpDesk.MaxMissedOffers || a.Presence != dispatch.Available {
		return nil
	}
	return c.setPresence(a, dispatch.Away, missedOffers)
}

// missedOffers is why the desk sets an agent Away.
const missedOffers = "missed offers"
