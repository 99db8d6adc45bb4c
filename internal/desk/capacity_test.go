package desk_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func phone(b *api.OpenTicket) { b.Channel = "Phone" }

func TestOffersHoldCapacity(t *testing.T) {
	r := newRig(t)
	r.offered("jo")
	r.accepted("jo")
	for name, edit := range map[string]func(*api.OpenTicket){"same channel": about(""), "other channel": phone} {
		opened := r.opened(edit)
		if got := r.commit(r.decision(opened, "jo"))[0]; !strings.Contains(got, "no room") {
			t.Errorf("%s: a third ticket was answered %q, want a refusal for want of room", name, got)
		}
	}
}

func TestPendingOnHoldAndResolvedHoldNoCapacity(t *testing.T) {
	r := newRig(t)
	a, b := r.accepted("jo"), r.accepted("jo")
	must(r.Pend(r.ctx, as("jo"), a.ID, api.Pend{}))(t)
	must(r.Hold(r.ctx, as("jo"), b.ID, api.Because{}))(t)
	c := r.accepted("jo")
	must(r.Resolve(r.ctx, as("jo"), c.ID, api.Because{}))(t)
	r.accepted("jo")
	if load := r.agent("jo").Load; load["Chat"] != 1 {
		t.Errorf("load %v, want one chat", load)
	}
}

func TestReturningWithoutRoomWaitsWithItsAgeAndPrefersTheAgent(t *testing.T) {
	back := map[string]func(*rig, int64) *ticket.Ticket{
		"resume": func(r *rig, id int64) *ticket.Ticket { return must(r.Resume(r.ctx, as("jo"), id, api.Because{}))(r) },
		"customer's reply": func(r *rig, id int64) *ticket.Ticket {
			return must(r.Reply(r.ctx, manager, id, api.Reply{From: "Customer", Body: "x"}))(r)
		},
		"reopen": func(r *rig, id int64) *ticket.Ticket {
			must(r.Resolve(r.ctx, as("jo"), id, api.Because{}))(r)
			return must(r.Reopen(r.ctx, as("jo"), id, api.Because{}))(r)
		},
	}
	for name, comeBack := range back {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			pending := r.accepted("jo")
			must(r.Pend(r.ctx, as("jo"), pending.ID, api.Pend{}))(t)
			r.accepted("jo")
			r.accepted("jo")
			r.pass(time.Minute)
			got := comeBack(r, pending.ID)
			status(t, got, ticket.Waiting, "general", "")
			if got.PreferredAgent != "jo" || !got.OpenedAt.Equal(pending.OpenedAt) {
				t.Errorf("prefers %q, opened %s", got.PreferredAgent, got.OpenedAt)
			}
			if load := r.agent("jo").Load["Chat"]; load != 2 {
				t.Errorf("jo has %d chats, limit 2", load)
			}
		})
	}
}

func TestTransferToAFullAgentIsRefused(t *testing.T) {
	r := newRig(t)
	r.accepted("jo")
	r.accepted("jo")
	open := r.accepted("sam")
	_, err := r.Transfer(r.ctx, as("sam"), open.ID, api.Transfer{Agent: "jo", Reason: "x"})
	if p := refused(t, err, api.ProblemNoCapacity); p.Status != 409 {
		t.Errorf("status %d", p.Status)
	}
}

func TestTransferOfAnOfferToItsAgentNeedsNoMoreRoom(t *testing.T) {
	r := newRig(t)
	r.accepted("jo")
	offered := r.offered("jo")
	got := must(r.Transfer(r.ctx, manager, offered.ID, api.Transfer{Agent: "jo", Reason: "take it"}))(t)
	status(t, got, ticket.Open, "general", "jo")
}

func TestAutomaticQueueAssignsAtOnceWithinCapacity(t *testing.T) {
	r := newRig(t, func(o *organisation) { o.queues["general"].Spec.Offer.Mode = v1alpha1.OfferAuto })
	r.present("jo")
	a, b, c := r.opened(), r.opened(), r.opened()
	status(t, r.offer(a, "jo"), ticket.Open, "general", "jo")
	if last := r.last(a.ID); last.Type != eventlog.Assigned || last.Dispatch == nil || !last.Dispatch.Until.IsZero() {
		t.Errorf("got record %+v", last)
	}
	r.offer(b, "jo")
	if got := r.commit(r.decision(c, "jo"))[0]; !strings.Contains(got, "no room") {
		t.Errorf("got %q", got)
	}
}

