package checker

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Lateness of the timers in a log, by the times of their records. A timer that was due when it was set does not count: nothing
// waited for it.
type Lateness struct {
	// Up are of timers that fell due while the desk was there, Down of those that did in an outage, and After of those that did
	// while the desk caught up with them.
	Up, Down, After Delays
	Outages         []Outage
}

// Outage of a desk. It begins with the last record before the desk was gone, which is the last sign of life, and ends with the
// first record after.
type Outage struct {
	Start, End time.Time
	// Missed timers fell due meanwhile. The last of them fired at Cleared, which is the end if there were none.
	Missed  int
	Cleared time.Time
}

// Length of the outage.
func (o *Outage) Length() time.Duration { return o.End.Sub(o.Start) }

// Clearing is how long after its end the last timer fired that fell due meanwhile.
func (o *Outage) Clearing() time.Duration { return o.Cleared.Sub(o.End) }

func (o *Outage) String() string {
	return fmt.Sprintf("an outage of %s, cleared of %d timers in %s (%.2f of it)",
		o.Length(), o.Missed, o.Clearing(), float64(o.Clearing())/float64(o.Length()))
}

// Delays in ascending order.
type Delays []time.Duration

// Percentile of the delays, from 1 to 100; zero if there are none.
func (d Delays) Percentile(p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	return d[(len(d)*p+99)/100-1]
}

func (d Delays) String() string {
	return fmt.Sprintf("%d timers: median %s, p99 %s, worst %s", len(d), d.Percentile(50), d.Percentile(99), d.Percentile(100))
}

// MeasureLateness reads how late timers were from a log whose desk was gone at each of some instants, in their order.
func MeasureLateness(records []Record, gone ...time.Time) *Lateness {
	l := &Lateness{}
	for _, at := range gone {
		if n := len(l.Outages); n > 0 && at.Before(l.Outages[n-1].End) {
			continue // it was not back
		}
		if after := slices.IndexFunc(records, func(r Record) bool { return r.At.After(at) }); after > 0 {
			end := records[after].At
			l.Outages = append(l.Outages, Outage{Start: records[after-1].At, End: end, Cleared: end})
		}
	}
	set := map[int64]time.Time{} // by ticket
	var there []*Record          // whose timers fell due while the desk was
	for i := range records {
		r := &records[i]
		if r.Timer != nil && r.Timer.Due.After(set[r.Ticket]) && !l.missed(r) {
			there = append(there, r)
		}
		if r.Ticket != 0 {
			set[r.Ticket] = r.At
		}
	}
	for _, r := range there {
		if l.catchingUp(r.Timer.Due) {
			l.After = append(l.After, r.late())
		} else {
			l.Up = append(l.Up, r.late())
		}
	}
	for _, d := range []Delays{l.Up, l.Down, l.After} {
		slices.Sort(d)
	}
	return l
}

func (r *Record) late() time.Duration { return r.At.Sub(r.Timer.Due) }

// missed notes a timer that fell due in an outage.
func (l *Lateness) missed(r *Record) bool {
	for i := range l.Outages {
		if o := &l.Outages[i]; r.Timer.Due.After(o.Start) && r.Timer.Due.Before(o.End) {
			o.Missed, o.Cleared = o.Missed+1, r.At
			l.Down = append(l.Down, r.late())
			return true
		}
	}
	return false
}

func (l *Lateness) catchingUp(t time.Time) bool {
	return slices.ContainsFunc(l.Outages, func(o Outage) bool { return !t.Before(o.End) && t.Before(o.Cleared) })
}

func (l *Lateness) String() string {
	lines := []string{
		"due while the desk was there, " + l.Up.String(), "due during an outage, " + l.Down.String(),
		"due while the desk caught up with those, " + l.After.String(),
	}
	for i := range l.Outages {
		lines = append(lines, l.Outages[i].String())
	}
	return strings.Join(lines, "\n")
}
