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
	for settled := false; !settled; {
		settled, next = true, time.Time{}
		for _, l := range d.dueLoops() {
			for d.rests[l.name].over(d.clock.Now()) {
				settled = false // another loop may have something to do of it
				if d.rests[l.name], err = l.step(ctx); err != nil {
					return next, fmt.Errorf("%s: %w", l.name, err)
				}
			}
			next = walltime.Sooner(next, d.rests[l.name].until)
		}
	}
	return next, nil
}
