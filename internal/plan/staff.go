package plan

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// staff finds who serves each tier and queue: a tier has the agents it selects and those assigned to its queues; a queue
// those of its tier whom its own selector selects too and those assigned to it, as far as they have the skills of a stage.
func (d *declarations) staff(p *Plan) {
	selected := make(map[string][]string, len(d.queues))
	for _, sel := range d.selections(d.index()) {
		if sel.queue == "" {
			p.Tiers[sel.tier].Agents = sel.agents
		} else {
			selected[sel.queue] = sel.agents
		}
	}
	d.lend(p, selected)
	for name, o := range d.agents {
		for _, assignment := range o.Spec.Assignments {
			if q, ok := p.Queues[string(assignment.QueueRef.Name)]; ok {
				selected[q.Name] = append(selected[q.Name], name)
				p.Tiers[q.Tier].Agents = append(p.Tiers[q.Tier].Agents, name)
			}
		}
	}
	for _, tier := range p.Tiers {
		slices.Sort(tier.Agents)
		tier.Agents = slices.Compact(tier.Agents)
	}
	for _, q := range p.Queues {
		q.candidates = selected[q.Name]
		slices.Sort(q.candidates)
		q.candidates = slices.Compact(q.candidates)
		for i := range q.Stages {
			stage := &q.Stages[i]
			for _, name := range q.candidates {
				if len(lacks(stage, p.Agents[name])) == 0 {
					stage.Agents = append(stage.Agents, name)
				}
			}
			q.Agents = append(q.Agents, stage.Agents...)
		}
		slices.Sort(q.Agents)
		q.Agents = slices.Compact(q.Agents)
	}
}

// lacks lists the required skills of a stage that an agent does not have at the level asked. Who lacks none is able.
func lacks(s *Stage, a *Agent) []v1alpha1.SkillRequirement {
	var lacking []v1alpha1.SkillRequirement
	for _, skill := range s.Requirements.Skills {
		if a.Skills[string(skill.Name)] < int(skill.MinLevel) {
			lacking = append(lacking, skill)
		}
	}
	return lacking
}

// selection is whom a tier's selector selects, or a queue's among them.
type selection struct {
	tier, queue string
	agents      []string
}

func (d *declarations) selections(ix labelIndex) []selection {
	var all []selection
	ofTier := make(map[string][]string, len(d.tiers))
	for name, o := range d.tiers {
		s, err := selector(o.Spec.AgentSelector)
		if err != nil {
			continue // addTiers refused it
		}
		ofTier[name] = ix.selected(s, ix.names)
		all = append(all, selection{tier: name, agents: ofTier[name]})
	}
	for name, o := range d.queues {
		s, err := selector(o.Spec.AgentSelector)
		if err != nil {
			continue
		}
		tier := string(o.Spec.TierRef.Name)
		all = append(all, selection{tier: tier, queue: name, agents: ix.selected(s, ofTier[tier])})
	}
	return all
}

// labelIndex finds agents by label, so that a selector is tried only on those who carry a value it asks for.
type labelIndex struct {
	names  []string
	labels map[string]labels.Set
	byPair map[[2]string][]string
}

func (d *declarations) index() labelIndex {
	ix := labelIndex{names: slices.Sorted(maps.Keys(d.agents)), labels: make(map[string]labels.Set, len(d.agents)), byPair: map[[2]string][]string{}}
	for _, name := range ix.names {
		ix.labels[name] = d.agents[name].Labels
		for k, v := range ix.labels[name] {
			ix.byPair[[2]string{k, v}] = append(ix.byPair[[2]string{k, v}], name)
		}
	}
	return ix
}

// selected are those among the names, sorted, whom the selector selects.
func (ix labelIndex) selected(s labels.Selector, among []string) []string {
	if s.Empty() {
		return slices.Clone(among)
	}
	fewest := among
	requirements, _ := s.Requirements()
	for _, r := range requirements {
		if value, exact := s.RequiresExactMatch(r.Key()); exact {
			if carriers := ix.byPair[[2]string{r.Key(), value}]; len(carriers) < len(fewest) {
				fewest = carriers
			}
		}
	}
	var out []string
	for _, name := range fewest {
		if _, in := slices.BinarySearch(among, name); in && s.Matches(ix.labels[name]) {
			out = append(out, name)
		}
	}
	return out
}
