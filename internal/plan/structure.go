package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// flatLimit is the number of agents from which on a team is better split in two, each with its lead.
const flatLimit = 10

// warnStructure says where a team is not what its structure says it is meant to be.
func (c *compilation) warnStructure(cand *candidate, o *v1alpha1.SupportTeam, p *Plan) {
	var tiers []*Tier
	for _, tier := range p.Tiers {
		if tier.Team == o.Name {
			tiers = append(tiers, tier)
		}
	}
	slices.SortFunc(tiers, func(a, b *Tier) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Name, b.Name))
	})
	mismatch := func(format string, args ...any) {
		c.warning(cand, "spec.structure", v1alpha1.ReasonStructureMismatch, format, args...)
	}
	switch o.Spec.Structure {
	case v1alpha1.StructureFlat:
		if len(tiers) > 1 {
			mismatch("the team is Flat, where everybody takes everything, and has %d tiers: %s; leave one, or call it Tiered", len(tiers), names(tiers))
		}
		if n := len(everybody(tiers)); n >= flatLimit {
			mismatch("the team is Flat and has %d agents: from %d on let two teams, each with its lead, share the work", n, flatLimit)
		}
	case v1alpha1.StructureTiered:
		if len(tiers) < 2 {
			mismatch("the team is Tiered and has %d tiers: add a line that specialists take, or call it Flat", len(tiers))
		}
		for i, tier := range tiers[:max(len(tiers)-1, 0)] {
			if above := tiers[i+1]; above.Level == tier.Level {
				mismatch("Tier/%s and Tier/%s have the same level, %d: give each line its own", tier.Name, above.Name, tier.Level)
			} else if above.DefaultQueue == "" {
				mismatch("Tier/%s cannot escalate: Tier/%s above it has no spec.defaultQueueRef", tier.Name, above.Name)
			}
		}
		if lost := c.unreachable(o.Name, p); len(lost) > 0 {
			mismatch("no rule, default or overflow leads to Queue/%s: send tickets there, or delete it", strings.Join(lost, ", Queue/"))
		}
	}
}

// unreachable queues of a team are those that nothing declared sends tickets to; people still can.
func (c *compilation) unreachable(team string, p *Plan) []string {
	reached := map[string]bool{}
	for _, t := range p.Teams {
		reached[t.DefaultQueue] = true
	}
	for _, t := range p.Tiers {
		reached[t.DefaultQueue] = true
	}
	for _, cand := range c.sorted {
		switch o := cand.content().(type) {
		case *v1alpha1.RoutingPolicy:
			for _, rule := range o.Spec.Rules {
				if rule.QueueRef != nil {
					reached[string(rule.QueueRef.Name)] = true
				}
			}
		case *v1alpha1.Queue:
			if o.Spec.Overflow != nil {
				reached[string(o.Spec.Overflow.QueueRef.Name)] = true
			}
		case *v1alpha1.EscalationPolicy:
			for _, step := range o.Spec.Steps {
				for _, action := range step.Actions {
					if action.QueueRef != nil {
						reached[string(action.QueueRef.Name)] = true
					}
				}
			}
		}
	}
	var lost []string
	for _, name := range slices.Sorted(maps.Keys(p.Queues)) {
		if p.Queues[name].Team == team && !reached[name] {
			lost = append(lost, name)
		}
	}
	return lost
}

func everybody(tiers []*Tier) []string {
	var all []string
	for _, tier := range tiers {
		all = append(all, tier.Agents...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func names(tiers []*Tier) string {
	var all []string
	for _, tier := range tiers {
		all = append(all, tier.Name)
	}
	return strings.Join(all, ", ")
}
