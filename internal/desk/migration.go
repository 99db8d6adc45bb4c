package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// metaMigration keeps the migration under way, so that a restart goes on with it.
const metaMigration = "migration"

// migration is what is left to do until every ticket is in line with the active plan. It is stored with each batch.
type migration struct {
	// Revision of the plan that the tickets are brought in line with.
	Revision int64 `json:"revision"`
	// Gone are agents no longer in the plan who may have tickets.
	Gone []string `json:"gone,omitempty"`
	// Drains are deleted queues that may have tickets.
	Drains []drain `json:"drains,omitempty"`
	// Reclass are queues whose tickets belong to other classes of demand than before, or relax or overflow at other times.
	Reclass []string `json:"reclass,omitempty"`
	// After is the last waiting ticket that was routed anew; Rerouted: all were.
	After    int64 `json:"after,omitempty"`
	Rerouted bool  `json:"rerouted,omitempty"`
	// Levels are service levels that changed, and Redated is the last ticket whose due times follow them.
	Levels  []string `json:"levels,omitempty"`
	Redated int64    `json:"redated,omitempty"`
	Done    bool     `json:"done,omitempty"`
}

// drain of a deleted queue.
type drain struct {
	Queue string `json:"queue"`
	To    string `json:"to"`
	Why   string `json:"why"`
}

// Rules of tickets that somebody or something other than routing has put where they are.
const (
	transferredBy = "transferred by "
	drainedFrom   = "drained from "
)

// pinned tickets are not moved by routing: somebody transferred them, or they came from a deleted queue. From the unrouted
// queue everything is welcome to go.
func pinned(t *ticket.Ticket) bool {
	return t.Queue != plan.UnroutedQueue &&
		(strings.HasPrefix(t.Rule, transferredBy) || strings.HasPrefix(t.Rule, drainedFrom))
}

// beginMigration adds what the new plan, now c.plan, asks for to what is left of an earlier migration, and does a batch.
func (c *change) beginMigration(before *plan.Plan) error {
	m, err := readMigration(c)
	if err != nil {
		return err
	}
	m.Revision, m.After, m.Rerouted, m.Redated, m.Done = c.plan.Revision, 0, false, 0, false

	// What is back need not be cleared up any more.
	m.Gone = slices.DeleteFunc(m.Gone, func(name string) bool { return c.plan.Agents[name] != nil })
	m.Drains = slices.DeleteFunc(m.Drains, func(d drain) bool { return c.plan.Queues[d.Queue] != nil })
	for _, name := range slices.Sorted(maps.Keys(before.Agents)) {
		if c.plan.Agents[name] == nil {
			m.Gone = append(m.Gone, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Queues)) {
		switch is := c.plan.Queues[name]; {
		case is == nil:
			m.Drains = append(m.Drains, drainOf(before.Queues[name], c.plan))
		case treatment(before, name) != treatment(c.plan, name) && !slices.Contains(m.Reclass, name):
			m.Reclass = append(m.Reclass, name)
		}
	}
	for _, name := range c.plan.ChangedServiceLevels(before) {
		if !slices.Contains(m.Levels, name) {
			m.Levels = append(m.Levels, name)
		}
	}
	return c.migrate(m)
}

// treatment tells how a plan's queue sorts its tickets into classes of demand, by a sample of each stage, and when it does
// what with them.
func treatment(p *plan.Plan, queue string) string {
	q := p.Queues[queue]
	unassigned := time.Duration(0)
	if policy := p.EscalationFor(queue); policy != nil {
		unassigned = policy.Unassigned
	}
	var classes []string
	for stage := range q.Stages {
		sample := ticket.Ticket{Content: ticket.Content{Channel: "Sample", Language: "xx"}, Stage: stage}
		classes = append(classes, dispatch.Class(q, &sample))
	}
	return fmt.Sprint(classes, q.Patience, unassigned)
}

// drainOf finds who takes the tickets of a deleted queue: its default queue, or the built-in one.
func drainOf(deleted *plan.Queue, p *plan.Plan) drain {
	to, of := p.DefaultQueue(deleted)
	if to == "" {
		return drain{Queue: deleted.Name, To: plan.UnroutedQueue,
			Why: fmt.Sprintf("queue %s was deleted; neither its tier nor its team has a default queue", deleted.Name)}
	}
	return drain{Queue: deleted.Name, To: to, Why: fmt.Sprintf("queue %s was deleted; default queue of %s", deleted.Name, of)}
}

func readMigration(r store.Reader) (*migration, error) {
	m := &migration{Done: true}
	value, err := r.Meta(metaMigration)
	if err != nil || len(value) == 0 {
		return m, err
	}
	*m = migration{}
	return m, json.Unmarshal(value, m)
}

// migrateSome does a batch of the migration under way, if there is one.
func (d *Desk) migrateSome(ctx context.Context) (rest, error) {
	begun := d.migrate.wait()
	var m *migration
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) (err error) {
		m, err = readMigration(r)
		return err
	})
	if err != nil || m.Done {
		return rest{wake: begun}, err
	}
	return rest{}, d.update(ctx, deskActor, func(c *change) error {
		// Another activation may have come between.
		m, err := readMigration(c)
		if err != nil || m.Done {
			return err
		}
		return c.migrate(m)
	})
}

