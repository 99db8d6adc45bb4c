package desk

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
)

const (
	// leaseTTL is how long a worker that is not heard of keeps its pools, unless Options say so. A call that waits is being
	// heard of.
	leaseTTL = 4 * time.Second
	// leaseGrace is what is left of it when the worker's connection breaks: time to come back, as after a hiccup.
	leaseGrace = time.Second
)

// metaLeaseEpoch keeps the last epoch given, so that it grows across restarts.
const metaLeaseEpoch = "lease-epoch"

// leases knows the workers that are alive and the pools they hold. It lives in memory: after a restart of the desk the
// workers ask anew. Who holds a pool only changes inside a transaction of the store, so that the log and the guard of
// commits agree on it.
type leases struct {
	clock clock.PassiveClock
	ttl   time.Duration
	// changed wakes workers that wait for a change of what they hold; due wakes the loop that shares the pools anew.
	changed broadcast
	due     alarm

	// moving is held until a change of holders is durable. No worker hears of its lease before.
	moving sync.Mutex

	mu      sync.Mutex
	epoch   int64
	workers map[string]*worker
	// held by pool.
	held map[string]lease
}

type lease struct {
	worker, tier string
	epoch        int64
}

// worker that is alive: it has a call in flight, or its time is not over.
type worker struct {
	tier  string
	calls int
	until time.Time
}

func newLeases(machine clock.PassiveClock, ttl time.Duration, r store.Reader) (*leases, error) {
	epoch, err := metaNumber(r, metaLeaseEpoch)
	return &leases{clock: machine, ttl: ttl, epoch: epoch, workers: map[string]*worker{}, held: map[string]lease{}}, err
}

// heard notes a call of a worker, which is alive until the call has ended and its time is over. The call ends for the
// worker returned: one of the same name may have come since.
func (l *leases) heard(name, tier string) *worker {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.workers[name]
	if w == nil {
		w = &worker{}
		l.workers[name] = w
	}
	w.tier = tier
	w.calls++
	return w
}

// ended notes the end of a call: by our answer, or because the worker hung up.
func (l *leases) ended(ctx context.Context, w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.calls--
	w.until = l.clock.Now().Add(l.ttl)
	if ctx.Err() != nil {
		w.until = l.clock.Now().Add(leaseGrace)
	}
	if w.calls == 0 {
		l.due.sooner(w.until)
	}
}

// enter checks a worker's lease and notes its call until the function returned is called.
func (l *leases) enter(ctx context.Context, pool string, epoch int64) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held, err := l.check(pool, epoch)
	if err != nil {
		return nil, err
	}
	w := l.workers[held.worker]
	w.calls++
	return func() { l.ended(ctx, w) }, nil
}

// check says whose lease of the pool has that epoch; nobody's is a problem. The caller holds mu.
func (l *leases) check(pool string, epoch int64) (lease, error) {
	held, ok := l.held[pool]
	if !ok || held.epoch != epoch || l.workers[held.worker] == nil {
		return lease{}, conflict(api.ProblemLeaseLost, "epoch %d of pool %q has ended: acquire leases anew", epoch, pool)
	}
	return held, nil
}

// holder of the lease.
func (l *leases) holder(pool string, epoch int64) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held, err := l.check(pool, epoch)
	return held.worker, err
}

// of lists what a worker holds, by pool.
func (l *leases) of(worker string) []api.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	leases := []api.Lease{}
	for pool, held := range l.held {
		if held.worker == worker {
			leases = append(leases, api.Lease{Pool: pool, Epoch: held.epoch})
		}
	}
	slices.SortFunc(leases, func(a, b api.Lease) int { return strings.Compare(a.Pool, b.Pool) })
	return leases
}

// status of the workers, by name.
func (l *leases) status() []api.WorkerStatus {
	l.mu.Lock()
	names := slices.Sorted(maps.Keys(l.workers))
	all := make([]api.WorkerStatus, len(names))
	for i, name := range names {
		all[i] = api.WorkerStatus{Name: name, Tier: l.workers[name].tier, Pools: []string{}}
	}
	l.mu.Unlock()
	for i := range all {
		for _, held := range l.of(all[i].Name) {
			all[i].Pools = append(all[i].Pools, held.Pool)
		}
	}
	return all
}

// next is when the first worker's time is over; zero: no time is running.
func (l *leases) next() (at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.workers {
		if w.calls == 0 && (at.IsZero() || w.until.Before(at)) {
			at = w.until
		}
	}
	return at
}

// planned tells that the pools are others now.
func (l *leases) planned() { l.due.sooner(time.Time{}) }

// AcquireLeases tells a worker which pools are its own, and keeps it alive. It waits for a change of what it holds.
func (d *Desk) AcquireLeases(ctx context.Context, _ api.Call, body api.AcquireLeases) (*api.Leases, error) {
	if body.Worker == "" || body.Tier == "" {
		return nil, invalid("body", body, "name the worker and its tier")
	}
	defer d.leases.ended(ctx, d.leases.heard(body.Worker, body.Tier))
	if err := d.rebalance(ctx); err != nil {
		return nil, err
	}
	var leases []api.Lease
	err := d.poll(ctx, body.WaitSeconds, func() (outlook, error) {
		changed := d.leases.changed.wait()
		d.leases.moving.Lock()
		leases = d.leases.of(body.Worker)
		d.leases.moving.Unlock()
		return outlook{done: !sameLeases(leases, body.Holding), wake: changed}, nil
	})
	if err != nil {
		return nil, err
	}
	return &api.Leases{Leases: leases, TTLSeconds: int(d.leases.ttl.Seconds()), PlanRevision: d.plan.Load().Revision}, nil
}

func sameLeases(a, b []api.Lease) bool {
	return len(a) == len(b) && !slices.ContainsFunc(b, func(l api.Lease) bool { return !slices.Contains(a, l) })
}

// ReleaseLeases gives all pools of a worker to others at once.
func (d *Desk) ReleaseLeases(ctx context.Context, _ api.Call, body api.ReleaseLeases) error {
	d.leases.mu.Lock()
	known := d.leases.workers[body.Worker] != nil
	delete(d.leases.workers, body.Worker)
	d.leases.mu.Unlock()
	if !known {
		return nil
	}
	return d.rebalance(ctx)
}

// expireLeases forgets workers whose time is over and gives their pools to others.
func (d *Desk) expireLeases(ctx context.Context) (rest, error) {
	due := d.leases.due.disarm()
	if err := d.rebalance(ctx); err != nil {
		return rest{}, err
	}
	next := d.leases.next()
	d.leases.due.arm(next)
	return rest{until: next, wake: due}, nil
}

// rebalance shares the pools of the active plan among the workers that are alive, and puts what changes on record.
func (d *Desk) rebalance(ctx context.Context) error {
	d.leases.moving.Lock()
	defer d.leases.moving.Unlock()
	if !d.leases.unbalanced(d.plan.Load().Pools) {
		return nil
	}
	// Seen through for the others, though the caller may have left: a failure costs everybody their leases.
	err := d.update(context.WithoutCancel(ctx), deskActor, func(c *change) error { return d.leases.rebalance(c) })
	if err != nil {
		// What the log says is unknown: nobody holds anything until the next try.
		d.leases.mu.Lock()
		clear(d.leases.held)
		d.leases.mu.Unlock()
	}
	d.leases.changed.signal()
	return err
}
