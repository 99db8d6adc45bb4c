package desk_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func selecting(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func (r *rig) push(ifMatch string, epoch int64, entries []plan.Entry, send []plan.Entry) (*api.PushedPlan, error) {
	return r.PushPlan(r.ctx, manager, ifMatch, api.PushPlan{
		ManagerEpoch: epoch, Manifest: plan.NewManifest("acme", entries), Entries: send,
	})
}

func TestBeforeTheFirstPlanIntakeIsNotReady(t *testing.T) {
	r := &rig{T: t, ctx: t.Context(), path: t.TempDir() + "/desk.db", clock: newClock(), org: acme(), hash: "*"}
	r.open()
	t.Cleanup(func() { r.stop() })
	_, err := r.OpenTicket(r.ctx, manager, chat())
	if p := refused(t, err, api.ProblemNotReady); p.Status != 503 {
		t.Errorf("status %d", p.Status)
	}
	if p := must(r.Plan(r.ctx, manager))(t); p.Revision != 0 || p.Hash != "" {
		t.Errorf("got plan %+v", p)
	}
	r.apply()
	r.opened()
}

func TestPushNeedsTheActiveHash(t *testing.T) {
	r := newRig(t)
	r.org.agent("kim")
	entries := r.org.entries(t)
	for _, stale := range []string{"*", "", "0123"} {
		_, err := r.push(stale, 0, entries, entries)
		if p := refused(t, err, api.ProblemPrecondition); p.Status != 412 {
			t.Errorf("status %d", p.Status)
		}
	}
	if got := must(r.Plan(r.ctx, manager))(t); got.Revision != 1 {
		t.Errorf("revision %d is active", got.Revision)
	}
	if got := must(r.push(r.hash, 0, entries, entries))(t); got.Revision != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestDeposedManagerCannotPush(t *testing.T) {
	r := newRig(t)
	entries := r.org.entries(t)
	must(r.push(r.hash, 7, entries, nil))(t) // the same plan: nothing to activate, but epoch 7 leads now
	r.org.agent("kim")
	entries = r.org.entries(t)
	_, err := r.push(r.hash, 6, entries, entries)
	refused(t, err, api.ProblemPrecondition)
	r.restart()
	_, err = r.push(r.hash, 6, entries, entries)
	refused(t, err, api.ProblemPrecondition)
	must(r.push(r.hash, 7, entries, entries))(t)
}

func TestDeskAsksForTheEntriesItLacks(t *testing.T) {
	r := newRig(t)
	r.org.agent("kim")
	r.org.agent("lee")
	entries := r.org.entries(t)
	m := plan.NewManifest("acme", entries)
	got := must(r.push(r.hash, 0, entries, nil))(t)
	if len(got.Missing) != 2 || got.Hash != r.hash || got.Revision != 1 {
		t.Fatalf("got %+v, want the two new agents missing", got)
	}
	// Entries can come one at a time.
	var kim, lee []plan.Entry
	for _, e := range entries {
		switch e.Name {
		case "kim":
			kim = append(kim, e)
		case "lee":
			lee = append(lee, e)
		}
	}
	if got := must(r.push(r.hash, 0, entries, kim))(t); len(got.Missing) != 1 {
		t.Fatalf("got %+v", got)
	}
	if got := must(r.push(r.hash, 0, entries, lee))(t); got.Hash != m.Hash() || got.Revision != 2 || len(got.Missing) != 0 {
		t.Errorf("got %+v, want it active", got)
	}
	before := r.position()
	if got := must(r.push("whatever", 0, entries, nil))(t); got.Revision != 2 || r.position() != before {
		t.Errorf("the active plan pushed again: %+v", got)
	}
}

func TestPushRefusesWhatIsNotThisDesksOrTooNew(t *testing.T) {
	r := newRig(t)
	m := plan.NewManifest("other", r.org.entries(t))
	_, err := r.PushPlan(r.ctx, manager, r.hash, api.PushPlan{Manifest: m})
	refused(t, err, api.ProblemInvalid)
	m = plan.NewManifest("acme", r.org.entries(t))
	m.SchemaVersion++
	_, err = r.PushPlan(r.ctx, manager, r.hash, api.PushPlan{Manifest: m})
	if p := refused(t, err, api.ProblemInvalid); !strings.Contains(p.Detail, "upgrade the desk") {
		t.Errorf("got %s", p.Detail)
	}
}

func TestDeskServesItsPlanAfterARestart(t *testing.T) {
	r := newRig(t)
	r.restart()
	status(t, r.opened(about("billing")), ticket.Waiting, "billing", "")
	if p := must(r.Plan(r.ctx, manager))(t); p.Revision != 1 || p.Hash != r.hash {
		t.Errorf("got %+v", p)
	}
	if e := must(r.PlanEntries(r.ctx, manager, 1))(t); len(e.Entries) != len(r.org.entries(t)) {
		t.Errorf("%d entries", len(e.Entries))
	}
	_, err := r.PlanRevision(r.ctx, manager, 2)
	refused(t, err, api.ProblemNotFound)
}

func TestActivationIsOnRecordWithWhatACheckerNeeds(t *testing.T) {
	r := newRig(t)
	record := r.records(0)[0]
	var data eventlog.PlanData
	if err := json.Unmarshal(record.Data, &data); err != nil || record.Type != eventlog.PlanActivated {
		t.Fatalf("%s: %v", record.Type, err)
	}
	if q := data.Queues["general"]; q.Tier != "front" || strings.Join(q.Agents, " ") != "jo sam" || q.TimeoutMillis != 30000 {
		t.Errorf("queue %+v", q)
	}
	if data.Agents["jo"].Limits["Chat"] != 2 || len(data.Pools) != 1 || data.MaxMissedOffers != 2 || data.Hash != r.hash {
		t.Errorf("got %+v", data)
	}
}

func TestDeletedQueuesTicketsGoToTheNextDefault(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*organisation)
		to   string
	}{
		"tier": {func(o *organisation) {
			o.tiers["front"].Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "spare"}
		}, "spare"},
		"team":     {func(*organisation) {}, "general"},
		"unrouted": {func(o *organisation) { o.teams["support"].Spec.DefaultQueueRef = nil }, plan.UnroutedQueue},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *organisation) { o.queue("spare", "front") })
			waiting, offered, open := r.opened(about("billing")), r.offered("jo", about("billing")), r.accepted("jo", about("billing"))
			r.pass(time.Minute)
			r.apply(test.edit, func(o *organisation) { delete(o.queues, "billing") })
			status(t, r.ticket(waiting.ID), ticket.Waiting, test.to, "")
			status(t, r.ticket(offered.ID), ticket.Waiting, test.to, "")
			status(t, r.ticket(open.ID), ticket.Open, test.to, "jo")
			for _, id := range []int64{waiting.ID, offered.ID, open.ID} {
				if last := r.last(id); last.Type != eventlog.Drained || !strings.Contains(last.Reason, "queue billing was deleted") {
					t.Errorf("record %s says %q", last.Type, last.Reason)
				}
			}
			if got := r.ticket(waiting.ID); !got.OpenedAt.Equal(waiting.OpenedAt) || !got.EnteredQueueAt.Equal(start.Add(time.Minute)) {
				t.Errorf("opened %s, entered %s", got.OpenedAt, got.EnteredQueueAt)
			}
			// The agent gives it back to where its tickets are now.
			status(t, must(r.Return(r.ctx, as("jo"), open.ID, api.Because{}))(t), ticket.Waiting, test.to, "")
		})
	}
}

