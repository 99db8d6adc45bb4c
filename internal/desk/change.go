package desk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/sla"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// change is one transaction of the desk: what it knows, and what it will leave behind. Every change of a ticket goes
// through save, so that rows, load, log and outbox agree.
type change struct {
	store.Tx
	desk *Desk
	// plan that is active; never nil.
	plan *plan.Plan
	// now is desk time, the same throughout.
	now time.Time
	// actor in the log, and the caller who acts as them without being them.
	actor, impersonatedBy string

	// agents read so far, with the version they had.
	agents map[string]*agentChange
	// wakes is the earliest timer set; messages says that some were enqueued.
	wakes    time.Time
	messages bool
	// duties says that an agent's duty was changed.
	duties bool
	// stepped says that the change reports a step of the clock.
	stepped bool
	// events counts the ticket records by type, and measures are what else the metrics hear of once the change is durable.
	events   map[eventlog.Type]int
	measures []func(*metrics)
}

// agentChange is an agent's state under way.
type agentChange struct {
	dispatch.AgentState
	changed bool
}

// update runs fn in a transaction under the active plan, which does not change meanwhile.
func (d *Desk) update(ctx context.Context, actor string, fn func(*change) error) error {
	d.activation.RLock()
	defer d.activation.RUnlock()
	return d.transact(ctx, actor, fn)
}

// transact runs fn in a transaction. The caller holds d.activation.
func (d *Desk) transact(ctx context.Context, actor string, fn func(*change) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *change
	// Once begun a transaction is seen through: whoever waits on what it sets must hear of it, though its caller has left.
	err := d.store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		c = &change{Tx: tx, desk: d, plan: d.plan.Load(), now: d.time.now(), actor: actor}
		if c.stepped = d.time.report(); c.stepped {
			if err := c.reportClock(); err != nil {
				return err
			}
		}
		if err := fn(c); err != nil {
			return err
		}
		return c.putAgents()
	})
	if err != nil {
		if c != nil && c.stepped {
			d.time.unreport()
		}
		return refusal(err)
	}
	d.committed(c)
	return nil
}

// committed tells those who wait that a change is durable.
func (d *Desk) committed(c *change) {
	if !c.wakes.IsZero() {
		d.timers.sooner(c.wakes)
	}
	if c.messages {
		d.messages.signal()
	}
	if c.duties {
		d.duties.signal()
	}
	for event, n := range c.events {
		d.metrics.events.WithLabelValues(string(event)).Add(float64(n))
	}
	for _, measure := range c.measures {
		measure(d.metrics)
	}
}

// measure what the change does, once it is durable.
func (c *change) measure(measure func(*metrics)) { c.measures = append(c.measures, measure) }

// refusal turns the errors of store and state machine into problems.
func refusal(err error) error {
	var problem *api.Problem
	var notAllowed *ticket.NotAllowedError
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &notAllowed):
		return api.NewProblem(409, api.ProblemNotAllowed, "%s", notAllowed.Error())
	case errors.Is(err, store.ErrNotFound):
		return api.NewProblem(404, api.ProblemNotFound, "%s", err)
	case errors.Is(err, store.ErrConflict):
		return api.NewProblem(409, api.ProblemConflict, "%s: read it again and decide anew", err)
	}
	return err
}

// record appends a record made now by this change's actor.
func (c *change) record(r eventlog.Record) (*eventlog.Record, error) {
	r.At, r.PlanRevision = c.now, c.plan.Revision
	if r.Actor == "" {
		r.Actor, r.ImpersonatedBy = c.actor, c.impersonatedBy
	}
	if err := c.Append(&r); err != nil {
		return nil, err
	}
	c.desk.recent.mark(&r)
	return &r, nil
}

func (c *change) reportClock() error {
	desk, machine := c.desk.time.read()
	c.desk.log.Warn("the machine's clock went back; desk time waits for it", "machine", machine, "desk", desk)
	c.measure(func(m *metrics) { m.clockSteps.Inc() })
	_, err := c.record(eventlog.Record{
		Type: eventlog.ClockStepped, Actor: deskActor,
		Reason: fmt.Sprintf("the machine's clock is %s behind desk time, which waits for it", desk.Sub(machine)),
		Data:   eventlog.Encode(eventlog.ClockData{Machine: machine, Desk: desk}),
	})
	return err
}

// ticketByID reads a ticket that is about to change, or says that there is none. What fell due of its service level before is
// on record then, also if the timers' loop has not come to it: nothing done too late counts as in time.
func (c *change) ticketByID(id int64) (*ticket.Ticket, error) {
	t, err := ticketByID(c.Tx, id)
	if err != nil {
		return nil, err
	}
	return c.catchUp(t)
}

func ticketByID(r store.Reader, id int64) (*ticket.Ticket, error) {
	t, err := r.Ticket(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewProblem(404, api.ProblemNotFound, "there is no ticket %d", id)
	}
	return t, err
}

// apply lets an event happen to the ticket and saves what it makes of it.
func (c *change) apply(t *ticket.Ticket, event ticket.Event, r eventlog.Record) (*ticket.Ticket, error) {
	next, err := ticket.Apply(*t, event, c.now)
	if err != nil {
		return nil, err
	}
	if err := c.save(t, &next, r); err != nil {
		return nil, err
	}
	return &next, nil
}

// insert stores a new ticket with its record.
func (c *change) insert(t *ticket.Ticket, r eventlog.Record) error {
	if err := c.anticipate(nil, t); err != nil {
		return err
	}
	if err := c.InsertTicket(t, c.class(t)); err != nil {
		return err
	}
	if err := c.enter(nil, t, r); err != nil {
		return err
	}
	return c.trigger(nil, t, &r)
}

