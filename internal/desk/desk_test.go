package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// manager may do everything.
var manager = api.Call{Actor: "user/lead", Manage: true}

func as(agent string) api.Call {
	return api.Call{Actor: "serviceaccount/support/" + agent, Agent: agent}
}

var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// rig is a desk on a store of its own, with a clock that the test moves.
type rig struct {
	*testing.T
	*desk.Desk
	ctx   context.Context
	path  string
	clock *sleepClock
	store *sqlite.Store
	stop  func()
	org   *organisation
	// hash of the active plan.
	hash string
	// metrics of the desk since it was last opened.
	metrics *prometheus.Registry
	// notifiers have the URLs of the notifiers' services.
	notifiers map[string]string
}

// newRig is a desk that serves the organisation.
func newRig(t *testing.T, edits ...func(*organisation)) *rig {
	t.Helper()
	r := &rig{
		T: t, ctx: t.Context(), path: filepath.Join(t.TempDir(), "desk.db"),
		clock: newClock(), org: acme(), hash: "*",
	}
	r.open()
	t.Cleanup(func() { r.stop() })
	r.apply(edits...)
	return r
}

// open starts the desk on what the store holds; its loops do not run until run is called.
func (r *rig) open() {
	r.Helper()
	s, err := sqlite.Open(context.Background(), r.path, sqlite.Options{})
	if err != nil {
		r.Fatal(err)
	}
	r.metrics = prometheus.NewRegistry()
	d, err := desk.New(desk.Options{
		Store: s, Clock: r.clock, HelpDesk: "acme", TempDir: filepath.Dir(r.path), Registerer: r.metrics,
		Address: "https://acme-desk.support.svc", NotifierURL: r.notifierURL,
	})
	if err != nil {
		r.Fatal(err)
	}
	r.store, r.Desk = s, d
	r.stop = func() { _ = s.Close() }
}

// restart ends the desk and starts another on the same store.
func (r *rig) restart() {
	r.Helper()
	r.stop()
	r.open()
}

// run keeps the desk's loops going until the test ends or restarts the desk.
func (r *rig) run() {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func(d *desk.Desk) { done <- d.Run(ctx) }(r.Desk)
	closeStore := r.stop
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			r.Error(err)
		}
		closeStore()
	}
}

// eventually asks until it is so. The clock moves only if the test moves it.
func (r *rig) eventually(what string, is func() bool) {
	r.Helper()
	deadline := time.Now().Add(time.Minute)
	for !is() {
		if time.Now().After(deadline) {
			r.Fatalf("not so after a minute: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// soon is what somebody who waits gets, without any time passing.
func soon[T any](t *testing.T, got <-chan T) T {
	t.Helper()
	select {
	case value := <-got:
		return value
	case <-time.After(10 * time.Second):
		t.Fatal("still waits")
		panic("unreachable")
	}
}

// pass lets time go by, a step at a time so that loops that sleep on the clock see each.
func (r *rig) pass(d time.Duration) { r.clock.Step(d) }

// organisation is what the manifests declare.
type organisation struct {
	helpDesk v1alpha1.HelpDesk
	teams    map[string]*v1alpha1.SupportTeam
	tiers    map[string]*v1alpha1.Tier
	queues   map[string]*v1alpha1.Queue
	agents   map[string]*v1alpha1.Agent
	levels   map[string]*v1alpha1.ServiceLevel
	rules    []v1alpha1.RoutingRule

	escalations map[string]*v1alpha1.EscalationPolicy
	rotations   map[string]*v1alpha1.OnCallRotation
	// others are objects of further kinds.
	others []metav1.Object
}

// acme has one team with a tier of two queues, general and billing, and two agents, jo and sam, who serve both with room
// for two chats or one call.
func acme() *organisation {
	o := &organisation{
		helpDesk: v1alpha1.HelpDesk{ObjectMeta: metav1.ObjectMeta{Name: "acme"}},
		teams:    map[string]*v1alpha1.SupportTeam{},
		tiers:    map[string]*v1alpha1.Tier{},
		queues:   map[string]*v1alpha1.Queue{},
		agents:   map[string]*v1alpha1.Agent{},
		levels:   map[string]*v1alpha1.ServiceLevel{},
	}
	o.helpDesk.Spec.DefaultTeamRef.Name = "support"
	team := &v1alpha1.SupportTeam{ObjectMeta: metav1.ObjectMeta{Name: "support"}}
	team.Spec.HelpDeskRef.Name = "acme"
	team.Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "general"}
	o.teams["support"] = team
	o.tier("front", nil)
	o.queue("general", "front")
	o.queue("billing", "front")
	o.agent("jo")
	o.agent("sam")
	o.rule("billing", &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"billing"}}, "billing")
	return o
}

// tier selects agents by label; nil: all.
func (o *organisation) tier(name string, labels map[string]string) *v1alpha1.Tier {
	t := &v1alpha1.Tier{ObjectMeta: metav1.ObjectMeta{Name: name}}
	t.Spec.TeamRef.Name, t.Spec.Level = "support", 1
	t.Spec.AgentSelector = &metav1.LabelSelector{MatchLabels: labels}
	o.tiers[name] = t
	return t
}

func (o *organisation) queue(name, tier string) *v1alpha1.Queue {
	q := &v1alpha1.Queue{ObjectMeta: metav1.ObjectMeta{Name: name}}
	q.Spec.TierRef.Name = v1alpha1.ObjectName(tier)
	q.Spec.Offer.Timeout = "30s"
	o.queues[name] = q
	return q
}

func (o *organisation) agent(name string) *v1alpha1.Agent {
	a := &v1alpha1.Agent{ObjectMeta: metav1.ObjectMeta{Name: name}}
	a.Spec.TeamRef.Name = "support"
	a.Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 2}}
	o.agents[name] = a
	return a
}

