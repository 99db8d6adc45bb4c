package worker_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/desk/server"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/internal/worker"
)

var manager = api.Call{Actor: "user/lead", Manage: true}

func as(agent string) api.Call { return api.Call{Actor: "agent/" + agent, Agent: agent} }

// rig is a real desk on a store of its own.
type rig struct {
	*testing.T
	*desk.Desk
	// url of its HTTP API, once a process needs it.
	url  string
	hash string
}

func newRig(t *testing.T, objects ...metav1.Object) *rig {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := desk.New(desk.Options{Store: store, HelpDesk: "acme", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &rig{T: t, Desk: d, hash: "*"}
	r.push(objects...)
	return r
}

// serve the desk's HTTP API.
func (r *rig) serve() {
	r.Helper()
	local, err := auth.NewLocal(auth.LocalToken{Token: "secret", User: "worker", Allow: []string{"*"}})
	if err != nil {
		r.Fatal(err)
	}
	handler, err := server.New(r.Desk, server.Options{HelpDesk: "acme", Authenticator: local, Authorizer: local})
	if err != nil {
		r.Fatal(err)
	}
	served := httptest.NewServer(handler)
	r.Cleanup(served.Close)
	r.url = served.URL
}

// push makes the objects the plan.
func (r *rig) push(objects ...metav1.Object) {
	r.Helper()
	entries := make([]plan.Entry, len(objects))
	for i, object := range objects {
		entry, err := plan.NewEntry(object)
		if err != nil {
			r.Fatal(err)
		}
		entries[i] = entry
	}
	pushed, err := r.PushPlan(r.Context(), manager, r.hash, api.PushPlan{Manifest: plan.NewManifest("acme", entries), Entries: entries})
	if err != nil {
		r.Fatal(err)
	}
	r.hash = pushed.Hash
}

// process is a worker with a connection of its own, which can die with it.
type process struct {
	*worker.Worker
	dead atomic.Bool
	stop context.CancelFunc
	done chan error
}

var errDead = errors.New("the process is dead")

func (p *process) RoundTrip(request *http.Request) (*http.Response, error) {
	if p.dead.Load() {
		return nil, errDead
	}
	return http.DefaultTransport.RoundTrip(request)
}

// kill ends the worker as kill -9 does: its calls break off, and it says no good-bye.
func (p *process) kill() {
	p.dead.Store(true)
	p.end()
}

func (p *process) end() {
	p.stop()
	p.done <- <-p.done
}

func (r *rig) start(name string, edits ...func(*worker.Worker)) *process {
	r.Helper()
	if r.url == "" {
		r.serve()
	}
	p := &process{done: make(chan error, 1)}
	desk, err := client.New(client.Options{URL: r.url, Token: "secret", RetryFor: -1, HTTPClient: &http.Client{Transport: p}})
	if err != nil {
		r.Fatal(err)
	}
	if p.Worker, err = worker.New(worker.Options{Desk: desk, Name: name, Tier: "front"}); err != nil {
		r.Fatal(err)
	}
	for _, edit := range edits {
		edit(p.Worker)
	}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	go func() { p.done <- p.Run(ctx) }()
	r.Cleanup(p.end)
	return p
}

// startBeside runs a worker that calls its desk without HTTP between.
func (r *rig) startBeside(o worker.Options) {
	r.Helper()
	w, err := worker.New(o)
	if err != nil {
		r.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	r.Cleanup(func() { stop(); <-done })
}

func eventually(t testing.TB, within time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after %s: %s", within, what)
		}
	}
}

func (r *rig) open(edits ...func(*ticket.Content)) int64 {
	r.Helper()
	body := api.OpenTicket{Content: ticket.Content{Subject: "it does not work", Channel: "Chat"}}
	for _, edit := range edits {
		edit(&body.Content)
	}
	opened, err := r.OpenTicket(r.Context(), manager, body)
	if err != nil {
		r.Fatal(err)
	}
	return opened.Ticket.ID
}

func about(category string) func(*ticket.Content) {
	return func(c *ticket.Content) { c.Category = category }
}

func (r *rig) ticket(id int64) *ticket.Ticket {
	r.Helper()
	t, err := r.Ticket(r.Context(), manager, id)
	if err != nil {
		r.Fatal(err)
	}
	return t
}

func (r *rig) available(agents ...string) {
	r.Helper()
	for _, name := range agents {
		if _, err := r.SetPresence(r.Context(), as(name), name, api.SetPresence{Presence: string(dispatch.Available)}); err != nil {
			r.Fatal(err)
		}
	}
}

// holder of a pool, empty for none.
func (r *rig) holder(pool string) string {
	r.Helper()
	overview, err := r.Overview(r.Context(), manager)
	if err != nil {
		r.Fatal(err)
	}
	for _, w := range overview.Workers {
		for _, held := range w.Pools {
			if held == pool {
				return w.Name
			}
		}
	}
	return ""
}

// happened counts the records of a type.
func (r *rig) happened(want eventlog.Type) (n int) {
	r.Helper()
	records, err := r.Records(r.Context(), manager, 0, 1000, 0, 0)
	if err != nil {
		r.Fatal(err)
	}
	for i := range records.Items {
		if records.Items[i].Type == want {
			n++
		}
	}
	return n
}

func named[T metav1.Object](object T, name string) T {
	object.SetName(name)
	return object
}

// acme has a queue for each agent, named after them; tickets whose category is an agent's name go to their queue, and
// each queue is a pool of its own.
func acme(webhooks []v1alpha1.Webhook, agents ...string) []metav1.Object {
	helpDesk := named(&v1alpha1.HelpDesk{}, "acme")
	helpDesk.Spec.DefaultTeamRef.Name = "support"
	helpDesk.Spec.Webhooks = webhooks
	team := named(&v1alpha1.SupportTeam{}, "support")
	team.Spec.HelpDeskRef.Name = "acme"
	tier := named(&v1alpha1.Tier{}, "front")
	tier.Spec.TeamRef.Name, tier.Spec.Level = "support", 1
	tier.Spec.AgentSelector = &metav1.LabelSelector{}
	policy := named(&v1alpha1.RoutingPolicy{}, "rules")
	policy.Spec.TeamRef.Name = "support"
	objects := []metav1.Object{helpDesk, team, tier, policy}
	for _, name := range agents {
		agent := named(&v1alpha1.Agent{}, name)
		agent.Labels = map[string]string{"name": name}
		agent.Spec.TeamRef.Name = "support"
		agent.Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 50}}
		queue := named(&v1alpha1.Queue{}, name)
		queue.Spec.TierRef.Name = "front"
		queue.Spec.AgentSelector = &metav1.LabelSelector{MatchLabels: agent.Labels}
		queue.Spec.Offer.Timeout = "1h"
		policy.Spec.Rules = append(policy.Spec.Rules, v1alpha1.RoutingRule{
			Name: name, Match: &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{v1alpha1.Label(name)}},
			QueueRef: &v1alpha1.QueueReference{Name: v1alpha1.ObjectName(name)},
		})
		objects = append(objects, agent, queue)
	}
	return objects
}
