package desk

import (
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// TestSleepUntilDeskTime sleeps until the machine's clock gets there, which is more than desk time has to go while that
// waits, and never so long that a step of the clock goes unnoticed.
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
		"soon, after a long one":     {time.Hour, time.Millisecond, time.Minute},
		"far":                        {0, 72 * time.Hour, time.Minute},
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