func (o *organisation) rule(name string, match *v1alpha1.TicketMatch, queue string) {
	o.rules = append(o.rules, v1alpha1.RoutingRule{
		Name: name, Match: match, QueueRef: &v1alpha1.QueueReference{Name: v1alpha1.ObjectName(queue)},
	})
}

func (o *organisation) entries(t interface{ Fatal(args ...any) }) []plan.Entry {
	policy := &v1alpha1.RoutingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "rules"}}
	policy.Spec.TeamRef.Name, policy.Spec.Rules = "support", o.rules
	objects := append([]metav1.Object{&o.helpDesk, policy}, o.others...)
	for _, x := range o.teams {
		objects = append(objects, x)
	}
	for _, x := range o.tiers {
		objects = append(objects, x)
	}
	for _, x := range o.queues {
		objects = append(objects, x)
	}
	for _, x := range o.agents {
		objects = append(objects, x)
	}
	for _, x := range o.escalations {
		objects = append(objects, x)
	}
	for _, x := range o.rotations {
		objects = append(objects, x)
	}
	for _, x := range o.levels {
		objects = append(objects, x)
	}
	entries := make([]plan.Entry, len(objects))
	for i, object := range objects {
		entry, err := plan.NewEntry(object)
		if err != nil {
			t.Fatal(err)
		}
		entries[i] = entry
	}
	return entries
}

// apply edits the organisation and pushes its plan.
func (r *rig) apply(edits ...func(*organisation)) *api.PushedPlan {
	r.Helper()
	for _, edit := range edits {
		edit(r.org)
	}
	entries := r.org.entries(r)
	pushed, err := r.PushPlan(r.ctx, manager, r.hash, api.PushPlan{Manifest: plan.NewManifest("acme", entries), Entries: entries})
	if err != nil {
		r.Fatal(err)
	}
	if len(pushed.Missing) > 0 {
		r.Fatalf("missing entries: %v", pushed.Missing)
	}
	r.hash = pushed.Hash
	return pushed
}

var keys atomic.Int64

// key makes the call one of its own.
func key(call api.Call) api.Call {
	call.Key = fmt.Sprintf("key-%d", keys.Add(1))
	return call
}

func chat(edits ...func(*api.OpenTicket)) api.OpenTicket {
	var body api.OpenTicket
	body.Subject, body.Channel = "it does not work", "Chat"
	for _, edit := range edits {
		edit(&body)
	}
	return body
}

func about(category string) func(*api.OpenTicket) {
	return func(b *api.OpenTicket) { b.Category = category }
}

func from(customer string) func(*api.OpenTicket) {
	return func(b *api.OpenTicket) { b.Customer = customer }
}

// opened opens a ticket.
func (r *rig) opened(edits ...func(*api.OpenTicket)) *ticket.Ticket {
	r.Helper()
	return must(r.OpenTicket(r.ctx, manager, chat(edits...)))(r).Ticket
}

// present sets agents Available.
func (r *rig) present(agents ...string) {
	r.Helper()
	for _, name := range agents {
		must(r.SetPresence(r.ctx, as(name), name, api.SetPresence{Presence: "Available"}))(r)
	}
}

func (r *rig) presence(agent, presence string) {
	r.Helper()
	must(r.SetPresence(r.ctx, as(agent), agent, api.SetPresence{Presence: presence}))(r)
}

