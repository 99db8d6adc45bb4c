package desk

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Agents of the plan, by name.
func (d *Desk) Agents(ctx context.Context, _ api.Call) (*api.AgentList, error) {
	list := &api.AgentList{}
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		states, err := presentStates(r)
		now := d.time.now()
		list.Items = make([]api.Agent, 0, len(p.Agents))
		for _, name := range slices.Sorted(maps.Keys(p.Agents)) {
			list.Items = append(list.Items, agentView(p.Agents[name], states(name), now))
		}
		return err
	})
	return list, err
}

// presentStates reads the agents' states; of one never seen it is Offline.
func presentStates(r store.Reader) (func(name string) dispatch.AgentState, error) {
	all, err := r.Agents()
	seen := make(map[string]dispatch.AgentState, len(all))
	for _, state := range all {
		seen[state.Name] = state
	}
	return func(name string) dispatch.AgentState {
		if state, ok := seen[name]; ok {
			return state
		}
		return dispatch.AgentState{Name: name, Presence: dispatch.Offline}
	}, err
}

// Work is what an agent has before them: offers first, then the rest by priority and age. With after, it waits for a
// change behind that position.
func (d *Desk) Work(ctx context.Context, _ api.Call, agent string, after int64, waitSeconds int) (*api.AgentWork, error) {
	var work *api.AgentWork
	if after <= 0 {
		waitSeconds = 0
	}
	seen := after
	err := d.poll(ctx, waitSeconds, func() (outlook, error) {
		committed, position := d.store.Committed()
		if waitSeconds > 0 && (position <= seen || !d.recent.agent(agent, seen)) {
			seen = max(seen, position)
			return outlook{wake: committed}, nil
		}
		found, changed, err := d.workOf(ctx, agent, seen)
		if err != nil {
			return outlook{}, err
		}
		work, seen = found, found.Position
		return outlook{done: changed, wake: committed}, nil
	})
	if err == nil && work == nil {
		work, _, err = d.workOf(ctx, agent, seen)
	}
	return work, err
}

// workOf reads an agent's work, and whether any of it changed behind a position.
func (d *Desk) workOf(ctx context.Context, agent string, after int64) (work *api.AgentWork, changed bool, err error) {
	work = &api.AgentWork{}
	err = d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		declared := p.Agents[agent]
		if declared == nil {
			return api.NewProblem(http.StatusNotFound, api.ProblemNotFound, "the plan has no agent %q", agent)
		}
		state, err := r.Agent(agent)
		if err != nil {
			return err
		}
		work.Agent = agentView(declared, *state, d.time.now())
		if work.Position, err = r.Position(); err != nil {
			return err
		}
		work.Tickets, err = r.Tickets(store.TicketFilter{
			Agent: agent, Limit: maxPage,
			Statuses: []ticket.Status{ticket.Offered, ticket.Open, ticket.Pending, ticket.OnHold},
		})
		slices.SortStableFunc(work.Tickets, compareWork)
		changed = after <= 0 || d.recent.agent(agent, after)
		return err
	})
	return work, changed, err
}

// compareWork puts offers first, then what is open, then what waits for others; each by priority and age.
func compareWork(a, b ticket.Ticket) int {
	rank := func(t ticket.Ticket) int {
		return slices.Index([]ticket.Status{ticket.Offered, ticket.Open, ticket.Pending, ticket.OnHold}, t.Status)
	}
	return cmp.Or(rank(a)-rank(b), a.Priority.Rank()-b.Priority.Rank(), a.OpenedAt.Compare(b.OpenedAt))
}

