package desk

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// mayResolve refuses the resolving of a ticket whose amount is above what its agent resolves without asking, and says who
// may approve it. Who manages tickets, and is no agent with a limit, answers for themselves.
func (c *change) mayResolve(call api.Call, t *ticket.Ticket) error {
	if t.Amount == nil || t.Approved() || !t.OwnedByAgent() {
		return nil
	}
	name := call.Agent
	if name == "" && !call.Manage {
		name = t.Agent
	}
	agent := c.plan.Agents[name]
	if agent == nil || agent.MayApprove(*t.Amount) {
		return nil
	}
	approver, why := c.plan.Approver(name, *t.Amount)
	if approver == "" {
		return conflict(api.ProblemApprovalNeeded, "ticket %d is about %s, and agent %q resolves up to %s; nobody can approve it: %s",
			t.ID, t.Amount, name, agent.ApprovalLimit, why)
	}
	return conflict(api.ProblemApprovalNeeded, "ticket %d is about %s, and agent %q resolves up to %s: ask for approval, which agent %q may give",
		t.ID, t.Amount, name, agent.ApprovalLimit, approver)
}

// AskApproval asks the first up the chain of managers who may to approve the ticket's amount. It is on hold until then.
func (d *Desk) AskApproval(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.act(ctx, call, "askApproval", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		record := eventlog.Record{Type: eventlog.ApprovalAsked, Reason: body.Reason}
		if t.Amount == nil || t.Status != ticket.Open {
			return c.apply(t, ticket.AskApproval{}, record) // which says what is wrong
		}
		if a := c.plan.Agents[t.Agent]; a == nil || a.MayApprove(*t.Amount) {
			return nil, conflict(api.ProblemConflict, "ticket %d is about %s, which agent %q resolves without approval", id, t.Amount, t.Agent)
		}
		approver, why := c.plan.Approver(t.Agent, *t.Amount)
		if approver == "" {
			return nil, conflict(api.ProblemConflict, "nobody can approve %s: %s", t.Amount, why)
		}
		record.Data = eventlog.Encode(eventlog.ApprovalData{Of: approver, Amount: *t.Amount})
		next, err := c.apply(t, ticket.AskApproval{Of: approver}, record)
		if err != nil {
			return nil, err
		}
		return next, c.notify(notification{kind: notify.Approval, ticket: next, agent: approver, reason: c.asks(body.Reason)})
	})
}

// Approve the amount of a ticket, with which its agent then goes on.
func (d *Desk) Approve(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.decide(ctx, call, "approve", id, func(c *change, room bool) (ticket.Event, eventlog.Record) {
		return ticket.Approve{By: cmp.Or(call.Agent, c.actor), Room: room}, eventlog.Record{Type: eventlog.Approved, Reason: body.Reason}
	})
}

// Refuse to approve the amount of a ticket, with which its agent then goes on. It needs a reason.
func (d *Desk) Refuse(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	if body.Reason == "" {
		return nil, invalid("body.reason", body.Reason, "say why it is not approved: the agent must answer the customer")
	}
	return d.decide(ctx, call, "refuse", id, func(_ *change, room bool) (ticket.Event, eventlog.Record) {
		return ticket.Refuse{Room: room}, eventlog.Record{Type: eventlog.Refused, Reason: body.Reason}
	})
}

// decide on an approval, for whom it is asked of or who manages tickets.
func (d *Desk) decide(ctx context.Context, call api.Call, verb string, id int64,
	decision func(c *change, room bool) (ticket.Event, eventlog.Record)) (*ticket.Ticket, error) {
	return answer(ctx, d, call, fmt.Sprintf("%s/%d", verb, id), func(c *change) (*ticket.Ticket, error) {
		t, err := c.ticketByID(id)
		if err != nil {
			return nil, err
		}
		if a := t.Approval; a != nil && !call.Manage && call.Agent != a.Of {
			return nil, api.NewProblem(http.StatusForbidden, api.ProblemForbidden,
				"ticket %d: only agent %q, of whom approval is asked, or who may manage tickets can do this", id, a.Of)
		}
		room, err := c.room(t)
		if err != nil {
			return nil, err
		}
		event, record := decision(c, room)
		return c.comeBack(t, event, record)
	})
}
