package plan

import (
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// Span of time, [Start, End); a zero End: for good.
type Span struct{ Start, End time.Time }

// Assigned says whether an agent who can serve the queue does so at t, and not only by an assignment of another time. If
// not, from is when they next do; zero: never again.
func (q *Queue) Assigned(agent string, t time.Time) (assigned bool, from time.Time) {
	loans, lent := q.Loans[agent]
	if !lent {
		return true, time.Time{}
	}
	for _, loan := range loans {
		switch {
		case t.Before(loan.Start):
			if from.IsZero() || loan.Start.Before(from) {
				from = loan.Start
			}
		case loan.End.IsZero() || t.Before(loan.End):
			return true, time.Time{}
		}
	}
	return false, from
}

// lend notes the assignments with dates of agents whom the queue does not select and who have no other to it.
func (d *declarations) lend(p *Plan, selected map[string][]string) {
	for name, o := range d.agents {
		for _, assignment := range o.Spec.Assignments {
			q := p.Queues[string(assignment.QueueRef.Name)]
			if q == nil || slices.Contains(selected[q.Name], name) || slices.ContainsFunc(o.Spec.Assignments, func(other v1alpha1.Assignment) bool {
				return other.QueueRef == assignment.QueueRef && other.StartTime == nil && other.EndTime == nil
			}) {
				continue
			}
			var loan Span
			if assignment.StartTime != nil {
				loan.Start = assignment.StartTime.Time
			}
			if assignment.EndTime != nil {
				loan.End = assignment.EndTime.Time
			}
			if q.Loans == nil {
				q.Loans = map[string][]Span{}
			}
			q.Loans[name] = append(q.Loans[name], loan)
		}
	}
}

// RampUp is how the limits of somebody new grow.
type RampUp struct {
	StartPercent int
	// Weeks begin at these instants; with the last the limits hold in full.
	Weeks []time.Time
}

// newRampUp of a declaration that can be read; nil for none.
func newRampUp(o *v1alpha1.RampUp, zone *time.Location) *RampUp {
	if o == nil {
		return nil
	}
	r := &RampUp{StartPercent: int(o.StartPercent)}
	day, _ := time.Parse(time.DateOnly, string(o.From))
	for week := range int(o.Weeks) + 1 {
		year, month, day := day.AddDate(0, 0, 7*week).Date()
		r.Weeks = append(r.Weeks, walltime.First(zone, year, month, day, 0))
	}
	return r
}

// week of the instant, from zero.
func (r *RampUp) week(t time.Time) int {
	begun := sort.Search(len(r.Weeks), func(i int) bool { return r.Weeks[i].After(t) })
	return max(begun-1, 0)
}

// At is the agent with the limits that hold at t. Of nil it is nil.
func (a *Agent) At(t time.Time) *Agent {
	if a == nil || a.RampUp == nil {
		return a
	}
	full := len(a.RampUp.Weeks) - 1
	week := a.RampUp.week(t)
	if week >= full {
		return a
	}
	percent := a.RampUp.StartPercent + (100-a.RampUp.StartPercent)*week/full
	now := *a
	now.Limits = maps.Clone(a.Limits)
	for channel, limit := range now.Limits {
		now.Limits[channel] = max(limit*percent/100, 1)
	}
	return &now
}

// LimitsChange is when the limits are next other than at t; zero: never.
func (a *Agent) LimitsChange(t time.Time) time.Time {
	if a.RampUp == nil {
		return time.Time{}
	}
	if next := a.RampUp.week(t) + 1; next < len(a.RampUp.Weeks) {
		return a.RampUp.Weeks[next]
	}
	return time.Time{}
}

// zoneOf a calendar of the plan, UTC for none.
func (d *declarations) zoneOf(name string) *time.Location {
	if o := d.calendars[name]; o != nil {
		if zone, err := calendar.Zone(o.Spec.TimeZone); err == nil {
			return zone
		}
	}
	return time.UTC
}
