// Package walltime finds the instants at which the clocks of a place show a date and time, also where they are set forward
// or back. A time that they skip stands for the first instant after the gap; of one that they show twice there is a first
// and a last. So an interval from a First to a Last covers all that it could be meant to: such intervals overlap at most,
// and never leave a gap. Zones without a midnight on some day, without some day, or with changes of half an hour are none
// of them special.
package walltime

import "time"

// MinutesPerDay on the face of a clock, whatever happens to it.
const MinutesPerDay = 24 * 60

// reach is more than any zone differs from UTC, with room for a change of a whole day.
const reach = 50 * time.Hour

// First instant, in the location, at which its clocks show the minute of the day or, where they skip it, a later time.
// Dates and minutes outside their usual ranges are carried over as in time.Date: minute 1,440 is the next day's midnight.
func First(loc *time.Location, year int, month time.Month, day, minute int) time.Time {
	// The face of the clock as if it were UTC: what it shows at an instant is that instant plus the zone's offset.
	face := time.Date(year, month, day, 0, minute, 0, 0, time.UTC)
	t := face.Add(-reach).In(loc)
	for {
		_, end := t.ZoneBounds()
		if !end.IsZero() && !end.After(t) {
			// On the last day of a leap year from 2040 on, package time gives the end of the day before.
			end = t.Truncate(24 * time.Hour).Add(24 * time.Hour)
		}
		shown := showing(face, t)
		switch {
		case shown.Before(t):
			return t
		case end.IsZero() || shown.Before(end):
			return shown
		}
		t = end
	}
}

// Last instant, in the location, at which its clocks show the minute of the day; where they skip it, the instant at which
// they do. Dates and minutes are carried over as by First.
func Last(loc *time.Location, year int, month time.Month, day, minute int) time.Time {
	face := time.Date(year, month, day, 0, minute, 0, 0, time.UTC)
	end := face.Add(reach).In(loc)
	for {
		// An offset holds until just before the next one.
		t := end.Add(-1)
		start, _ := t.ZoneBounds()
		shown := showing(face, t)
		switch {
		case !shown.Before(end):
			return end
		case start.IsZero() || !shown.Before(start):
			return shown
		}
		end = start
	}
}

// showing is the instant at which clocks with the offset in force at t show the face.
func showing(face, t time.Time) time.Time {
	_, offset := t.Zone()
	return face.Add(-time.Duration(offset) * time.Second).In(t.Location())
}
