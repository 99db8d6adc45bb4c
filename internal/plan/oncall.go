package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/oncall"
)

// OnCallRotation of a team.
type OnCallRotation struct {
	Name string
	Team string
	// Zone is that of its first layer.
	Zone *time.Location
	// Calendar that its coverage, or else a layer's duty, goes by; nil: none. Its holidays count as such.
	Calendar *calendar.Calendar
	*oncall.Rotation
}

// OnCallEnvironment is what rotations of the plan are reckoned with beyond their own declarations.
func (p *Plan) OnCallEnvironment() oncall.Environment {
	return oncall.Environment{
		Calendars: func(name string) *calendar.Calendar { return p.Calendars[name] },
		Gone:      func(agent string) bool { return p.Agents[agent] == nil },
	}
}

// addRotations by their revisions, or as they are declared while there is none yet.
func (d *declarations) addRotations(p *Plan) {
	p.Rotations = make(map[string]*OnCallRotation, len(d.rotations))
	env := p.OnCallEnvironment()
	overrides := map[string][]oncall.Override{}
	for name, o := range d.overrides {
		rotation := string(o.Spec.RotationRef.Name)
		overrides[rotation] = append(overrides[rotation], newOverride(name, &o.Spec))
	}
	for name, o := range d.rotations {
		revisions := d.revisions[name]
		if len(revisions) == 0 {
			revisions = oncall.Revise(nil, o.Spec.Layers, o.Spec.Rollout, time.Time{}, env)
		}
		p.Rotations[name] = &OnCallRotation{
			Name: name, Team: string(o.Spec.TeamRef.Name), Zone: zoneOf(o), Calendar: calendarOf(o, p),
			Rotation: oncall.New(oncall.Declaration{
				Versions:  oncall.NewVersions(revisions, env.Calendars),
				Overrides: overrides[name],
				Coverage:  oncall.NewCoverage(o.Spec.Coverage, env.Calendars),
				Gone:      env.Gone,
			}),
		}
	}
}

func newOverride(name string, spec *v1alpha1.OnCallOverrideSpec) oncall.Override {
	o := oncall.Override{Name: name, Agent: string(spec.AgentRef.Name), Start: spec.StartTime.Time, End: spec.EndTime.Time}
	if spec.ReplacesAgentRef != nil {
		o.Replaces = string(spec.ReplacesAgentRef.Name)
	}
	return o
}

// unreadableLayers reports what cannot be read of a rotation's layers.
func unreadableLayers(o *v1alpha1.OnCallRotation) []Problem {
	var problems []Problem
	for i := range o.Spec.Layers {
		_, err := oncall.NewLayer(&o.Spec.Layers[i], func(string) *calendar.Calendar { return nil })
		var wrong *oncall.FieldError
		if errors.As(err, &wrong) {
			reason := v1alpha1.ReasonInvalid
			if wrong.Field == "timeZone" {
				reason = v1alpha1.ReasonUnknownTimeZone
			}
			problems = append(problems, Problem{Field: fmt.Sprintf("spec.layers[%d].%s", i, wrong.Field), Reason: reason, Message: wrong.Message})
		}
	}
	return problems
}

func (c *compilation) checkRotation(cand *candidate, o *v1alpha1.OnCallRotation) {
	c.refer(cand, ownerField[KindOnCallRotation], KindSupportTeam, o.Spec.TeamRef.Name)
	first := map[string]int{}
	for i, l := range o.Spec.Layers {
		field := fmt.Sprintf("spec.layers[%d]", i)
		if j, taken := first[l.Name]; taken {
			c.invalid(cand, field+".name", v1alpha1.ReasonInvalid, "spec.layers[%d] has the name %s already: give each layer its own", j, l.Name)
		}
		first[l.Name] = i
		for j, m := range l.Members {
			c.refer(cand, fmt.Sprintf("%s.members[%d].agentRef.name", field, j), KindAgent, m.AgentRef.Name)
		}
		if l.Duty != nil && l.Duty.CalendarRef != nil {
			c.refer(cand, field+".duty.calendarRef.name", KindBusinessCalendar, l.Duty.CalendarRef.Name)
		}
	}
	if coverage := o.Spec.Coverage; coverage != nil && coverage.CalendarRef != nil {
		c.refer(cand, "spec.coverage.calendarRef.name", KindBusinessCalendar, coverage.CalendarRef.Name)
	}
}

func (c *compilation) checkOverride(cand *candidate, o *v1alpha1.OnCallOverride) {
	c.refer(cand, ownerField[KindOnCallOverride], KindOnCallRotation, o.Spec.RotationRef.Name)
	c.refer(cand, "spec.agentRef.name", KindAgent, o.Spec.AgentRef.Name)
	if ref := o.Spec.ReplacesAgentRef; ref != nil {
		c.refer(cand, "spec.replacesAgentRef.name", KindAgent, ref.Name)
	}
	if !o.Spec.StartTime.Before(&o.Spec.EndTime) {
		c.invalid(cand, "spec.endTime", v1alpha1.ReasonInvalid, "endTime must come after startTime")
	}
}

