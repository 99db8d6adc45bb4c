package desk

import (
	"maps"
	"slices"

	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
)

// unbalanced says whether anything would change hands, or a worker's time is over.
func (l *leases) unbalanced(pools map[string]*plan.Pool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	expired := false
	for _, w := range l.workers {
		expired = expired || l.expired(w)
	}
	return expired || !maps.Equal(share(pools, l.tiers(), l.holders()), l.holders())
}

func (l *leases) expired(w *worker) bool { return w.calls == 0 && !l.clock.Now().Before(w.until) }

// tiers of the workers that are alive.
func (l *leases) tiers() map[string]string {
	tiers := map[string]string{}
	for name, w := range l.workers {
		if !l.expired(w) {
			tiers[name] = w.tier
		}
	}
	return tiers
}

// holders of the pools, whether alive or not.
func (l *leases) holders() map[string]string {
	holders := make(map[string]string, len(l.held))
	for pool, held := range l.held {
		holders[pool] = held.worker
	}
	return holders
}

// rebalance shares the pools anew within a transaction.
func (l *leases) rebalance(c *change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	tiers := l.tiers()
	before, after := l.holders(), share(c.plan.Pools, tiers, l.holders())
	gone := map[string]bool{}
	for name, w := range l.workers {
		if l.expired(w) {
			gone[name] = true
			delete(l.workers, name)
		}
	}
	record := func(t eventlog.Type, pool string, held lease) error {
		_, err := c.record(eventlog.Record{
			Type: t, Actor: workerActor(held.worker),
			Data: eventlog.Encode(eventlog.LeaseData{Pool: pool, Epoch: held.epoch, Worker: held.worker, Tier: held.tier}),
		})
		return err
	}
	first := l.epoch
	for _, pool := range slices.Sorted(maps.Keys(before)) {
		if after[pool] == before[pool] {
			continue
		}
		ended := eventlog.LeaseReleased
		if gone[before[pool]] {
			ended = eventlog.LeaseExpired
		}
		if err := record(ended, pool, l.held[pool]); err != nil {
			return err
		}
		delete(l.held, pool)
	}
	for _, pool := range slices.Sorted(maps.Keys(after)) {
		if after[pool] == before[pool] {
			continue
		}
		l.epoch++
		l.held[pool] = lease{worker: after[pool], tier: tiers[after[pool]], epoch: l.epoch}
		if err := record(eventlog.LeaseAcquired, pool, l.held[pool]); err != nil {
			return err
		}
	}
	if l.epoch == first {
		return nil
	}
	return putMetaNumber(c, metaLeaseEpoch, l.epoch)
}

// workerActor is a queue worker in the log.
func workerActor(name string) string { return "worker/" + name }
