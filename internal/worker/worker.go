// Package worker is the queue worker: it leases pools of a desk, decides which waiting ticket goes to which agent, and
// delivers the desk's outbox. It keeps nothing: it may end at any moment, and another goes on.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
)

const (
	// pollSeconds is how long a call waits at the desk for something to happen.
	pollSeconds = 20
	// stopTime bounds giving the leases back and finishing deliveries when the worker stops.
	stopTime = 5 * time.Second
)

// Options of a Worker. Desk, Name and Tier are required.
type Options struct {
	Desk api.Service
	// Name of the worker, unique among those alive: the pod's.
	Name string
	// Tier whose pools it works.
	Tier string
	// Clock; nil: the real one.
	Clock clock.Clock
	// Logger; nil: none.
	Logger *slog.Logger
	// Registerer of the metrics; nil: they are not exposed.
	Registerer prometheus.Registerer
	// HTTPClient delivers messages; nil: outbox.NewClient.
	HTTPClient *http.Client
}

// Worker is one queue worker.
type Worker struct {
	desk    api.Service
	call    api.Call
	name    string
	tier    string
	clock   clock.Clock
	log     *slog.Logger
	http    *http.Client
	metrics *metrics
	plans   *plans
	// decide is dispatch.Decide.
	decide func(*plan.Plan, *plan.Pool, *dispatch.State, time.Time) dispatch.Result

	contact contact
	// settled are the pools of Settle.
	settled map[api.Lease]*settled
}

// New makes a worker. Run works.
func New(o Options) (*Worker, error) {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = outbox.NewClient()
	}
	call := api.Call{Actor: "worker/" + o.Name}
	w := &Worker{
		desk: o.Desk, call: call, name: o.Name, tier: o.Tier, clock: o.Clock, http: o.HTTPClient,
		log: o.Logger.With("worker", o.Name, "tier", o.Tier), metrics: newMetrics(),
		plans: &plans{desk: o.Desk, call: call, built: map[int64]*plan.Plan{}}, decide: dispatch.Decide,
	}
	if o.Registerer != nil {
		if err := w.metrics.register(o.Registerer); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Run works until ctx ends; then it gives its pools to others and finishes the deliveries it has begun.
func (w *Worker) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.workPools(ctx) })
	g.Go(func() error { return w.deliver(ctx) })
	return g.Wait()
}

// workPools keeps the worker's leases and works each leased pool beside the others.
func (w *Worker) workPools(ctx context.Context) error {
	pools := &pools{worker: w, running: map[api.Lease]*running{}}
	backoff := newBackoff()
	request := api.AcquireLeases{Worker: w.name, Tier: w.tier, Holding: []api.Lease{}}
	for ctx.Err() == nil {
		leases, err := w.desk.AcquireLeases(ctx, w.call, request)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			if w.contact.failed(w.clock.Now(), err) {
				w.log.Warn("the desk is out of reach; the worker tries again until it is back", "error", err)
			}
			w.sleep(ctx, backoff.Step())
			// The desk may be another one now: learn at once what is held.
			request.WaitSeconds = 0
			continue
		}
		if w.contact.made(time.Duration(leases.TTLSeconds) * time.Second) {
			w.log.Info("the desk is there")
		}
		backoff = newBackoff()
		pools.set(ctx, leases.Leases)
		w.metrics.pools.Set(float64(len(leases.Leases)))
		request.Holding, request.WaitSeconds = leases.Leases, pollSeconds
	}
	pools.set(ctx, nil)
	w.metrics.pools.Set(0)
	return w.release(ctx)
}

// release gives the leases back, so that nobody needs to wait for their end.
func (w *Worker) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := w.desk.ReleaseLeases(ctx, w.call, api.ReleaseLeases{Worker: w.name}); err != nil {
		w.log.Warn("could not give the leases back; they end by themselves", "error", err)
	}
	return nil
}

// pools are the goroutines of the leased pools.
type pools struct {
	worker  *Worker
	running map[api.Lease]*running
}

type running struct {
	stop context.CancelFunc
	done chan struct{}
}

// set ends the work on leases that are over, and begins that on new ones.
func (p *pools) set(ctx context.Context, leases []api.Lease) {
	over := p.running
	p.running = map[api.Lease]*running{}
	for _, lease := range leases {
		if r, ok := over[lease]; ok {
			p.running[lease] = r
			delete(over, lease)
		}
	}
	for _, r := range over {
		r.stop()
	}
	for _, r := range over {
		<-r.done
	}
	for _, lease := range leases {
		if p.running[lease] == nil {
			p.running[lease] = p.start(ctx, lease)
		}
	}
}

func (p *pools) start(ctx context.Context, lease api.Lease) *running {
	ctx, stop := context.WithCancel(ctx)
	r := &running{stop: stop, done: make(chan struct{})}
	work := &poolWorker{Worker: p.worker, lease: lease, log: p.worker.log.With("pool", lease.Pool, "epoch", lease.Epoch)}
	go func() {
		defer close(r.done)
		defer stop()
		work.run(ctx)
	}()
	return r
}

// newBackoff is for calls to the desk: soon at first, then every few seconds, spread so that workers do not come together.
func newBackoff() wait.Backoff {
	return wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Cap: 2 * time.Second, Steps: 10}
}

// sleep says false if ctx ended before.
func (w *Worker) sleep(ctx context.Context, d time.Duration) bool {
	timer := w.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}

// contact knows whether the desk answers.
type contact struct {
	mu sync.Mutex
	// ttl of the last leases; zero: the desk never answered.
	ttl time.Duration
	// since is when calls began to fail; zero: the last one did not.
	since time.Time
	err   error
}

// made says whether it is news that the desk answers.
func (c *contact) made(ttl time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := c.ttl == 0 || c.err != nil
	c.ttl, c.since, c.err = max(ttl, time.Second), time.Time{}, nil
	return news
}

// failed says whether it is news that the desk does not answer.
func (c *contact) failed(now time.Time, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := c.err == nil
	if news {
		c.since = now
	}
	c.err = err
	return news
}

var errNoContact = errors.New("the desk has not answered yet")

// Ready is nil once the desk has answered, unless it has been out of reach for longer than a lease lasts. A worker that is
// not ready is no less alive: it goes on by itself when the desk is back.
func (w *Worker) Ready() error {
	c := &w.contact
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil && (c.ttl == 0 || w.clock.Since(c.since) > c.ttl):
		return fmt.Errorf("the desk is out of reach since %s: %w", c.since.UTC().Format(time.RFC3339), c.err)
	case c.ttl == 0:
		return errNoContact
	}
	return nil
}
