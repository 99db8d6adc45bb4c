package desk

import (
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

// deskClock is desk time: the machine's clock, except that it never goes back. The instant of every record is at or after
// that of the one before, so the log's last record is the high-water mark that survives a restart.
type deskClock struct {
	machine clock.PassiveClock

	mu sync.Mutex
	// mark is the latest desk time given out.
	mark time.Time
	// behind is how far the machine's clock was behind the mark when last read.
	behind time.Duration
	// reported says that the present step back is in the log.
	reported bool
}

// newDeskClock continues where the store's log ends.
func newDeskClock(machine clock.PassiveClock, r store.Reader) (*deskClock, error) {
	c := &deskClock{machine: machine}
	position, err := r.Position()
	if err != nil || position == 0 {
		return c, err
	}
	last, err := r.Records(position-1, 1, 0)
	if err != nil {
		return nil, err
	}
	for _, record := range last {
		c.mark = record.At
	}
	return c, nil
}

// now is desk time, to the millisecond.
func (c *deskClock) now() time.Time {
	now, _ := c.read()
	return now
}

// read returns desk time and the machine's. Round strips Go's monotonic reading, which would hide a step of the clock.
func (c *deskClock) read() (desk, machine time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Read in turn: a reading that waited while a later one was noted would look like a step back.
	machine = c.machine.Now().UTC().Round(0).Truncate(time.Millisecond)
	if machine.Before(c.mark) {
		c.behind = c.mark.Sub(machine)
		return c.mark, machine
	}
	c.mark, c.behind, c.reported = machine, 0, false
	return machine, machine
}

// until is how long to sleep before looking whether desk time has reached an instant, zero if it has. After a step back the
// machine's clock has further to go than desk time, which waits for it.
func (c *deskClock) until(at time.Time) time.Duration {
	desk, machine := c.read()
	if !at.After(desk) {
		return 0
	}
	return max(at.Sub(machine), time.Millisecond)
}

// report says whether a step back is to be put on record, which its caller then does or takes back.
func (c *deskClock) report() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.behind == 0 || c.reported {
		return false
	}
	c.reported = true
	return true
}

// unreport says that the record did not become durable.
func (c *deskClock) unreport() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reported = false
}

// smallStep is a step back that is over too soon to speak of.
const smallStep = time.Second

// standsAt is desk time while it stands still, zero while it goes.
func (c *deskClock) standsAt() time.Time {
	desk, machine := c.read()
	if desk.Sub(machine) < smallStep {
		return time.Time{}
	}
	return desk
}

// Behind is how far the machine's clock is behind desk time: zero unless it was set back. Until it has caught up, desk
// time stands still.
func (d *Desk) Behind() time.Duration {
	d.time.read()
	d.time.mu.Lock()
	defer d.time.mu.Unlock()
	return d.time.behind
}
