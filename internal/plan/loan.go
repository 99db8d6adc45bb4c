package plan

import (
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// span of time, [start, end); a zero end: for good.
type span struct{ start, end time.Time }

// Assigned says whether an agent who can serve the queue does so at t, and not only by an assignment of another time. If
// not, from is when they next do; zero: never again.
func (q *Queue) Assigned(agent string, t time.Time) (assigned bool, from time.Time) {
	loans, lent := q.loans[agent]
	if !lent {
		return true, time.Time{}
	}
	for _, loan := range loans {
		switch {
		case t.Before(loan.start):
			if from.IsZero() || loan.start.Before(from) {
				from = loan.start
			}
		case loan.end.IsZero() || t.Before(loan.end):
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
			var loan span
			if assignment.StartTime != nil {
				loan.start = assignment.StartTime.Time
			}
			if assignment.EndTime != nil {
				loan.end = assignment.EndTime.Time
			}
			if q.loans == nil {
				q.loans = map[string][]span{}
			}
			q.loans[name] = append(q.loans[name], loan)
		}
	}
}

// rampUp is how the limits of somebody new grow.
type rampUp struct {
	startPercent int
	// weeks begin at these instants; with the last the limits hold in full.
	weeks []time.Time
}

// newRampUp of a declaration that can be read; nil for none.
func newRampUp(o *v1alpha1.RampUp, zone *time.Location) *rampUp {
	if o == nil {
		return nil
	}
	r := &rampUp{startPercent: int(o.StartPercent)}
	day, _ := time.Parse(time.DateOnly, string(o.From))
	for week := range int(o.Weeks) + 1 {
		year, month, day := day.AddDate(0, 0, 7*week).Date()
		r.weeks = append(r.weeks, walltime.First(zone, year, month, day, 0))
	}
	return r
}

// week of the instant, from zero.
func (r *rampUp) week(t time.Time) int {
	begun := sort.Search(len(r.weeks), func(i int) bool { return r.weeks[i].After(t) })
	return max(begun-1, 0)
}

// At is the agent with the limits that hold at t. Of nil it is nil.
func (a *Agent) At(t time.Time) *Agent {
	if a == nil || a.rampUp == nil {
		return a
	}
	full := len(a.rampUp.weeks) - 1
	week := a.rampUp.week(t)
	if week >= full {
		return a
	}
	percent := a.rampUp.startPercent + (100-a.rampUp.startPercent)*week/full
	now := *a
	now.Limits = maps.Clone(a.Limits)
	for channel, limit := range now.Limits {
		now.Limits[channel] = max(limit*percent/100, 1)
	}
	return &now
}

// LimitsChange is when the limits are next other than at t; zero: never.
func (a *Agent) LimitsChange(t time.Time) time.Time {
	if a.rampUp == nil {
		return time.Time{}
	}
	if next := a.rampUp.week(t) + 1; next < len(a.rampUp.weeks) {
		return a.rampUp.weeks[next]
	}
	return time.Time{}
}

// zoneOf a calendar of the plan, UTC for none.
func (d *declarations) zoneOf(calendar string) *time.Location {
	if o := d.calendars[calendar]; o != nil {
		if zone, err := Zone(o.Spec.TimeZone); err == nil {
			return zone
		}
	}
	return time.UTC
}
