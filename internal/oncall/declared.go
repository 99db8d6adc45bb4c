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
	l := Layer{Name: declared.Name, Unit: units[declared.Turn.Unit],
		CountOnDuty: declared.Counting == v1alpha1.CountingOnDuty, Additional: declared.Precedence == v1alpha1.PrecedenceAdditional}
	var err error
	if l.Zone, err = calendar.Zone(declared.TimeZone); err != nil {
		return Layer{}, fieldError("timeZone", "%v", err)
	}
	start, err := calendar.Day(declared.StartDate)
	if err != nil {
		return Layer{}, fieldError("startDate", "%v", err)
	}
	if declared.HandOff.Day != "" {
		if l.Weekday, err = calendar.Weekday(declared.HandOff.Day); err != nil {
			return Layer{}, fieldError("handOff.day", "%v", err)
		}
	}
	l.Year, l.Month, l.Day = start.Date()
	if l.HandOff, err = calendar.Minute(declared.HandOff.Time); err != nil {
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
	day, err := calendar.Day(date)
	if err != nil {
		return time.Time{}, err
	}
	return walltime.First(zone, day.Year(), day.Month(), day.Day(), 0), nil
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
			hours, err := calendar.NewHours(w)
			if err != nil {
				return Duty{}, fieldError(fmt.Sprintf("duty.windows[%d]", i), "%v", err)
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
