package desk

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// TestSleepUntilDeskTime sleeps until the machine's clock gets there, which is more than desk time has to go while that
// waits.
func TestSleepUntilDeskTime(t *testing.T) {
	noon := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		setBack, at, want time.Duration
	}{
		"reached":                    {0, 0, 0},
		"reached before a step back": {time.Hour, 0, 0},
		"soon":                       {0, 5 * time.Second, 5 * time.Second},
		"less than a tick":           {0, time.Microsecond, time.Millisecond},
		"soon, after a step back":    {2 * time.Second, time.Millisecond, 2*time.Second + time.Millisecond},
		"soon, after a long one":     {time.Hour, time.Millisecond, time.Hour + time.Millisecond},
		"far":                        {0, 72 * time.Hour, 72 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			machine := clocktesting.NewFakeClock(noon)
			c := &deskClock{machine: machine}
			c.now()
			machine.SetTime(noon.Add(-test.setBack))
			if got := c.until(noon.Add(test.at)); got != test.want {
				t.Errorf("sleeps %s, want %s", got, test.want)
			}
		})
	}
}

// TestSleepNoticesAClockSetForward: an instant that a step of the machine's clock brings near is noticed within a minute.
func TestSleepNoticesAClockSetForward(t *testing.T) {
	machine := &steppable{FakeClock: clocktesting.NewFakeClock(time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC))}
	d := &Desk{clock: machine}
	awake := make(chan bool, 1)
	go func() { awake <- d.sleep(t.Context(), rest{until: machine.Now().Add(72 * time.Hour)}) }()
	for machine.Waiters() == 0 {
		runtime.Gosched()
	}
	machine.forward.Store(int64(80 * time.Hour))
	machine.Step(maxSleep)
	select {
	case woke := <-awake:
		if !woke {
			t.Error("the sleep ended as if the desk were stopping")
		}
	case <-time.After(10 * time.Second):
		t.Error("it sleeps on")
	}
}

// steppable is a clock that can be set forward without its timers' knowing, as a machine's.
type steppable struct {
	*clocktesting.FakeClock
	forward atomic.Int64
}

func (c *steppable) Now() time.Time { return c.FakeClock.Now().Add(time.Duration(c.forward.Load())) }

// TestDeskClockReadByManyTakesNoStep has callers read the clock at once, of whom none may take another's reading for a
// step of the machine's clock.
func TestDeskClockReadByManyTakesNoStep(t *testing.T) {
	c := &deskClock{machine: clock.RealClock{}}
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 200_000 {
				if desk, machine := c.read(); !desk.Equal(machine) {
					t.Errorf("the clock went back: desk %s, machine %s", desk, machine)
					return
				}
			}
		})
	}
	readers.Wait()
}
