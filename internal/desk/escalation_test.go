package desk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// escalating gives the team a policy: a ticket that is Unassigned for 20 minutes, and whatever else is asked for, has its
// steps at 0, 15 and 30 minutes: notify jo; notify the lead, sam; hand it to the experts and make it High.
func escalating(edits ...func(*v1alpha1.EscalationPolicySpec)) func(*organisation) {
	return func(o *organisation) {
		o.tier("back", nil).Spec.Level = 2
		o.tiers["back"].Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "experts"}
		o.queue("experts", "back")
		for name, a := range o.agents {
			a.Spec.Contacts = []v1alpha1.Contact{{Notifier: "chat", Address: "@" + name}}
		}
		o.helpDesk.Spec.Notifiers = []v1alpha1.Notifier{{Name: "chat", Type: v1alpha1.NotifierChat, URLSecretRef: v1alpha1.SecretKeyReference{Name: "chat", Key: "url"}}}
		o.teams["support"].Spec.LeadRef = &v1alpha1.AgentReference{Name: "sam"}
		o.teams["support"].Spec.Defaults.EscalationPolicyRef = &v1alpha1.EscalationPolicyReference{Name: "standard"}
		p := &v1alpha1.EscalationPolicy{ObjectMeta: metav1.ObjectMeta{Name: "standard"}}
		p.Spec.Triggers = []v1alpha1.EscalationTrigger{{Type: v1alpha1.TriggerUnassigned, After: "20m"}, {Type: v1alpha1.TriggerRequested}}
		p.Spec.Steps = []v1alpha1.EscalationStep{
			{Name: "jo", After: "0s", Actions: []v1alpha1.EscalationAction{notifyAgent("jo")}},
			{Name: "lead", After: "15m", Actions: []v1alpha1.EscalationAction{{Type: v1alpha1.ActionNotifyChain, Chain: v1alpha1.ChainLead}}},
			{Name: "experts", After: "30m", Actions: []v1alpha1.EscalationAction{
				{Type: v1alpha1.ActionRaisePriority, Priority: "High"}, {Type: v1alpha1.ActionTransferToNextLevel},
			}},
		}
		for _, edit := range edits {
			edit(&p.Spec)
		}
		o.escalations = map[string]*v1alpha1.EscalationPolicy{"standard": p}
	}
}

func notifyAgent(name string) v1alpha1.EscalationAction {
	return v1alpha1.EscalationAction{Type: v1alpha1.ActionNotifyAgent, AgentRef: &v1alpha1.AgentReference{Name: v1alpha1.ObjectName(name)}}
}

// at lets the desk's clock go to an instant after the start, step by step as timers fall due.
func (r *rig) at(after time.Duration) {
	r.Helper()
	for {
		var next time.Time
		r.eventually("nothing is due", func() bool {
			err := r.store.View(r.ctx, func(reader store.Reader) (err error) {
				next, err = reader.NextWake()
				return err
			})
			return err == nil && (next.IsZero() || next.After(r.clock.Now()))
		})
		if next.IsZero() || next.After(start.Add(after)) {
			break
		}
		r.clock.SetTime(next)
	}
	r.clock.SetTime(start.Add(after))
}

// told are the escalation records of a ticket in short, with the minutes after the start.
func (r *rig) told(id int64) []string {
	r.Helper()
	var all []string
	for _, record := range r.records(id) {
		var data eventlog.EscalationData
		if strings.Contains(string(record.Type), "scalat") || record.Type == eventlog.AcknowledgementOver || record.Type == eventlog.Acknowledged {
			if err := json.Unmarshal(record.Data, &data); err != nil {
				r.Fatal(err)
			}
			line := fmt.Sprintf("%v %s %d.%d", record.At.Sub(start).Minutes(), strings.TrimPrefix(string(record.Type), "ticket."), data.Run, data.Round)
			if data.Trigger != "" {
				line += " " + data.Trigger
			}
			if data.Name != "" {
				line += " " + data.Name
			}
			for _, a := range data.Actions {
				line += " " + a.Target
				if a.Skipped != "" {
					line += "(-)"
				}
			}
			all = append(all, line)
		}
	}
	return all
}