func TestDrainedTicketsStayWhereTheyWent(t *testing.T) {
	r := newRig(t, func(o *organisation) {
		o.queue("spare", "front")
		o.tiers["front"].Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "spare"}
	})
	waiting := r.opened(about("billing"))
	r.apply(func(o *organisation) { delete(o.queues, "billing") })
	status(t, r.ticket(waiting.ID), ticket.Waiting, "spare", "")
	r.apply(func(o *organisation) { o.agents["jo"].Spec.DisplayName = "Jo" }) // routing alone would say general
	status(t, r.ticket(waiting.ID), ticket.Waiting, "spare", "")
}

func TestUnrelatedEditWritesNothingButItself(t *testing.T) {
	r := newRig(t)
	waiting := r.opened(about("billing"))
	before := r.position()
	r.apply(func(o *organisation) { o.agents["jo"].Spec.DisplayName = "Jo" })
	if n := r.position() - before; n != 1 {
		t.Errorf("%d records, want the activation alone", n)
	}
	if r.ticket(waiting.ID).Version != waiting.Version {
		t.Error("the ticket changed")
	}
}

func TestNewPlanReroutesWaitingTicketsAndLeavesAccepted(t *testing.T) {
	r := newRig(t)
	waiting, offered, open := r.opened(about("refund")), r.offered("jo", about("refund")), r.accepted("jo", about("refund"))
	moved := r.opened(about("refund"))
	must(r.Transfer(r.ctx, manager, moved.ID, api.Transfer{Queue: "general", Reason: "mine"}))(t)
	other := r.opened()
	r.apply(func(o *organisation) {
		o.rule("refund", &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"refund"}}, "billing")
	})
	status(t, r.ticket(waiting.ID), ticket.Waiting, "billing", "")
	status(t, r.ticket(offered.ID), ticket.Waiting, "billing", "")
	status(t, r.ticket(open.ID), ticket.Open, "general", "jo")
	status(t, r.ticket(moved.ID), ticket.Waiting, "general", "")
	if r.ticket(other.ID).Version != other.Version {
		t.Error("a ticket the rules leave was written")
	}
	if last := r.last(waiting.ID); last.Type != eventlog.Rerouted || last.PlanRevision != 2 || !strings.Contains(string(last.Data), "rules/refund") {
		t.Errorf("got %+v", last)
	}
	if got := r.ticket(waiting.ID); !got.OpenedAt.Equal(waiting.OpenedAt) || got.PlanRevision != 2 {
		t.Errorf("opened %s, revision %d", got.OpenedAt, got.PlanRevision)
	}
	if load := r.agent("jo").Load["Chat"]; load != 1 {
		t.Errorf("jo has load %d, want only what they own", load)
	}
}

