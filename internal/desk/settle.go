package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/internal/walltime"
)

// rest of a loop, until an instant (zero: for ever) or until it is woken.
type rest struct {
	until time.Time
	wake  <-chan struct{}
}

func (r *rest) over(now time.Time) bool {
	if !r.until.IsZero() && !now.Before(r.until) {
		return true
	}
	select {
	case <-r.wake:
		return true
	default:
		return false
	}
}

// Settle does, in place of Run, all that is due by the plan and the tickets, and answers when more will be, zero for never. It
// is for a desk whose clock stands still while it works; one goroutine calls it.
func (d *Desk) Settle(ctx context.Context) (next time.Time, err error) {
	for _, l := range d.dueLoops() {
		r := d.rests[l.name]
		for r == nil || r.over(d.clock.Now()) {
			after, wake, err := l.step(ctx)
			if err != nil {
				return next, fmt.Errorf("%s: %w", l.name, err)
			}
			if r = nil; after != 0 {
				r = &rest{wake: wake}
			}
			if after > 0 {
				r.until = d.clock.Now().Add(after)
			}
		}
		d.rests[l.name] = r
		next = walltime.Sooner(next, r.until)
	}
	return next, nil
}
