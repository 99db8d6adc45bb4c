package desk_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// patient lets tickets of billing wait for sam, who has the skill; from 10 minutes on for jo, who has less of it; and from
// 30 minutes on for anybody. After two hours they go to general, and from there after one to spare.
func patient(o *organisation) {
	for name, level := range map[string]int32{"sam": 3, "jo": 2} {
		o.agents[name].Spec.Skills = []v1alpha1.AgentSkill{{Name: "billing", Level: level}}
	}
	o.agent("ann")
	o.queue("spare", "front")
	billing := &o.queues["billing"].Spec
	billing.Requirements = *needs("billing", 3)
	billing.Relaxation = []v1alpha1.RelaxationStage{
		{After: "10m", Requirements: needs("billing", 2)}, {After: "30m", Requirements: &v1alpha1.Requirements{}},
	}
	billing.Overflow = overflowTo("general", "2h")
	o.queues["general"].Spec.Overflow = overflowTo("spare", "1h")
}

func needs(skill v1alpha1.Skill, level int32) *v1alpha1.Requirements {
	return &v1alpha1.Requirements{Skills: []v1alpha1.SkillRequirement{{Name: skill, MinLevel: level}}}
}

func overflowTo(queue v1alpha1.ObjectName, after v1alpha1.Duration) *v1alpha1.Overflow {
	return &v1alpha1.Overflow{After: after, QueueRef: v1alpha1.QueueReference{Name: queue}}
}

// limited lets at most max tickets wait in a queue.
func limited(queue string, limit int32, whenFull v1alpha1.WhenFull) func(*organisation) {
	return func(o *organisation) {
		o.queues[queue].Spec.WaitingLimit = &v1alpha1.WaitingLimit{Max: limit, WhenFull: whenFull}
	}
}

// waits lets time pass for a desk whose loops run, and what is due meanwhile happen.
func (r *rig) waits(d time.Duration) {
	r.Helper()
	r.pass(d)
	r.eventually("nothing is due", func() bool {
		for _, x := range must(r.Tickets(r.ctx, manager, api.TicketQuery{Limit: 500}))(r).Items {
			if x.NextTimer().Due(r.clock.Now()) {
				return false
			}
		}
		return true
	})
}

// migrating says whether tickets are still being brought in line with the plan.
func (r *rig) migrating() bool {
	r.Helper()
	var left struct{ Done bool }
	err := r.store.View(r.ctx, func(reader store.Reader) error {
		value, err := reader.Meta("migration")
		if err != nil {
			return err
		}
		return json.Unmarshal(value, &left)
	})
	if err != nil {
		r.Fatal(err)
	}
	return !left.Done
}

func TestRequirementsRelaxWhileATicketWaits(t *testing.T) {
	r := newRig(t, patient)
	r.run()
	x := r.opened(about("billing"))
	able := func() (able []string) { // refused for no more than that they are not there
		for _, agent := range []string{"sam", "jo", "ann"} {
			if answer := r.commit(r.decision(x, agent)); strings.Contains(answer[0], "is Offline") {
				able = append(able, agent)
			}
		}
		return able
	}
	for _, step := range []struct {
		passes time.Duration
		stage  int
		able   []string
	}{
		{10*time.Minute - time.Millisecond, 0, []string{"sam"}},
		{time.Millisecond, 1, []string{"sam", "jo"}},
		{20*time.Minute - time.Millisecond, 1, []string{"sam", "jo"}},
		{time.Millisecond, 2, []string{"sam", "jo", "ann"}},
	} {
		r.waits(step.passes)
		if got := r.ticket(x.ID); got.Stage != step.stage || !got.OpenedAt.Equal(start) {
			t.Fatalf("at %s it is in stage %d, want %d", r.clock.Now(), got.Stage, step.stage)
		}
		if got := able(); !slices.Equal(got, step.able) {
			t.Fatalf("at %s able are %v, want %v", r.clock.Now(), got, step.able)
		}
	}
	last := r.last(x.ID)
	if last.Type != eventlog.Relaxed || last.Timer.Kind != ticket.RelaxTimer || !last.Timer.Due.Equal(start.Add(30*time.Minute)) ||
		last.From.Stage != 1 || last.To.Stage != 2 || last.Actor != "desk" || last.Reason == "" {
		t.Errorf("got record %+v", last)
	}
	r.present("ann")
	if r.offer(x, "ann"); r.last(x.ID).Dispatch.Stage != 2 {
		t.Errorf("the offer does not tell its stage: %+v", r.last(x.ID).Dispatch)
	}
}

