package calendar_test

import "time"

// This file tells open hours a second time, as one would by hand: it walks minute by minute, looks at what the clock on the
// wall shows, and knows nothing of the package it judges.

type oracleHours struct {
	days     [7]bool // from Sunday
	from, to int     // minutes of the day
}

type oracleDate struct{ year, month, day int } // year 0: every year

// oracleMinutes are consecutive minutes with what is known of each.
type oracleMinutes struct {
	start time.Time
	// shows is what the clock shows in the minute, as minutes since some day.
	shows []int64
	open  []bool
}

// tellOpen walks the minutes [from, to) in the zone. The hours of a day with a holiday do not begin.
func tellOpen(zone *time.Location, hours []oracleHours, holidays []oracleDate, from, to time.Time) *oracleMinutes {
	// Hours that began up to two days before count, and what the clock shows later tells when they are over.
	const margin = 4 * 24 * 60
	m := &oracleMinutes{start: from.Add(-margin * time.Minute)}
	for t := m.start; t.Before(to.Add(margin * time.Minute)); t = t.Add(time.Minute) {
		m.shows = append(m.shows, shown(t.In(zone)))
	}
	m.open = make([]bool, len(m.shows))
	first, last := m.shows[0]/1440, m.shows[len(m.shows)-1]/1440
	for day := first; day <= last; day++ {
		date := time.Unix(day*86400, 0).UTC()
		if isHoliday(holidays, date) {
			continue
		}
		for _, h := range hours {
			if h.days[date.Weekday()] {
				end := day*1440 + int64(h.to)
				if h.to <= h.from {
					end += 1440
				}
				m.mark(day*1440+int64(h.from), end)
			}
		}
	}
	m.shows, m.open = m.shows[margin:len(m.shows)-margin], m.open[margin:len(m.open)-margin]
	m.start = from
	return m
}

// mark the minutes of hours that begin and end when the clock shows these: from the first minute that shows the beginning
// or later, until no later minute shows the end or earlier.
func (m *oracleMinutes) mark(begin, end int64) {
	// Nothing else is near: no clock is ever changed by more than a day.
	const near = 4 * 1440
	started := false
	lastEnd := -1
	for i, s := range m.shows {
		if s <= end && s > end-near {
			lastEnd = i
		}
	}
	for i, s := range m.shows {
		if s < begin-near || s > end+near {
			continue
		}
		started = started || s >= begin
		if started && (s < end || i < lastEnd) {
			m.open[i] = true
		}
	}
}

func isHoliday(holidays []oracleDate, date time.Time) bool {
	for _, h := range holidays {
		if (h.year == 0 || h.year == date.Year()) && h.month == int(date.Month()) && h.day == date.Day() {
			return true
		}
	}
	return false
}

// shown by the clock at the instant.
func shown(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC).Unix() / 60
}

// spans are the runs of open minutes.
func (m *oracleMinutes) spans() [][2]time.Time {
	var spans [][2]time.Time
	for i, open := range m.open {
		at := m.start.Add(time.Duration(i) * time.Minute)
		switch {
		case open && (i == 0 || !m.open[i-1]):
			spans = append(spans, [2]time.Time{at, at.Add(time.Minute)})
		case open:
			spans[len(spans)-1][1] = at.Add(time.Minute)
		}
	}
	return spans
}

// after counts open minutes from minute i until there were n, and gives the minute at which the last is over; -1 if they
// are not all there.
func (m *oracleMinutes) after(i, n int) int {
	for ; i < len(m.open); i++ {
		if m.open[i] {
			if n--; n == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// before counts back from minute i until there were n open ones, and gives the first of them; -1 if they are not all there.
func (m *oracleMinutes) before(i, n int) int {
	for i--; i >= 0; i-- {
		if m.open[i] {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}

// count of open minutes in [i, j).
func (m *oracleMinutes) count(i, j int) int {
	n := 0
	for ; i < j; i++ {
		if m.open[i] {
			n++
		}
	}
	return n
}