// save stores a changed ticket with its record.
func (c *change) save(before, after *ticket.Ticket, r eventlog.Record) error {
	if err := c.anticipate(before, after); err != nil {
		return err
	}
	if err := c.UpdateTicket(after, c.class(after)); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("ticket %d %w", after.ID, err)
		}
		return err
	}
	if err := c.enter(before, after, r); err != nil {
		return err
	}
	return c.trigger(before, after, &r)
}

// anticipate sets what happens to a ticket by itself if nothing else does, before a change of it is stored.
func (c *change) anticipate(before, after *ticket.Ticket) error {
	after.Await(c.patience(after), c.now)
	sla.Keep(after, c.plan.ServiceLevels[after.ServiceLevel], c.now)
	return c.watch(before, after)
}

// enter puts a ticket's change on its agents, the log and the outbox.
func (c *change) enter(before, after *ticket.Ticket, r eventlog.Record) error {
	r.Ticket, r.Version, r.To = after.ID, after.Version, eventlog.StateOf(after)
	if before != nil {
		r.From = eventlog.StateOf(before)
	}
	r.Clocks = eventlog.ClocksOf(before, after)
	if err := c.load(before, after); err != nil {
		return err
	}
	c.wakes = walltime.Sooner(c.wakes, after.WakeAt())
	entered, err := c.record(r)
	if err != nil {
		return err
	}
	if c.events == nil {
		c.events = map[eventlog.Type]int{}
	}
	c.events[r.Type]++
	return c.publish(entered, after)
}

// class of demand of the ticket; empty in a queue that the plan does not have, which nobody is offered.
func (c *change) class(t *ticket.Ticket) string {
	if q := c.plan.Queues[t.Queue]; q != nil {
		return dispatch.Class(q, t)
	}
	return ""
}

// patience of the queue that the ticket is in; none in a queue that the plan does not have.
func (c *change) patience(t *ticket.Ticket) ticket.Patience {
	if q := c.plan.Queues[t.Queue]; q != nil {
		return q.Patience
	}
	return ticket.Patience{}
}

// load moves the capacity that a ticket holds from the agent who had it to the one who has it.
func (c *change) load(before, after *ticket.Ticket) error {
	held := before != nil && before.Status.HoldsCapacity()
	holds := after.Status.HoldsCapacity()
	if held && holds && before.Agent == after.Agent {
		return nil
	}
	if held {
		if err := c.addLoad(before, -1); err != nil {
			return err
		}
	}
	if holds {
		return c.addLoad(after, +1)
	}
	return nil
}

func (c *change) addLoad(t *ticket.Ticket, n int) error {
	a, err := c.agent(t.Agent)
	if err != nil {
		return err
	}
	a.changed = true
	a.Load = maps.Clone(a.Load)
	if a.Load == nil {
		a.Load = map[string]int{}
	}
	if a.Load[t.Channel] += n; a.Load[t.Channel] <= 0 {
		delete(a.Load, t.Channel)
	}
	return nil
}

// agent reads the state of an agent for a change; whoever changes it says so.
func (c *change) agent(name string) (*agentChange, error) {
	if a := c.agents[name]; a != nil {
		return a, nil
	}
	state, err := c.Agent(name)
	if err != nil {
		return nil, err
	}
	if c.agents == nil {
		c.agents = map[string]*agentChange{}
	}
	a := &agentChange{AgentState: *state}
	c.agents[name] = a
	return a, nil
}

// declared is the agent as the plan has them now; nil for none.
func (c *change) declared(name string) *plan.Agent { return c.plan.Agents[name].At(c.now) }

// putAgents stores the agents that changed since it was last called, each at its next version.
func (c *change) putAgents() error {
	for name, a := range c.agents {
		if !a.changed {
			continue
		}
		switch {
		case len(a.Load) > 0:
			a.IdleSince = time.Time{}
		case a.IdleSince.IsZero():
			a.IdleSince = c.now
		}
		a.Version++
		a.changed = false
		if err := c.PutAgent(&a.AgentState); err != nil {
			return fmt.Errorf("agent %s: %w", name, err)
		}
	}
	return nil
}

// publish enqueues the record for the webhooks that want it.
func (c *change) publish(r *eventlog.Record, t *ticket.Ticket) error {
	var body []byte
	for _, webhook := range c.plan.HelpDesk.Webhooks {
		if !outbox.Wants(webhook, r.Type) {
			continue
		}
		if body == nil {
			var err error
			if body, err = outbox.Encode(c.desk.helpDesk, outbox.Event{Ticket: *t, Record: *r}); err != nil {
				return err
			}
		}
		if err := c.post(webhook.Name, r, body); err != nil {
			return err
		}
	}
	return nil
}

// post enqueues the event of a record for a webhook.
func (c *change) post(webhook string, r *eventlog.Record, body []byte) error {
	m := store.Message{Destination: webhook, Key: outbox.Key(c.desk.helpDesk, r.Seq), Body: body, NextAt: c.now, Created: c.now}
	if err := c.InsertMessage(&m); err != nil {
		return err
	}
	c.messages = true
	return c.recordMessage(eventlog.OutboxEnqueued, &m, "")
}

func (c *change) recordMessage(t eventlog.Type, m *store.Message, reason string) error {
	data := eventlog.OutboxData{Message: m.ID, Destination: m.Destination, Key: m.Key, Attempts: m.Attempts}
	if t == eventlog.OutboxClaimed || t == eventlog.OutboxFailed {
		data.NextAt = m.NextAt
	}
	_, err := c.record(eventlog.Record{Type: t, Reason: reason, Data: eventlog.Encode(data)})
	return err
}
