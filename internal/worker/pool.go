package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"sort"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
)

// maxCommit is how many decisions one commit takes.
const maxCommit = 1000

// errReset asks for a new snapshot.
var errReset = errors.New("the desk asks for a new snapshot")

// poolWorker works one pool for as long as it is leased.
type poolWorker struct {
	*Worker
	lease api.Lease
	log   *slog.Logger
	time  deskTime
}

// run works the pool until ctx ends: that is when the lease is over, which only the desk's answer about leases tells.
func (p *poolWorker) run(ctx context.Context) {
	p.log.Info("working the pool")
	defer p.log.Info("left the pool")
	backoff := newBackoff()
	for {
		progress, err := p.follow(ctx)
		if progress {
			backoff = newBackoff()
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errReset) && progress:
			continue
		case errors.Is(err, errReset), isLeaseLost(err):
			p.log.Debug("take a new snapshot", "reason", err)
		default:
			p.log.Warn("try the pool again", "error", err)
		}
		if !p.sleep(ctx, backoff.Step()) {
			return
		}
	}
}

func (p *poolWorker) snapshot(ctx context.Context) (*poolState, error) {
	snapshot, err := p.desk.Snapshot(ctx, p.call, p.lease.Pool, p.lease.Epoch)
	if err != nil {
		return nil, err
	}
	p.heard(snapshot.Now)
	current, err := p.plans.get(ctx, snapshot.PlanRevision)
	if err != nil {
		return nil, err
	}
	pool := current.Pools[p.lease.Pool]
	if pool == nil {
		return nil, fmt.Errorf("plan revision %d has no pool %q", snapshot.PlanRevision, p.lease.Pool)
	}
	return newPoolState(current, pool, snapshot), nil
}

// follow takes a snapshot, decides, and keeps the state up to date until that fails. It made progress if changes came.
func (p *poolWorker) follow(ctx context.Context) (progress bool, err error) {
	s, err := p.snapshot(ctx)
	if err != nil {
		return false, err
	}
	for behind := false; ; {
		var rest time.Duration
		if !behind {
			if rest, err = p.work(ctx, s); err != nil {
				return progress, err
			}
		}
		if _, behind, err = p.catchUp(ctx, s, pollFor(rest)); err != nil {
			return progress, err
		}
		progress = true
	}
}

// catchUp brings the state up to date, waiting for a change for some seconds. It answers whether the state is another now,
// and whether there is more.
func (p *poolWorker) catchUp(ctx context.Context, s *poolState, waitSeconds int) (changed, more bool, err error) {
	changes, err := p.desk.Changes(ctx, p.call, p.lease.Pool, p.lease.Epoch, s.position, waitSeconds)
	if err != nil {
		return false, false, err
	}
	p.heard(changes.Now)
	if changes.Reset || changes.PlanRevision != s.plan.Revision {
		return false, false, errReset
	}
	s.apply(changes)
	return len(changes.Agents)+len(changes.Waiting)+len(changes.Gone) > 0, changes.More, nil
}

// untilChange is the rest of a pool in which nothing is to be done before something changes.
const untilChange time.Duration = -1

// pollFor is for how many seconds to await changes during a rest.
func pollFor(rest time.Duration) int {
	if rest < 0 {
		return pollSeconds
	}
	return min(int(math.Ceil(rest.Seconds())), pollSeconds)
}

// work makes one step on the state: decisions, or a wider view of what waits. It returns for how long to await changes
// before the next. After a step that is zero: what came of it is to be seen first, so that every decision is made on one
// position of the log.
func (p *poolWorker) work(ctx context.Context, s *poolState) (rest time.Duration, err error) {
	now := p.time.at(p.clock.Now())
	result, failure := p.decideSafely(s, now)
	if failure != nil {
		return 0, p.setAside(ctx, s, now, failure)
	}
	switch {
	case len(result.Decisions) > 0:
		return p.commit(ctx, s, result.Decisions)
	case result.Starved != "":
		more, err := p.desk.Window(ctx, p.call, p.lease.Pool, p.lease.Epoch, result.Starved, s.end(result.Starved))
		if err != nil {
			return 0, err
		}
		s.widen(*more)
		return 0, nil
	case !result.NextWake.IsZero():
		return max(result.NextWake.Sub(now), time.Second), nil
	}
	return untilChange, nil
}

