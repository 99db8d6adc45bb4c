// Package simulation runs a desk and its queue workers in a time of its own: its clock stands still while they work and is
// moved on when they have nothing to do. So years pass in minutes, and what is due happens at the instant it is due.
package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/manifest"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/walltime"
	"github.com/caseload-dev/caseload/internal/worker"
)

// Caller of a simulation in the log.
var Caller = api.Call{Actor: "simulation", Manage: true}

// Options of a Simulation.
type Options struct {
	Manifests *manifest.Set
	// HelpDesk to run; empty: the only one there is.
	HelpDesk string
	// Data is the folder of the store, which must have none yet.
	Data string
	// At is when the simulation begins.
	At     time.Time
	Logger *slog.Logger
}

// Simulation is a desk with a worker for each tier. One goroutine uses it at a time.
type Simulation struct {
	Desk *desk.Desk
	// Clock of the desk and its workers.
	Clock *clocktesting.FakeClock

	store   *sqlite.Store
	workers []*worker.Worker
}

// forever is longer than any simulation, whose clock would stop every few seconds for workers to keep their leases.
const forever = 100 * 365 * 24 * time.Hour

// Start opens a new store and activates the plan of the manifests.
func Start(ctx context.Context, o Options) (_ *Simulation, err error) {
	target, err := o.Manifests.Desk(o.HelpDesk)
	if err != nil {
		return nil, err
	}
	s := &Simulation{Clock: clocktesting.NewFakeClock(o.At)}
	if s.store, err = sqlite.Open(ctx, filepath.Join(o.Data, "desk.db"), sqlite.Options{}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.store.Close())
		}
	}()
	s.Desk, err = desk.New(desk.Options{
		Store: s.store, Clock: s.Clock, HelpDesk: target.Name, Logger: o.Logger, TempDir: o.Data, LeaseTTL: forever,
	})
	if err != nil {
		return nil, err
	}
	if _, position := s.store.Committed(); position > 0 {
		return nil, fmt.Errorf("%s has the store of another desk: a simulation begins with an empty folder", o.Data)
	}
	declared := o.Manifests.Declared(target)
	declared.Now = o.At
	compiled := plan.Compile(declared, nil)
	if _, err := s.Desk.PushPlan(ctx, Caller, "*", api.PushPlan{Manifest: compiled.Manifest, Entries: compiled.Entries}); err != nil {
		return nil, fmt.Errorf("activate the plan: %w", err)
	}
	for _, e := range compiled.Entries {
		if e.Kind != plan.KindTier {
			continue
		}
		w, err := worker.New(worker.Options{Desk: s.Desk, Name: e.Name, Tier: e.Name, Clock: s.Clock, Logger: o.Logger})
		if err != nil {
			return nil, err
		}
		s.workers = append(s.workers, w)
	}
	return s, nil
}

// Settle lets the desk and its workers do all that is to be done now, and answers when more will be, zero for never.
func (s *Simulation) Settle(ctx context.Context) (next time.Time, err error) {
	settle := []func(context.Context) (time.Time, error){s.Desk.Settle}
	for _, w := range s.workers {
		settle = append(settle, w.Settle)
	}
	// What the one does may give the others something to do: an empty round is the last.
	for before := int64(-1); ; {
		next = time.Time{}
		for _, settle := range settle {
			at, err := settle(ctx)
			if err != nil {
				return next, err
			}
			next = walltime.Sooner(next, at)
		}
		_, position := s.store.Committed()
		if position == before {
			return next, nil
		}
		before = position
	}
}

// Now is the simulation's time.
func (s *Simulation) Now() time.Time { return s.Clock.Now() }

// MoveTo a later instant.
func (s *Simulation) MoveTo(at time.Time) { s.Clock.SetTime(at) }

// Close ends the simulation. The store stays.
func (s *Simulation) Close() error { return s.store.Close() }
