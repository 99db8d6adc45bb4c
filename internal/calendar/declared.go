package calendar

import (
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

var weekdays = map[v1alpha1.Weekday]time.Weekday{
	v1alpha1.Sunday: time.Sunday, v1alpha1.Monday: time.Monday, v1alpha1.Tuesday: time.Tuesday, v1alpha1.Wednesday: time.Wednesday,
	v1alpha1.Thursday: time.Thursday, v1alpha1.Friday: time.Friday, v1alpha1.Saturday: time.Saturday,
}

// Zone of the time zone database.
func Zone(name v1alpha1.TimeZone) (*time.Location, error) {
	zone, err := time.LoadLocation(string(name))
	if err != nil || name == "" || name == "Local" { // which package time takes as well
		return nil, fmt.Errorf("there is no time zone %q: name one of the tz database, such as Europe/Berlin or UTC", name)
	}
	return zone, nil
}

// Minute of the day at which a clock shows the time.
func Minute(t v1alpha1.TimeOfDay) (int, error) {
	clock, err := time.Parse("15:04", string(t))
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day: write it from 00:00 to 23:59", t)
	}
	return clock.Hour()*60 + clock.Minute(), nil
}

// Day with which a date begins and ends, as UTC has it.
func Day(date v1alpha1.Date) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, string(date))
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date: write year, month and day, such as 2026-12-24", date)
	}
	return day, nil
}

// Weekday of a declared day.
func Weekday(day v1alpha1.Weekday) (time.Weekday, error) {
	weekday, known := weekdays[day]
	if !known {
		return 0, fmt.Errorf("%q is no day of the week: write Mon, Tue, Wed, Thu, Fri, Sat or Sun", day)
	}
	return weekday, nil
}

// NewHours of the week as they are declared.
func NewHours(declared v1alpha1.WeeklyHours) (Hours, error) {
	var hours Hours
	for _, day := range declared.Days {
		weekday, err := Weekday(day)
		if err != nil {
			return hours, err
		}
		hours.Days = append(hours.Days, weekday)
	}
	var err error
	if hours.From, err = Minute(declared.From); err != nil {
		return hours, err
	}
	hours.To, err = Minute(declared.To)
	return hours, err
}