// findOverlaps lets, of overrides of the same duty at the same time, the one stand that is in force, else the oldest, else
// the first by name.
func (c *compilation) findOverlaps(found map[Key]*Problem) {
	byRotation := map[string][]*candidate{}
	for _, cand := range c.sorted {
		if cand.key.Kind == KindOnCallOverride && cand.chosen != none {
			rotation := cand.current().owner.Name
			byRotation[rotation] = append(byRotation[rotation], cand)
		}
	}
	inForce := func(cand *candidate) int {
		if cand.chosen == accepted || cand.unchanged {
			return 0
		}
		return 1
	}
	for _, rivals := range byRotation {
		slices.SortFunc(rivals, func(a, b *candidate) int {
			return cmp.Or(cmp.Compare(inForce(a), inForce(b)), a.created.Compare(b.created), cmp.Compare(a.key.Name, b.key.Name))
		})
		var standing []*candidate
		for _, cand := range rivals {
			own := cand.override()
			i := slices.IndexFunc(standing, func(s *candidate) bool {
				other := s.override()
				return own.Start.Before(other.End) && other.Start.Before(own.End) && (own.Replaces == other.Replaces || own.Replaces == "" || other.Replaces == "")
			})
			if i < 0 {
				standing = append(standing, cand)
				continue
			}
			other := standing[i].override()
			found[cand.key] = &Problem{Field: "spec.startTime", Reason: v1alpha1.ReasonDuplicate, Message: fmt.Sprintf(
				"overlaps %s, by which %s already covers %s from %s to %s: change the times, or delete one of the two",
				standing[i].key, other.Agent, cmp.Or(other.Replaces, "whoever is on call"), clockText(other.Start, time.UTC), clockText(other.End, time.UTC))}
		}
	}
}

// override of the candidate's chosen version.
func (c *candidate) override() oncall.Override {
	return newOverride(c.key.Name, &c.content().(*v1alpha1.OnCallOverride).Spec)
}

// clockText of an instant: as people read it on the clocks of a zone.
func clockText(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("Mon 2006-01-02 15:04 MST")
}

// warnRotation tells what will come of a rotation: gaps in its coverage, and hand-offs that clocks skip or show twice.
func (c *compilation) warnRotation(cand *candidate, o *v1alpha1.OnCallRotation, r *OnCallRotation) {
	for _, change := range r.ClockChanges(c.objects.Now) {
		i := slices.IndexFunc(o.Spec.Layers, func(l v1alpha1.OnCallLayer) bool { return l.Name == change.Layer })
		if i < 0 {
			continue // it is on its way out
		}
		clock := fmt.Sprintf("%02d:%02d", change.Minute/60, change.Minute%60)
		what := "show " + clock + " twice: the hand-off happens at the first"
		if change.Skipped {
			what = "skip " + clock + ": the hand-off happens right after"
		}
		c.warning(cand, fmt.Sprintf("spec.layers[%d].handOff.time", i), v1alpha1.ReasonClockChange, "on %s clocks in %s %s, at %s",
			change.At.Format("Mon 2006-01-02"), o.Spec.Layers[i].TimeZone, what, clockText(change.At, change.At.Location()))
	}
	if gap, ok := r.FirstGap(c.objects.Now); ok {
		c.warning(cand, "spec.coverage", v1alpha1.ReasonCoverageGap, "%s although coverage asks for somebody: add members, a layer, or duty for that time",
			describeGap(gap, c.objects.Now, zoneOf(o)))
	}
}

func describeGap(gap calendar.Window, now time.Time, zone *time.Location) string {
	text := "nobody will be on call from " + clockText(gap.Start, zone)
	if !gap.Start.After(now) {
		text = "nobody is on call since " + clockText(gap.Start, zone)
	}
	if gap.End.IsZero() {
		return text + " on"
	}
	return text + " to " + clockText(gap.End, zone)
}

// zoneOf a rotation is that of its first layer.
func zoneOf(o *v1alpha1.OnCallRotation) *time.Location {
	if len(o.Spec.Layers) > 0 {
		if zone, err := calendar.Zone(o.Spec.Layers[0].TimeZone); err == nil {
			return zone
		}
	}
	return time.UTC
}

// calendarOf a rotation is that of its coverage, or else of the first layer whose duty goes by one.
func calendarOf(o *v1alpha1.OnCallRotation, p *Plan) *calendar.Calendar {
	if coverage := o.Spec.Coverage; coverage != nil && coverage.CalendarRef != nil {
		return p.Calendars[string(coverage.CalendarRef.Name)]
	}
	for _, l := range o.Spec.Layers {
		if l.Duty != nil && l.Duty.CalendarRef != nil {
			return p.Calendars[string(l.Duty.CalendarRef.Name)]
		}
	}
	return nil
}

// warnOverride tells of an override that changes nothing, unless it is over.
func (c *compilation) warnOverride(cand *candidate, o *v1alpha1.OnCallOverride, r *OnCallRotation) {
	start, end := o.Spec.StartTime.Time, o.Spec.EndTime.Time
	if !end.After(c.objects.Now) {
		return
	}
	for _, s := range r.Shifts(start, end) {
		if s.Override == o.Name {
			return
		}
	}
	who := "nobody"
	if o.Spec.ReplacesAgentRef != nil {
		who = fmt.Sprintf("Agent/%s never", o.Spec.ReplacesAgentRef.Name)
	}
	c.warning(cand, "spec.startTime", v1alpha1.ReasonNoDuty, "%s is on call in OnCallRotation/%s from %s to %s, so the override changes nothing: correct its times or the agent it replaces",
		who, o.Spec.RotationRef.Name, clockText(start, time.UTC), clockText(end, time.UTC))
}

// warnShifts tells of an agent who works by a rotation that never has them.
func (c *compilation) warnShifts(cand *candidate, a *Agent) {
	s, is := a.Schedule.(shifts)
	if !is {
		return
	}
	if _, ever := s.Next(c.objects.Now); !ever {
		c.warning(cand, "spec.schedule.rotationRef.name", v1alpha1.ReasonNoDuty,
			"Agent/%s is never on call in OnCallRotation/%s, so is offered nothing: make them a member, or give another schedule", a.Name, s.rotation.Name)
	}
}
