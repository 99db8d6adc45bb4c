// Package calendar reckons in business time: when it is open, and what lies how many open hours ahead.
//
// Opening hours are times on the clock of a place. A window opens at the first instant that shows its time and closes at
// the last, as internal/walltime tells them: where clocks are set forward or back, a day that is open all day has 23 or 25
// hours. Windows are half-open, and those that overlap or touch are one.
package calendar

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caseload-dev/caseload/internal/walltime"
)

// Horizon is how far a calendar looks ahead and back, in whole years of its zone.
const Horizon = 50

// longest time that is reckoned with, which reaches over the Horizon.
const longest = (Horizon + 2) * 366 * 24 * time.Hour

// ErrNeverOpen is the error of a calendar without open hours.
var ErrNeverOpen = errors.New("it has no open hours, so nothing would ever be due")

// Spec declares a calendar.
type Spec struct {
	// Zone whose clocks tell the hours.
	Zone     *time.Location
	Hours    []Hours
	Holidays []Holiday
}

// Hours that are open every week.
type Hours struct {
	// Days on which they begin.
	Days []time.Weekday
	// From and To are minutes of the day: From in 0..1439, To in 0..1440. If To does not come after From, it is of the next
	// day, and the hours still belong to the day on which they begin.
	From, To int
}

// Holiday is a day on which no hours begin.
type Holiday struct {
	// Year is zero for a holiday of every year. One on 29 February is a holiday of leap years.
	Year  int
	Month time.Month
	Day   int
}

// Window is open time. In what Next returns, a Start or End that lies beyond the Horizon is zero.
type Window struct{ Start, End time.Time }

// Calendar of open hours. Nil is open around the clock. It is safe for concurrent use.
type Calendar struct {
	spec     Spec
	zone     *time.Location
	hours    [7][]Hours // by weekday
	holidays map[Holiday]bool

	mu    sync.RWMutex
	years map[int]*year
}

// New calendar. The error of one without open hours is ErrNeverOpen.
func New(spec Spec) (*Calendar, error) {
	if spec.Zone == nil {
		return nil, errors.New("it has no time zone")
	}
	c := &Calendar{spec: spec, zone: spec.Zone, holidays: make(map[Holiday]bool, len(spec.Holidays)), years: map[int]*year{}}
	open := false
	for _, h := range spec.Hours {
		if h.From < 0 || h.From >= walltime.MinutesPerDay || h.To < 0 || h.To > walltime.MinutesPerDay {
			return nil, fmt.Errorf("hours from minute %d to %d: a day has the minutes 0 to %d", h.From, h.To, walltime.MinutesPerDay)
		}
		if h.To <= h.From {
			h.To += walltime.MinutesPerDay
		}
		for _, day := range h.Days {
			c.hours[day] = append(c.hours[day], h)
			open = true
		}
	}
	for _, h := range spec.Holidays {
		c.holidays[h] = true
	}
	if !open || c.everyDayIsHoliday() {
		return nil, ErrNeverOpen
	}
	return c, nil
}

// Spec that the calendar was made of; not of nil.
func (c *Calendar) Spec() Spec { return c.spec }

// everyDayIsHoliday says whether all days of the year are yearly holidays. Any other day comes to be each day of the week.
func (c *Calendar) everyDayIsHoliday() bool {
	for day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == 2000; day = day.AddDate(0, 0, 1) {
		if !c.holidays[Holiday{Month: day.Month(), Day: day.Day()}] {
			return false
		}
	}
	return true
}

// Open says whether t is in open hours. The instant at which they close is not.
func (c *Calendar) Open(t time.Time) bool {
	if c == nil {
		return true
	}
	y := c.of(t)
	i := y.next(t)
	return i < len(y.windows) && !y.windows[i].Start.After(t)
}

// Holiday says whether the day that the clocks show at t is a holiday.
func (c *Calendar) Holiday(t time.Time) bool {
	return c != nil && c.holiday(t.In(c.zone).Date())
}

// Next is the window that contains t, or else the first after it; false if it stays closed beyond the Horizon. Its times
// are in the calendar's zone.
func (c *Calendar) Next(t time.Time) (Window, bool) {
	if c == nil {
		return Window{}, true
	}
	y := c.of(t)
	i := y.next(t)
	for end := y.number + Horizon; i == len(y.windows); i = 0 {
		if y.number == end {
			return Window{}, false
		}
		y = c.year(y.number + 1)
	}
	w := y.windows[i]
	// Windows are cut where years meet.
	for last := y; w.End.Equal(last.end); {
		if last = c.year(last.number + 1); len(last.windows) == 0 || !last.windows[0].Start.Equal(w.End) {
			break
		}
		w.End = last.windows[0].End
		if last.number > y.number+Horizon {
			w.End = time.Time{}
		}
	}
	for first := y; w.Start.Equal(first.start); {
		if first = c.year(first.number - 1); len(first.windows) == 0 || !first.windows[len(first.windows)-1].End.Equal(w.Start) {
			break
		}
		w.Start = first.windows[len(first.windows)-1].Start
		if first.number < y.number-Horizon {
			w.Start = time.Time{}
		}
	}
	return w, true
}

// Windows that are open between from and to, in order and cut to these. Their times are in the calendar's zone.
func (c *Calendar) Windows(from, to time.Time) []Window {
	if !from.Before(to) {
		return nil
	}
	if c == nil {
		return []Window{{from, to}}
	}
	var windows []Window
	for y := c.of(from); y.start.Before(to); y = c.year(y.number + 1) {
		for _, w := range y.windows[y.next(from):] {
			if !w.Start.Before(to) {
				break
			}
			windows = extend(windows, w)
		}
	}
	if len(windows) == 0 {
		return nil
	}
	if first := &windows[0]; first.Start.Before(from) {
		first.Start = from.In(c.zone)
	}
	if last := &windows[len(windows)-1]; last.End.After(to) {
		last.End = to.In(c.zone)
	}
	return windows
}

// Between is the open time from a to b, negative if b is before a.
func (c *Calendar) Between(a, b time.Time) time.Duration {
	if b.Before(a) {
		return -c.Between(b, a)
	}
	if c == nil {
		return b.Sub(a)
	}
	y := c.of(a)
	open := -y.before(a)
	for !b.Before(y.end) {
		open += y.open
		y = c.year(y.number + 1)
	}
	return open + y.before(b)
}

// Add gives the first instant at which d of open time has passed since t: the instant of closing belongs to the hours that
// it ends. A negative d gives the last instant from which -d pass until t, and zero gives t. What lies beyond the Horizon is
// brought back to it. The result is in the location of t.
func (c *Calendar) Add(t time.Time, d time.Duration) time.Time {
	if c == nil || d == 0 {
		return t.Add(d)
	}
	y := c.of(t)
	number := y.number
	// What is left to pass, reckoned from the start of the year.
	left := y.before(t) + max(min(d, longest), -longest)
	if d < 0 {
		for left < 0 {
			if y.number == number-Horizon {
				return y.start.In(t.Location())
			}
			y = c.year(y.number - 1)
			left += y.open
		}
		return y.opening(left).In(t.Location())
	}
	for left > y.open {
		if y.number == number+Horizon {
			return y.end.In(t.Location())
		}
		left -= y.open
		y = c.year(y.number + 1)
	}
	return y.closing(left).In(t.Location())
}