func (r *rig) wantTold(id int64, want ...string) {
	r.Helper()
	if diff := cmp.Diff(want, r.told(id)); diff != "" {
		r.Fatal(diff)
	}
}

func TestATicketThatNobodyTakesIsEscalated(t *testing.T) {
	r := newRig(t, escalating(func(p *v1alpha1.EscalationPolicySpec) {
		p.Repeat = &v1alpha1.EscalationRepeat{Times: 1, Every: "1h"}
	}))
	r.run()
	id := r.opened().ID
	r.at(36 * time.Minute)
	r.restart() // in the middle of it
	r.run()
	r.at(5 * time.Hour)
	r.wantTold(id,
		"20 escalationStarted 1.0 Unassigned",
		"20 escalated 1.0 jo jo",
		"35 escalated 1.0 lead sam",
		"50 escalated 1.0 experts High experts",
		"110 escalated 1.1 jo jo",
		"125 escalated 1.1 lead sam",
		"140 escalated 1.1 experts High(-) (-)", // it is High already, and there is no further level,
	)
	got := r.ticket(id)
	status(t, got, ticket.Waiting, "experts", "")
	if got.Priority != ticket.High || !got.OpenedAt.Equal(start) {
		t.Errorf("got %+v", got)
	}
	if n := len(r.outboxOf("chat")); n != 4 {
		t.Errorf("%d notifications, want 4", n)
	}
}

func TestAnEmptyLevelIsSkippedAtOnceAndRecorded(t *testing.T) {
	r := newRig(t, escalating(), func(o *organisation) { o.agents["sam"].Spec.Contacts = nil })
	r.run()
	id := r.opened().ID
	r.at(time.Hour)
	r.wantTold(id,
		"20 escalationStarted 1.0 Unassigned",
		"20 escalated 1.0 jo jo",
		"35 escalated 1.0 lead sam(-)",
		"35 escalated 1.0 experts High experts",
	)
}

// Whom a step reaches is decided when it is due: who is on call then, if anybody.
func TestWhoIsOnCallWhenTheStepIsDueIsTold(t *testing.T) {
	onCall := func(name string) v1alpha1.EscalationAction {
		return v1alpha1.EscalationAction{Type: v1alpha1.ActionNotifyOnCall, RotationRef: &v1alpha1.OnCallRotationReference{Name: v1alpha1.ObjectName(name)}}
	}
	r := newRig(t, escalating(func(p *v1alpha1.EscalationPolicySpec) {
		p.Steps = nil
		for i, after := range []v1alpha1.Duration{"0s", "25m", "50m"} {
			name := []string{"first", "nobody", "second"}[i]
			rotation := "shifts"
			if name == "nobody" {
				rotation = "nights"
			}
			p.Steps = append(p.Steps, v1alpha1.EscalationStep{Name: name, After: after, Actions: []v1alpha1.EscalationAction{onCall(rotation)}})
		}
	}), func(o *organisation) {
		// By the hour: jo from 9, sam from 10. At night nobody has a turn in daylight.
		o.rotation("shifts", v1alpha1.Duty{Type: v1alpha1.DutyAlways}, "jo", "sam")
		o.rotation("nights", v1alpha1.Duty{Type: v1alpha1.DutyWindows, Windows: []v1alpha1.WeeklyHours{
			{Days: []v1alpha1.Weekday{"Fri"}, From: "22:00", To: "23:00"},
		}}, "jo")
	})
	r.run()
	id := r.opened().ID
	r.at(2 * time.Hour)
	r.wantTold(id,
		"20 escalationStarted 1.0 Unassigned",
		"20 escalated 1.0 first jo",
		"45 escalated 1.0 nobody nights(-)",
		"45 escalated 1.0 second jo",
	)
	later := r.opened().ID
	r.at(3 * time.Hour)
	if got := r.told(later)[1]; got != "140 escalated 1.0 first jo" {
		t.Errorf("at 11:20 jo is on call again; got %s", got)
	}
}