// Overview of teams, queues and workers.
func (d *Desk) Overview(ctx context.Context, _ api.Call) (*api.Overview, error) {
	o := &api.Overview{HelpDesk: d.helpDesk, Now: d.time.now(), Workers: d.leases.status()}
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		o.PlanRevision = p.Revision
		states, err := presentStates(r)
		if err != nil {
			return err
		}
		counts, err := r.QueueCounts()
		if err != nil {
			return err
		}
		o.Teams = teamsOverview(p, states, o.Now)
		o.Absent = absentOverview(p, states, o.Now)
		o.Queues = queuesOverview(p, states, counts, o)
		for i := range o.Queues {
			if o.Queues[i].NextDue, err = r.NextDue(o.Queues[i].Name, o.Now); err != nil {
				return err
			}
		}
		outbox, err := r.OutboxCounts()
		o.Outbox = outboxOverview(p, outbox)
		return err
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

func teamsOverview(p *plan.Plan, states func(string) dispatch.AgentState, now time.Time) []api.TeamOverview {
	teams := map[string]*api.TeamOverview{}
	for name := range p.Teams {
		teams[name] = &api.TeamOverview{Name: name}
	}
	for name, a := range p.Agents {
		team := teams[a.Team]
		if team == nil {
			continue
		}
		team.Agents++
		state := states(name)
		count(&team.Present, there(state.Presence))
		count(&team.OnDuty, a.OnDuty(now, state.DutyChanges))
		count(&team.Free, dispatch.Free(a, &state, now))
	}
	all := make([]api.TeamOverview, 0, len(teams))
	for _, name := range slices.Sorted(maps.Keys(teams)) {
		all = append(all, *teams[name])
	}
	return all
}

func absentOverview(p *plan.Plan, states func(string) dispatch.AgentState, now time.Time) []api.OffDuty {
	absent := []api.OffDuty{}
	for _, name := range slices.Sorted(maps.Keys(p.Agents)) {
		a := p.Agents[name]
		if duty := a.Duty(now, states(name).DutyChanges); !duty.On && duty.Reason != plan.OffSchedule {
			absent = append(absent, api.OffDuty{Agent: name, Team: a.Team, Duty: duty})
		}
	}
	return absent
}

// queuesOverview has the plan's queues by tier level and name, then those that the plan does not have and that still have
// tickets, with the unrouted queue, which is always there.
func queuesOverview(p *plan.Plan, states func(string) dispatch.AgentState, counts []store.QueueCount, o *api.Overview) []api.QueueOverview {
	queues := map[string]*api.QueueOverview{plan.UnroutedQueue: {Name: plan.UnroutedQueue}}
	for name, q := range p.Queues {
		view := &api.QueueOverview{Name: name, Tier: q.Tier, Team: q.Team, Paused: q.Paused, MaxWaiting: q.MaxWaiting}
		if tier := p.Tiers[q.Tier]; tier != nil {
			view.Level = tier.Level
		}
		for _, agent := range q.Agents {
			if assigned, _ := q.Assigned(agent, o.Now); !assigned {
				continue
			}
			view.Agents++
			state := states(agent)
			count(&view.Present, there(state.Presence))
			count(&view.Free, dispatch.Free(p.Agents[agent], &state, o.Now))
		}
		queues[name] = view
	}
	for _, c := range counts {
		view := queues[c.Queue]
		if view == nil {
			view = &api.QueueOverview{Name: c.Queue}
			queues[c.Queue] = view
		}
		view.AtRisk += c.AtRisk
		view.Breached += c.Breached
		switch c.Status {
		case ticket.Waiting:
			view.Waiting = c.Count
			view.OldestSeconds = int64(o.Now.Sub(c.Oldest).Seconds())
		case ticket.Offered:
			view.Offered = c.Count
		case ticket.Open:
			view.Open = c.Count
		case ticket.Pending:
			view.Pending = c.Count
		case ticket.OnHold:
			view.OnHold = c.Count
		case ticket.Resolved:
			view.Resolved = c.Count
		}
	}
	all := make([]api.QueueOverview, 0, len(queues))
	for _, q := range queues {
		all = append(all, *q)
	}
	slices.SortFunc(all, func(a, b api.QueueOverview) int {
		last := func(q api.QueueOverview) int { return min(len(q.Tier), 1) }
		return cmp.Or(last(b)-last(a), cmp.Compare(a.Level, b.Level), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func count(n *int, yes bool) {
	if yes {
		*n++
	}
}

// outboxOverview has the messages by destination, the declared ones also when they have none.
func outboxOverview(p *plan.Plan, counts map[string]store.OutboxCount) api.OutboxOverview {
	names := slices.Collect(maps.Keys(counts))
	for _, webhook := range p.HelpDesk.Webhooks {
		names = append(names, webhook.Name)
	}
	names = slices.AppendSeq(names, maps.Keys(p.HelpDesk.Notifiers))
	slices.Sort(names)
	var o api.OutboxOverview
	for _, name := range slices.Compact(names) {
		n := counts[name]
		o.Waiting, o.Dead = o.Waiting+n.Waiting, o.Dead+n.Dead
		o.Destinations = append(o.Destinations, api.OutboxDestination{Name: name, Waiting: n.Waiting, Dead: n.Dead})
	}
	return o
}
