package desk

import (
	"context"
	"errors"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

// loop of a desk. A step does some of what is to do, and answers how long there is nothing more.
type loop struct {
	name string
	step func(context.Context) (rest, error)
}

// dueLoops are those that do what is due by the plan and the tickets.
func (d *Desk) dueLoops() []loop {
	return []loop{{"timers", d.fireTimers}, {"hand-over", d.handOver}, {"ledger", d.keepLedger}, {"migration", d.migrateSome}}
}

// rest of a loop, until an instant of the machine's clock (zero: for ever) or until it is woken (nil: by nothing). The zero
// rest is none.
type rest struct {
	until time.Time
	wake  <-chan struct{}
}

func (r rest) over(now time.Time) bool {
	if r == (rest{}) || !r.until.IsZero() && !now.Before(r.until) {
		return true
	}
	select {
	case <-r.wake:
		return true
	default:
		return false
	}
}

// retryAfter is how long a loop waits after a failure.
const retryAfter = time.Second

// run the steps of a loop again and again.
func (d *Desk) run(ctx context.Context, l loop) error {
	for {
		r, err := l.step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, store.ErrClosed) {
			return err
		}
		if err != nil {
			d.log.Error("try again", "loop", l.name, "error", err)
			r.until = d.clock.Now().Add(retryAfter)
		}
		if !d.sleep(ctx, r) {
			return nil
		}
	}
}

// maxSleep is how long a loop sleeps before it looks at the clock again: a step of it brings an instant nearer, and wakes
// nobody.
const maxSleep = time.Minute

// sleep for a rest. It answers false at the end of ctx.
func (d *Desk) sleep(ctx context.Context, r rest) bool {
	// Round strips Go's monotonic reading, which would hide a step of the clock.
	for now := d.clock.Now().Round(0); !r.over(now); now = d.clock.Now().Round(0) {
		left := maxSleep
		if !r.until.IsZero() {
			left = min(left, r.until.Sub(now))
		}
		timer := d.clock.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-r.wake:
			timer.Stop()
			return true
		case <-timer.C():
		}
	}
	return true
}
