package desk

import (
	"sync"
	"testing"

	"k8s.io/utils/clock"
)

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
