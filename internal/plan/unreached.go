package plan

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// warnEscalation tells of a policy that is there to notify people and cannot reach anybody. One that also does something to
// the ticket, or calls a webhook, is not in vain.
func (c *compilation) warnEscalation(cand *candidate, o *v1alpha1.EscalationPolicy, p *Plan) {
	var why []string
	for _, step := range o.Spec.Steps {
		for _, action := range step.Actions {
			nobody := c.unreached(action, o.Name, p)
			if nobody == "" {
				return
			}
			if !slices.Contains(why, nobody) {
				why = append(why, nobody)
			}
		}
	}
	c.warning(cand, "spec.steps", v1alpha1.ReasonNobodyReached,
		"nobody can receive it: %s; once triggered, its steps are skipped one after the other at once, which the ticket's history tells and nobody else: "+
			"give them contacts at a notifier of HelpDesk/%s, or name somebody who has one",
		strings.Join(why, ", "), c.names.desk)
}

// unreached says why an action of a policy comes to nothing whenever it is taken, by what decides it then; empty: it may not.
// One without a target is told of by the schema, which lint may have seen refuse it.
func (c *compilation) unreached(a v1alpha1.EscalationAction, policy string, p *Plan) string {
	reached := func(agent string) bool { return p.unreachable(agent) == "" }
	teams := slices.Sorted(p.escalatedBy(policy))
	switch a.Type {
	case v1alpha1.ActionNotifyAgent:
		if a.AgentRef != nil && !reached(string(a.AgentRef.Name)) {
			return fmt.Sprintf("Agent/%s has no contact", a.AgentRef.Name)
		}
	case v1alpha1.ActionNotifyOnCall:
		if a.RotationRef != nil && !slices.ContainsFunc(c.everOnCall(a.RotationRef.Name), reached) {
			return fmt.Sprintf("nobody in OnCallRotation/%s has a contact", a.RotationRef.Name)
		}
	case v1alpha1.ActionNotifyChain:
		if len(teams) == 0 || slices.ContainsFunc(p.everInChain(a.Chain, teams), reached) {
			return ""
		}
		if a.Chain == v1alpha1.ChainLead {
			return fmt.Sprintf("no lead who answers for tickets of SupportTeam/%s has a contact", strings.Join(teams, ", "))
		}
		return fmt.Sprintf("no manager who answers for tickets of SupportTeam/%s has a contact", strings.Join(teams, ", "))
	case v1alpha1.ActionTransferToNextLevel:
		rises := func(q *Queue) bool { _, why := p.nextLevel(q.Name); return why == "" }
		if len(teams) > 0 && !slices.ContainsFunc(p.queuesOf(teams), rises) {
			return fmt.Sprintf("no queue of SupportTeam/%s has a next level", strings.Join(teams, ", "))
		}
	}
	return ""
}

// escalatedBy are the teams whose tickets a policy escalates; none: nothing is known of whose they are to be.
func (p *Plan) escalatedBy(policy string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, team := range p.Teams {
			if team.EscalationPolicy == policy && !yield(name) {
				return
			}
		}
	}
}

func (p *Plan) queuesOf(teams []string) []*Queue {
	var queues []*Queue
	for _, q := range p.Queues {
		if slices.Contains(teams, q.Team) {
			queues = append(queues, q)
		}
	}
	return queues
}

// everInChain are those to whom a line of responsibility leads from tickets of the teams, be they in a queue or with one of
// the agents who serve it.
func (p *Plan) everInChain(chain v1alpha1.Chain, teams []string) []string {
	var called []string
	for _, team := range teams {
		agent, _ := p.chainOf(chain, "", team)
		called = append(called, agent)
	}
	owners := map[string]bool{}
	for _, q := range p.queuesOf(teams) {
		for _, owner := range q.Agents {
			owners[owner] = true
		}
	}
	for owner := range owners {
		agent, _ := p.chainOf(chain, owner, p.Agents[owner].Team)
		called = append(called, agent)
	}
	return called
}

// everOnCall are the agents whom a rotation or its overrides may put on call.
func (c *compilation) everOnCall(rotation v1alpha1.ObjectName) []string {
	var agents []string
	for _, cand := range c.sorted {
		switch o := cand.content().(type) {
		case *v1alpha1.OnCallRotation:
			for _, l := range o.Spec.Layers {
				for _, m := range l.Members {
					if o.Name == string(rotation) {
						agents = append(agents, string(m.AgentRef.Name))
					}
				}
			}
		case *v1alpha1.OnCallOverride:
			if o.Spec.RotationRef.Name == rotation {
				agents = append(agents, string(o.Spec.AgentRef.Name))
			}
		}
	}
	return agents
}