// A worker sees the new stage as another class of demand, without a clock of its own.
func TestWorkerHearsOfARelaxedTicket(t *testing.T) {
	r := newRig(t, patient)
	r.run()
	x := r.opened(about("billing"))
	r.waits(10*time.Minute - time.Second)
	lease := r.lease("w1", "front")[0]
	s := must(r.Snapshot(r.ctx, manager, lease.Pool, lease.Epoch))(t)
	if len(s.Classes) != 1 || s.Classes[0].Class != "billing/Chat" {
		t.Fatalf("classes = %+v", s.Classes)
	}
	heard := make(chan *api.Changes)
	go func() {
		changes, err := r.Changes(r.ctx, manager, lease.Pool, lease.Epoch, s.Position, 30)
		if err != nil {
			t.Error(err)
		}
		heard <- changes
	}()
	r.waits(time.Second)
	changes := soon(t, heard)
	if changes == nil || len(changes.Waiting) != 1 || changes.Waiting[0].Ticket != x.ID || changes.Waiting[0].Class != "billing@1/Chat" || changes.Waiting[0].Stage != 1 {
		t.Fatalf("got %+v", changes)
	}
	s = must(r.Snapshot(r.ctx, manager, lease.Pool, lease.Epoch))(t)
	if len(s.Classes) != 1 || s.Classes[0].Class != "billing@1/Chat" || s.Classes[0].Demands[0].Stage != 1 {
		t.Fatalf("classes = %+v", s.Classes)
	}
}

// Time in the queue goes on while a ticket is offered, and begins anew when it comes back from an agent.
func TestRelaxationCountsFromEntryIntoTheQueue(t *testing.T) {
	r := newRig(t, patient)
	r.run()
	r.present("sam")
	x := r.opened(about("billing"))
	r.waits(9*time.Minute + 50*time.Second)
	offered := r.offer(x, "sam")
	r.waits(10 * time.Second)
	if got := r.ticket(x.ID); got.Stage != 1 || got.Status != ticket.Offered || got.Offer.ID != offered.Offer.ID {
		t.Fatalf("while offered: %+v", got)
	}
	must(r.Accept(r.ctx, as("sam"), x.ID, api.Accept{Offer: offered.Offer.ID}))(t)
	r.waits(3 * time.Hour)
	status(t, r.ticket(x.ID), ticket.Open, "billing", "sam")
	back := must(r.Return(r.ctx, as("sam"), x.ID, api.Because{}))(t)
	if back.Stage != 0 || !back.RelaxesAt.Equal(r.clock.Now().Add(10*time.Minute)) || !back.OpenedAt.Equal(start) {
		t.Fatalf("given back: %+v", back)
	}
}

func TestTicketThatNobodyTakesOverflows(t *testing.T) {
	r := newRig(t, patient)
	r.run()
	x := r.opened(about("billing"))
	r.waits(2*time.Hour - time.Millisecond)
	status(t, r.ticket(x.ID), ticket.Waiting, "billing", "")
	r.waits(time.Millisecond)
	got := r.ticket(x.ID)
	status(t, got, ticket.Waiting, "general", "")
	last := r.last(x.ID)
	if last.Type != eventlog.Overflowed || last.From.Queue != "billing" || last.To.Queue != "general" ||
		last.Timer.Kind != ticket.OverflowTimer || !last.Timer.Due.Equal(start.Add(2*time.Hour)) || last.Reason != "nobody took it in queue billing" {
		t.Errorf("got record %+v", last)
	}
	if !got.OpenedAt.Equal(start) || got.Stage != 0 || got.HomeQueue != "billing" {
		t.Errorf("its age, stage or home is wrong: %+v", got)
	}
	r.waits(time.Hour)
	status(t, r.ticket(x.ID), ticket.Waiting, "spare", "")
	r.waits(100 * time.Hour)
	status(t, r.ticket(x.ID), ticket.Waiting, "spare", "")
}

