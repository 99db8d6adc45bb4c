package caselog

import (
	"slices"
	"time"
)

// Axis is the time of a history with its idle gaps shortened: stretches in which nothing happened to any case.
type Axis struct {
	times  []time.Time
	offset []time.Duration
}

// NewAxis of a log. A gap longer than maxGap counts as maxGap; zero keeps all gaps.
func NewAxis(log *Log, maxGap time.Duration) *Axis {
	var times []time.Time
	for _, c := range log.Cases {
		for _, e := range c.Events {
			times = append(times, e.Time)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	a := &Axis{times: times, offset: make([]time.Duration, len(times))}
	for i := 1; i < len(times); i++ {
		gap := times[i].Sub(times[i-1])
		if maxGap > 0 {
			gap = min(gap, maxGap)
		}
		a.offset[i] = a.offset[i-1] + gap
	}
	return a
}

// At is the distance of an event's time from the first event.
func (a *Axis) At(t time.Time) time.Duration {
	i, _ := slices.BinarySearchFunc(a.times, t, time.Time.Compare)
	return a.offset[min(i, len(a.offset)-1)]
}

// Length of the whole history.
func (a *Axis) Length() time.Duration { return a.offset[len(a.offset)-1] }
