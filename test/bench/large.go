package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

const (
	// fewWaiting and manyWaiting tickets are what a desk is measured with.
	fewWaiting, manyWaiting = 10_000, 1_000_000
	// dispatchRounds are measured, of which the median counts; each makes roundOffers. Together they are fewer than the few
	// that can be served.
	dispatchRounds = 9
	roundOffers    = 500
	// blockedQueues of the organisation need a skill that nobody has who is there.
	blockedQueues = queues / 2
)

// measureLarge compares a desk with a million waiting tickets, half of them servable by nobody who is there, with one that
// has a hundredth.
func measureLarge(ctx context.Context, o options, t *table) error {
	few, _, err := dispatchTime(ctx, o, fewWaiting)
	if err != nil {
		return err
	}
	many, more, err := dispatchTime(ctx, o, manyWaiting)
	if err != nil {
		return err
	}
	*t = append(*t, line{
		what: fmt.Sprintf("lease to commit of %d offers, a million waiting", roundOffers), unit: "ms", figure: ms(many), floor: ms(few),
		of: fmt.Sprintf("with %d waiting", fewWaiting), aim: 2.5 * ms(few), atMost: true,
	})
	*t = append(*t, more...)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// dispatchTime is how long it takes from asking for a lease to the commit of offers, with n tickets waiting, and what memory
// the desk has after that.
func dispatchTime(ctx context.Context, o options, n int) (median time.Duration, more []line, err error) {
	s, err := newSite(o, fmt.Sprintf("large-%d", n))
	if err != nil {
		return 0, nil, err
	}
	r := &running{site: s}
	defer func() {
		if stopped := r.stop(); err == nil {
			err = stopped
		}
	}()
	now := deskNow()
	began := time.Now()
	p, err := s.stock(ctx, promising(blocking(organisation()), firstPromise), n, func(p *plan.Plan, i int) ticket.Ticket {
		return waiting(p, i, queueName(i), now.Add(-time.Duration(n-i)*time.Millisecond))
	})
	if err != nil {
		return 0, nil, err
	}
	fmt.Printf("large: %d tickets put into a store in %.0f s\n", n, time.Since(began).Seconds())
	if r.address, r.desk, err = s.startDesk(ctx); err != nil {
		return 0, nil, err
	}
	c, err := r.client()
	if err != nil {
		return 0, nil, err
	}
	if err := available(ctx, c); err != nil {
		return 0, nil, err
	}
	var took []time.Duration
	for range dispatchRounds {
		began := time.Now()
		if err := dispatchRound(ctx, c, p); err != nil {
			return 0, nil, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if m := r.desk.memory(); m != (memory{}) {
		more = []line{{
			what: fmt.Sprintf("anonymous memory of the desk with %d open tickets", n), unit: "MiB", figure: m.anonymous,
			floor: r.desk.idle.anonymous, of: "when it has started", aim: 300, atMost: true,
		}}
	}
	if n == manyWaiting {
		redating, err := redate(ctx, r, c)
		if err != nil {
			return 0, nil, fmt.Errorf("re-dating: %w", err)
		}
		more = append(more, redating...)
	}
	return took[len(took)/2], more, nil
}

// blocking organisation: half of its queues need what only somebody who is not there can, who serves all queues.
func blocking(objects []metav1.Object) []metav1.Object {
	i := 0
	for _, object := range objects {
		if queue, ok := object.(*v1alpha1.Queue); ok {
			if i < blockedQueues {
				queue.Spec.Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "rare", MinLevel: 1}}
			}
			i++
		}
	}
	away := &v1alpha1.Agent{}
	away.Name, away.Spec.TeamRef.Name = "away", "support"
	away.Spec.Skills = []v1alpha1.AgentSkill{{Name: "rare", Level: 5}}
	return append(objects, away)
}

// dispatchRound does what a queue worker does that takes over a pool: it acquires the lease, looks, decides and commits.
func dispatchRound(ctx context.Context, c *client.Client, p *plan.Plan) error {
	leases, err := c.AcquireLeases(ctx, api.Call{}, api.AcquireLeases{Worker: "bench", Tier: "front"})
	if err != nil {
		return err
	}
	if len(leases.Leases) != 1 {
		return fmt.Errorf("holds %d pools, not one", len(leases.Leases))
	}
	lease := leases.Leases[0]
	snapshot, err := c.Snapshot(ctx, api.Call{}, lease.Pool, lease.Epoch)
	if err != nil {
		return err
	}
	state := &dispatch.State{Agents: map[string]*dispatch.AgentState{}, Classes: map[string]*dispatch.Window{}}
	for i := range snapshot.Agents {
		state.Agents[snapshot.Agents[i].Name] = &snapshot.Agents[i]
	}
	for _, class := range snapshot.Classes {
		state.Classes[class.Class] = &dispatch.Window{Demands: class.Demands, More: class.More}
	}
	decisions := dispatch.Decide(p, p.Pools[lease.Pool], state, snapshot.Now).Decisions
	if len(decisions) < roundOffers {
		return fmt.Errorf("decided on %d tickets, not %d", len(decisions), roundOffers)
	}
	committed, err := c.Commit(ctx, api.Call{}, lease.Pool, api.Commit{
		Epoch: lease.Epoch, Position: snapshot.Position, PlanRevision: snapshot.PlanRevision, Decisions: decisions[:roundOffers],
	})
	if err != nil {
		return err
	}
	for _, refused := range committed.Refused {
		if refused != "" {
			return errors.New(refused)
		}
	}
	return c.ReleaseLeases(ctx, api.Call{}, api.ReleaseLeases{Worker: "bench"})
}
