package desk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// handOver hands over what agents who are off duty do not keep, a batch at a time, and says when the duty of one who would
// have to may change next. It looks at what is, not at what happened: so nothing is missed by a restart or a new plan.
func (d *Desk) handOver(ctx context.Context) (rest, error) {
	changed := d.duties.wait()
	var off []string
	var next time.Time
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		agents := slices.DeleteFunc(slices.Sorted(maps.Keys(p.Agents)), func(name string) bool { return !p.HandsOver(p.Agents[name]) })
		if len(agents) == 0 {
			return nil
		}
		states, err := presentStates(r)
		now := d.time.now()
		for _, name := range agents {
			state := states(name)
			action, _ := p.HandOver(p.Agents[name], p.Agents[name].Duty(now, state.DutyChanges))
			if action != v1alpha1.HandOverKeep && len(state.Load) > 0 {
				off = append(off, name)
			}
			next = walltime.Sooner(next, p.Agents[name].DutyBoundary(now, state.DutyChanges))
		}
		return err
	})
	switch {
	case err != nil:
		return rest{}, err
	case len(off) > 0:
		return rest{}, d.update(ctx, deskActor, func(c *change) error { return c.handOver(off) })
	}
	return rest{until: next, wake: changed}, nil
}

// handOver takes a batch of tickets and offers from agents who are off duty and do not keep them.
func (c *change) handOver(agents []string) error {
	over, end := c.desk.handOverTurn.begin(c.desk.clock.Now)
	defer end()
	left := &budget{rows: c.desk.handOverTurn.rows(), over: over}
	for _, name := range agents {
		a := c.declared(name)
		if a == nil || left.rows <= 0 {
			continue
		}
		state, err := c.agent(name)
		if err != nil {
			return err
		}
		duty := a.Duty(c.now, state.DutyChanges)
		action, colleague := c.plan.HandOver(a, duty)
		if action == v1alpha1.HandOverKeep {
			continue
		}
		if err := c.rescindOffers(name, "off duty: "+duty.String()); err != nil {
			return err
		}
		open, err := c.Tickets(store.TicketFilter{Agent: name, Statuses: []ticket.Status{ticket.Open}, Limit: left.rows})
		if err != nil {
			return err
		}
		for i := range open {
			if !left.take() {
				return nil
			}
			if err := c.handOverOne(&open[i], action, colleague, fmt.Sprintf("agent %s is off duty: %s", name, duty)); err != nil {
				return err
			}
		}
	}
	return nil
}

// handOverOne gives a ticket to the colleague if they can take it, else back to its home queue.
func (c *change) handOverOne(t *ticket.Ticket, action v1alpha1.HandOverAction, colleague, why string) error {
	if action == v1alpha1.HandOverColleague && colleague != t.Agent {
		err := c.agentTakes(colleague, t)
		if err == nil {
			next, err := c.apply(t, ticket.TransferToAgent{Agent: colleague}, eventlog.Record{Type: eventlog.Transferred, Reason: why})
			if err != nil {
				return err
			}
			return c.served(next)
		}
		var refused *api.Problem
		if !errors.As(err, &refused) {
			return err
		}
		why += "; " + refused.Detail
	}
	_, err := c.apply(t, ticket.AgentGone{}, eventlog.Record{Type: eventlog.Returned, Reason: why})
	return err
}
