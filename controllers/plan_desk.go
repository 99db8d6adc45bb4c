package controllers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
)

// DeskFunc connects to the desk of a HelpDesk.
type DeskFunc func(ctx context.Context, helpDesk *v1alpha1.HelpDesk) (api.Service, error)

// deskCallTimeout bounds one call to a desk, so that a desk that hangs keeps nothing else waiting for long.
const deskCallTimeout = 15 * time.Second

// activePlan is the plan that a desk runs by, as far as the manager knows.
type activePlan struct {
	// known since the desk was last read, if it ever was.
	known    bool
	hash     string
	manifest plan.Manifest
	entries  []plan.Entry
	// clockStandsAt is desk time if it stood still when the desk was last asked.
	clockStandsAt time.Time
	// readAt is when the desk was last asked; zero asks again.
	readAt time.Time
}

// has says that the active plan has the entry with this very content.
func (a *activePlan) has(ref plan.EntryRef) bool {
	i, found := slices.BinarySearchFunc(a.manifest.Entries, ref.Key, func(e plan.EntryRef, k plan.Key) int { return e.Compare(k) })
	return found && a.manifest.Entries[i].Hash == ref.Hash
}

// drops says that the manifest lacks an object that the active plan has.
func (a *activePlan) drops(next plan.Manifest) bool {
	kept := make(map[plan.Key]bool, len(next.Entries))
	for _, e := range next.Entries {
		kept[e.Key] = true
	}
	return slices.ContainsFunc(a.manifest.Entries, func(e plan.EntryRef) bool { return !kept[e.Key] })
}

// activePlans remembers the active plan of each HelpDesk.
type activePlans struct {
	mu    sync.Mutex
	plans map[types.NamespacedName]activePlan
}

func (a *activePlans) get(helpDesk types.NamespacedName) activePlan {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plans[helpDesk]
}

func (a *activePlans) set(helpDesk types.NamespacedName, active activePlan) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plans[helpDesk] = active
}

// doubt makes the desk be asked again: it restarted, or somebody else changed its plan.
func (a *activePlans) doubt(helpDesk types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if active, ok := a.plans[helpDesk]; ok {
		active.readAt = time.Time{}
		a.plans[helpDesk] = active
	}
}

func (a *activePlans) forget(helpDesk types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.plans, helpDesk)
}

// readActive asks the desk for its active plan, and for the entries if they are not the ones known.
func readActive(ctx context.Context, desk api.Service, known activePlan, now time.Time) (activePlan, error) {
	ctx, cancel := context.WithTimeout(ctx, deskCallTimeout)
	defer cancel()
	active, err := desk.Plan(ctx, api.Call{})
	if err != nil {
		return known, fmt.Errorf("read the desk's plan: %w", err)
	}
	if known.known && known.hash == active.Hash {
		known.readAt, known.clockStandsAt = now, active.ClockStandsAt
		return known, nil
	}
	read := activePlan{known: true, hash: active.Hash, manifest: active.Manifest, clockStandsAt: active.ClockStandsAt, readAt: now}
	if active.Revision == 0 {
		return read, nil
	}
	entries, err := desk.PlanEntries(ctx, api.Call{}, active.Revision)
	if err != nil {
		return known, fmt.Errorf("read the entries of the desk's plan: %w", err)
	}
	read.entries = entries.Entries
	return read, nil
}

// push makes the compiled plan the active one. Only entries that the active plan lacks travel, and those that the desk
// asks for.
func push(ctx context.Context, desk api.Service, active activePlan, compiled *plan.Result, epoch int64, now time.Time) (activePlan, error) {
	ctx, cancel := context.WithTimeout(ctx, deskCallTimeout)
	defer cancel()
	ifMatch := active.hash
	if ifMatch == "" {
		ifMatch = "*"
	}
	lacking := map[string]bool{}
	for _, ref := range compiled.Manifest.Entries {
		if !active.has(ref) {
			lacking[ref.Hash] = true
		}
	}
	// Twice: what the desk turns out to lack besides is sent the second time.
	for range 2 {
		body := api.PushPlan{ManagerEpoch: epoch, Manifest: compiled.Manifest}
		for i, ref := range compiled.Manifest.Entries {
			if lacking[ref.Hash] {
				body.Entries = append(body.Entries, compiled.Entries[i])
			}
		}
		pushed, err := desk.PushPlan(ctx, api.Call{}, ifMatch, body)
		if err != nil {
			return active, fmt.Errorf("push the plan: %w", err)
		}
		if len(pushed.Missing) == 0 {
			return activePlan{
				known: true, hash: pushed.Hash, manifest: compiled.Manifest, entries: compiled.Entries,
				clockStandsAt: active.clockStandsAt, readAt: now,
			}, nil
		}
		for _, hash := range pushed.Missing {
			lacking[hash] = true
		}
	}
	return active, errors.New("push the plan: the desk still asks for entries that it was sent")
}

// refusal is the desk's word, where it understood a call and said no.
func refusal(err error) (*api.Problem, bool) {
	var problem *api.Problem
	if !errors.As(err, &problem) || problem.Status >= http.StatusInternalServerError {
		return nil, false
	}
	return problem, true
}

// tellUnreachable says why a desk does not answer, in the same words each time: errors of the network name ports that
// change, and a status that changes with each attempt would be written with each attempt.
func tellUnreachable(err error) string {
	var lookup *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &lookup):
		return fmt.Sprintf("the desk's name %s cannot be looked up", lookup.Name)
	case errors.As(err, &op):
		return fmt.Sprintf("the desk does not answer: %s %v: %v", op.Op, op.Addr, op.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the desk does not answer within %v", deskCallTimeout)
	default:
		return err.Error()
	}
}