// migrate brings at most a turn of rows in line with the plan and stores what is left.
func (c *change) migrate(m *migration) error {
	over, end := c.desk.migrationTurn.begin(c.desk.clock.Now)
	defer end()
	c.actor = deskActor
	left := &budget{rows: c.desk.migrationTurn.rows(), over: over}
	for _, step := range []func(*migration, *budget) error{c.returnFromGone, c.drainDeleted, c.reroute, c.redateAll} {
		if err := step(m, left); err != nil {
			return err
		}
	}
	remaining, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.PutMeta(metaMigration, remaining)
}

// returnFromGone gives the tickets of agents who are no longer in the plan back to their home queues. Resolved ones stay:
// there is nothing to do on them.
func (c *change) returnFromGone(m *migration, left *budget) error {
	for len(m.Gone) > 0 && left.rows > 0 {
		name := m.Gone[0]
		reason := fmt.Sprintf("agent %s is no longer in the plan", name)
		tickets, err := c.Tickets(store.TicketFilter{
			Agent: name, Limit: left.rows,
			Statuses: []ticket.Status{ticket.Offered, ticket.Open, ticket.Pending, ticket.OnHold},
		})
		if err != nil {
			return err
		}
		for i := range tickets {
			if !left.take() {
				return nil
			}
			if _, err := c.apply(&tickets[i], ticket.AgentGone{}, eventlog.Record{Type: eventlog.Returned, Reason: reason}); err != nil {
				return err
			}
		}
		if !left.take() {
			return nil
		}
		if err := c.forgetPresence(name, reason); err != nil {
			return err
		}
		m.Gone = m.Gone[1:]
	}
	return nil
}

// forgetPresence of an agent who is gone: should they come back, they start Offline.
func (c *change) forgetPresence(name, reason string) error {
	a, err := c.agent(name)
	if err != nil || a.Version == 0 && !a.changed {
		return err
	}
	a.Presence, a.Reason, a.Since, a.Missed, a.changed = dispatch.Offline, reason, c.now, 0, true
	_, err = c.record(eventlog.Record{Type: eventlog.AgentGone, Agent: name, Reason: reason})
	return err
}

