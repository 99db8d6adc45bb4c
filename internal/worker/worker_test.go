package worker_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/internal/worker"
)

// Two workers share the pools; when one is killed, the other offers its tickets within 5 s, and when one stops it hands
// over without anybody waiting.
func TestSurvivorTakesOver(t *testing.T) {
	r := newRig(t, acme(nil, "ann", "bob")...)
	r.available("ann", "bob")
	workers := map[string]*process{"w1": r.start("w1"), "w2": r.start("w2")}
	eventually(t, 10*time.Second, "each worker has a pool", func() bool {
		ann, bob := r.holder("ann"), r.holder("bob")
		return ann != "" && bob != "" && ann != bob
	})
	first := []int64{r.open(about("ann")), r.open(about("bob"))}
	eventually(t, 10*time.Second, "both are offered", func() bool {
		return r.ticket(first[0]).Agent == "ann" && r.ticket(first[1]).Agent == "bob"
	})

	workers[r.holder("ann")].kill()
	second := r.open(about("ann"))
	eventually(t, 5*time.Second, "the survivor offers", func() bool { return r.ticket(second).Status == ticket.Offered })

	last, expired := r.holder("ann"), r.happened(eventlog.LeaseExpired)
	r.start("w3")
	workers[last].end()
	third := []int64{r.open(about("ann")), r.open(about("bob"))}
	eventually(t, 10*time.Second, "the newcomer offers", func() bool {
		return r.ticket(third[0]).Status == ticket.Offered && r.ticket(third[1]).Status == ticket.Offered
	})
	if now := r.happened(eventlog.LeaseExpired); now != expired {
		t.Errorf("%d leases of a worker that stopped had to expire", now-expired)
	}
}

// A new plan takes effect in a running worker.
func TestFollowsPlan(t *testing.T) {
	r := newRig(t, acme(nil, "ann")...)
	r.available("ann")
	r.start("w1")
	id := r.open(about("ann"))
	eventually(t, 10*time.Second, "offered", func() bool { return r.ticket(id).Status == ticket.Offered })
	objects := acme(nil, "ann", "bob")
	for _, o := range objects {
		if queue, ok := o.(*v1alpha1.Queue); ok {
			queue.Spec.AgentSelector = nil // of one pool now, which keeps its name
		}
	}
	r.push(objects...)
	r.available("bob")
	if _, err := r.SetPresence(t.Context(), as("ann"), "ann", api.SetPresence{Presence: string(dispatch.Busy)}); err != nil {
		t.Fatal(err)
	}
	id = r.open(about("ann"))
	eventually(t, 10*time.Second, "offered to the new agent", func() bool { return r.ticket(id).Agent == "bob" })
}

// A ticket whose decision panics is set aside, for people to see; the others go on.
func TestSetsAside(t *testing.T) {
	r := newRig(t, acme(nil, "ann")...)
	r.available("ann")
	urgent := func(c *ticket.Content) { c.Priority = ticket.Urgent }
	before, poison, after := r.open(about("ann")), r.open(about("ann"), urgent), r.open(about("ann"))
	w := r.start("w1", func(w *worker.Worker) {
		w.Decide(func(p *plan.Plan, pool *plan.Pool, s *dispatch.State, now time.Time) dispatch.Result {
			for _, window := range s.Classes {
				for _, d := range window.Demands {
					if d.Priority == ticket.Urgent {
						panic("cannot decide")
					}
				}
			}
			return dispatch.Decide(p, pool, s, now)
		})
	})
	eventually(t, 10*time.Second, "the others are offered", func() bool {
		return r.ticket(before).Status == ticket.Offered && r.ticket(after).Status == ticket.Offered
	})
	if got := r.ticket(poison); got.Status != ticket.Waiting || !strings.Contains(got.SetAside, "cannot decide") {
		t.Errorf("ticket is %s, set aside: %q", got.Status, got.SetAside)
	}
	if err := w.Ready(); err != nil {
		t.Error(err)
	}
}

// unlucky is a desk at which a worker's first decisions lose a race that nothing else tells of.
type unlucky struct {
	api.Service
	refused atomic.Bool
}

func (u *unlucky) Commit(ctx context.Context, call api.Call, pool string, body api.Commit) (*api.Committed, error) {
	if u.refused.CompareAndSwap(false, true) {
		return &api.Committed{Refused: slices.Repeat([]string{"somebody was faster"}, len(body.Decisions))}, nil
	}
	return u.Service.Commit(ctx, call, pool, body)
}

// What lost a race is tried again, also if nothing happens meanwhile.
func TestTriesAgainWhatLostARace(t *testing.T) {
	r := newRig(t, acme(nil, "ann")...)
	r.available("ann")
	service := &unlucky{Service: r.Desk}
	r.startBeside(worker.Options{Desk: service, Name: "w1", Tier: "front"})
	id := r.open(about("ann"))
	eventually(t, 10*time.Second, "offered after all", func() bool { return r.ticket(id).Status == ticket.Offered })
	if !service.refused.Load() {
		t.Error("no decision lost a race")
	}
}