func TestNewPlanReprioritises(t *testing.T) {
	r := newRig(t)
	waiting, byHand := r.opened(about("billing")), r.opened(about("billing"))
	low := ticket.Low
	must(r.Update(r.ctx, manager, byHand.ID, api.Update{Priority: &low}))(t)
	r.apply(func(o *organisation) { o.rules[0].Set = &v1alpha1.TicketChanges{Priority: v1alpha1.PriorityUrgent} })
	if got := r.ticket(waiting.ID).Priority; got != ticket.Urgent {
		t.Errorf("priority %s, want Urgent", got)
	}
	if got := r.ticket(byHand.ID).Priority; got != ticket.Low {
		t.Errorf("priority %s, want what somebody set by hand", got)
	}
}

func TestRoutingNeverDecidesByItsOwnEarlierOutcome(t *testing.T) {
	r := newRig(t)
	r.apply(func(o *organisation) {
		o.rules[0].Match.Priorities = []v1alpha1.Priority{v1alpha1.PriorityNormal}
		o.rules[0].Set = &v1alpha1.TicketChanges{Priority: v1alpha1.PriorityUrgent, AddTags: []v1alpha1.Tag{"money"}}
	})
	opened := r.opened(about("billing"))
	if opened.Queue != "billing" || opened.Priority != ticket.Urgent || !slices.Contains(opened.Tags, "money") {
		t.Fatalf("opened as %s in %s with %v", opened.Priority, opened.Queue, opened.Tags)
	}
	r.apply(func(o *organisation) { o.agent("newcomer") })
	if got := r.ticket(opened.ID); got.Version != opened.Version {
		t.Errorf("an unrelated edit moved it to %s as %s", got.Queue, got.Priority)
	}
	r.apply(func(o *organisation) { o.rules[0].Set = nil })
	if got := r.ticket(opened.ID); got.Queue != "billing" || got.Priority != ticket.Normal || len(got.Tags) > 0 {
		t.Errorf("without what the rule set it is %s in %s with %v, want it as it was asked", got.Priority, got.Queue, got.Tags)
	}
}