// rotation whose members take turns of an hour, from nine o'clock UTC.
func (o *organisation) rotation(name string, duty v1alpha1.Duty, members ...string) {
	layer := v1alpha1.OnCallLayer{
		Name: "only", TimeZone: "UTC", StartDate: "2026-11-20", HandOff: v1alpha1.HandOff{Time: "09:00"},
		Turn: v1alpha1.Turn{Every: 1, Unit: v1alpha1.TurnHour}, Duty: &duty,
	}
	for _, member := range members {
		layer.Members = append(layer.Members, v1alpha1.OnCallMember{AgentRef: v1alpha1.AgentReference{Name: v1alpha1.ObjectName(member)}})
	}
	x := &v1alpha1.OnCallRotation{ObjectMeta: metav1.ObjectMeta{Name: name}}
	x.Spec.TeamRef.Name, x.Spec.Layers = "support", []v1alpha1.OnCallLayer{layer}
	if o.rotations == nil {
		o.rotations = map[string]*v1alpha1.OnCallRotation{}
	}
	o.rotations[name] = x
}

// Who acknowledges and does not take the ticket stops its escalation for a time, half an hour unless the policy says so.
func TestAnEscalationStopsWhileSomebodyActs(t *testing.T) {
	for timeout, over := range map[v1alpha1.Duration]int{"": 51, "10m": 31} {
		t.Run(string(timeout), func(t *testing.T) {
			r := newRig(t, escalating(func(p *v1alpha1.EscalationPolicySpec) { p.AcknowledgementTimeout = timeout }))
			r.run()
			id := r.opened().ID
			r.at(21 * time.Minute)
			_, err := r.Acknowledge(r.ctx, as("sam"), id, api.Because{})
			refused(t, err, api.ProblemForbidden) // was not called yet
			must(r.Acknowledge(r.ctx, as("jo"), id, api.Because{Reason: "on it"}))(r)
			last := r.last(id)
			told := strings.Join(last.Tell(time.UTC), "\n")
			if want := start.Add(time.Duration(over) * time.Minute).Format(time.DateTime); !strings.Contains(told, "goes on at "+want) {
				t.Errorf("%q is not in\n%s", want, told)
			}
			r.at(70 * time.Minute)
			r.wantTold(id,
				"20 escalationStarted 1.0 Unassigned",
				"20 escalated 1.0 jo jo",
				"21 acknowledged 1.0",
				fmt.Sprintf("%d acknowledgementOver 1.0", over),
				fmt.Sprintf("%d escalated 1.0 lead sam", over),
				fmt.Sprintf("%d escalated 1.0 experts High experts", over+15),
			)
		})
	}
}

func TestWhoTakesTheTicketAcknowledges(t *testing.T) {
	r := newRig(t, escalating())
	r.run()
	taken := r.opened()
	r.at(21 * time.Minute)
	r.present("jo")
	offer := r.offer(taken, "jo")
	must(r.Accept(r.ctx, as("jo"), taken.ID, api.Accept{Offer: offer.Offer.ID}))(r)
	r.at(50 * time.Minute)
	must(r.Return(r.ctx, as("jo"), taken.ID, api.Because{Reason: "cannot"}))(r)
	r.at(51 * time.Minute)
	r.wantTold(taken.ID,
		"20 escalationStarted 1.0 Unassigned",
		"20 escalated 1.0 jo jo",
		"50 escalated 1.0 lead sam", // nobody has it any more
	)
	must(r.Resolve(r.ctx, manager, taken.ID, api.Because{}))(r)
	r.at(200 * time.Minute)
	if got := r.ticket(taken.ID); len(r.told(taken.ID)) != 3 || got.Escalation == nil || got.Escalation.Run != nil {
		t.Errorf("resolving did not end it: %v, %+v", r.told(taken.ID), got.Escalation)
	}
}

