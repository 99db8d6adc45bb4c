package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
)

// clockTime is how wall-clock times are written.
const clockTime = "15:04"

// weekdays as they are declared, from Sunday as package time counts them.
var weekdays = []v1alpha1.Weekday{
	v1alpha1.Sunday, v1alpha1.Monday, v1alpha1.Tuesday, v1alpha1.Wednesday, v1alpha1.Thursday, v1alpha1.Friday, v1alpha1.Saturday,
}

// newCalendar of a declaration, or what is wrong with it.
func newCalendar(o *v1alpha1.BusinessCalendar) (*calendar.Calendar, []Problem) {
	var problems []Problem
	problem := func(field, reason, format string, args ...any) {
		problems = append(problems, Problem{Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
	}
	var spec calendar.Spec
	var err error
	if spec.Zone, err = Zone(o.Spec.TimeZone); err != nil {
		problem("spec.timeZone", v1alpha1.ReasonUnknownTimeZone, "%s", err)
	}
	for i, h := range o.Spec.Hours {
		hours, err := Hours(h)
		if err != nil {
			problem(fmt.Sprintf("spec.hours[%d]", i), v1alpha1.ReasonInvalid, "%s", err)
		}
		spec.Hours = append(spec.Hours, hours)
	}
	for i, h := range o.Spec.Holidays {
		holiday, err := holidayOf(h)
		if err != nil {
			problem(fmt.Sprintf("spec.holidays[%d]", i), v1alpha1.ReasonInvalid, "%s", err)
		}
		spec.Holidays = append(spec.Holidays, holiday)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	c, err := calendar.New(spec)
	switch {
	case errors.Is(err, calendar.ErrNeverOpen):
		problem("spec.hours", v1alpha1.ReasonNoOpenHours, "%s and nobody on duty: add hours, or take out holidays", err)
	case err != nil:
		problem("spec.hours", v1alpha1.ReasonInvalid, "%s", err)
	}
	return c, problems
}

// Zone of the time zone database.
func Zone(name v1alpha1.TimeZone) (*time.Location, error) {
	loc, err := time.LoadLocation(string(name))
	if err != nil || name == "" || name == "Local" { // which package time takes as well
		return nil, fmt.Errorf("there is no time zone %q: name one of the tz database, such as Europe/Berlin or UTC", name)
	}
	return loc, nil
}

// Hours in minutes of the day.
func Hours(h v1alpha1.WeeklyHours) (calendar.Hours, error) {
	var hours calendar.Hours
	for _, day := range h.Days {
		i := slices.Index(weekdays, day)
		if i < 0 {
			return hours, fmt.Errorf("%q is no day of the week: write Mon, Tue, Wed, Thu, Fri, Sat or Sun", day)
		}
		hours.Days = append(hours.Days, time.Weekday(i))
	}
	var err error
	if hours.From, err = Minute(h.From); err != nil {
		return hours, err
	}
	hours.To, err = Minute(h.To)
	return hours, err
}

// Minute of the day that a clock shows.
func Minute(t v1alpha1.TimeOfDay) (int, error) {
	clock, err := time.Parse(clockTime, string(t))
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day: write it from 00:00 to 23:59", t)
	}
	return clock.Hour()*60 + clock.Minute(), nil
}

func holidayOf(h v1alpha1.Holiday) (calendar.Holiday, error) {
	if h.Yearly != "" {
		day, err := time.Parse(time.DateOnly, "2000-"+string(h.Yearly)) // a leap year
		if err != nil {
			return calendar.Holiday{}, fmt.Errorf("%q is no day of the year: write month and day, such as 12-24", h.Yearly)
		}
		return calendar.Holiday{Month: day.Month(), Day: day.Day()}, nil
	}
	day, err := time.Parse(time.DateOnly, string(h.Date))
	if err != nil {
		return calendar.Holiday{}, fmt.Errorf("%q is no date: write year, month and day, such as 2026-12-24", h.Date)
	}
	return calendar.Holiday{Year: day.Year(), Month: day.Month(), Day: day.Day()}, nil
}

func (d *declarations) addCalendars(p *Plan) {
	p.Calendars = make(map[string]*calendar.Calendar, len(d.calendars))
	for name, o := range d.calendars {
		p.Calendars[name], _ = newCalendar(o)
	}
}
