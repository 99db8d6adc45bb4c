package demo

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"k8s.io/utils/ptr"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/worker"
)

// workers are the queue workers of all tiers, as many as each tier's replicas.
type workers struct {
	desk   api.Service
	logger *slog.Logger

	mu      sync.Mutex
	wanted  map[string]string // tier by worker
	changed chan struct{}
}

func newWorkers(desk api.Service, logger *slog.Logger) *workers {
	return &workers{desk: desk, logger: logger, changed: make(chan struct{}, 1)}
}

// want the workers of the plan's tiers: as many as the tier declares, one if it is not declared rightly just now.
func (w *workers) want(entries []plan.Entry, declared []plan.Object) {
	replicas := map[string]int32{}
	for _, object := range declared {
		if tier, is := object.(*v1alpha1.Tier); is {
			replicas[tier.Name] = ptr.Deref(tier.Spec.Replicas, 1)
		}
	}
	wanted := map[string]string{}
	for _, e := range entries {
		if e.Kind != plan.KindTier {
			continue
		}
		n, declared := replicas[e.Name]
		if !declared {
			n = 1
		}
		for i := range n {
			wanted[fmt.Sprintf("%s-worker-%d", e.Name, i)] = e.Name
		}
	}
	w.mu.Lock()
	w.wanted = wanted
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// run keeps the wanted workers running until ctx ends.
func (w *workers) run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	stops := map[string]context.CancelFunc{}
	for {
		w.mu.Lock()
		wanted := w.wanted
		w.mu.Unlock()
		for name, stop := range stops {
			if wanted[name] == "" {
				stop()
				delete(stops, name)
			}
		}
		for name, tier := range wanted {
			if stops[name] != nil {
				continue
			}
			one, err := worker.New(worker.Options{Desk: w.desk, Name: name, Tier: tier, Logger: w.logger})
			if err != nil {
				return err
			}
			ctx, stop := context.WithCancel(ctx)
			stops[name] = stop
			all.Go(func() {
				if err := one.Run(ctx); err != nil && ctx.Err() == nil {
					w.logger.Error("a queue worker ended", "worker", name, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.changed:
		}
	}
}
