package desk_test

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// sleepClock is a fake clock that knows until when those sleep who go by it.
type sleepClock struct {
	*clocktesting.FakeClock
	mu    sync.Mutex
	until map[*sleepTimer]time.Time
}

func newClock() *sleepClock {
	return &sleepClock{FakeClock: clocktesting.NewFakeClock(start), until: map[*sleepTimer]time.Time{}}
}

type sleepTimer struct {
	clock.Timer
	of *sleepClock
}

func (c *sleepClock) NewTimer(d time.Duration) clock.Timer {
	until := c.Now().Add(d)
	t := &sleepTimer{Timer: c.FakeClock.NewTimer(d), of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until[t] = until
	return t
}

func (t *sleepTimer) Stop() bool {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	delete(t.of.until, t)
	return t.Timer.Stop()
}

// sleepsUntil waits for a loop to have looked at what is, and to sleep until an instant: before, it does nothing.
func (r *rig) sleepsUntil(at time.Time) {
	r.Helper()
	r.eventually("a loop sleeps until "+at.Format(time.RFC3339Nano), func() bool {
		r.clock.mu.Lock()
		defer r.clock.mu.Unlock()
		return slices.ContainsFunc(slices.Collect(maps.Values(r.clock.until)), at.Equal)
	})
}