// hook is a webhook that keeps what it was sent.
type hook struct {
	mu       sync.Mutex
	requests []*http.Request
	events   []map[string]any
}

func (h *hook) serve(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event map[string]any
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Errorf("not a CloudEvent: %v", err)
		}
		h.mu.Lock()
		h.requests, h.events = append(h.requests, r), append(h.events, event)
		n := len(h.requests)
		h.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func (h *hook) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.requests)
}

// Ticket events reach the webhook as CloudEvents, again with the same key after a failure; a redirect to elsewhere is a
// failure and not followed.
func TestDelivers(t *testing.T) {
	var good, moved, elsewhere hook
	target := elsewhere.serve(t, func(int, http.ResponseWriter, *http.Request) {})
	webhooks := []v1alpha1.Webhook{
		{Name: "good", Events: []v1alpha1.TicketEventType{"Opened"}, URL: good.serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})},
		{Name: "moved", Events: []v1alpha1.TicketEventType{"Opened"}, URL: moved.serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target, http.StatusTemporaryRedirect)
		})},
	}
	r := newRig(t, acme(webhooks, "ann")...)
	r.start("w1")
	r.open(about("ann"))
	eventually(t, 10*time.Second, "delivered, and that is known", func() bool {
		return good.count() == 2 && r.happened(eventlog.OutboxDelivered) == 1
	})
	eventually(t, 10*time.Second, "the redirect was tried and counted as a failure", func() bool {
		return moved.count() > 0 && r.happened(eventlog.OutboxFailed) >= 2
	})
	first, second := good.requests[0].Header, good.requests[1].Header
	if !strings.HasPrefix(first.Get("Content-Type"), "application/cloudevents+json") || good.events[0]["specversion"] != "1.0" {
		t.Errorf("content type %q, event %v", first.Get("Content-Type"), good.events[0])
	}
	if key := first.Get("Idempotency-Key"); key == "" || key != second.Get("Idempotency-Key") {
		t.Errorf("keys %q and %q", key, second.Get("Idempotency-Key"))
	}
	if elsewhere.count() > 0 {
		t.Error("the event was sent where the manifest does not say")
	}
}

// counted counts the calls a worker makes, by name.
type counted struct {
	api.Service
	calls atomic.Int64
}

func (c *counted) AcquireLeases(ctx context.Context, call api.Call, body api.AcquireLeases) (*api.Leases, error) {
	c.calls.Add(1)
	return c.Service.AcquireLeases(ctx, call, body)
}

func (c *counted) Changes(ctx context.Context, call api.Call, pool string, epoch, after int64, wait int) (*api.Changes, error) {
	c.calls.Add(1)
	return c.Service.Changes(ctx, call, pool, epoch, after, wait)
}

func (c *counted) ClaimMessages(ctx context.Context, call api.Call, body api.ClaimMessages) (*api.ClaimedMessages, error) {
	c.calls.Add(1)
	return c.Service.ClaimMessages(ctx, call, body)
}

func (c *counted) Commit(ctx context.Context, call api.Call, pool string, body api.Commit) (*api.Committed, error) {
	c.calls.Add(1)
	return c.Service.Commit(ctx, call, pool, body)
}

// parted is a desk whose answers of changes do not end, until told.
type parted struct {
	api.Service
	more    atomic.Bool
	answers atomic.Int64
}

func (p *parted) Changes(ctx context.Context, call api.Call, pool string, epoch, after int64, wait int) (*api.Changes, error) {
	changes, err := p.Service.Changes(ctx, call, pool, epoch, after, wait)
	if err == nil && p.more.Load() {
		changes.More = true
		p.answers.Add(1)
	}
	return changes, err
}

// A worker decides nothing on changes of which more are to come: what goes before may be among them.
func TestDecidesOnWholeChanges(t *testing.T) {
	r := newRig(t, acme(nil, "ann")...)
	service := &parted{Service: r.Desk}
	r.startBeside(worker.Options{Desk: service, Name: "w1", Tier: "front"})
	first := r.open(about("ann"))
	r.available("ann")
	eventually(t, 10*time.Second, "offered", func() bool { return r.ticket(first).Status == ticket.Offered })

	service.more.Store(true)
	second := r.open(about("ann"))
	eventually(t, 10*time.Second, "the worker reads on", func() bool { return service.answers.Load() > 5 })
	if got := r.ticket(second); got.Status != ticket.Waiting {
		t.Errorf("decided before the changes were whole: %s", got.Status)
	}
	service.more.Store(false)
	eventually(t, 10*time.Second, "offered", func() bool { return r.ticket(second).Status == ticket.Offered })
}

// slow is a desk that takes its time to tell its plan, whoever still waits for it.
type slow struct {
	api.Service
	told    chan struct{}
	holding atomic.Int64
}

func (s *slow) PlanEntries(ctx context.Context, call api.Call, revision int64) (*api.PlanEntries, error) {
	<-s.told
	return s.Service.PlanEntries(ctx, call, revision)
}

