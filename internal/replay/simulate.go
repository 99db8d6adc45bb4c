package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// Still is a desk whose clock stands still until it is moved.
type Still interface {
	// Settle lets the desk and its workers do all that is to be done now, and answers when more will be, zero for never.
	Settle(ctx context.Context) (next time.Time, err error)
	Now() time.Time
	MoveTo(at time.Time)
}

// simulation plays scripts on a still desk, one call after the other.
type simulation struct {
	*Runner
	desk  Still
	cases []*simulated
}

// simulated is a case whose next step, or opening, is due.
type simulated struct {
	*played
	index int
	due   time.Time
	ended bool
	// refusals of the next step in a row.
	refusals int
}

// A case whose step the desk refuses though nothing has changed rests, and is given up after some times.
const (
	refusedPause = time.Minute
	maxRefusals  = 60
)

// Simulate plays every script to its end in the time of the history, which it moves on when nobody has anything to do. Who is
// offered a ticket takes it at that instant, so nobody misses one. Service is the still desk; the Clock is its own, and SpeedUp
// is 1.
func (r *Runner) Simulate(ctx context.Context, desk Still) error {
	s := &simulation{Runner: r, desk: desk}
	for i := range r.Scripts {
		script := &r.Scripts[i]
		s.cases = append(s.cases, &simulated{played: r.cases[script.Case], due: desk.Now().Add(script.At)})
	}
	if err := r.setPresence(ctx, dispatch.Available, "replay"); err != nil {
		return err
	}
	for {
		next, err := s.settle(ctx)
		if err != nil || s.ended == len(s.cases) {
			return err
		}
		for _, c := range s.cases {
			if !c.ended && c.due.After(desk.Now()) {
				next = walltime.Sooner(next, c.due)
			}
		}
		if next.IsZero() {
			return s.stuck()
		}
		desk.MoveTo(next)
	}
}

// settle lets desk, workers and people act until nobody has anything to do, and answers when the desk or a worker will.
func (s *simulation) settle(ctx context.Context) (next time.Time, err error) {
	for acted := true; acted; {
		if next, err = s.desk.Settle(ctx); err != nil {
			return next, err
		}
		if err := s.catchUp(ctx); err != nil {
			return next, err
		}
		if acted, err = s.actAll(ctx); err != nil {
			return next, err
		}
	}
	return next, nil
}

// actAll lets people do what is due, and answers whether anybody did something.
func (s *simulation) actAll(ctx context.Context) (acted bool, err error) {
	for _, c := range s.cases {
		woken := false
		select {
		case <-c.wake:
			woken = true
		default:
		}
		if c.ended || c.due.After(s.desk.Now()) && !woken {
			continue
		}
		did, err := s.play(ctx, c)
		if err != nil {
			return acted, fmt.Errorf("case %s: ticket %d: %w", c.script.Case, c.ticket, err)
		}
		acted = acted || did
	}
	return acted, nil
}

// play does what is due of a case, and takes up the ticket if it is offered, and answers whether that was anything.
func (s *simulation) play(ctx context.Context, c *simulated) (acted bool, err error) {
	if c.ticket == 0 {
		if err := s.open(ctx, c.played); err != nil {
			return false, err
		}
		s.mu.Lock()
		s.arrived++
		s.mu.Unlock()
		acted, c.index = true, -1
		c.next(s.desk.Now())
	}
	for c.index < len(c.script.Steps) {
		v, _ := s.view(c.played)
		action := Next(c.script.Steps[c.index], v)
		switch {
		case action.Verb == Done:
			c.next(s.desk.Now())
			continue
		case action.Verb == Await, action.Verb != Accept && c.due.After(s.desk.Now()):
			return acted, nil
		}
		err := s.act(ctx, c.played, c.index, action, v)
		switch {
		case err == nil:
			acted, c.refusals = true, 0
		case raced(err) && c.refusals < maxRefusals:
			if now, err := s.reread(ctx, c.played); err != nil || now == v {
				c.refusals++
				c.due = s.desk.Now().Add(refusedPause)
				return acted, err
			}
			continue
		default:
			return acted, fmt.Errorf("%s: %w", c.script.Steps[c.index].Reason, err)
		}
		if action.Completes {
			c.next(s.desk.Now())
		}
	}
	c.ended = true
	s.mu.Lock()
	s.ended++
	s.mu.Unlock()
	return acted, nil
}

// next goes on to the next step, which is due its time after the one before was done, and no sooner than that was due.
func (c *simulated) next(now time.Time) {
	if c.index++; c.due.Before(now) {
		c.due = now
	}
	if c.index < len(c.script.Steps) {
		c.due = c.due.Add(c.script.Steps[c.index].After)
	}
}

// stuck says which ticket nobody will ever do anything about.
func (s *simulation) stuck() error {
	for _, c := range s.cases {
		if !c.ended && c.view.Status == ticket.Closed {
			return fmt.Errorf("case %s: ticket %d was closed when the reopen window ended, and the history goes on with it: give the HelpDesk a longer reopenWindow, as \"caseload import eventlog\" does",
				c.script.Case, c.ticket)
		}
		if !c.ended && c.ticket != 0 {
			return fmt.Errorf("case %s: ticket %d is %s in queue %s, and nobody will ever be offered it: is anybody of the queue ever on duty, with room for it?",
				c.script.Case, c.ticket, c.view.Status, c.view.Queue)
		}
	}
	return fmt.Errorf("%d cases never began", len(s.cases)-s.arrived)
}