// Who is offered a ticket when its time in the queue is over may still take it; if they do not, it goes at once.
func TestOfferedTicketDoesNotOverflow(t *testing.T) {
	r := newRig(t, patient)
	r.run()
	r.present("jo")
	x := r.opened()
	r.waits(time.Hour - 10*time.Second)
	r.offer(x, "jo")
	r.waits(20 * time.Second)
	status(t, r.ticket(x.ID), ticket.Offered, "general", "jo")
	r.waits(10 * time.Second)
	status(t, r.ticket(x.ID), ticket.Waiting, "spare", "")
	var types []eventlog.Type
	for _, record := range r.records(x.ID) {
		types = append(types, record.Type)
	}
	if want := []eventlog.Type{eventlog.Opened, eventlog.Offered, eventlog.OfferExpired, eventlog.Overflowed}; !slices.Equal(types, want) {
		t.Errorf("got %v, want %v", types, want)
	}
}

// All that fell due of a ticket while the desk was down happens at once, step by step in the order of time.
func TestWhatFellDueWhileTheDeskWasDownHappensInOrder(t *testing.T) {
	r := newRig(t, patient)
	x := r.opened(about("billing"))
	r.restart()
	r.pass(3 * time.Hour)
	r.run()
	r.eventually("overflowed", func() bool { return r.ticket(x.ID).Queue == "general" })
	var due []time.Duration
	for _, record := range r.records(x.ID) {
		if record.Timer != nil {
			due = append(due, record.Timer.Due.Sub(start))
			if !record.At.Equal(start.Add(3 * time.Hour)) {
				t.Errorf("%s at %s", record.Type, record.At)
			}
		}
	}
	if want := []time.Duration{10 * time.Minute, 30 * time.Minute, 2 * time.Hour}; !slices.Equal(due, want) {
		t.Errorf("fired what was due after %v, want %v", due, want)
	}
	if got := r.ticket(x.ID); !got.OverflowsAt.Equal(start.Add(4 * time.Hour)) {
		t.Errorf("an hour in general counts from when it came there, not from when it should have: %s", got.OverflowsAt)
	}
}

func TestFullQueueOverflowsAtIntake(t *testing.T) {
	r := newRig(t, patient, limited("billing", 2, v1alpha1.WhenFullOverflow), limited("general", 1, v1alpha1.WhenFullOverflow))
	var queues []string
	for range 5 {
		queues = append(queues, r.opened(about("billing")).Queue)
	}
	// The team's default queue is general; it takes what no other does.
	if want := []string{"billing", "billing", "general", "spare", "spare"}; !slices.Equal(queues, want) {
		t.Fatalf("went to %v, want %v", queues, want)
	}
	records := r.records(4)
	if len(records) != 2 || records[0].To.Queue != "billing" || records[1].Type != eventlog.Overflowed || records[1].Timer != nil ||
		records[1].Reason != "queue billing is full; queue general is full" {
		t.Errorf("the history does not explain it: %+v", records)
	}
	r.apply(limited("spare", 2, v1alpha1.WhenFullReject))
	if last := r.opened(about("billing")); last.Queue != "general" {
		t.Errorf("where all are full it went to %s, not to the default queue", last.Queue)
	}
	if x := r.opened(); x.Queue != "general" {
		t.Errorf("the default queue sent a ticket on to %s although no queue takes it", x.Queue)
	}
	// What people and agents send is taken.
	if moved := must(r.Transfer(r.ctx, manager, 3, api.Transfer{Queue: "billing", Reason: "theirs"}))(t); moved.Queue != "billing" {
		t.Errorf("transferred to %s", moved.Queue)
	}
}

func TestFullQueueRejects(t *testing.T) {
	r := newRig(t, limited("billing", 1, v1alpha1.WhenFullReject))
	first := r.opened(about("billing"))
	_, err := r.OpenTicket(r.ctx, manager, chat(about("billing")))
	if p := refused(t, err, api.ProblemQueueFull); p.Status != 429 || !strings.Contains(p.Detail, `queue "billing" is full: 1 tickets wait`) {
		t.Errorf("got %+v", p)
	}
	batch := must(r.OpenTickets(r.ctx, manager, api.OpenTickets{Tickets: []api.OpenTicket{chat(about("billing")), chat()}}))(t)
	if batch.Results[0].Error == "" || batch.Results[1].Ticket == nil {
		t.Errorf("of a batch the others are taken: %+v", batch)
	}
	must(r.Cancel(r.ctx, manager, first.ID, api.Because{}))(t)
	if x := r.opened(about("billing")); x.Queue != "billing" {
		t.Errorf("with room again it went to %s", x.Queue)
	}
}

