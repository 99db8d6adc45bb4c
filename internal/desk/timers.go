package desk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

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

// fireTimers fires what is due and rests until more will be.
func (d *Desk) fireTimers(ctx context.Context) (rest, error) {
	earlier := d.timers.disarm()
	var next time.Time
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) (err error) {
		next, err = r.NextWake()
		return err
	})
	if err != nil || next.IsZero() {
		return rest{wake: earlier}, err
	}
	if next.After(d.time.now()) {
		d.timers.arm(next)
		return rest{until: next, wake: earlier}, nil
	}
	err = d.update(ctx, deskActor, func(c *change) error {
		over, end := d.timerTurn.begin(d.clock.Now)
		defer end()
		due, err := c.Due(c.now, d.timerTurn.rows())
		if err != nil {
			return err
		}
		for _, id := range due {
			if over() {
				return nil
			}
			if err := c.fire(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		err = d.fireSingly(ctx)
	}
	return rest{}, err
}

// fireSingly fires what is due in a transaction for each ticket, so that one whose timer cannot be fired holds up no other.
func (d *Desk) fireSingly(ctx context.Context) error {
	var due []int64
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) (err error) {
		due, err = r.Due(d.time.now(), maxTurn)
		return err
	})
	errs := []error{err}
	for _, id := range due {
		if err := d.update(ctx, deskActor, func(c *change) error { return c.fire(id) }); err != nil {
			errs = append(errs, fmt.Errorf("ticket %d: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// fire lets a ticket's timers do what they are for: all that are due, the earliest first.
func (c *change) fire(id int64) error {
	t, err := ticketByID(c.Tx, id)
	if err != nil {
		return err
	}
	// An earlier ticket of the batch may have changed this one: then nothing may be due.
	for timer := t.NextTimer(); timer.Due(c.now); timer = t.NextTimer() {
		version := t.Version
		if t, err = c.fireTimer(t, timer); err != nil {
			return err
		}
		if t.Version == version {
			return fmt.Errorf("the timer %s of ticket %d does not end", timer.Kind, id)
		}
	}
	return nil
}

// fireTimer does what a timer is for and returns what that made of the ticket.
func (c *change) fireTimer(t *ticket.Ticket, timer ticket.Timer) (*ticket.Ticket, error) {
	c.measure(func(m *metrics) {
		m.lateness.WithLabelValues(string(timer.Kind)).Observe(c.now.Sub(timer.At).Seconds())
	})
	r := eventlog.Record{Timer: &eventlog.Timer{Kind: timer.Kind, Due: timer.At}}
	switch timer.Kind {
	case ticket.OfferTimer:
		return c.expireOffer(t, r)
	case ticket.CallBackTimer:
		return c.callBack(t, r)
	case ticket.ReopenTimer:
		r.Type, r.Reason = eventlog.Closed, "the reopen window ended"
		return c.apply(t, ticket.Elapse{}, r)
	case ticket.RelaxTimer:
		r.Type, r.Reason = eventlog.Relaxed, "nobody has taken it yet"
		return c.apply(t, ticket.Relax{}, r)
	case ticket.OverflowTimer:
		r.Reason = fmt.Sprintf("nobody took it in queue %s", t.Queue)
		return c.overflow(t, r)
	case ticket.UnassignedTimer:
		return c.unassigned(t, r)
	case ticket.EscalationTimer:
		return c.escalate(t, r)
	}
	if _, _, is := timer.Kind.Metric(); is {
		return c.fireClock(t, timer, r)
	}
	return nil, fmt.Errorf("ticket %d has a timer of a kind that nothing acts on: %s", t.ID, timer.Kind)
}

func (c *change) expireOffer(t *ticket.Ticket, r eventlog.Record) (*ticket.Ticket, error) {
	r.Type, r.Reason = eventlog.OfferExpired, "not answered in time"
	next, err := c.apply(t, ticket.ExpireOffer{Offer: t.Offer.ID}, r)
	if err != nil {
		return nil, err
	}
	return next, c.missed(t.Agent)
}

func (c *change) callBack(t *ticket.Ticket, r eventlog.Record) (*ticket.Ticket, error) {
	room, err := c.room(t)
	if err != nil {
		return nil, err
	}
	r.Type = eventlog.Resumed
	return c.comeBack(t, ticket.CallBack{Room: room}, r)
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
