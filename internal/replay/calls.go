package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

const (
	racePause  = 100 * time.Millisecond
	retryPause = 500 * time.Millisecond
)

// call makes a call with its turn, again while the desk is out of reach.
func (r *Runner) call(ctx context.Context, fn func() error) error {
	var giveUp time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r.calls <- struct{}{}:
		}
		err := fn()
		<-r.calls
		if err == nil || !passing(err) || ctx.Err() != nil {
			return err
		}
		if giveUp.IsZero() {
			giveUp = r.Clock.Now().Add(r.Patience)
		}
		if !r.Clock.Now().Before(giveUp) {
			return fmt.Errorf("the desk has not answered for %s: %w", r.Patience, err)
		}
		if err := r.sleep(ctx, retryPause); err != nil {
			return err
		}
	}
}

func (r *Runner) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := r.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}

// passing says that an error is not the desk's considered answer.
func passing(err error) bool {
	var p *api.Problem
	return !errors.As(err, &p) || p.Status >= 500 || p.Status == http.StatusTooManyRequests
}

// raced says that the ticket was not as the caller thought, or that the step was done already, by another call.
func raced(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && (p.Status == http.StatusConflict || p.Status == http.StatusForbidden || p.Type == api.ProblemKeyReused)
}

func forbidden(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && p.Status == http.StatusForbidden
}

func noRoom(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && (p.Type == api.ProblemNoCapacity || p.Type == api.ProblemConflict)
}

// logPage is how many records are read at once.
const logPage = 1000

// catchUp reads the log to its present end.
func (r *Runner) catchUp(ctx context.Context) error {
	for {
		n, err := r.read(ctx, 0)
		if err != nil || n == 0 {
			return err
		}
	}
}

// follow reads the log as it grows.
func (r *Runner) follow(ctx context.Context) error {
	for {
		_, err := r.read(ctx, 20)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the desk's log: %w", err)
		}
	}
}

func (r *Runner) read(ctx context.Context, waitSeconds int) (int, error) {
	var page *api.Records
	var err error
	fetch := func() error {
		page, err = r.Service.Records(ctx, r.Caller, r.position, logPage, 0, waitSeconds)
		return err
	}
	// A poll that waits must not take the turn of a call that acts.
	for giveUp := r.Clock.Now().Add(r.Patience); fetch() != nil; {
		if !passing(err) || ctx.Err() != nil || r.Clock.Now().After(giveUp) {
			return 0, err
		}
		if err := r.sleep(ctx, retryPause); err != nil {
			return 0, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range page.Items {
		r.take(ctx, &page.Items[i])
	}
	r.position = page.Position
	close(r.advanced)
	r.advanced = make(chan struct{})
	return len(page.Items), nil
}

// take a record: note it, wake its case, and send an agent back to work whom the desk set Away.
func (r *Runner) take(ctx context.Context, record *eventlog.Record) {
	if id := r.seen.Add(record); id != "" {
		if p := r.cases[id]; p != nil {
			p.learn(r.seen.Cases[id].View)
		}
	}
	if record.Type != eventlog.PresenceChanged || !r.playing || !r.agents[record.Agent] {
		return
	}
	var change eventlog.PresenceData
	if json.Unmarshal(record.Data, &change) == nil && change.To != string(dispatch.Available) {
		go func() { _ = r.present(ctx, record.Agent, dispatch.Available, "replay") }()
	}
}

// as an agent, with an idempotency key; both may be empty.
func (r *Runner) as(agent, key string) api.Call {
	call := r.Caller
	call.Agent, call.Impersonates, call.Key = agent, agent != "", key
	return call
}

// setPresence of all agents that have another.
func (r *Runner) setPresence(ctx context.Context, presence dispatch.Presence, reason string) error {
	r.mu.Lock()
	r.playing = false
	r.mu.Unlock()
	var list *api.AgentList
	err := r.call(ctx, func() (err error) {
		list, err = r.Service.Agents(ctx, r.Caller)
		return err
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, a := range list.Items {
		if r.agents[a.Name] && a.Presence != presence {
			g.Go(func() error { return r.present(ctx, a.Name, presence, reason) })
		}
	}
	return g.Wait()
}

func (r *Runner) present(ctx context.Context, agent string, presence dispatch.Presence, reason string) error {
	return r.call(ctx, func() error {
		_, err := r.Service.SetPresence(ctx, r.as(agent, ""), agent, api.SetPresence{Presence: string(presence), Reason: reason})
		return err
	})
}

// Stored reads what the desk keeps of each case's ticket, found by its reference.
func (r *Runner) Stored(ctx context.Context) (map[string]*ticket.Ticket, error) {
	var mu sync.Mutex
	stored := map[string]*ticket.Ticket{}
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range r.Scripts {
		g.Go(func() error {
			return r.call(ctx, func() error {
				list, err := r.Service.Tickets(ctx, r.Caller, api.TicketQuery{Reference: s.Content.Reference})
				if err != nil || len(list.Items) == 0 {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				stored[s.Case] = &list.Items[0]
				return nil
			})
		})
	}
	return stored, g.Wait()
}
