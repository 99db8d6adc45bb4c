package desk

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// SetPresence of an agent. Who goes Away or Offline loses the offers not yet answered, and keeps the tickets they own.
func (d *Desk) SetPresence(ctx context.Context, call api.Call, agent string, body api.SetPresence) (*api.Agent, error) {
	presence := dispatch.Presence(body.Presence)
	if !slices.Contains(dispatch.Presences, presence) {
		return nil, invalid("body.presence", body.Presence, "must be one of %v", dispatch.Presences)
	}
	return d.ofAgent(ctx, call, "presence", agent, func(c *change, a *agentChange) error {
		if a.Presence == presence && a.Reason == body.Reason {
			return nil
		}
		return c.setPresence(a, presence, body.Reason)
	})
}

// ofAgent changes what is an agent's own, for them or who may manage tickets, and returns what became of it.
func (d *Desk) ofAgent(ctx context.Context, call api.Call, what, agent string, fn func(*change, *agentChange) error) (*api.Agent, error) {
	return answer(ctx, d, call, what+"/"+agent, func(c *change) (*api.Agent, error) {
		declared := c.plan.Agents[agent]
		if declared == nil {
			return nil, api.NewProblem(http.StatusNotFound, api.ProblemNotFound, "the plan has no agent %q", agent)
		}
		if !call.Manage && call.Agent != agent {
			return nil, api.NewProblem(http.StatusForbidden, api.ProblemForbidden,
				"only agent %q or who may manage tickets can set their presence and duty", agent)
		}
		a, err := c.agent(agent)
		if err != nil {
			return nil, err
		}
		if err := fn(c, a); err != nil {
			return nil, err
		}
		// The answer has the version that the end of the transaction stores.
		if err := c.putAgents(); err != nil {
			return nil, err
		}
		view := agentView(declared, a.AgentState, c.now)
		return &view, nil
	})
}

// setPresence puts a new presence on the agent and on record, and takes unanswered offers back from who leaves.
func (c *change) setPresence(a *agentChange, presence dispatch.Presence, reason string) error {
	before := a.Presence
	a.Presence, a.Reason, a.Since, a.changed = presence, reason, c.now, true
	if presence == dispatch.Available {
		a.Missed = 0
		if before != dispatch.Available && len(a.Load) == 0 {
			a.IdleSince = c.now
		}
	}
	_, err := c.record(eventlog.Record{
		Type: eventlog.PresenceChanged, Agent: a.Name, Reason: reason,
		Data: eventlog.Encode(eventlog.PresenceData{From: string(before), To: string(presence)}),
	})
	if err != nil || there(presence) {
		return err
	}
	return c.rescindOffers(a.Name, string(presence))
}

// rescindOffers takes the offers back that an agent has not answered, since they are what it says.
func (c *change) rescindOffers(agent, what string) error {
	offered, err := c.Tickets(store.TicketFilter{Agent: agent, Statuses: []ticket.Status{ticket.Offered}, Limit: maxOffers})
	if err != nil {
		return err
	}
	for i := range offered {
		record := eventlog.Record{Type: eventlog.OfferRescinded, Reason: fmt.Sprintf("agent %s is %s", agent, what)}
		if _, err := c.apply(&offered[i], ticket.RescindOffer{}, record); err != nil {
			return err
		}
	}
	return nil
}

// maxOffers is more than the limits let anybody be offered at once.
const maxOffers = 1000

// answered ends the row of missed offers.
func (a *agentChange) answered() {
	if a.Missed != 0 {
		a.Missed, a.changed = 0, true
	}
}

func agentView(a *plan.Agent, s dispatch.AgentState, now time.Time) api.Agent {
	over := func(c plan.DutyChange) bool { return !c.End.After(now) }
	s.DutyChanges = slices.DeleteFunc(slices.Clone(s.DutyChanges), over)
	return api.Agent{
		AgentState: s, Absences: slices.DeleteFunc(slices.Clone(a.Absences), over), DisplayName: a.DisplayName, Team: a.Team, Manager: a.Manager, Roles: a.Roles, Leads: a.Leads,
		Limits: a.At(now).Limits, Duty: a.Duty(now, s.DutyChanges), Schedule: a.ScheduleName, Free: dispatch.Free(a, &s, now),
	}
}
