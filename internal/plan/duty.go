package plan

import (
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
)

// Schedule says when somebody is on duty.
type Schedule interface {
	// Open says whether they are at t.
	Open(t time.Time) bool
	// Next is the time on duty that contains t, or else the next after it; false: none in sight. A zero End is out of sight.
	Next(t time.Time) (calendar.Window, bool)
}

// Absence is a time off duty, [Start, End).
type Absence struct {
	Reason string    `json:"reason"`
	Start  time.Time `json:"startTime"`
	End    time.Time `json:"endTime"`
}

func (a *Absence) covers(t time.Time) bool { return !t.Before(a.Start) && t.Before(a.End) }

// OffSchedule is the reason of who is off duty by the schedule, not for an absence.
const OffSchedule = "OffSchedule"

// Duty of an agent at an instant.
type Duty struct {
	On bool `json:"on"`
	// Reason of who is off duty: that of an absence, or OffSchedule.
	Reason string `json:"reason,omitempty"`
	// Until is when On changes; zero: not in sight.
	Until time.Time `json:"until,omitzero"`
}

// String reads like "Leave until 2026-01-02T08:00:00Z".
func (d Duty) String() string {
	what := d.Reason
	if d.On {
		what = "on duty"
	}
	if d.Until.IsZero() {
		return what
	}
	return fmt.Sprintf("%s until %s", what, d.Until.UTC().Format(time.RFC3339))
}

// OnDuty says whether the agent is on duty at t: the schedule has them, and no absence does. The absences beyond the
// declared ones are those that the desk was told.
func (a *Agent) OnDuty(t time.Time, told []Absence) bool {
	return a.absentFor(t, told) == nil && (a.Schedule == nil || a.Schedule.Open(t))
}

// Duty of the agent at t, and until when; see OnDuty.
func (a *Agent) Duty(t time.Time, told []Absence) Duty {
	if a.OnDuty(t, told) {
		return Duty{On: true, Until: a.offFrom(t, told)}
	}
	d := Duty{Reason: OffSchedule, Until: a.onFrom(t, told)}
	if absence := a.absentFor(t, told); absence != nil {
		d.Reason = absence.Reason
	}
	return d
}

// absentFor is an absence at t, nil for none.
func (a *Agent) absentFor(t time.Time, told []Absence) *Absence {
	for _, absences := range [][]Absence{told, a.Absences} {
		for i := range absences {
			if absences[i].covers(t) {
				return &absences[i]
			}
		}
	}
	return nil
}

// offFrom is when duty that goes on at t ends; zero: not in sight.
func (a *Agent) offFrom(t time.Time, told []Absence) (end time.Time) {
	if a.Schedule != nil {
		if w, ok := a.Schedule.Next(t); ok {
			end = w.End
		}
	}
	for _, absences := range [][]Absence{told, a.Absences} {
		for _, absence := range absences {
			if absence.Start.After(t) && absence.Start.Before(absence.End) && (end.IsZero() || absence.Start.Before(end)) {
				end = absence.Start
			}
		}
	}
	return end
}

// onFrom is when duty begins after t; zero: not in sight.
func (a *Agent) onFrom(t time.Time, told []Absence) time.Time {
	for {
		if absence := a.absentFor(t, told); absence != nil {
			t = absence.End
			continue
		}
		if a.Schedule == nil || a.Schedule.Open(t) {
			return t
		}
		w, ok := a.Schedule.Next(t)
		if !ok {
			return time.Time{}
		}
		t = w.Start
	}
}

// addDuties gives the agents their schedules and absences. A calendar that is not in the plan bounds nobody.
func (d *declarations) addDuties(p *Plan) {
	for name, a := range p.Agents {
		o := d.agents[name]
		schedule := o.Spec.Schedule
		if schedule == nil {
			schedule = d.teams[a.Team].Spec.Defaults.Schedule
		}
		if schedule != nil && schedule.CalendarRef != nil {
			if c := p.Calendars[string(schedule.CalendarRef.Name)]; c != nil {
				a.Schedule, a.ScheduleName = c, string(schedule.CalendarRef.Name)
			}
		}
		a.rampUp = newRampUp(o.Spec.RampUp, d.zoneOf(a.ScheduleName))
		for _, absence := range o.Spec.Absences {
			a.Absences = append(a.Absences, Absence{string(absence.Reason), absence.StartTime.Time, absence.EndTime.Time})
		}
	}
}

func (c *compilation) checkSchedule(cand *candidate, field string, s *v1alpha1.Schedule) {
	switch {
	case s == nil:
	case s.CalendarRef == nil:
		c.invalid(cand, field, v1alpha1.ReasonInvalid, "say by what the duty goes: give a calendarRef")
	default:
		c.refer(cand, field+".calendarRef.name", KindBusinessCalendar, s.CalendarRef.Name)
	}
}

func (c *compilation) checkAbsences(cand *candidate, absences []v1alpha1.Absence) {
	for i, absence := range absences {
		if !absence.StartTime.Before(&absence.EndTime) {
			c.invalid(cand, fmt.Sprintf("spec.absences[%d].endTime", i), v1alpha1.ReasonInvalid, "endTime must come after startTime")
		}
	}
}
