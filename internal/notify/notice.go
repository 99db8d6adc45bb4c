package notify

import (
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// Kind of a notice.
type Kind string

const (
	// Offer of a ticket, which the agent can accept until it ends.
	Offer Kind = "Offer"
	// HandOff of a ticket, which is now the agent's.
	HandOff Kind = "HandOff"
	// Escalation of a ticket, of which somebody calls the agent for help.
	Escalation Kind = "Escalation"
	// Approval of a ticket's amount, for which its agent asks.
	Approval Kind = "Approval"
)

// Notice is what somebody is told. It has none of what customers write but the ticket's subject.
type Notice struct {
	Kind   Kind   `json:"kind"`
	Agent  string `json:"agent"`
	Ticket int64  `json:"ticket"`
	// At is when it happened.
	At       time.Time       `json:"at"`
	Subject  string          `json:"subject"`
	Priority ticket.Priority `json:"priority"`
	Channel  string          `json:"channel"`
	Queue    string          `json:"queue"`
	// Amount that it is about, and its Customer by name and segment; empty: none is known.
	Amount   string `json:"amount,omitempty"`
	Customer string `json:"customer,omitempty"`
	// Due is when the service level's next target is to be met, and Metric which that is; zero: none is.
	Due    time.Time     `json:"due,omitzero"`
	Metric ticket.Metric `json:"metric,omitempty"`
	// Offer and when it ends, of an Offer.
	Offer int64     `json:"offer,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// Reason is why, in the words of who caused it.
	Reason string `json:"reason,omitempty"`
	// Called is why it is this agent whom an Escalation calls.
	Called string `json:"called,omitempty"`
}

// Urgent says whether it should wake somebody.
func (n *Notice) Urgent() bool { return n.Kind == Escalation || n.Priority == ticket.Urgent }

// Stale says why nobody needs to hear of it any more, for the ticket as it is; empty: they do.
func (n *Notice) Stale(t *ticket.Ticket) string {
	switch {
	case n.Kind == Offer && (t.Offer == nil || t.Offer.ID != n.Offer):
		return fmt.Sprintf("offer %d is over", n.Offer)
	case n.Kind == HandOff && (t.Agent != n.Agent || !t.Status.Live() || t.Status == ticket.Resolved):
		return fmt.Sprintf("ticket %d is no longer with agent %s", n.Ticket, n.Agent)
	case n.Kind == Approval && (t.Approval == nil || t.Approval.By != "" || t.Status != ticket.OnHold):
		return fmt.Sprintf("nobody asks for the approval of ticket %d any more", n.Ticket)
	case n.Kind == Escalation && (t.Escalation == nil || t.Escalation.Run == nil):
		return fmt.Sprintf("the escalation of ticket %d is over", n.Ticket)
	case n.Kind == Escalation && t.Escalation.Run.Acknowledged():
		return fmt.Sprintf("%s acknowledged the escalation of ticket %d", t.Escalation.Run.AcknowledgedBy, n.Ticket)
	}
	return ""
}
