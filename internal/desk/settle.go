package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/internal/walltime"
)

// Settle does, in place of Run, all that is due by the plan and the tickets, and answers when more will be, zero for never. It
// is for a desk whose clock stands still while it works; one goroutine calls it.
func (d *Desk) Settle(ctx context.Context) (next time.Time, err error) {
	for _, l := range d.dueLoops() {
		r := d.rests[l.name]
		for r.over(d.clock.Now()) {
			if r, err = l.step(ctx); err != nil {
				return next, fmt.Errorf("%s: %w", l.name, err)
			}
		}
		d.rests[l.name] = r
		next = walltime.Sooner(next, r.until)
	}
	return next, nil
}