// An edit changes what is to be started, and nothing that is under way; so does taking the policy away.
func TestARunKeepsTheStepsItStartedWith(t *testing.T) {
	r := newRig(t, escalating())
	r.run()
	first := r.opened().ID
	r.at(25 * time.Minute)
	r.apply(escalating(func(p *v1alpha1.EscalationPolicySpec) { p.Steps = p.Steps[:1]; p.Steps[0].Name = "only" }))
	second := r.opened().ID
	r.at(46 * time.Minute)
	r.apply(func(o *organisation) {
		o.escalations = nil
		o.teams["support"].Spec.Defaults.EscalationPolicyRef = nil
	})
	third := r.opened().ID
	r.restart()
	r.run()
	r.at(2 * time.Hour)
	r.wantTold(first,
		"20 escalationStarted 1.0 Unassigned", "20 escalated 1.0 jo jo", "35 escalated 1.0 lead sam", "50 escalated 1.0 experts High experts")
	r.wantTold(second, "45 escalationStarted 1.0 Unassigned", "45 escalated 1.0 only jo")
	r.wantTold(third)
}

// A policy that comes later, or allows another time, holds for those who wait already.
func TestAPolicyHoldsForTicketsThatWait(t *testing.T) {
	r := newRig(t)
	r.run()
	id := r.opened().ID
	r.at(5 * time.Minute)
	r.apply(escalating())
	r.at(10 * time.Minute)
	r.apply(escalating(func(p *v1alpha1.EscalationPolicySpec) { p.Triggers[0].After = "12m"; p.Steps = p.Steps[:1] }))
	r.at(time.Hour)
	r.wantTold(id, "12 escalationStarted 1.0 Unassigned", "12 escalated 1.0 jo jo")
}

func TestEscalateNow(t *testing.T) {
	r := newRig(t, escalating())
	r.run()
	tk := r.accepted("jo")
	_, err := r.Escalate(r.ctx, as("jo"), tk.ID, api.Because{})
	refused(t, err, api.ProblemInvalid)
	must(r.Escalate(r.ctx, as("jo"), tk.ID, api.Because{Reason: "over my head"}))(r)
	r.at(time.Minute)
	must(r.Escalate(r.ctx, as("jo"), tk.ID, api.Because{Reason: "it burns"}))(r)
	r.wantReason(tk.ID, "agent/jo: it burns")
	r.at(time.Hour)
	r.wantReason(tk.ID, "without an agent for 20m")
	r.wantTold(tk.ID,
		"0 escalationStarted 1.0 Requested", "0 escalated 1.0 jo jo",
		"1 escalationRequested 1.0", "1 escalated 1.0 lead sam",
		"16 escalated 1.0 experts High experts",
		// The experts do not take it either.
		"36 escalationStarted 2.0 Unassigned", "36 escalated 2.0 jo jo", "51 escalated 2.0 lead sam",
	)
	if r.records(tk.ID)[3].Reason != "over my head" {
		t.Errorf("the reason is lost: %+v", r.records(tk.ID)[3])
	}

	r.apply(escalating(func(p *v1alpha1.EscalationPolicySpec) { p.Triggers = p.Triggers[:1] }))
	_, err = r.Escalate(r.ctx, manager, r.opened().ID, api.Because{Reason: "now"})
	refused(t, err, api.ProblemConflict)
}

