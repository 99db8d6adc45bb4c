package oncall

import (
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// Calendars by name; nil: none of that name.
type Calendars func(name string) *calendar.Calendar

var weekdays = map[v1alpha1.Weekday]time.Weekday{
	v1alpha1.Sunday: time.Sunday, v1alpha1.Monday: time.Monday, v1alpha1.Tuesday: time.Tuesday, v1alpha1.Wednesday: time.Wednesday,
	v1alpha1.Thursday: time.Thursday, v1alpha1.Friday: time.Friday, v1alpha1.Saturday: time.Saturday,
}

var units = map[v1alpha1.TurnUnit]Unit{v1alpha1.TurnHour: Hour, v1alpha1.TurnDay: Day, v1alpha1.TurnWeek: Week, v1alpha1.TurnMonth: Month}

// FieldError is an error in a field of a declaration.
type FieldError struct {
	// Field below the declaration, such as handOff.time.
	Field   string
	Message string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func fieldError(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// NewLayer reads a declared layer. Its errors are FieldErrors. Duty by a calendar that does not exist is always: somebody
// who is called in vain is better than nobody who is called.
func NewLayer(declared *v1alpha1.OnCallLayer, calendars Calendars) (Layer, error) {
	l := Layer{Name: declared.Name, Unit: units[declared.Turn.Unit], Weekday: weekdays[declared.HandOff.Day],
		CountOnDuty: declared.Counting == v1alpha1.CountingOnDuty, Additional: declared.Precedence == v1alpha1.PrecedenceAdditional}
	var err error
	if l.Zone, err = time.LoadLocation(string(declared.TimeZone)); err != nil || declared.TimeZone == "" || declared.TimeZone == "Local" {
		return Layer{}, fieldError("timeZone", "there is no time zone %q: give one of the IANA database, such as Europe/Berlin", declared.TimeZone)
	}
	start, err := time.Parse(time.DateOnly, string(declared.StartDate))
	if err != nil {
		return Layer{}, fieldError("startDate", "%q is no date: write it like 2026-12-24", declared.StartDate)
	}
	l.Year, l.Month, l.Day = start.Date()
	if l.HandOff, err = minuteOfDay(declared.HandOff.Time); err != nil {
		return Layer{}, fieldError("handOff.time", "%v", err)
	}
	if l.DayOfMonth = int(declared.HandOff.DayOfMonth); l.DayOfMonth == 0 {
		l.DayOfMonth = l.Day
	}
	for _, length := range declared.Turn.Lengths {
		l.Lengths = append(l.Lengths, max(int(length), 1))
	}
	if len(l.Lengths) == 0 {
		l.Lengths = []int{max(int(declared.Turn.Every), 1)}
	}
	for i, m := range declared.Members {
		member := Member{Agent: string(m.AgentRef.Name)}
		if member.From, err = midnight(l.Zone, m.From); err != nil {
			return Layer{}, fieldError(fmt.Sprintf("members[%d].from", i), "%v", err)
		}
		if member.Until, err = midnight(l.Zone, m.Until); err != nil {
			return Layer{}, fieldError(fmt.Sprintf("members[%d].until", i), "%v", err)
		}
		l.Members = append(l.Members, member)
	}
	if declared.Duty != nil {
		l.Duty, err = newDuty(declared.Duty, l.Zone, calendars)
	}
	return l, err
}

// NewCoverage reads the declared coverage; nil for none. Coverage by a calendar that does not exist is always.
func NewCoverage(declared *v1alpha1.Coverage, calendars Calendars) *Duty {
	if declared == nil {
		return nil
	}
	if declared.CalendarRef != nil {
		if c := calendars(string(declared.CalendarRef.Name)); c != nil {
			return &Duty{Calendar: c, Outside: declared.Type == v1alpha1.CoverageOutside}
		}
	}
	return &Duty{}
}

// midnight with which a date begins; zero without a date.
func midnight(zone *time.Location, date v1alpha1.Date) (time.Time, error) {
	if date == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, string(date))
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date: write it like 2026-12-24", date)
	}
	return walltime.First(zone, day.Year(), day.Month(), day.Day(), 0), nil
}

func minuteOfDay(clock v1alpha1.TimeOfDay) (int, error) {
	t, err := time.Parse("15:04", string(clock))
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day: write it like 09:00", clock)
	}
	return t.Hour()*60 + t.Minute(), nil
}

func newDuty(declared *v1alpha1.Duty, zone *time.Location, calendars Calendars) (Duty, error) {
	switch declared.Type {
	case v1alpha1.DutyDuring, v1alpha1.DutyOutside:
		if declared.CalendarRef == nil {
			return Duty{}, fieldError("duty.calendarRef", "duty of type %s needs a calendar: name one", declared.Type)
		}
		if c := calendars(string(declared.CalendarRef.Name)); c != nil {
			return Duty{Calendar: c, Outside: declared.Type == v1alpha1.DutyOutside}, nil
		}
	case v1alpha1.DutyWindows:
		spec := calendar.Spec{Zone: zone}
		for i, w := range declared.Windows {
			var hours calendar.Hours
			var err error
			if hours.From, err = minuteOfDay(w.From); err != nil {
				return Duty{}, fieldError(fmt.Sprintf("duty.windows[%d].from", i), "%v", err)
			}
			if hours.To, err = minuteOfDay(w.To); err != nil {
				return Duty{}, fieldError(fmt.Sprintf("duty.windows[%d].to", i), "%v", err)
			}
			for _, day := range w.Days {
				hours.Days = append(hours.Days, weekdays[day])
			}
			spec.Hours = append(spec.Hours, hours)
		}
		c, err := calendar.New(spec)
		if err != nil {
			return Duty{}, fieldError("duty.windows", "%v", err)
		}
		return Duty{Calendar: c}, nil
	}
	return Duty{}, nil
}