// A queue that does not serve the channel is passed over, and one of the chain is not gone back to.
func TestOverflowGoesWhereTheTicketCanBeServed(t *testing.T) {
	r := newRig(t, patient, func(o *organisation) {
		o.queues["general"].Spec.Channels = []v1alpha1.Channel{"Phone"}
		o.queues["spare"].Spec.Overflow = overflowTo("last", "1h")
		o.queue("last", "front").Spec.Channels = []v1alpha1.Channel{"Phone"}
	})
	r.run()
	x := r.opened(about("billing"))
	r.waits(2 * time.Hour)
	status(t, r.ticket(x.ID), ticket.Waiting, "spare", "")
	r.waits(time.Hour)
	status(t, r.ticket(x.ID), ticket.Waiting, "spare", "")
	if last := r.last(x.ID); last.Type != eventlog.Overflowed || !strings.Contains(last.Reason, "queue last does not serve Chat; no other queue takes it, so it stays") {
		t.Errorf("got record %+v", last)
	}
}

// The default queue took what all others had no room for; its own overflow does not send it back.
func TestNoQueueTwiceInAChainOfOverflows(t *testing.T) {
	r := newRig(t, patient, limited("billing", 1, v1alpha1.WhenFullOverflow), limited("spare", 1, v1alpha1.WhenFullReject), func(o *organisation) {
		o.queues["billing"].Spec.Overflow = overflowTo("spare", "100h")
		o.queues["general"].Spec.Overflow = overflowTo("billing", "1h")
	})
	r.run()
	first, second, third := r.opened(about("billing")), r.opened(about("billing")), r.opened(about("billing"))
	if first.Queue != "billing" || second.Queue != "spare" || third.Queue != "general" {
		t.Fatalf("went to %s, %s and %s", first.Queue, second.Queue, third.Queue)
	}
	must(r.Cancel(r.ctx, manager, first.ID, api.Because{}))(t)
	r.waits(time.Hour)
	status(t, r.ticket(third.ID), ticket.Waiting, "general", "")
	if last := r.last(third.ID); last.Type != eventlog.Overflowed || !strings.Contains(last.Reason, "no other queue takes it, so it stays") {
		t.Errorf("got record %+v", last)
	}
}

// A new plan re-dates and re-stages what waits, in the batches of its migration.
func TestNewPlanRelaxesWhatWaits(t *testing.T) {
	r := newRig(t)
	r.fill(600)
	x := r.opened(about("billing"))
	r.run()
	r.waits(20 * time.Minute)
	r.apply(patient)
	r.eventually("relaxed", func() bool { return r.ticket(x.ID).Stage == 1 })
	if got := r.ticket(x.ID); !got.RelaxesAt.Equal(start.Add(30*time.Minute)) || !got.OverflowsAt.Equal(start.Add(2*time.Hour)) {
		t.Errorf("counted from entry it relaxes at %s and overflows at %s", got.RelaxesAt, got.OverflowsAt)
	}
	r.eventually("general overflows", func() bool { return !r.ticket(600).OverflowsAt.IsZero() })
	r.apply(func(o *organisation) { o.queues["billing"].Spec.Relaxation = nil })
	r.eventually("as it was", func() bool { x := r.ticket(x.ID); return x.Stage == 0 && x.RelaxesAt.IsZero() })
}

// Routing does not fetch back what overflowed, while it would still send it where it came from.
func TestOverflowedTicketStaysUnderANewPlan(t *testing.T) {
	r := newRig(t, patient)
	r.run()
	x := r.opened(about("billing"))
	moved := r.opened(about("billing"))
	must(r.Transfer(r.ctx, manager, moved.ID, api.Transfer{Queue: "billing", Reason: "theirs"}))(t)
	r.waits(2 * time.Hour)
	r.apply(func(o *organisation) { o.queues["spare"].Spec.Priority = 5 })
	must(r.Update(r.ctx, manager, x.ID, api.Update{AddTags: []string{"vip"}}))(t)
	r.eventually("migrated", func() bool { return !r.migrating() })
	status(t, r.ticket(x.ID), ticket.Waiting, "general", "")
	// Without the queue it came from, routing decides anew, and what somebody put there is at home where it is.
	r.apply(func(o *organisation) {
		delete(o.queues, "billing")
		o.rules = nil
	})
	r.eventually("migrated", func() bool { return !r.migrating() })
	for _, id := range []int64{x.ID, moved.ID} {
		if got := r.ticket(id); got.Queue != "general" || got.HomeQueue != "general" {
			t.Errorf("ticket %d is in %s and at home in %s", id, got.Queue, got.HomeQueue)
		}
	}
}
