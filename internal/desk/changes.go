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

// maxChanges is the number of rows after which an answer ends though the log goes on.
const maxChanges = 1000

// changesSince reads the log behind a position and the present rows of what it speaks of, all of one instant. If that is
// much, it ends early: rows are then newer than its position, and come again with the next answer if they changed since.
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
		touched := newTouched(pool)
		changes.Position = after
		for changes.Position < position && touched.rows() < maxChanges {
			records := d.recent.records(changes.Position, min(changes.Position+maxPage, position))
			if len(records) == 0 {
				if records, err = r.Records(changes.Position, maxPage, 0); err != nil {
					return err
				}
			}
			if touched.add(records) {
				changes.Reset = true
				return nil
			}
			changes.Position = records[len(records)-1].Seq
		}
		changes.More = changes.Position < position
		if changes.Agents, err = agentStates(r, touched.agents); err != nil {
			return err
		}
		waiting, gone := touched.tickets()
		for _, id := range waiting {
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
		changes.Gone = append(changes.Gone, gone...)
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
	pool   *plan.Pool
	queues map[string]bool
	// agents in the order in which they were met, as are the tickets.
	agents    []string
	seen      map[string]bool
	ids       []int64
	lastState map[int64]*eventlog.State
}

func newTouched(pool *plan.Pool) *touched {
	t := &touched{pool: pool, queues: map[string]bool{}, seen: map[string]bool{}, lastState: map[int64]*eventlog.State{}}
	for _, q := range pool.Queues {
		t.queues[q] = true
	}
	return t
}

// rows is how many rows are to be read.
func (t *touched) rows() int { return len(t.agents) + len(t.ids) }

// add what further records speak of. It says whether a plan was activated, after which nothing is as it was.
func (t *touched) add(records []eventlog.Record) (planned bool) {
	for i := range records {
		r := &records[i]
		if r.Type == eventlog.PlanActivated {
			return true
		}
		t.agent(r.Agent)
		if r.From != nil {
			t.agent(r.From.Agent)
		}
		if r.To == nil { // no ticket's
			continue
		}
		t.agent(r.To.Agent)
		if t.queues[r.To.Queue] || r.From != nil && t.queues[r.From.Queue] {
			if t.lastState[r.Ticket] == nil {
				t.ids = append(t.ids, r.Ticket)
			}
			t.lastState[r.Ticket] = r.To
		}
	}
	return false
}

func (t *touched) agent(name string) {
	if _, in := slices.BinarySearch(t.pool.Agents, name); in && !t.seen[name] {
		t.seen[name] = true
		t.agents = append(t.agents, name)
	}
}

// tickets that the last record about them left waiting in the pool, and the others.
func (t *touched) tickets() (waiting, gone []int64) {
	for _, id := range t.ids {
		if to := t.lastState[id]; to.Status == ticket.Waiting && t.queues[to.Queue] {
			waiting = append(waiting, id)
		} else {
			gone = append(gone, id)
		}
	}
	return waiting, gone
}