// commit puts decisions into effect up to the first that lost a race. That and what counts on it are made anew once the changes
// that beat it are known; if there are none a second passes, so that a difference of opinion with the desk does not spin.
func (p *poolWorker) commit(ctx context.Context, s *poolState, decisions []dispatch.Decision) (rest time.Duration, err error) {
	for batch := range slices.Chunk(decisions, maxCommit) {
		committed, err := p.desk.Commit(ctx, p.call, p.lease.Pool, api.Commit{
			Epoch: p.lease.Epoch, Position: s.position, PlanRevision: s.plan.Revision, Decisions: batch,
		})
		if err != nil {
			return 0, err
		}
		refused := slices.IndexFunc(committed.Refused, func(why string) bool { return why != "" })
		if refused < 0 {
			p.metrics.decisions.WithLabelValues(outcomeCommitted).Add(float64(len(batch)))
			continue
		}
		p.metrics.decisions.WithLabelValues(outcomeCommitted).Add(float64(refused))
		p.metrics.decisions.WithLabelValues(outcomeRefused).Add(float64(len(batch) - refused))
		p.log.Debug("a decision lost a race", "ticket", batch[refused].Ticket, "agent", batch[refused].Agent,
			"why", committed.Refused[refused], "decideAnew", len(batch)-refused)
		return time.Second, nil
	}
	return 0, nil
}

// panicked is a decision that failed.
type panicked struct {
	value any
	stack []byte
}

func (e *panicked) Error() string { return fmt.Sprintf("the dispatch decision failed: %v", e.value) }

// decideSafely turns a panic into an error: one ticket must not stop the pool.
func (p *poolWorker) decideSafely(s *poolState, now time.Time) (result dispatch.Result, failure *panicked) {
	began := p.clock.Now()
	defer func() {
		p.metrics.decide.Observe(p.clock.Since(began).Seconds())
		if value := recover(); value != nil {
			failure = &panicked{value: value, stack: debug.Stack()}
		}
	}()
	return p.decide(s.plan, s.pool, &s.State, now), nil
}

// setAside finds the ticket that makes the decision fail and takes it out of dispatch, visibly.
func (p *poolWorker) setAside(ctx context.Context, s *poolState, now time.Time, failure *panicked) error {
	culprit, ok := p.culprit(s, now)
	if !ok {
		return fmt.Errorf("whatever waits: %w", failure)
	}
	p.metrics.setAside.Inc()
	p.log.Error("set a ticket aside", "ticket", culprit, "error", failure, "stack", string(failure.stack))
	reason := []rune(failure.Error())
	return p.desk.SetAside(ctx, p.call, p.lease.Pool, api.SetAside{
		Epoch: p.lease.Epoch, Ticket: culprit, Reason: string(reason[:min(len(reason), 500)]),
	})
}

// culprit is the ticket whose addition to those before it makes the decision fail.
func (p *poolWorker) culprit(s *poolState, now time.Time) (id int64, ok bool) {
	var all []dispatch.Demand
	for _, class := range slices.Sorted(maps.Keys(s.Classes)) {
		all = append(all, s.Classes[class].Demands...)
	}
	fails := func(n int) bool {
		part := &poolState{plan: s.plan, pool: s.pool, State: dispatch.State{Agents: s.Agents, Classes: map[string]*dispatch.Window{}}}
		for _, d := range all[:n] {
			w := part.window(d.Class)
			w.Demands = append(w.Demands, d)
		}
		_, failure := p.decideSafely(part, now)
		return failure != nil
	}
	n := sort.Search(len(all), fails)
	if n == 0 || n == len(all) && !fails(n) {
		return 0, false
	}
	return all[n-1].Ticket, true
}

func (p *poolWorker) heard(now time.Time) {
	p.time = deskTime{said: now, heard: p.clock.Now()}
}

func isLeaseLost(err error) bool {
	var problem *api.Problem
	return errors.As(err, &problem) && problem.Type == api.ProblemLeaseLost
}
