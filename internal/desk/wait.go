package desk

import (
	"context"
	"sync"
	"time"
)

// broadcast wakes everybody who waits.
type broadcast struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait returns a channel that is closed at the next signal. Ask for it before looking at what the signal is about.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *broadcast) signal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// poll looks until there is something to answer, the wait is over or ctx ends. look returns whether its answer will do,
// and else what to wait on before looking again: channels it asked for before it looked (nil ones never wake), and
// a time after which to look again even so.
func (d *Desk) poll(ctx context.Context, seconds int, look func() (outlook, error)) error {
	deadline := d.clock.Now().Add(time.Duration(seconds) * time.Second)
	for {
		next, err := look()
		if err != nil || next.done {
			return err
		}
		left := deadline.Sub(d.clock.Now())
		if left <= 0 {
			return nil
		}
		if next.after > 0 {
			left = min(left, next.after)
		}
		timer := d.clock.NewTimer(left)
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-d.stopping:
			err = errStopping
		case <-next.wake:
		case <-next.or:
		case <-timer.C():
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// outlook is what a look of poll found: an answer, or what to wait for.
type outlook struct {
	done     bool
	wake, or <-chan struct{}
	// after is when to look again even so; zero: at the end of the wait.
	after time.Duration
}
