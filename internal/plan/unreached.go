package plan

import (
	"fmt"
	"maps"
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

// unreached says why an action of a policy reaches nobody; empty: it may.
func (c *compilation) unreached(a v1alpha1.EscalationAction, policy string, p *Plan) string {
	reached := func(agent string) bool { return p.Agents[agent] != nil && len(p.Agents[agent].Contacts) > 0 }
	switch a.Type {
	case v1alpha1.ActionNotifyAgent:
		if !reached(string(a.AgentRef.Name)) {
			return fmt.Sprintf("Agent/%s has no contact", a.AgentRef.Name)
		}
	case v1alpha1.ActionNotifyOnCall:
		if !slices.ContainsFunc(c.everOnCall(a.RotationRef.Name), reached) {
			return fmt.Sprintf("nobody in OnCallRotation/%s has a contact", a.RotationRef.Name)
		}
	case v1alpha1.ActionNotifyChain:
		return p.chainUnreached(a.Chain, policy, reached)
	}
	return ""
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

// chainUnreached says why nobody in a line of responsibility is reached for the teams whose tickets the policy escalates.
func (p *Plan) chainUnreached(chain v1alpha1.Chain, policy string, reached func(string) bool) string {
	var teams []string
	for _, name := range slices.Sorted(maps.Keys(p.Teams)) {
		if p.Teams[name].EscalationPolicy != policy {
			continue
		}
		teams = append(teams, name)
		for above := range p.Lineage(name) {
			if chain == v1alpha1.ChainLead && reached(above.Lead) {
				return ""
			}
		}
	}
	if len(teams) == 0 {
		return "" // nothing is known of whose tickets they are to be
	}
	if chain == v1alpha1.ChainLead {
		return fmt.Sprintf("no lead of SupportTeam/%s or above has a contact", strings.Join(teams, ", "))
	}
	for _, a := range p.Agents {
		if reached(a.Manager) {
			return ""
		}
	}
	return "no agent has a manager with a contact"
}
