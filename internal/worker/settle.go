package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// settled is a pool that Settle works, and what it knows of it.
type settled struct {
	*poolWorker
	state *poolState
	// rests says that all is decided until the state changes, or wake comes; zero: time alone changes nothing.
	rests bool
	wake  time.Time
}

// Settle does, in place of Run, all that is to be decided in the worker's pools, and answers when the passing of time alone
// may make more possible, zero for never. It is for a desk whose clock stands still while the worker works; messages are not
// delivered.
func (w *Worker) Settle(ctx context.Context) (next time.Time, err error) {
	leases, err := w.desk.AcquireLeases(ctx, w.call, api.AcquireLeases{Worker: w.name, Tier: w.tier})
	if err != nil {
		return next, err
	}
	known := w.settled
	w.settled = map[api.Lease]*settled{}
	for _, lease := range leases.Leases {
		p := known[lease]
		if p == nil {
			p = &settled{poolWorker: &poolWorker{Worker: w, lease: lease, log: w.log.With("pool", lease.Pool)}}
		}
		w.settled[lease] = p
		if err := p.settle(ctx); err != nil {
			return next, fmt.Errorf("pool %s: %w", lease.Pool, err)
		}
		next = walltime.Sooner(next, p.wake)
	}
	return next, nil
}

// settle works the pool until there is nothing to decide.
func (p *settled) settle(ctx context.Context) error {
	for {
		if p.state == nil {
			var err error
			if p.state, err = p.snapshot(ctx); err != nil {
				return err
			}
			p.rests = false
		}
		changed, more, err := p.catchUp(ctx, p.state, 0)
		switch {
		case errors.Is(err, errReset):
			p.state = nil
			continue
		case err != nil:
			return err
		case more:
			p.rests = false
			continue
		}
		now := p.clock.Now()
		if p.rests = p.rests && !changed && (p.wake.IsZero() || now.Before(p.wake)); p.rests {
			return nil
		}
		rest, err := p.work(ctx, p.state)
		if err != nil {
			return err
		}
		p.rests, p.wake = rest != 0, time.Time{}
		if rest > 0 {
			p.wake = now.Add(rest)
		}
		if p.rests {
			return nil
		}
	}
}
