package plan

import (
	"fmt"
	"strings"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// MayApprove says whether the agent may approve the amount, of their own tickets or of others'. A limit of another currency
// does not allow it.
func (a *Agent) MayApprove(m ticket.Money) bool {
	return a.ApprovalLimit == nil || a.ApprovalLimit.Currency == m.Currency && m.Amount <= a.ApprovalLimit.Amount
}

// Approver is the first up the chain of managers from an agent who may approve the amount, or why there is none.
func (p *Plan) Approver(agent string, m ticket.Money) (approver, why string) {
	var asked []string
	of := p.Agents[agent]
	// A circle of managers is refused when it is declared; the count bounds one that slipped in by old versions.
	for range p.Agents {
		if of = p.managerOf(of); of == nil {
			break
		}
		if of.MayApprove(m) {
			return of.Name, ""
		}
		asked = append(asked, of.Name)
	}
	if len(asked) == 0 {
		return "", fmt.Sprintf("agent %s has no manager", agent)
	}
	return "", fmt.Sprintf("none of %s may approve %s", strings.Join(asked, ", "), m)
}

// warnApproval tells of an agent whose managers approve nothing that is above the agent's own limit. One without a manager
// is where the chain ends.
func (c *compilation) warnApproval(cand *candidate, a *Agent, p *Plan) {
	if a.ApprovalLimit == nil || a.Manager == "" {
		return
	}
	above := ticket.Money{Amount: a.ApprovalLimit.Amount + 1, Currency: a.ApprovalLimit.Currency}
	if _, why := p.Approver(a.Name, above); why != "" {
		c.warning(cand, "spec.approvalLimit", v1alpha1.ReasonInvalid,
			"a ticket of more than %s cannot be resolved with this agent, since nobody may approve it: %s; give one of them a higher approvalLimit in %s, or none",
			a.ApprovalLimit, why, above.Currency)
	}
}

func (p *Plan) managerOf(a *Agent) *Agent {
	if a == nil {
		return nil
	}
	return p.Agents[a.Manager]
}
