package plan

import (
	"errors"
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
)

// newCalendar of a declaration, or what is wrong with it.
func newCalendar(o *v1alpha1.BusinessCalendar) (*calendar.Calendar, []Problem) {
	var problems []Problem
	problem := func(field, reason, format string, args ...any) {
		problems = append(problems, Problem{Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
	}
	var spec calendar.Spec
	var err error
	if spec.Zone, err = calendar.Zone(o.Spec.TimeZone); err != nil {
		problem("spec.timeZone", v1alpha1.ReasonUnknownTimeZone, "%s", err)
	}
	for i, h := range o.Spec.Hours {
		hours, err := calendar.NewHours(h)
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

func holidayOf(h v1alpha1.Holiday) (calendar.Holiday, error) {
	if h.Yearly != "" {
		day, err := time.Parse(time.DateOnly, "2000-"+string(h.Yearly)) // a leap year
		if err != nil {
			return calendar.Holiday{}, fmt.Errorf("%q is no day of the year: write month and day, such as 12-24", h.Yearly)
		}
		return calendar.Holiday{Month: day.Month(), Day: day.Day()}, nil
	}
	day, err := calendar.Day(h.Date)
	if err != nil {
		return calendar.Holiday{}, err
	}
	return calendar.Holiday{Year: day.Year(), Month: day.Month(), Day: day.Day()}, nil
}

func (d *declarations) addCalendars(p *Plan) {
	p.Calendars = make(map[string]*calendar.Calendar, len(d.calendars))
	for name, o := range d.calendars {
		p.Calendars[name], _ = newCalendar(o)
	}
}
