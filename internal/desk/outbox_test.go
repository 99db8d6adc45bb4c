package desk_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/outbox"
)

// webhook receives what is posted to it.
type webhook struct {
	*httptest.Server
	mu       sync.Mutex
	received []received
	// refuse answers 500.
	refuse bool
}

type received struct {
	contentType, key string
	event            map[string]any
}

func newWebhook(t *testing.T) *webhook {
	w := &webhook{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		got := received{contentType: req.Header.Get("Content-Type"), key: req.Header.Get("Idempotency-Key")}
		body, _ := io.ReadAll(req.Body)
		if err := json.Unmarshal(body, &got.event); err != nil {
			t.Error(err)
		}
		w.received = append(w.received, got)
		if w.refuse {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *webhook) all() []received {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]received(nil), w.received...)
}

func (w *webhook) declare(events ...v1alpha1.TicketEventType) func(*organisation) {
	return func(o *organisation) {
		o.helpDesk.Spec.Webhooks = []v1alpha1.Webhook{{Name: "crm", URL: w.URL, Events: events}}
	}
}

func (r *rig) claim(worker string) []api.Message {
	r.Helper()
	return must(r.ClaimMessages(r.ctx, manager, api.ClaimMessages{Worker: worker, Max: 10}))(r).Messages
}

func (r *rig) count(t eventlog.Type) (n int) {
	for _, record := range r.records(0) {
		if record.Type == t {
			n++
		}
	}
	return n
}

func TestEventsAreEnqueuedWithTheChangeAndOnlyThoseAskedFor(t *testing.T) {
	w := newWebhook(t)
	r := newRig(t, w.declare("Opened", "Resolved"))
	r.resolved("jo")
	messages := r.claim("w1")
	if len(messages) != 2 || messages[0].URL != w.URL {
		t.Fatalf("claimed %+v, want opened and resolved", messages)
	}
	var event map[string]any
	if err := json.Unmarshal(messages[0].Body, &event); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]any{
		"specversion": "1.0", "type": "support.caseload.dev.ticket.opened", "source": "/helpdesks/acme", "subject": "tickets/1",
		"id": messages[0].Key, "time": "2026-11-20T09:00:00Z", "datacontenttype": "application/json",
	} {
		if event[field] != want {
			t.Errorf("%s is %v, want %v", field, event[field], want)
		}
	}
	data := event["data"].(map[string]any)
	if data["ticket"].(map[string]any)["subject"] != "it does not work" || data["record"].(map[string]any)["type"] != "ticket.opened" {
		t.Errorf("data is %v", data)
	}
	_, err := r.OpenTicket(r.ctx, manager, api.OpenTicket{}) // refused: nothing happened, nothing to tell
	refused(t, err, api.ProblemInvalid)
	if o := must(r.Overview(r.ctx, manager))(t).Outbox; o.Waiting != 2 {
		t.Errorf("%d messages wait", o.Waiting)
	}
}

