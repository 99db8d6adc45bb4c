package desk

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
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
	loops := d.dueLoops()
	for _, name := range slices.Sorted(maps.Keys(loops)) {
		r := d.rests[name]
		for r == nil || r.over(d.clock.Now()) {
			after, wake, err := loops[name](ctx)
			if err != nil {
				return next, fmt.Errorf("%s: %w", name, err)
			}
			if r = nil; after != 0 {
				r = &rest{wake: wake}
			}
			if after > 0 {
				r.until = d.clock.Now().Add(after)
			}
		}
		d.rests[name] = r
		if !r.until.IsZero() && (next.IsZero() || r.until.Before(next)) {
			next = r.until
		}
	}
	return next, nil
}
