package desk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

const (
	// windowSize is the number of waiting tickets of a class that a worker gets at once.
	windowSize = 256
	// maxBehind is the number of records after which a worker takes a new snapshot rather than the changes.
	maxBehind = 5000
)

// pool reads on behalf of a worker that holds a pool: its lease stands until fn returns, and its pool is in the plan.
func (d *Desk) pool(ctx context.Context, name string, epoch int64, fn func(store.Reader, *plan.Plan, *plan.Pool) error) error {
	leave, err := d.leases.enter(ctx, name, epoch)
	if err != nil {
		return err
	}
	defer leave()
	return d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		pool := p.Pools[name]
		if pool == nil {
			return poolGone(name)
		}
		return fn(r, p, pool)
	})
}

func poolGone(name string) error {
	return conflict(api.ProblemLeaseLost, "the active plan has no pool %q: acquire leases anew", name)
}

// Snapshot is all that dispatch needs of a pool, at one position of the log.
func (d *Desk) Snapshot(ctx context.Context, _ api.Call, name string, epoch int64) (*api.Snapshot, error) {
	s := &api.Snapshot{Pool: name, Epoch: epoch, Agents: []dispatch.AgentState{}, Classes: []api.ClassWindow{}}
	err := d.pool(ctx, name, epoch, func(r store.Reader, p *plan.Plan, pool *plan.Pool) (err error) {
		s.Now, s.PlanRevision = d.time.now(), p.Revision
		if s.Position, err = r.Position(); err != nil {
			return err
		}
		if s.Agents, err = agentStates(r, pool.Agents); err != nil {
			return err
		}
		for _, name := range pool.Queues {
			if p.Queues[name].Paused {
				continue
			}
			classes, err := r.Classes(name)
			if err != nil {
				return err
			}
			for _, class := range slices.Sorted(maps.Keys(classes)) {
				window, err := window(r, class, nil)
				if err != nil {
					return err
				}
				s.Classes = append(s.Classes, *window)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func agentStates(r store.Reader, names []string) ([]dispatch.AgentState, error) {
	states := make([]dispatch.AgentState, len(names))
	for i, name := range names {
		state, err := r.Agent(name)
		if err != nil {
			return nil, err
		}
		states[i] = *state
	}
	return states, nil
}

// window is the part of a class that comes after a demand, from the head for nil.
func window(r store.Reader, class string, after *dispatch.Demand) (*api.ClassWindow, error) {
	demands, err := r.Demands(class, after, windowSize+1)
	if err != nil {
		return nil, err
	}
	more := len(demands) > windowSize
	return &api.ClassWindow{Class: class, Demands: demands[:min(len(demands), windowSize)], More: more}, nil
}

// Window is a further part of a class of demand: what waits behind a place in it, from the head for zero.
func (d *Desk) Window(ctx context.Context, _ api.Call, name string, epoch int64, class string, behind api.Place) (*api.ClassWindow, error) {
	var after *dispatch.Demand
	switch {
	case behind == api.Place{}:
	case behind.Ticket == 0 || behind.OpenedAt.IsZero() || !slices.Contains(ticket.Priorities, behind.Priority):
		return nil, invalid("query.behind", behind.Ticket, "a place is a ticket with its priority and openedAt, and due if it has one")
	default:
		after = &dispatch.Demand{Ticket: behind.Ticket, Priority: behind.Priority, Due: behind.Due, OpenedAt: behind.OpenedAt}
	}
	var result *api.ClassWindow
	err := d.pool(ctx, name, epoch, func(r store.Reader, p *plan.Plan, pool *plan.Pool) (err error) {
		if result, err = window(r, class, after); err != nil {
			return err
		}
		if len(result.Demands) > 0 && !slices.Contains(pool.Queues, result.Demands[0].Queue) {
			return invalid("query.class", class, "class %q is not of pool %q", class, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// SetAside takes a waiting ticket whose decision failed out of dispatch until it changes.
func (d *Desk) SetAside(ctx context.Context, call api.Call, name string, body api.SetAside) error {
	_, err := answer(ctx, d, call, "set aside", func(c *change) (*ticket.Ticket, error) {
		worker, err := d.leases.holder(name, body.Epoch)
		if err != nil {
			return nil, err
		}
		c.actor = workerActor(worker)
		t, err := c.ticketByID(body.Ticket)
		if err != nil {
			return nil, err
		}
		if pool := c.plan.Pools[name]; pool == nil || !slices.Contains(pool.Queues, t.Queue) {
			return nil, conflict(api.ProblemConflict, "ticket %d is not in pool %q", t.ID, name)
		}
		c.desk.log.Error("ticket set aside: its dispatch decision failed", "ticket", t.ID, "worker", worker, "reason", body.Reason)
		return c.apply(t, ticket.SetAside{Reason: body.Reason}, eventlog.Record{Type: eventlog.SetAside, Reason: body.Reason})
	})
	return err
}

// Commit puts decisions into effect that still hold: each is guarded by the ticket's and the agent's version, presence,
// eligibility, pause between asks and capacity, now. The first that lost a race and those after it are reported and leave no
// trace.
func (d *Desk) Commit(ctx context.Context, call api.Call, name string, body api.Commit) (*api.Committed, error) {
	leave, err := d.leases.enter(ctx, name, body.Epoch)
	if err != nil {
		return nil, err
	}
	defer leave()
	return answer(ctx, d, call, "commit/"+name, func(c *change) (*api.Committed, error) {
		worker, err := d.leases.holder(name, body.Epoch)
		if err != nil {
			return nil, err
		}
		if body.PlanRevision != c.plan.Revision {
			return nil, conflict(api.ProblemLeaseLost, "decided under plan revision %d, %d is active: take a new snapshot",
				body.PlanRevision, c.plan.Revision)
		}
		if c.plan.Pools[name] == nil {
			return nil, poolGone(name)
		}
		c.actor = workerActor(worker)
		result := &api.Committed{Refused: make([]string, len(body.Decisions))}
		given, refused, err := c.giveInOrder(name, &body)
		if err != nil {
			return nil, err
		}
		if refused != nil {
			result.Refused[given] = refused.Error()
			for i := given + 1; i < len(body.Decisions); i++ {
				result.Refused[i] = fmt.Sprintf("it counts on the decision on ticket %d, which was refused", body.Decisions[given].Ticket)
			}
		}
		c.measure(func(m *metrics) {
			m.decisions.WithLabelValues(outcomeCommitted).Add(float64(given))
			m.decisions.WithLabelValues(outcomeRefused).Add(float64(len(body.Decisions) - given))
		})
		result.Position, err = c.Position()
		return result, err
	})
}

// giveInOrder gives tickets as decided up to the first decision that is refused, and answers how many there were and why that
// one was. The rest counts on it: whom it leaves with room may be the one for a ticket that goes before theirs.
func (c *change) giveInOrder(pool string, commit *api.Commit) (given int, refused, err error) {
	for i := range commit.Decisions {
		if refused, err = c.give(&commit.Decisions[i], pool, commit); refused != nil || err != nil {
			return i, refused, err
		}
	}
	return len(commit.Decisions), nil, nil
}

// give offers or assigns one ticket as decided, or says why that is refused.
func (c *change) give(decision *dispatch.Decision, pool string, commit *api.Commit) (refused, err error) {
	t, err := c.Ticket(decision.Ticket)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no ticket %d", decision.Ticket), nil
	}
	if err != nil {
		return nil, err
	}
	a, err := c.agent(decision.Agent)
	if err != nil {
		return nil, err
	}
	queue, agent := c.plan.Queues[t.Queue], c.declared(decision.Agent)
	if refused := c.guard(decision, pool, t, a, queue, agent); refused != nil {
		return refused, nil
	}

	record := eventlog.Record{Type: eventlog.Offered, Dispatch: &eventlog.Dispatch{
		OrderKey: decision.OrderKey, Position: commit.Position, Pool: pool, Epoch: commit.Epoch, Round: decision.Round, Stage: t.Stage,
		Considered: decision.Considered, Why: decision.Why, Load: maps.Clone(a.Load), Limits: agent.Limits,
	}}
	if record.Dispatch.Offer, err = c.NextOffer(); err != nil {
		return nil, err
	}
	var event ticket.Event = ticket.Assign{Agent: agent.Name, Round: decision.Round}
	if queue.Offer.Auto {
		record.Type = eventlog.Assigned
	} else {
		record.Dispatch.Until = c.now.Add(queue.Offer.Timeout)
		event = ticket.MakeOffer{
			ID: record.Dispatch.Offer, Agent: agent.Name, Until: record.Dispatch.Until, Round: decision.Round,
		}
	}
	a.LastOfferAt = c.now
	next, err := c.apply(t, event, record)
	if err != nil {
		return nil, err
	}
	told := notification{kind: notify.Offer, ticket: next}
	if queue.Offer.Auto {
		told.kind, told.reason = notify.HandOff, "assigned by queue "+t.Queue
		if err := c.served(next); err != nil {
			return nil, err
		}
	}
	if err := c.notify(told); err != nil {
		return nil, err
	}
	c.measure(func(m *metrics) { m.wait.WithLabelValues(t.Queue).Observe(c.now.Sub(t.EnteredQueueAt).Seconds()) })
	// Each decision is a version of its agent, so that the next of the batch can name it.
	return nil, c.putAgents()
}

// guard says why a decision no longer holds.
func (c *change) guard(decision *dispatch.Decision, pool string, t *ticket.Ticket, a *agentChange, queue *plan.Queue, agent *plan.Agent) error {
	switch {
	case t.Version != decision.TicketVersion || t.Status != ticket.Waiting:
		return fmt.Errorf("ticket %d changed: it is %s at version %d, not %d", t.ID, t.Status, t.Version, decision.TicketVersion)
	case t.SetAside != "":
		return fmt.Errorf("ticket %d is set aside: %s", t.ID, t.SetAside)
	case queue == nil || queue.Pool != pool:
		return fmt.Errorf("queue %q of ticket %d is not in pool %q", t.Queue, t.ID, pool)
	case agent == nil:
		return fmt.Errorf("the plan has no agent %q", decision.Agent)
	case a.Version != decision.AgentVersion:
		return fmt.Errorf("agent %q changed: is at version %d, not %d", agent.Name, a.Version, decision.AgentVersion)
	case decision.Round < t.Round || decision.Round > t.Round+1:
		return fmt.Errorf("ticket %d is in round %d of asking, not %d", t.ID, t.Round, decision.Round)
	}
	demand := dispatch.NewDemand(queue, t, "")
	demand.Round = decision.Round
	if refusal := dispatch.Guard(queue, agent, &a.AgentState, &demand, c.now); refusal != nil {
		return refusal
	}
	return nil
}
