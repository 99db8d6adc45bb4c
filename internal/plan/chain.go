package plan

import (
	"fmt"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// chain is the first person of a line of responsibility for the ticket, or why there is none. Nobody is told that they do
// not act themselves: the ticket's agent is passed over.
func (p *Plan) chain(chain v1alpha1.Chain, t *ticket.Ticket) (agent, why string) {
	if a := p.Agents[t.Agent]; a != nil && t.OwnedByAgent() {
		return p.chainOf(chain, a.Name, a.Team)
	}
	return p.chainOf(chain, "", p.teamOf(t.Queue))
}

// chainOf a ticket of that owner, if it has one, and team.
func (p *Plan) chainOf(chain v1alpha1.Chain, owner, team string) (agent, why string) {
	lead := ""
	for above := range p.Lineage(team) {
		if above.Lead != "" && above.Lead != owner {
			lead = above.Lead
			break
		}
	}
	if chain == v1alpha1.ChainLead {
		if lead == "" {
			return "", fmt.Sprintf("neither team %s nor one above it has a lead who does not have the ticket", team)
		}
		return lead, ""
	}
	of := owner
	if of == "" {
		of = lead
	}
	if a := p.Agents[of]; a != nil && a.Manager != "" {
		return a.Manager, ""
	}
	if of == "" {
		return "", fmt.Sprintf("no agent has the ticket, and team %s has no lead", team)
	}
	return "", fmt.Sprintf("agent %s has no manager", of)
}

// nextLevel is the default queue of the next tier up from a queue's, in the same team, or why there is none.
func (p *Plan) nextLevel(queue string) (next, why string) {
	q := p.Queues[queue]
	if q == nil {
		return "", fmt.Sprintf("queue %s is of no tier", queue)
	}
	var above *Tier
	for _, tier := range p.Tiers {
		if tier.Team != q.Team || tier.Level <= p.Tiers[q.Tier].Level || tier.DefaultQueue == "" {
			continue
		}
		if above == nil || tier.Level < above.Level || tier.Level == above.Level && tier.Name < above.Name {
			above = tier
		}
	}
	if above == nil {
		return "", fmt.Sprintf("team %s has no tier with a default queue above tier %s", q.Team, q.Tier)
	}
	return above.DefaultQueue, ""
}
