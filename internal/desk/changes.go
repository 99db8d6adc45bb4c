package desk

import (
	"context"
	"slices"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Changes are the present rows of what changed in a pool behind a position. It waits for the first.
func (d *Desk) Changes(ctx context.Context, _ api.Call, name string, epoch, after int64, waitSeconds int) (*api.Changes, error) {
	leave, err := d.leases.enter(ctx, name, epoch)
	if err != nil {
		return nil, err
	}
	defer leave()
	changes := &api.Changes{Position: after}
	err = d.poll(ctx, waitSeconds, func() (outlook, error) {
		lost := d.leases.changed.wait()
		committed, position := d.store.Committed()
		waiting := outlook{wake: committed, or: lost}
		if _, err := d.leases.holder(name, epoch); err != nil {
			return waiting, err
		}
		p := d.plan.Load()
		pool := p.Pools[name]
		if pool == nil {
			return waiting, poolGone(name)
		}
		changes.Now, changes.PlanRevision = d.time.now(), p.Revision
		if position <= changes.Position || !d.recent.pool(pool, changes.Position) {
			changes.Position = max(changes.Position, position)
			return waiting, nil
		}
		// What is behind the position read is nothing to the pool, so the next look need not read it again.
		found, err := d.changesSince(ctx, name, changes.Position)
		if err != nil {
			return waiting, err
		}
		changes = found
		waiting.done = changes.Reset || len(changes.Agents)+len(changes.Waiting)+len(changes.Gone) > 0
		return waiting, nil
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// changesSince reads the log behind a position and the present rows of what it speaks of, all of one instant.
func (d *Desk) changesSince(ctx context.Context, name string, after int64) (*api.Changes, error) {
	var changes *api.Changes
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		pool := p.Pools[name]
		if pool == nil {
			return poolGone(name)
		}
		position, err := r.Position()
		if err != nil {
			return err
		}
		changes = &api.Changes{Position: position, PlanRevision: p.Revision, Now: d.time.now()}
		if position-after > maxBehind {
			changes.Reset = true
			return nil
		}
		records, err := r.Records(after, maxBehind, 0)
		if err != nil {
			return err
		}
		touched := touch(pool, records)
		if touched.plan {
			changes.Reset = true
			return nil
		}
		if changes.Agents, err = agentStates(r, touched.agents); err != nil {
			return err
		}
		for _, id := range touched.waiting {
			t, err := r.Ticket(id)
			if err != nil {
				return err
			}
			if !offerable(p, pool, t) {
				changes.Gone = append(changes.Gone, id)
				continue
			}
			changes.Waiting = append(changes.Waiting, dispatch.NewDemand(p.Queues[t.Queue], t, ""))
		}
		changes.Gone = append(changes.Gone, touched.gone...)
		return nil
	})
	return changes, err
}

// offerable says whether a ticket waits in the pool for somebody to be asked.
func offerable(p *plan.Plan, pool *plan.Pool, t *ticket.Ticket) bool {
	q := p.Queues[t.Queue]
	return t.Status == ticket.Waiting && t.SetAside == "" && q != nil && q.Pool == pool.Name && !q.Paused
}

// touched is what records speak of, as far as it is a pool's.
type touched struct {
	plan bool
	// waiting are the tickets that the last record about them left waiting in the pool, gone the others.
	waiting, gone []int64
	agents        []string
}

func touch(pool *plan.Pool, records []eventlog.Record) touched {
	queues := map[string]bool{}
	for _, q := range pool.Queues {
		queues[q] = true
	}
	var all touched
	var tickets []int64
	last := map[int64]*eventlog.State{}
	agents := map[string]bool{}
	agent := func(name string) {
		if _, in := slices.BinarySearch(pool.Agents, name); in && !agents[name] {
			agents[name] = true
			all.agents = append(all.agents, name)
		}
	}
	for i := range records {
		r := &records[i]
		all.plan = all.plan || r.Type == eventlog.PlanActivated
		agent(r.Agent)
		if r.From != nil {
			agent(r.From.Agent)
		}
		if r.To == nil { // no ticket's
			continue
		}
		agent(r.To.Agent)
		if queues[r.To.Queue] || r.From != nil && queues[r.From.Queue] {
			if last[r.Ticket] == nil {
				tickets = append(tickets, r.Ticket)
			}
			last[r.Ticket] = r.To
		}
	}
	for _, id := range tickets {
		if to := last[id]; to.Status == ticket.Waiting && queues[to.Queue] {
			all.waiting = append(all.waiting, id)
		} else {
			all.gone = append(all.gone, id)
		}
	}
	return all
}