func TestClaimedMessageIsTheClaimersUntilTheClaimEnds(t *testing.T) {
	r := newRig(t, newWebhook(t).declare())
	r.opened()
	first := r.claim("w1")
	if got := r.claim("w2"); len(first) != 1 || len(got) != 0 {
		t.Fatalf("w1 claimed %d, w2 %d", len(first), len(got))
	}
	r.pass(outbox.ClaimTime) // w1 died
	again := r.claim("w2")
	if len(again) != 1 || again[0].Key != first[0].Key || string(again[0].Body) != string(first[0].Body) {
		t.Fatalf("got %+v, want the same message under the same key", again)
	}
	report := func(worker, failure string) {
		t.Helper()
		err := r.ReportDeliveries(r.ctx, manager, api.Deliveries{Worker: worker, Results: []api.Delivery{{ID: again[0].ID, Error: failure}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	report("w1", "timeout") // too late to count
	if r.count(eventlog.OutboxFailed) != 0 {
		t.Error("a claim that ended counted a failure")
	}
	report("w2", "")
	report("w1", "") // of a message that is gone
	if o := must(r.Overview(r.ctx, manager))(t).Outbox; o.Waiting != 0 || r.count(eventlog.OutboxDelivered) != 1 {
		t.Errorf("%+v, delivered %d times", o, r.count(eventlog.OutboxDelivered))
	}
	if n := r.count(eventlog.OutboxClaimed); n != 2 {
		t.Errorf("%d claims are on record, want that of each worker", n)
	}
}

func TestFailedMessageIsTriedLaterAndLaterAndThenKeptAsDead(t *testing.T) {
	r := newRig(t, newWebhook(t).declare())
	r.opened()
	for attempt := 1; attempt <= outbox.MaxAttempts; attempt++ {
		messages := r.claim("w1")
		if len(messages) != 1 || messages[0].Attempts != attempt-1 {
			t.Fatalf("attempt %d: claimed %+v", attempt, messages)
		}
		err := r.ReportDeliveries(r.ctx, manager, api.Deliveries{Worker: "w1", Results: []api.Delivery{{ID: messages[0].ID, Error: "500"}}})
		if err != nil {
			t.Fatal(err)
		}
		wait := min(time.Second<<(attempt-1), time.Hour)
		r.pass(wait/2 - time.Millisecond)
		if got := r.claim("w1"); len(got) != 0 {
			t.Fatalf("attempt %d was followed by the next within %s", attempt, wait/2)
		}
		r.pass(wait)
	}
	if got := r.claim("w1"); len(got) != 0 {
		t.Errorf("a dead letter was claimed: %+v", got)
	}
	if o := must(r.Overview(r.ctx, manager))(t).Outbox; o.Waiting != 0 || o.Dead != 1 || r.count(eventlog.OutboxDead) != 1 {
		t.Errorf("got %+v", o)
	}
	if n := r.count(eventlog.OutboxFailed); n != outbox.MaxAttempts-1 {
		t.Errorf("%d failures are on record before the last of %d", n, outbox.MaxAttempts)
	}
}

func TestDeskDeliversWhatNobodyClaimsWithin5Seconds(t *testing.T) {
	w := newWebhook(t)
	r := newRig(t, w.declare("Opened"))
	r.run()
	r.eventually("the loops sleep", r.clock.HasWaiters)
	r.opened()
	r.pass(5*time.Second - time.Millisecond)
	r.sleepsUntil(start.Add(5 * time.Second))
	if got := w.all(); len(got) != 0 {
		t.Fatalf("the desk delivered %v at once", got)
	}
	r.eventually("delivered", func() bool { r.pass(time.Millisecond); return len(w.all()) == 1 })
	if took := r.clock.Since(start); took > 6*time.Second { // a second for the steps of the clock meanwhile
		t.Errorf("delivered after %s", took)
	}
	got := w.all()[0]
	if got.key == "" || got.key != got.event["id"] || got.contentType != "application/cloudevents+json; charset=utf-8" {
		t.Errorf("got %+v", got)
	}
	r.eventually("settled", func() bool { return r.count(eventlog.OutboxDelivered) == 1 })
}

func TestDeskTriesAgainWhatFailed(t *testing.T) {
	w := newWebhook(t)
	w.refuse = true
	r := newRig(t, w.declare("Opened"))
	r.run()
	r.opened()
	r.eventually("tried twice", func() bool { r.pass(100 * time.Millisecond); return len(w.all()) >= 2 })
	w.mu.Lock()
	w.refuse = false
	w.mu.Unlock()
	r.eventually("delivered", func() bool { r.pass(100 * time.Millisecond); return r.count(eventlog.OutboxDelivered) == 1 })
	keys := map[string]bool{}
	for _, got := range w.all() {
		keys[got.key] = true
	}
	if len(keys) != 1 {
		t.Errorf("attempts came under %d keys", len(keys))
	}
}

func TestMessagesSurviveARestart(t *testing.T) {
	r := newRig(t, newWebhook(t).declare("Opened"))
	r.opened()
	r.restart()
	if got := r.claim("w1"); len(got) != 1 {
		t.Errorf("claimed %+v", got)
	}
}

func TestMessagesOfAWebhookNoLongerDeclaredAreDeadLetters(t *testing.T) {
	r := newRig(t, newWebhook(t).declare("Opened"))
	r.opened()
	r.apply(func(o *organisation) { o.helpDesk.Spec.Webhooks = nil })
	if got := r.claim("w1"); len(got) != 0 {
		t.Errorf("claimed %+v", got)
	}
	if o := must(r.Overview(r.ctx, manager))(t).Outbox; o.Dead != 1 {
		t.Errorf("got %+v", o)
	}
	counted := strings.NewReader(`
# HELP caseload_desk_deliveries_total Attempts to deliver a message by outcome.
# TYPE caseload_desk_deliveries_total counter
caseload_desk_deliveries_total{outcome="dead"} 1
caseload_desk_deliveries_total{outcome="delivered"} 0
caseload_desk_deliveries_total{outcome="failed"} 0
`)
	if err := testutil.GatherAndCompare(r.metrics, counted, "caseload_desk_deliveries_total"); err != nil {
		t.Error(err)
	}
}

func TestClaimWaitsForAMessage(t *testing.T) {
	r := newRig(t, newWebhook(t).declare("Opened"))
	got := make(chan []api.Message, 1)
	go func() {
		claimed, err := r.ClaimMessages(r.ctx, manager, api.ClaimMessages{Worker: "w1", Max: 1, WaitSeconds: 30})
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		got <- claimed.Messages
	}()
	r.eventually("w1 waits", r.clock.HasWaiters)
	r.opened()
	if messages := soon(t, got); len(messages) != 1 {
		t.Errorf("claimed %+v", messages)
	}
}
