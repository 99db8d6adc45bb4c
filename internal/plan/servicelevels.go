package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/sla"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// defaultWarnAtPercent of a target, as the schema's default has it.
const defaultWarnAtPercent = 75

func (d *declarations) addServiceLevels(p *Plan) {
	p.ServiceLevels = make(map[string]*sla.Level, len(d.levels))
	p.levelContents = make(map[string]string, len(d.levels))
	for name, o := range d.levels {
		level := &sla.Level{
			Name: name, WarnAtPercent: int(cmp.Or(o.Spec.WarnAtPercent, defaultWarnAtPercent)),
			Targets: make(map[ticket.Priority]sla.Targets, len(o.Spec.Targets)),
		}
		var hours any
		if ref := o.Spec.CalendarRef; ref != nil {
			declared := d.calendars[string(ref.Name)]
			if declared == nil {
				continue
			}
			level.Calendar, hours = p.Calendars[declared.Name], declared.Spec
		}
		for _, t := range o.Spec.Targets {
			targets := sla.Targets{}
			for _, target := range targetsOf(&t) {
				if span, _ := duration(target.declared, 0); span > 0 {
					targets[target.metric] = span
				}
			}
			level.Targets[ticket.Priority(t.Priority)] = targets
		}
		p.ServiceLevels[name] = level
		p.levelContents[name] = hashJSON([]any{o.Spec, hours})
	}
}

// target of one metric, as declared.
type target struct {
	metric   ticket.Metric
	field    string
	declared v1alpha1.Duration
}

func targetsOf(t *v1alpha1.ServiceTargets) []target {
	return []target{
		{ticket.FirstResponse, "firstResponse", t.FirstResponse},
		{ticket.NextResponse, "nextResponse", t.NextResponse},
		{ticket.Resolution, "resolution", t.Resolution},
	}
}

// ChangedServiceLevels names those that are not as they were in another plan, or only in one of both.
func (p *Plan) ChangedServiceLevels(before *Plan) []string {
	names := maps.Clone(before.levelContents)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, p.levelContents)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool {
		return p.levelContents[name] == before.levelContents[name]
	})
}

// warnServiceLevel tells of targets that are probably not meant, and of a level whose calendar is gone.
func (c *compilation) warnServiceLevel(cand *candidate, o *v1alpha1.ServiceLevel, p *Plan) {
	if p.ServiceLevels[o.Name] == nil {
		c.warning(cand, "spec.calendarRef.name", v1alpha1.ReasonRefNotFound, "nothing is due under it, since its calendar is not in the plan: create the calendar, or name another")
	}
	if cand.chosen != declared {
		return
	}
	for i, t := range o.Spec.Targets {
		own := targetsOf(&t)
		first, _ := duration(t.FirstResponse, 0)
		if resolution, _ := duration(t.Resolution, 0); resolution > 0 && first > resolution {
			c.warning(cand, fmt.Sprintf("spec.targets[%d].firstResponse", i), v1alpha1.ReasonInvalid,
				"%s is longer than the resolution within %s: a ticket is resolved before it is answered", t.FirstResponse, t.Resolution)
		}
		for _, less := range o.Spec.Targets {
			if ticket.Priority(t.Priority).Rank() >= ticket.Priority(less.Priority).Rank() {
				continue
			}
			for j, other := range targetsOf(&less) {
				mine, _ := duration(own[j].declared, 0)
				if theirs, _ := duration(other.declared, 0); theirs > 0 && mine > theirs {
					c.warning(cand, fmt.Sprintf("spec.targets[%d].%s", i, other.field), v1alpha1.ReasonInvalid,
						"%s of %s is longer than %s of %s, which presses less: swap them, or correct one", own[j].declared, t.Priority, other.declared, less.Priority)
				}
			}
		}
	}
}