func (s *slow) AcquireLeases(ctx context.Context, call api.Call, body api.AcquireLeases) (*api.Leases, error) {
	s.holding.Store(int64(len(body.Holding)))
	return s.Service.AcquireLeases(ctx, call, body)
}

// A worker that waits for the plan goes on renewing its leases, also as one of its pools goes to another worker.
func TestRenewsWhileThePlanComes(t *testing.T) {
	r := newRig(t, acme(nil, "ann", "bob")...)
	r.available("ann", "bob")
	service := &slow{Service: r.Desk, told: make(chan struct{})}
	r.startBeside(worker.Options{Desk: service, Name: "w1", Tier: "front"})
	tell := sync.OnceFunc(func() { close(service.told) })
	t.Cleanup(tell)
	eventually(t, 10*time.Second, "it has both pools", func() bool { return service.holding.Load() == 2 })
	r.start("w2")
	eventually(t, 10*time.Second, "it renews the lease that is left", func() bool { return service.holding.Load() == 1 })

	tell()
	ids := []int64{r.open(about("ann")), r.open(about("bob"))}
	eventually(t, 10*time.Second, "both are offered", func() bool {
		return r.ticket(ids[0]).Status == ticket.Offered && r.ticket(ids[1]).Status == ticket.Offered
	})
	if n := r.happened(eventlog.LeaseExpired); n > 0 {
		t.Errorf("%d leases expired", n)
	}
}

// turns holds a ticket to become something at an instant: not before, and at most a second later. The time is a bubble's.
func (r *rig) turns(id int64, into ticket.Status, at time.Time) {
	r.Helper()
	time.Sleep(time.Until(at) - time.Millisecond)
	if synctest.Wait(); r.ticket(id).Status == into {
		r.Errorf("ticket %d is %s before %s", id, into, at)
	}
	time.Sleep(time.Second)
	if synctest.Wait(); r.ticket(id).Status != into {
		r.Errorf("ticket %d is %s a second after %s", id, r.ticket(id).Status, at)
	}
}

// A ticket that came by night is offered as the agent's shift begins, with nothing but long polls until then.
func TestShiftBegins(t *testing.T) { synctest.Test(t, testShiftBegins) }

func testShiftBegins(t *testing.T) {
	office := named(&v1alpha1.BusinessCalendar{}, "office")
	office.Spec.TimeZone = "Europe/Berlin"
	office.Spec.Hours = []v1alpha1.WeeklyHours{{Days: []v1alpha1.Weekday{"Sat"}, From: "09:00", To: "17:00"}}
	objects := append(acme(nil, "ann"), office)
	for _, o := range objects {
		if team, is := o.(*v1alpha1.SupportTeam); is {
			team.Spec.Defaults.Schedule = &v1alpha1.Schedule{CalendarRef: &v1alpha1.BusinessCalendarReference{Name: "office"}}
		}
	}
	opens := time.Date(2000, 1, 1, 8, 0, 0, 0, time.UTC)
	time.Sleep(time.Until(opens.Add(-150 * time.Second)))
	r := newRig(t, objects...)
	r.available("ann")
	service := &counted{Service: r.Desk}
	r.startBeside(worker.Options{Desk: service, Name: "w1", Tier: "front"})
	id := r.open(about("ann"))
	r.turns(id, ticket.Offered, opens)
	if calls := service.calls.Load(); calls > 40 {
		t.Errorf("%d calls in the two and a half minutes before", calls)
	}
}

// With the only agent having declined, the worker asks nothing but long polls until the pause is over, and then offers
// the ticket again at once, in the next round.
func TestWaitsOutThePause(t *testing.T) { synctest.Test(t, testWaitsOutThePause) }

func testWaitsOutThePause(t *testing.T) {
	r := newRig(t, acme(nil, "ann")...)
	r.available("ann")
	service := &counted{Service: r.Desk}
	r.startBeside(worker.Options{Desk: service, Name: "w1", Tier: "front"})

	id := r.open(about("ann"))
	eventually(t, 10*time.Second, "offered", func() bool { return r.ticket(id).Status == ticket.Offered })
	if _, err := r.Decline(t.Context(), as("ann"), id, api.Decline{Offer: r.ticket(id).Offer.ID}); err != nil {
		t.Fatal(err)
	}
	over := time.Now().Add(dispatch.PairPause)
	service.calls.Store(0)
	// A change in between, so that the polls do not happen to end with the pause.
	time.Sleep(7 * time.Second)
	if _, err := r.SetPresence(t.Context(), as("ann"), "ann", api.SetPresence{Presence: "Available", Reason: "still here"}); err != nil {
		t.Fatal(err)
	}
	r.turns(id, ticket.Offered, over)
	if got := r.ticket(id); got.Round != 1 {
		t.Errorf("offered again in round %d", got.Round)
	}
	// Three loops, a poll of 20 s each, and the offer with what it sets off.
	if calls := service.calls.Load(); calls > 20 {
		t.Errorf("%d calls within a minute of nothing to do", calls)
	}
}
