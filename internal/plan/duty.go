package plan

import (
	"cmp"
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

// DutyChangeType says what a change does to an agent's duty.
type DutyChangeType string

const (
	// Absent agents are off duty, whatever else.
	Absent DutyChangeType = "Absence"
	// ExtraShift has the agent on duty, whatever the schedule.
	ExtraShift DutyChangeType = "Shift"
)

// DutyChange is a time, [Start, End), at which an agent's duty is other than the schedule has it.
type DutyChange struct {
	// ID of a change that the desk was told of, unique for the agent; zero for what the agent declares.
	ID     int64          `json:"id,omitempty"`
	Type   DutyChangeType `json:"type"`
	Reason string         `json:"reason,omitempty"`
	Start  time.Time      `json:"startTime"`
	End    time.Time      `json:"endTime"`
}

func (c *DutyChange) covers(t time.Time) bool { return !t.Before(c.Start) && t.Before(c.End) }

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

// OnDuty says whether the agent is on duty at t: the schedule or an extra shift has them, and no absence does. The changes
// told to the desk count beside the absences that the agent declares.
func (a *Agent) OnDuty(t time.Time, told []DutyChange) bool {
	if a.changeAt(t, Absent, told) != nil {
		return false
	}
	return a.Schedule == nil || a.Schedule.Open(t) || a.changeAt(t, ExtraShift, told) != nil
}

// Duty of the agent at t, and until when; see OnDuty.
func (a *Agent) Duty(t time.Time, told []DutyChange) Duty {
	d := Duty{On: a.OnDuty(t, told)}
	if !d.On {
		d.Reason = OffSchedule
		if absence := a.changeAt(t, Absent, told); absence != nil {
			d.Reason = absence.Reason
		}
	}
	for d.Until = a.DutyBoundary(t, told); !d.Until.IsZero() && a.OnDuty(d.Until, told) == d.On; {
		d.Until = a.DutyBoundary(d.Until, told)
	}
	return d
}

// changeAt is a change of the type at t, nil for none.
func (a *Agent) changeAt(t time.Time, of DutyChangeType, told []DutyChange) *DutyChange {
	for _, changes := range [][]DutyChange{told, a.Absences} {
		for i := range changes {
			if changes[i].Type == of && changes[i].covers(t) {
				return &changes[i]
			}
		}
	}
	return nil
}

// DutyBoundary is the first instant after t at which duty may change; zero: none in sight.
func (a *Agent) DutyBoundary(t time.Time, told []DutyChange) (first time.Time) {
	if absence := a.changeAt(t, Absent, told); absence != nil {
		return absence.End
	}
	earliest := func(at time.Time) {
		if at.After(t) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for _, changes := range [][]DutyChange{told, a.Absences} {
		for _, change := range changes {
			earliest(change.Start)
			earliest(change.End)
		}
	}
	if a.Schedule != nil {
		if w, ok := a.Schedule.Next(t); ok {
			earliest(w.Start)
			earliest(w.End)
		}
	}
	return first
}

// shifts are the schedule of an agent who works by a rotation.
type shifts struct {
	rotation *OnCallRotation
	agent    string
}

func (s shifts) Open(t time.Time) bool { return s.rotation.Serves(s.agent, t) }

func (s shifts) Next(t time.Time) (calendar.Window, bool) { return s.rotation.NextDuty(s.agent, t) }

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
		zone := d.zoneOf(a.ScheduleName)
		if schedule != nil && schedule.RotationRef != nil {
			if r := p.Rotations[string(schedule.RotationRef.Name)]; r != nil {
				a.Schedule, a.ScheduleName, zone = shifts{r, name}, r.Name, r.Zone
			}
		}
		a.RampUp = newRampUp(o.Spec.RampUp, zone)
		if a.Zone = zone; a.Schedule == nil {
			a.Zone = quietZone(a.Contacts)
		}
		for _, absence := range o.Spec.Absences {
			a.Absences = append(a.Absences, DutyChange{
				Type: Absent, Reason: string(absence.Reason), Start: absence.StartTime.Time, End: absence.EndTime.Time,
			})
		}
	}
}

// HandOver is what becomes of the agent's open tickets while their duty is that, and who gets them if it is a colleague.
func (p *Plan) HandOver(a *Agent, duty Duty) (action v1alpha1.HandOverAction, colleague string) {
	h := p.handOverOf(a)
	if duty.On || h == nil {
		return v1alpha1.HandOverKeep, ""
	}
	action = h.Absence
	if duty.Reason == OffSchedule {
		action = h.ShiftEnd
	}
	if h.AgentRef != nil {
		colleague = string(h.AgentRef.Name)
	}
	return cmp.Or(action, v1alpha1.HandOverKeep), colleague
}

// HandsOver says whether any of the agent's time off duty makes them hand tickets over.
func (p *Plan) HandsOver(a *Agent) bool {
	h := p.handOverOf(a)
	return h != nil && (cmp.Or(h.ShiftEnd, v1alpha1.HandOverKeep) != v1alpha1.HandOverKeep || cmp.Or(h.Absence, v1alpha1.HandOverKeep) != v1alpha1.HandOverKeep)
}

func (p *Plan) handOverOf(a *Agent) *v1alpha1.HandOver {
	for team := range p.Lineage(a.Team) {
		if team.handOver != nil {
			return team.handOver
		}
	}
	return nil
}

func (c *compilation) checkSchedule(cand *candidate, field string, s *v1alpha1.Schedule) {
	switch {
	case s == nil:
	case s.RotationRef != nil:
		c.refer(cand, field+".rotationRef.name", KindOnCallRotation, s.RotationRef.Name)
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
