package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

func (c *compilation) warning(cand *candidate, field, reason, format string, args ...any) {
	c.report(cand, Problem{Field: field, Reason: reason, Message: fmt.Sprintf(format, args...), Warning: true})
}

// warnOfLeftOut tells of references to what is declared, but not in the plan.
func (c *compilation) warnOfLeftOut() {
	for _, m := range c.mentions {
		if m.by.chosen == declared && !c.inPlan(m.of) {
			why, remedy := c.leftOut(m.of)
			c.warning(m.by, m.field, v1alpha1.ReasonNotAccepted, "%s, so the reference has no effect: %s", why, remedy)
		}
	}
}

// warn of what is understood and probably not meant.
func (c *compilation) warn(p *Plan) {
	for _, cand := range c.sorted {
		if cand.chosen == none {
			continue
		}
		switch o := cand.object.(type) {
		case *v1alpha1.SupportTeam:
			if cand.chosen == declared {
				c.warnStructure(cand, o, p)
			}
		case *v1alpha1.Tier:
			if len(p.Tiers[o.Name].Agents) == 0 {
				c.warning(cand, "spec.agentSelector", v1alpha1.ReasonNoAgents,
					"selects nobody: give agents the labels it asks for, correct it, or assign agents to its queues")
			}
		case *v1alpha1.Queue:
			c.warnUnstaffed(cand, p.Queues[o.Name], p)
			if cand.chosen == declared {
				c.warnWaiting(cand, o, p)
			}
		case *v1alpha1.Agent:
			if !c.objects.Now.IsZero() {
				c.warnShifts(cand, p.Agents[o.Name])
			}
			if cand.chosen == declared {
				c.warnContacts(cand, o, p)
				c.warnApproval(cand, p.Agents[o.Name], p)
			}
		case *v1alpha1.RoutingPolicy:
			if cand.chosen == declared {
				c.warnRules(cand, o, p)
			}
		case *v1alpha1.EscalationPolicy:
			if cand.chosen == declared {
				c.warnEscalation(cand, o, p)
			}
		case *v1alpha1.ServiceLevel:
			c.warnServiceLevel(cand, o, p)
		case *v1alpha1.OnCallRotation:
			if !c.objects.Now.IsZero() {
				c.warnRotation(cand, o, p.Rotations[o.Name])
			}
		case *v1alpha1.OnCallOverride:
			if !c.objects.Now.IsZero() && cand.chosen == declared {
				c.warnOverride(cand, o, p.Rotations[string(o.Spec.RotationRef.Name)])
			}
		}
	}
}

// warnUnstaffed says why nobody can serve a queue.
func (c *compilation) warnUnstaffed(cand *candidate, q *Queue, p *Plan) {
	switch {
	case len(q.Stages[0].Agents) > 0:
	case len(q.Agents) > 0:
		first := slices.IndexFunc(q.Stages, func(s Stage) bool { return len(s.Agents) > 0 })
		c.warning(cand, "spec.requirements.skills", v1alpha1.ReasonNobodyQualified,
			"none of its %d agents meets the requirements at first, so its tickets wait %s until relaxation lowers them: %s",
			len(q.candidates), FormatDuration(q.Patience.Relax[first-1]), closest(q, &q.Stages[0], p))
	case len(p.Tiers[q.Tier].Agents) == 0:
		c.warning(cand, "spec.tierRef.name", v1alpha1.ReasonNoAgents, "nobody can serve it, as Tier/%s selects nobody: its tickets wait until somebody can", q.Tier)
	case len(q.candidates) == 0:
		c.warning(cand, "spec.agentSelector", v1alpha1.ReasonNoAgents,
			"selects nobody of the %d agents of Tier/%s: give some of them the labels it asks for, correct it, or assign agents to the queue",
			len(p.Tiers[q.Tier].Agents), q.Tier)
	default:
		c.warning(cand, "spec.requirements.skills", v1alpha1.ReasonNobodyQualified, "none of its %d agents meets the requirements: %s",
			len(q.candidates), closest(q, &q.Stages[len(q.Stages)-1], p))
	}
}

// closest names the agent who lacks the least of a stage's requirements, and what.
func closest(q *Queue, stage *Stage, p *Plan) string {
	shortfall := func(name string) int {
		levels := 0
		for _, skill := range lacks(stage, p.Agents[name]) {
			levels += int(skill.MinLevel) - p.Agents[name].Skills[string(skill.Name)]
		}
		return levels
	}
	// candidates are sorted, so that the first by name is taken of equals.
	best := slices.MinFunc(q.candidates, func(a, b string) int { return shortfall(a) - shortfall(b) })
	var lacking []string
	for _, skill := range lacks(stage, p.Agents[best]) {
		has := "does not have it"
		if level := p.Agents[best].Skills[string(skill.Name)]; level > 0 {
			has = fmt.Sprintf("has %d", level)
		}
		lacking = append(lacking, fmt.Sprintf("%s at level %d (%s)", skill.Name, skill.MinLevel, has))
	}
	return fmt.Sprintf("Agent/%s is closest and lacks %s; lower minLevel, or select somebody who has it", best, strings.Join(lacking, ", "))
}

// warnRules tells of rules that never decide, and of tickets sent to a queue that does not serve their channel.
func (c *compilation) warnRules(cand *candidate, o *v1alpha1.RoutingPolicy, p *Plan) {
	for i, rule := range o.Spec.Rules {
		if i > 0 && always(o.Spec.Rules[i-1]) {
			c.warning(cand, fmt.Sprintf("spec.rules[%d]", i), v1alpha1.ReasonInvalid,
				"rule %s and those below never decide, since rule %s above has no condition: move it up, or give that one a condition", rule.Name, o.Spec.Rules[i-1].Name)
		}
		if rule.QueueRef == nil || rule.Match == nil || p.Queues[string(rule.QueueRef.Name)] == nil {
			continue
		}
		serves := p.Queues[string(rule.QueueRef.Name)].Channels
		var unserved []string
		for _, channel := range rule.Match.Channels {
			if len(serves) > 0 && !serves[string(channel)] {
				unserved = append(unserved, string(channel))
			}
		}
		if len(unserved) > 0 {
			c.warning(cand, fmt.Sprintf("spec.rules[%d].queueRef.name", i), v1alpha1.ReasonInvalid,
				"rule %s sends tickets of %s to Queue/%s, which does not list that channel: add it to the queue's channels, or name another queue",
				rule.Name, strings.Join(unserved, ", "), rule.QueueRef.Name)
		}
	}
}

func always(r v1alpha1.RoutingRule) bool { return r.Match == nil && r.When == "" }
