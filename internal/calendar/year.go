package calendar

import (
	"slices"
	"sort"
	"time"

	"github.com/caseload-dev/caseload/internal/walltime"
)

// year of a calendar, worked out once. It reaches from one New Year of the zone to the next.
type year struct {
	number     int
	start, end time.Time
	// windows that are open, in order, cut at the ends of the year.
	windows []Window
	// passed is the open time of the year before each window, and open is that of all.
	passed []time.Duration
	open   time.Duration
}

// of t is the year that it is in.
func (c *Calendar) of(t time.Time) *year {
	y := c.year(t.In(c.zone).Year())
	// Clocks that are set back over midnight of New Year show the old year again.
	for !t.Before(y.end) {
		y = c.year(y.number + 1)
	}
	return y
}

func (c *Calendar) year(number int) *year {
	c.mu.RLock()
	y := c.years[number]
	c.mu.RUnlock()
	if y != nil {
		return y
	}
	// Two that work it out at once come to the same.
	y = c.workOut(number)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.years[number] = y
	return y
}

func (c *Calendar) workOut(number int) *year {
	y := &year{
		number: number,
		start:  walltime.First(c.zone, number, time.January, 1, 0),
		end:    walltime.First(c.zone, number+1, time.January, 1, 0),
	}
	var all []Window
	// Hours of the days before reach into the year, and a change of the clocks may move them by a day.
	for day := time.Date(number, time.January, 1-3, 0, 0, 0, 0, time.UTC); day.Before(time.Date(number+1, time.January, 3, 0, 0, 0, 0, time.UTC)); day = day.AddDate(0, 0, 1) {
		if c.holiday(day.Date()) {
			continue
		}
		for _, h := range c.hours[day.Weekday()] {
			w := Window{
				Start: walltime.Later(walltime.First(c.zone, day.Year(), day.Month(), day.Day(), h.From), y.start),
				End:   walltime.Earlier(walltime.Last(c.zone, day.Year(), day.Month(), day.Day(), h.To), y.end),
			}
			if w.Start.Before(w.End) {
				all = append(all, w)
			}
		}
	}
	slices.SortFunc(all, func(a, b Window) int { return a.Start.Compare(b.Start) })
	for _, w := range all {
		y.windows = extend(y.windows, w)
	}
	y.windows = slices.Clip(y.windows)
	y.passed = make([]time.Duration, len(y.windows))
	for i, w := range y.windows {
		y.passed[i] = y.open
		y.open += w.End.Sub(w.Start)
	}
	return y
}

func (c *Calendar) holiday(number int, month time.Month, day int) bool {
	return c.holidays[Holiday{number, month, day}] || c.holidays[Holiday{0, month, day}]
}

// extend windows by the next one, which begins no earlier than the last: those that overlap or touch become one.
func extend(windows []Window, next Window) []Window {
	if len(windows) > 0 {
		if last := &windows[len(windows)-1]; !next.Start.After(last.End) {
			last.End = walltime.Later(last.End, next.End)
			return windows
		}
	}
	return append(windows, next)
}

// next is the index of the window that contains t, or else of the first after it.
func (y *year) next(t time.Time) int {
	return sort.Search(len(y.windows), func(i int) bool { return y.windows[i].End.After(t) })
}

// before is the open time of the year before t.
func (y *year) before(t time.Time) time.Duration {
	i := y.next(t)
	if i == len(y.windows) {
		return y.open
	}
	return y.passed[i] + max(t.Sub(y.windows[i].Start), 0)
}

// closing is the first instant before which the year has had the open time, which is more than none and at most all.
func (y *year) closing(open time.Duration) time.Time {
	i := sort.Search(len(y.passed), func(i int) bool { return y.passed[i] >= open }) - 1
	return y.windows[i].Start.Add(open - y.passed[i])
}

// opening is the last instant before which the year has had the open time, which is less than all.
func (y *year) opening(open time.Duration) time.Time {
	i := sort.Search(len(y.passed), func(i int) bool { return y.passed[i] > open }) - 1
	return y.windows[i].Start.Add(open - y.passed[i])
}
