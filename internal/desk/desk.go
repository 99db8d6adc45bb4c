// Package desk is the system of record of a HelpDesk: it takes tickets in, keeps their state and log, runs the timers,
// and guards what agents and queue workers do to them. It implements api.Service over a store, with the decisions of the
// pure packages.
package desk

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
)

// deskActor is the desk itself in the log.
const deskActor = "desk"

// Options of a desk.
type Options struct {
	// Store that the desk alone writes to.
	Store store.Store
	// Clock of the machine; nil: the real one.
	Clock clock.WithTicker
	// LeaseTTL is how long a worker that is not heard of keeps its pools; zero: 4 s.
	LeaseTTL time.Duration
	// HelpDesk is the name of the HelpDesk served.
	HelpDesk string
	// Logger; nil: none.
	Logger *slog.Logger
	// Registerer of the metrics; nil: they are not exposed.
	Registerer prometheus.Registerer
	// HTTPClient delivers what no queue worker claims; nil: outbox.NewClient.
	HTTPClient *http.Client
	// Address at which people reach the desk if the HelpDesk declares none, such as https://acme-desk.support.svc.
	Address string
	// NotifierURL is the URL of a notifier's service, with its credentials; nil: none has one.
	NotifierURL func(notifier string) (string, error)
	// TempDir is where Backup puts its copy before it streams it. It is this desk's alone: what it holds of a backup is
	// removed at the start. Empty: os.TempDir, which is left as it is.
	TempDir string
}

// Desk is the one active desk of a HelpDesk.
type Desk struct {
	store    store.Store
	clock    clock.WithTicker
	helpDesk string
	log      *slog.Logger
	http     *http.Client
	tempDir  string
	metrics  *metrics

	address     string
	notifierURL func(string) (string, error)
	// pace is the transactions' alone, which run one after the other.
	pace notify.Pace

	time *deskClock
	// backup is held while one is made.
	backup sync.Mutex
	// activation is held for writing while a plan becomes the active one, so that no change sees the one and is stored
	// under the other.
	activation sync.RWMutex
	plan       atomic.Pointer[plan.Plan]
	// migrate wakes the loop that brings the tickets in line with a new plan.
	migrate broadcast
	// timerTurn and its like are the transactions' alone, which run one after the other.
	timerTurn, migrationTurn, handOverTurn turn

	// duties wakes the loop that hands over the tickets of who goes off duty.
	duties broadcast

	// handOffs wakes the loop that keeps the ledger of shifts.
	handOffs     broadcast
	nextHandOffs nextHandOffs

	// escalations are versions of EscalationPolicies that are no longer in force and runs go by, by their hash.
	escalations sync.Map

	recent   *recent
	leases   *leases
	timers   alarm
	messages broadcast
	// rests of the loops that Settle runs.
	rests map[string]rest
	// stopping is closed when Run ends: long polls answer at once.
	stopping chan struct{}
	stopOnce sync.Once
}

var _ api.Service = (*Desk)(nil)

var errStopping = api.NewProblem(http.StatusServiceUnavailable, api.ProblemNotReady, "the desk is stopping: try again")

// New makes a desk of what the store holds. It serves at once, with the plan that was active last; Run keeps its clocks.
func New(o Options) (*Desk, error) {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = outbox.NewClient()
	}
	if o.NotifierURL == nil {
		o.NotifierURL = func(notifier string) (string, error) {
			return "", fmt.Errorf("the desk has no URL of notifier %s", notifier)
		}
	}
	d := &Desk{
		store: o.Store, clock: o.Clock, helpDesk: o.HelpDesk, log: o.Logger, http: o.HTTPClient, tempDir: o.TempDir,
		address: o.Address, notifierURL: o.NotifierURL, stopping: make(chan struct{}), rests: map[string]rest{},
		timerTurn: turn{time: turnTime}, handOverTurn: turn{time: turnTime}, migrationTurn: turn{time: migrationTurnTime},
	}
	d.metrics = newMetrics(d)
	if err := removeBackups(o.TempDir); err != nil {
		return nil, err
	}
	err := o.Store.View(context.Background(), func(r store.Reader) error {
		position, err := r.Position()
		if err != nil {
			return err
		}
		d.recent = newRecent(position)
		if d.time, err = newDeskClock(o.Clock, r); err != nil {
			return err
		}
		if d.leases, err = newLeases(o.Clock, cmp.Or(o.LeaseTTL, leaseTTL), r); err != nil {
			return err
		}
		return d.loadPlan(r)
	})
	if err != nil {
		return nil, fmt.Errorf("read the store: %w", err)
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(d.metrics); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Run keeps the desk's clocks until ctx ends: timers, leases, the part of plan activations that is left to do, the
// messages nobody delivers, and what is forgotten after a day.
func (d *Desk) Run(ctx context.Context) error {
	defer d.stopOnce.Do(func() { close(d.stopping) })
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range append(d.dueLoops(), loop{"leases", d.expireLeases}, loop{"outbox", d.deliverUnclaimed}, loop{"idempotency", d.forgetAnswers}) {
		g.Go(func() error { return d.run(ctx, l) })
	}
	return g.Wait()
}

// view runs fn on committed state under the active plan.
func (d *Desk) view(ctx context.Context, fn func(store.Reader, *plan.Plan) error) error {
	d.activation.RLock()
	defer d.activation.RUnlock()
	err := d.store.View(ctx, func(r store.Reader) error { return fn(r, d.plan.Load()) })
	if err != nil {
		return refusal(err)
	}
	return nil
}
