package worker

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
)

// plans builds the desk's plans, each once for all pools.
type plans struct {
	desk api.Service
	call api.Call

	building singleflight.Group
	mu       sync.Mutex
	// built plans: the latest, and the one before that other pools may still work by.
	built map[int64]*plan.Plan
}

// get waits for a plan no longer than ctx lasts: a pool that goes to another worker leaves at once, or the renewal of the
// leases that stay would wait for it. What is begun goes on for those who still wait.
func (c *plans) get(ctx context.Context, revision int64) (*plan.Plan, error) {
	if p := c.known(revision); p != nil {
		return p, nil
	}
	built := c.building.DoChan(strconv.FormatInt(revision, 10), func() (any, error) {
		return c.build(context.WithoutCancel(ctx), revision)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-built:
		p, _ := result.Val.(*plan.Plan)
		return p, result.Err
	}
}

func (c *plans) known(revision int64) *plan.Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.built[revision]
}

func (c *plans) build(ctx context.Context, revision int64) (*plan.Plan, error) {
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
	c.mu.Lock()
	defer c.mu.Unlock()
	for old := range c.built {
		if old < revision-1 {
			delete(c.built, old)
		}
	}
	c.built[revision] = p
	return p, nil
}