func TestNewRequirementsSortTicketsIntoNewClasses(t *testing.T) {
	r := newRig(t)
	r.opened(func(b *api.OpenTicket) { b.Language = "de" })
	r.apply(func(o *organisation) {
		o.queues["general"].Spec.Requirements.LanguageMatch = v1alpha1.LanguageRequired
	})
	if s := r.snapshot(); len(s.Classes) != 1 || s.Classes[0].Class != "general/Chat/de" {
		t.Errorf("got classes %+v", s.Classes)
	}
}

func TestUnroutedTicketsAreRoutedWhenAPlanCan(t *testing.T) {
	r := newRig(t, func(o *organisation) { o.teams["support"].Spec.DefaultQueueRef = nil })
	waiting := r.opened()
	r.apply(func(o *organisation) {
		o.teams["support"].Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "general"}
	})
	status(t, r.ticket(waiting.ID), ticket.Waiting, "general", "")
}

// fill opens tickets in batches.
func (r *rig) fill(n int, edits ...func(*api.OpenTicket)) {
	r.Helper()
	for n > 0 {
		var batch api.OpenTickets
		for range min(n, api.MaxBatch) {
			batch.Tickets = append(batch.Tickets, chat(edits...))
		}
		must(r.OpenTickets(r.ctx, manager, batch))(r)
		n -= len(batch.Tickets)
	}
}

func (r *rig) waiting(queue string) int {
	r.Helper()
	for _, q := range must(r.Overview(r.ctx, manager))(r).Queues {
		if q.Name == queue {
			return q.Waiting
		}
	}
	return 0
}

// A large queue is drained, and a large backlog evaluated anew, in batches of at most 500; a restart in the middle goes on.
func TestLargeMigrationsGoInBatchesAndSurviveARestart(t *testing.T) {
	for name, edit := range map[string]func(*organisation){
		"drain":   func(o *organisation) { delete(o.queues, "billing") },
		"reroute": func(o *organisation) { o.rules = nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.fill(1200, about("billing"))
			r.apply(edit)
			first := r.waiting("general")
			if first == 0 || first > 500 {
				t.Fatalf("the activation moved %d tickets, want a batch of at most 500", first)
			}
			if s := r.snapshot(); name == "drain" {
				for _, class := range s.Classes {
					if class.Demands[0].Queue == "billing" {
						t.Error("a ticket of the deleted queue can be dispatched")
					}
				}
			}
			r.restart()
			if r.waiting("general") != first {
				t.Fatal("moved without a running desk")
			}
			r.run()
			r.eventually("all moved", func() bool { return r.waiting("general") == 1200 })
			if n := r.waiting("billing"); n != 0 {
				t.Errorf("%d tickets are still in billing", n)
			}
			seen := map[int64]int{}
			for after := int64(0); ; {
				page := must(r.Records(r.ctx, manager, after, 1000, 0, 0))(t)
				if len(page.Items) == 0 {
					break
				}
				for _, record := range page.Items {
					if record.Type == eventlog.Drained || record.Type == eventlog.Rerouted {
						seen[record.Ticket]++
					}
				}
				after = page.Position
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("ticket %d moved %d times", id, n)
				}
			}
			if len(seen) != 1200 {
				t.Errorf("%d tickets moved, want 1200", len(seen))
			}
		})
	}
}

func TestPlanActivatedDuringAMigrationTakesOver(t *testing.T) {
	r := newRig(t)
	r.fill(700, about("billing"))
	r.apply(func(o *organisation) { o.queue("spare", "front") },
		func(o *organisation) {
			o.tiers["front"].Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "spare"}
		},
		func(o *organisation) { delete(o.queues, "billing") })
	// The queue that was to take them goes, too, while most are still to come.
	r.apply(func(o *organisation) { delete(o.queues, "spare"); o.tiers["front"].Spec.DefaultQueueRef = nil })
	r.run()
	r.eventually("all are in general", func() bool { return r.waiting("general") == 700 })
}