// drainDeleted moves the tickets of deleted queues. Agents keep theirs; should they give one back, it goes to the new queue.
func (c *change) drainDeleted(m *migration, left *budget) error {
	for len(m.Gone) == 0 && len(m.Drains) > 0 && left.rows > 0 {
		d := m.Drains[0]
		tickets, err := c.Tickets(store.TicketFilter{
			Queue: d.Queue, Limit: left.rows,
			Statuses: slices.DeleteFunc(slices.Clone(ticket.Statuses), func(s ticket.Status) bool { return !s.Live() }),
		})
		if err != nil {
			return err
		}
		for i := range tickets {
			if !left.take() {
				return nil
			}
			t := &tickets[i]
			next, err := ticket.Apply(*t, ticket.Drain{Queue: d.To, PlanRevision: c.plan.Revision}, c.now)
			if err != nil {
				return err
			}
			next.Rule = drainedFrom + d.Queue
			if err := c.save(t, &next, eventlog.Record{Type: eventlog.Drained, Reason: d.Why}); err != nil {
				return err
			}
		}
		if !left.take() {
			return nil
		}
		m.Drains = m.Drains[1:]
	}
	return nil
}

// reroute evaluates tickets that nobody has accepted under the new plan. What does not change is not written.
func (c *change) reroute(m *migration, left *budget) error {
	if m.Rerouted || len(m.Gone) > 0 || len(m.Drains) > 0 || left.rows <= 0 {
		return nil
	}
	limit := left.rows
	tickets, err := c.Tickets(store.TicketFilter{
		Statuses: []ticket.Status{ticket.Waiting, ticket.Offered}, PlanBefore: m.Revision, After: m.After, Limit: limit,
	})
	if err != nil {
		return err
	}
	for i := range tickets {
		if !left.take() {
			return nil
		}
		t := &tickets[i]
		m.After = t.ID
		if !pinned(t) {
			moved, err := c.routeAnew(t, fmt.Sprintf("plan revision %d", c.plan.Revision))
			if err != nil {
				return err
			}
			if moved != nil {
				continue
			}
		}
		if err := c.reclassify(t, m.Reclass); err != nil {
			return err
		}
	}
	m.Rerouted = len(tickets) < limit
	return nil
}

// routeAnew applies what routing decides now to a ticket that nobody has accepted. It returns nil if the ticket stays as
// it is.
func (c *change) routeAnew(t *ticket.Ticket, reason string) (*ticket.Ticket, error) {
	customer, err := c.customer(t.Customer)
	if err != nil {
		return nil, err
	}
	asked := t.Asked()
	route := c.route(&asked, customer)
	if t.PrioritySet {
		route.Priority = t.Priority
	}
	if t.Follows(route) {
		return nil, nil
	}
	full, err := c.full(route.Queue)
	if err != nil {
		return nil, err
	}
	if t, err = c.catchUp(t); err != nil {
		return nil, err
	}
	next, err := c.apply(t, ticket.Reroute{Route: route}, eventlog.Record{
		Type: eventlog.Rerouted, Reason: reason,
		Data: eventlog.Encode(eventlog.RoutedData{Rule: route.Rule, Tags: route.AddTags}),
	})
	if err != nil || t.Queue == next.Queue || !full {
		return next, err
	}
	return c.overflowFull(next)
}

// reclassify stores the ticket under its new class of demand and with its new timers, gives one that was set aside another
// chance, and one that overflowed from a queue that is gone a home where it is.
func (c *change) reclassify(t *ticket.Ticket, queues []string) error {
	stay := ticket.Route{
		Queue: t.HomeQueue, Priority: t.Priority, AddTags: t.RoutedTags, ServiceLevel: t.ServiceLevel,
		Rule: t.Rule, PlanRevision: c.plan.Revision,
	}
	reason := "its queue has other requirements now"
	switch {
	case t.HomeQueue != t.Queue && c.plan.Queues[t.HomeQueue] == nil:
		stay.Queue, reason = t.Queue, fmt.Sprintf("queue %s, which it came from, was deleted", t.HomeQueue)
	case t.SetAside != "":
		reason = "another try under a new plan; it was set aside: " + t.SetAside
	case !slices.Contains(queues, t.Queue):
		return nil
	}
	_, err := c.apply(t, ticket.Reroute{Route: stay}, eventlog.Record{
		Type: eventlog.Rerouted, Reason: reason, Data: eventlog.Encode(eventlog.RoutedData{Rule: t.Rule}),
	})
	return err
}