func TestLoweredLimitOnlyStopsNewWork(t *testing.T) {
	r := newRig(t)
	r.accepted("jo")
	second := r.accepted("jo")
	r.apply(func(o *organisation) {
		o.agents["jo"].Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 1}}
	})
	status(t, r.ticket(second.ID), ticket.Open, "general", "jo")
	must(r.Resolve(r.ctx, as("jo"), second.ID, api.Because{}))(t)
	third := r.opened()
	if got := r.commit(r.decision(third, "jo"))[0]; !strings.Contains(got, "no room") {
		t.Errorf("got %q, want no room: one of one is taken", got)
	}
}

func TestConcurrentAcceptsOfOneOfferHaveOneWinner(t *testing.T) {
	r := newRig(t)
	for range 20 {
		offered := r.offered("jo")
		var wins, losses sync.Map
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if _, err := r.Accept(r.ctx, key(as("jo")), offered.ID, api.Accept{Offer: offered.Offer.ID}); err == nil {
					wins.Store(i, true)
				} else {
					losses.Store(i, err)
				}
			})
		}
		all.Wait()
		won := 0
		wins.Range(func(any, any) bool { won++; return true })
		losses.Range(func(_, err any) bool { refused(t, err.(error), api.ProblemNotAllowed); return true })
		if won != 1 {
			t.Fatalf("%d winners, want 1", won)
		}
		must(r.Resolve(r.ctx, as("jo"), offered.ID, api.Because{}))(t)
	}
}

// Two workers with pools of their own give tickets of agents they do not share, while transfers, which know no pools, give
// those agents work, too. Whatever the interleaving, nobody ends up with more than the limit.
func TestCapacityHoldsUnderConcurrentCommits(t *testing.T) {
	r := newRig(t, func(o *organisation) {
		o.tiers["front"].Spec.AgentSelector.MatchLabels = map[string]string{"line": "1"}
		o.agents["jo"].Labels = map[string]string{"line": "1"}
		o.agents["sam"].Labels = map[string]string{"line": "2"}
		o.tier("back", map[string]string{"line": "2"})
		o.queue("expert", "back")
		o.rule("expert", &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"expert"}}, "expert")
	})
	r.present("jo", "sam")
	front, back := r.lease("w1", "front")[0], r.lease("w2", "back")[0]
	var all sync.WaitGroup
	for range 4 {
		for lease, agent := range map[api.Lease]string{front: "jo", back: "sam"} {
			category := map[string]string{"jo": "", "sam": "expert"}[agent]
			all.Go(func() {
				for range 10 {
					opened, err := r.OpenTicket(r.ctx, manager, chat(about(category)))
					if err != nil {
						t.Error(err)
						return
					}
					d := dispatch.Decision{
						Ticket: opened.Ticket.ID, TicketVersion: 1, Agent: agent, Round: opened.Ticket.Round,
						AgentVersion: r.agent(agent).Version, Considered: []string{agent}, Why: "x",
					}
					if _, err := r.Commit(r.ctx, manager, lease.Pool, r.batch(lease, d)); err != nil {
						t.Error(err)
					}
					_, _ = r.Transfer(r.ctx, manager, opened.Ticket.ID, api.Transfer{Agent: agent, Reason: "x"})
				}
			})
		}
	}
	all.Wait()
	for _, agent := range []string{"jo", "sam"} {
		work := must(r.Work(r.ctx, manager, agent, 0, 0))(t)
		if load := work.Agent.Load["Chat"]; load != 2 || len(work.Tickets) != 2 {
			t.Errorf("%s has load %d and %d tickets, want the limit of 2", agent, load, len(work.Tickets))
		}
	}
}

// A decision made for the agent meanwhile still holds: what it rests on, presence and load, is as it was.
func TestAcceptingDoesNotSpoilTheNextDecision(t *testing.T) {
	r := newRig(t)
	offered, next := r.offered("jo"), r.opened()
	d := r.decision(next, "jo")
	must(r.Accept(r.ctx, as("jo"), offered.ID, api.Accept{Offer: offered.Offer.ID}))(t)
	if got := r.commit(d)[0]; got != "" {
		t.Errorf("refused: %s", got)
	}
}
