package ticket

import "time"

// Approval of a ticket's amount, which is above what its agent resolves without asking.
type Approval struct {
	// Amount that is to be approved, or was.
	Amount Money `json:"amount"`
	// Of whom it is asked, by name.
	Of string `json:"of"`
	// By whom it was approved; empty while nobody did.
	By string `json:"by,omitempty"`
}

// Approved says whether an amount was approved that is not below the ticket's.
func (t *Ticket) Approved() bool {
	return t.Approval != nil && t.Approval.By != "" && t.Amount != nil &&
		t.Amount.Currency == t.Approval.Amount.Currency && t.Amount.Amount <= t.Approval.Amount.Amount
}

func (e AskApproval) apply(t *Ticket, _ time.Time) string {
	if t.Amount == nil {
		return "it is about no amount: there is nothing to approve"
	}
	t.Status, t.Approval = OnHold, &Approval{Amount: *t.Amount, Of: e.Of}
	return ""
}

func (e Approve) apply(t *Ticket, now time.Time) string {
	if t.Approval == nil || t.Approval.By != "" {
		return "nobody has asked for an approval"
	}
	t.Approval.By = e.By
	t.goOn(e.Room, now)
	return ""
}

func (e Refuse) apply(t *Ticket, now time.Time) string {
	if t.Approval == nil || t.Approval.By != "" {
		return "nobody has asked for an approval"
	}
	t.Approval = nil
	t.goOn(e.Room, now)
	return ""
}