// lease makes a worker of the tier, which holds all its pools.
func (r *rig) lease(worker, tier string) []api.Lease {
	r.Helper()
	return must(r.AcquireLeases(r.ctx, manager, api.AcquireLeases{Worker: worker, Tier: tier}))(r).Leases
}

// commit gives tickets to agents, as a worker of the tier that holds the pool would.
func (r *rig) commit(decisions ...dispatch.Decision) []string {
	r.Helper()
	leases := r.lease("w1", "front")
	if len(leases) != 1 {
		r.Fatalf("worker holds %v, want one pool", leases)
	}
	return must(r.Commit(r.ctx, manager, leases[0].Pool, r.batch(leases[0], decisions...)))(r).Refused
}

func (r *rig) batch(lease api.Lease, decisions ...dispatch.Decision) api.Commit {
	return api.Commit{
		Epoch: lease.Epoch, Position: r.position(), PlanRevision: must(r.Plan(r.ctx, manager))(r).Revision, Decisions: decisions,
	}
}

func (r *rig) position() int64 {
	_, position := r.store.Committed()
	return position
}

// decision gives the ticket as it is to the agent as they are.
func (r *rig) decision(t *ticket.Ticket, agent string) dispatch.Decision {
	r.Helper()
	now := r.ticket(t.ID)
	return dispatch.Decision{
		Ticket: t.ID, TicketVersion: now.Version, Agent: agent, AgentVersion: r.agent(agent).Version, Round: now.Round,
		OrderKey: "k", Considered: []string{agent}, Why: "LeastOccupied",
	}
}

// offered opens a ticket and offers it to an agent who is set Available.
func (r *rig) offered(agent string, edits ...func(*api.OpenTicket)) *ticket.Ticket {
	r.Helper()
	if r.agent(agent).Presence != dispatch.Available {
		r.present(agent)
	}
	return r.offer(r.opened(edits...), agent)
}

func (r *rig) offer(t *ticket.Ticket, agent string) *ticket.Ticket {
	r.Helper()
	if refused := r.commit(r.decision(t, agent)); refused[0] != "" {
		r.Fatalf("offer refused: %s", refused[0])
	}
	return r.ticket(t.ID)
}

// accepted is a ticket that the agent has accepted.
func (r *rig) accepted(agent string, edits ...func(*api.OpenTicket)) *ticket.Ticket {
	r.Helper()
	t := r.offered(agent, edits...)
	return must(r.Accept(r.ctx, as(agent), t.ID, api.Accept{Offer: t.Offer.ID}))(r)
}

func (r *rig) resolved(agent string, edits ...func(*api.OpenTicket)) *ticket.Ticket {
	r.Helper()
	t := r.accepted(agent, edits...)
	return must(r.Resolve(r.ctx, as(agent), t.ID, api.Because{}))(r)
}

func (r *rig) ticket(id int64) *ticket.Ticket {
	r.Helper()
	return must(r.Ticket(r.ctx, manager, id))(r)
}

func (r *rig) agent(name string) api.Agent {
	r.Helper()
	for _, a := range must(r.Agents(r.ctx, manager))(r).Items {
		if a.Name == name {
			return a
		}
	}
	r.Fatalf("no agent %s", name)
	return api.Agent{}
}

// records of a ticket, all for zero.
func (r *rig) records(id int64) []eventlog.Record {
	r.Helper()
	return must(r.Records(r.ctx, manager, 0, 1000, id, 0))(r).Items
}

func (r *rig) last(id int64) eventlog.Record {
	r.Helper()
	records := r.records(id)
	return records[len(records)-1]
}

// must fails the test on an error. It takes the test second, so that it can take the results of a call.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// refused checks that a call was refused with a problem of the type, whose detail says something.
func refused(t testing.TB, err error, problemType string) *api.Problem {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want a problem %s", err, problemType)
	}
	if p.Type != problemType || p.Detail == "" {
		t.Fatalf("got problem %s (%s), want %s", p.Type, p.Detail, problemType)
	}
	return p
}

func status(t *testing.T, got *ticket.Ticket, want ticket.Status, queue, agent string) {
	t.Helper()
	if got.Status != want || got.Queue != queue || got.Agent != agent {
		t.Fatalf("ticket %d is %s in %q with %q, want %s in %q with %q", got.ID, got.Status, got.Queue, got.Agent, want, queue, agent)
	}
}

// data of a record.
func (r *rig) data(record eventlog.Record, into any) {
	r.Helper()
	if err := json.Unmarshal(record.Data, into); err != nil {
		r.Fatal(err)
	}
}
