package worker

import (
	"context"
	"fmt"
	"sync"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
)

// plans builds the desk's plans, each once for all pools.
type plans struct {
	desk api.Service
	call api.Call

	mu sync.Mutex
	// built plans: the latest, and the one before that other pools may still work by.
	built map[int64]*plan.Plan
}

func (c *plans) get(ctx context.Context, revision int64) (*plan.Plan, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.built[revision]; p != nil {
		return p, nil
	}
	described, err := c.desk.PlanRevision(ctx, c.call, revision)
	if err != nil {
		return nil, fmt.Errorf("read plan revision %d: %w", revision, err)
	}
	entries, err := c.desk.PlanEntries(ctx, c.call, revision)
	if err != nil {
		return nil, fmt.Errorf("read the entries of plan revision %d: %w", revision, err)
	}
	p, err := plan.Build(described.Manifest, entries.Entries)
	if err != nil {
		return nil, fmt.Errorf("build plan revision %d: %w", revision, err)
	}
	p.Revision = revision
	for old := range c.built {
		if old < revision-1 {
			delete(c.built, old)
		}
	}
	c.built[revision] = p
	return p, nil
}