func TestOtherCausesOfAnEscalation(t *testing.T) {
	r := newRig(t, escalating(func(p *v1alpha1.EscalationPolicySpec) {
		p.Triggers = []v1alpha1.EscalationTrigger{
			{Type: v1alpha1.TriggerReopened}, {Type: v1alpha1.TriggerMatches, When: `ticket.category == "outage"`}, {Type: v1alpha1.TriggerFirstResponseAtRisk},
		}
		p.Steps = p.Steps[:1]
	}), serves)
	r.run()
	reopened := r.resolved("jo")
	must(r.Reopen(r.ctx, manager, reopened.ID, api.Because{}))(r)
	outage := r.opened(about("outage")).ID
	later := r.opened().ID
	category := "outage"
	must(r.Update(r.ctx, manager, later, api.Update{Category: &category}))(r)
	subject := "still down"
	r.at(time.Minute)
	must(r.Update(r.ctx, manager, later, api.Update{Subject: &subject}))(r) // is one already
	r.at(2 * time.Minute)
	r.wantTold(reopened.ID, "0 escalationStarted 1.0 Reopened", "0 escalated 1.0 jo jo")
	r.wantTold(outage, "0 escalationStarted 1.0 Matches", "0 escalated 1.0 jo jo")
	r.wantTold(later, "0 escalationStarted 1.0 Matches", "0 escalated 1.0 jo jo")
	r.wantReason(reopened.ID, "it was resolved, and is reopened")
	r.wantReason(outage, "what the policy looks for became true of it")

	waits := r.opened().ID
	r.at(50 * time.Minute) // of an hour
	r.wantTold(waits, "47 escalationStarted 1.0 FirstResponseAtRisk", "47 escalated 1.0 jo jo")
	r.wantReason(waits, "first response is at risk")
}

// wantReason checks what those whom the ticket's escalation calls are told of its cause.
func (r *rig) wantReason(id int64, want string) {
	r.Helper()
	if got := r.ticket(id).Escalation.Run.Reason; got != want {
		r.Errorf("of ticket %d they are told %q, want %q", id, got, want)
	}
}

func TestRoundRobinAndWebhooks(t *testing.T) {
	r := newRig(t, escalating(func(p *v1alpha1.EscalationPolicySpec) {
		p.Steps = p.Steps[:1]
		p.Steps[0].Notify = v1alpha1.NotifyRoundRobin
		p.Steps[0].Actions = []v1alpha1.EscalationAction{
			notifyAgent("jo"), notifyAgent("sam"), {Type: v1alpha1.ActionWebhook, Webhook: "all"}, {Type: v1alpha1.ActionWebhook, Webhook: "few"},
		}
	}), func(o *organisation) {
		o.helpDesk.Spec.Webhooks = []v1alpha1.Webhook{
			{Name: "all", URL: "http://all", Events: []v1alpha1.TicketEventType{"Escalated"}},
			{Name: "few", URL: "http://few", Events: []v1alpha1.TicketEventType{"Closed"}},
		}
	})
	r.run()
	for i, want := range []string{"jo", "sam", "jo"} {
		id := r.opened().ID
		must(r.Escalate(r.ctx, manager, id, api.Because{Reason: "now"}))(r)
		r.at(time.Duration(i+1) * time.Minute)
		r.wantTold(id, fmt.Sprintf("%d escalationStarted 1.0 Requested", i), fmt.Sprintf("%d escalated 1.0 jo %s all few", i, want))
	}
	// Each record once, whether the webhook takes such events anyway or not.
	if all, few := len(r.outboxOf("all")), len(r.outboxOf("few")); all != 6 || few != 3 {
		t.Errorf("webhooks got %d and %d", all, few)
	}
}

// outboxOf are the messages that wait for a destination.
func (r *rig) outboxOf(destination string) []store.Message {
	r.Helper()
	var found []store.Message
	err := r.store.View(r.ctx, func(reader store.Reader) error {
		all, err := reader.Outbox(start.Add(1000*time.Hour), 1000)
		for _, m := range all {
			if m.Destination == destination {
				found = append(found, m)
			}
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return found
}
