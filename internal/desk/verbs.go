package desk

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// act runs a verb on a ticket for its owner, the agent it is offered to, or who may manage tickets.
func (d *Desk) act(ctx context.Context, call api.Call, verb string, id int64,
	fn func(*change, *ticket.Ticket) (*ticket.Ticket, error)) (*ticket.Ticket, error) {
	return answer(ctx, d, call, verb+"/"+strconv.FormatInt(id, 10), func(c *change) (*ticket.Ticket, error) {
		t, err := c.ticketByID(id)
		if err != nil {
			return nil, err
		}
		if err := mayAct(call, t); err != nil {
			return nil, err
		}
		return fn(c, t)
	})
}

// mayAct refuses who is neither the ticket's agent nor may manage tickets, and says whose it is.
func mayAct(call api.Call, t *ticket.Ticket) error {
	if call.Manage || call.Agent != "" && call.Agent == t.Agent {
		return nil
	}
	whose := fmt.Sprintf("waits in queue %q", t.Queue)
	switch {
	case t.Status == ticket.Offered:
		whose = fmt.Sprintf("is offered to agent %q", t.Agent)
	case t.Agent != "":
		whose = fmt.Sprintf("is agent %q's", t.Agent)
	case t.Status != ticket.Waiting:
		whose = fmt.Sprintf("is %s", t.Status)
	}
	return api.NewProblem(http.StatusForbidden, api.ProblemForbidden,
		"ticket %d %s: only its agent or who may manage tickets can do this", t.ID, whose)
}

// simple runs a verb that needs no more than an event and a reason.
func (d *Desk) simple(ctx context.Context, call api.Call, id int64, body api.Because, r eventlog.Type, event ticket.Event) (*ticket.Ticket, error) {
	return d.act(ctx, call, string(event.Name()), id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		return c.apply(t, event, eventlog.Record{Type: r, Reason: body.Reason})
	})
}

// Return gives the ticket back to its home queue.
func (d *Desk) Return(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.simple(ctx, call, id, body, eventlog.Returned, ticket.Return{})
}

// Hold waits for a third party.
func (d *Desk) Hold(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.simple(ctx, call, id, body, eventlog.Held, ticket.Hold{})
}

// Close ends a resolved ticket before its reopen window does.
func (d *Desk) Close(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.simple(ctx, call, id, body, eventlog.Closed, ticket.Close{})
}

// Cancel ends a ticket that nobody needs to act on.
func (d *Desk) Cancel(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.simple(ctx, call, id, body, eventlog.Cancelled, ticket.Cancel{})
}

// Pend waits for the customer, until an instant if given: then the agent calls back.
func (d *Desk) Pend(ctx context.Context, call api.Call, id int64, body api.Pend) (*ticket.Ticket, error) {
	return d.simple(ctx, call, id, api.Because{Reason: body.Reason}, eventlog.Pended, ticket.Pend{Until: timestamp(body.Until)})
}

// Resolve answers the ticket; until the reopen window ends it can be reopened.
func (d *Desk) Resolve(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.act(ctx, call, "resolve", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		if err := c.mayResolve(call, t); err != nil {
			return nil, err
		}
		until := c.now.Add(c.plan.HelpDesk.ReopenWindow)
		return c.apply(t, ticket.Resolve{ReopenUntil: until}, eventlog.Record{Type: eventlog.Resolved, Reason: body.Reason})
	})
}

// Resume goes on with a Pending or OnHold ticket; without room it waits, and its agent is preferred.
func (d *Desk) Resume(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.act(ctx, call, "resume", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		room, err := c.room(t)
		if err != nil {
			return nil, err
		}
		return c.comeBack(t, ticket.Resume{Room: room}, eventlog.Record{Type: eventlog.Resumed, Reason: body.Reason})
	})
}

// Reopen goes on with a resolved ticket: with its agent if they are there and have room, else it waits.
func (d *Desk) Reopen(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return d.act(ctx, call, "reopen", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		room, err := c.room(t)
		if err != nil {
			return nil, err
		}
		return c.comeBack(t, ticket.Reopen{Room: room}, eventlog.Record{Type: eventlog.Reopened, Reason: body.Reason})
	})
}

// comeBack lets a ticket return to its agent, or notes why it waits instead.
func (c *change) comeBack(t *ticket.Ticket, event ticket.Event, r eventlog.Record) (*ticket.Ticket, error) {
	next, err := ticket.Apply(*t, event, c.now)
	if err != nil {
		return nil, err
	}
	if next.Status == ticket.Waiting && t.Agent != "" && r.Reason == "" {
		r.Reason = fmt.Sprintf("agent %s has no room now and is preferred", t.Agent)
		if c.plan.Agents[t.Agent] == nil {
			r.Reason = fmt.Sprintf("agent %s is no longer in the plan", t.Agent)
		}
	}
	if c.plan.Agents[next.PreferredAgent] == nil {
		next.PreferredAgent = ""
	}
	return &next, c.save(t, &next, r)
}

// room says whether the ticket's agent can go on with it: is in the plan and has capacity. A resolved ticket is nobody's
// any more, so its agent must be there and on duty, too.
func (c *change) room(t *ticket.Ticket) (bool, error) {
	a := c.declared(t.Agent)
	if a == nil {
		return false, nil
	}
	state, err := c.agent(t.Agent)
	if err != nil {
		return false, err
	}
	if t.Status == ticket.Resolved && (!there(state.Presence) || !a.OnDuty(c.now, state.DutyChanges)) {
		return false, nil
	}
	if action, _ := c.plan.HandOver(a, a.Duty(c.now, state.DutyChanges)); action != v1alpha1.HandOverKeep {
		return false, nil
	}
	return dispatch.Fits(a, state.Load, t.Channel), nil
}

// there says whether an agent of that presence is at work.
func there(p dispatch.Presence) bool { return p != dispatch.Offline && p != dispatch.Away }

// Accept takes an offer before it ends.
func (d *Desk) Accept(ctx context.Context, call api.Call, id int64, body api.Accept) (*ticket.Ticket, error) {
	return d.act(ctx, call, "accept", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		next, err := c.apply(t, ticket.Accept{Offer: body.Offer}, eventlog.Record{Type: eventlog.Accepted})
		if err != nil {
			return nil, err
		}
		return next, c.served(next)
	})
}

// served notes that the ticket's agent answers offers, and serves its customer.
func (c *change) served(t *ticket.Ticket) error {
	a, err := c.agent(t.Agent)
	if err != nil {
		return err
	}
	a.answered()
	if t.Customer == "" {
		return nil
	}
	customer, err := c.customer(t.Customer)
	if err != nil || customer.LastAgent == t.Agent {
		return err
	}
	customer.LastAgent = t.Agent
	return c.PutCustomer(customer)
}

// Decline refuses an offer; the ticket waits on and others are asked.
func (d *Desk) Decline(ctx context.Context, call api.Call, id int64, body api.Decline) (*ticket.Ticket, error) {
	return d.act(ctx, call, "decline", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		next, err := c.apply(t, ticket.Decline{Offer: body.Offer}, eventlog.Record{Type: eventlog.Declined, Reason: body.Reason})
		if err != nil {
			return nil, err
		}
		a, err := c.agent(t.Agent)
		if err != nil {
			return nil, err
		}
		a.answered()
		return next, nil
	})
}

// Transfer hands the ticket to a queue, or to an agent who is there, on duty, and has room.
func (d *Desk) Transfer(ctx context.Context, call api.Call, id int64, body api.Transfer) (*ticket.Ticket, error) {
	if (body.Queue == "") == (body.Agent == "") {
		return nil, invalid("body", body, "name either the queue or the agent to transfer to")
	}
	return d.act(ctx, call, "transfer", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		var event ticket.Event = ticket.TransferToQueue{Queue: body.Queue}
		if body.Agent != "" {
			event = ticket.TransferToAgent{Agent: body.Agent}
			if err := c.agentTakes(body.Agent, t); err != nil {
				return nil, err
			}
		} else if why := c.plan.Refuses(body.Queue, t.Channel); why != "" {
			return nil, invalid("body.queue", body.Queue, "%s", why)
		}
		next, err := ticket.Apply(*t, event, c.now)
		if err != nil {
			return nil, err
		}
		next.Rule, next.PlanRevision = transferredBy+c.actor, c.plan.Revision
		if err := c.save(t, &next, eventlog.Record{Type: eventlog.Transferred, Reason: body.Reason}); err != nil {
			return nil, err
		}
		if body.Agent == "" {
			return &next, nil
		}
		if body.Agent != call.Agent {
			if err := c.notify(notification{kind: notify.HandOff, ticket: &next, reason: c.asks(body.Reason)}); err != nil {
				return nil, err
			}
		}
		return &next, c.served(&next)
	})
}

// agentTakes refuses a transfer to an agent who is not there or has no room.
func (c *change) agentTakes(name string, t *ticket.Ticket) error {
	a := c.declared(name)
	if a == nil {
		return invalid("body.agent", name, "there is no agent %q", name)
	}
	state, err := c.agent(name)
	if err != nil {
		return err
	}
	if !there(state.Presence) {
		return conflict(api.ProblemConflict,
			"agent %q is %s: transfer to somebody who is there, or to a queue", name, state.Presence)
	}
	if duty := a.Duty(c.now, state.DutyChanges); !duty.On {
		return conflict(api.ProblemConflict,
			"agent %q is off duty: %s; transfer to somebody who is on duty, or to a queue", name, duty)
	}
	// An offer to the same agent holds their room already.
	held := t.Status.HoldsCapacity() && t.Agent == name
	if !held && !dispatch.Fits(a, state.Load, t.Channel) {
		return conflict(api.ProblemNoCapacity,
			"agent %q has no room for a ticket of channel %s: transfer to a queue, or wait until they have", name, t.Channel)
	}
	return nil
}
