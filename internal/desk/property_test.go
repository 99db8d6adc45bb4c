package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/internal/walltime"
	"github.com/caseload-dev/caseload/test/checker"
)

// Whatever people, workers, timers and new plans do to a desk that is restarted at any moment, its log alone proves that no
// ticket had two owners, no limit was exceeded, the order was kept and every timer fired in time; and the rows agree with
// the log.
func TestLogProvesTheDeskWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, end := newWorld(t, impatient(t))
		defer end()
		t.Repeat(map[string]func(*rapid.T){
			"open": w.open, "dispatch": w.dispatch, "answer": w.answer, "verb": w.verb, "presence": w.presence,
			"time": w.time, "plan": w.plan, "restart": w.restart, "duty": w.duty,
		})
		w.settle(t)
		w.check(t)
	})
}

// world is a desk with everybody who acts on it.
type world struct {
	ctx    context.Context
	path   string
	clock  *clocktesting.FakeClock
	store  *sqlite.Store
	desk   *desk.Desk
	active *plan.Plan
	hash   string
}

// newWorld has a desk that serves the organisation, until its end.
func newWorld(t *rapid.T, o *organisation) (w *world, end func()) {
	folder, err := os.MkdirTemp("", "desk-*")
	if err != nil {
		t.Fatal(err)
	}
	w = &world{ctx: context.Background(), path: filepath.Join(folder, "desk.db"), clock: clocktesting.NewFakeClock(start), hash: "*"}
	w.start(t)
	end = func() {
		w.close(t)
		_ = os.RemoveAll(folder)
	}
	w.push(t, o)
	return w, end
}

// start opens the desk, which does by itself what is due whenever it is settled.
func (w *world) start(t *rapid.T) {
	var err error
	if w.store, err = sqlite.Open(w.ctx, w.path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	if w.desk, err = desk.New(desk.Options{Store: w.store, Clock: w.clock, HelpDesk: "acme"}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) close(t *rapid.T) {
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) restart(t *rapid.T) {
	w.close(t)
	w.start(t)
}

func (w *world) push(t *rapid.T, o *organisation) {
	entries := o.entries(t)
	manifest := plan.NewManifest("acme", entries)
	pushed, err := w.desk.PushPlan(w.ctx, manager, w.hash, api.PushPlan{Manifest: manifest, Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	if w.active, err = plan.Build(manifest, entries); err != nil {
		t.Fatal(err)
	}
	w.active.Revision, w.hash = pushed.Revision, pushed.Hash
}

// settle has the desk do what is due: then no timer is, and no hand-off is missing on record.
func (w *world) settle(t *rapid.T) {
	if _, err := w.desk.Settle(w.ctx); err != nil {
		t.Fatal(err)
	}
	err := w.store.View(w.ctx, func(r store.Reader) error {
		timer, err := r.NextWake()
		if next := walltime.Sooner(timer, w.handOff(t)); !next.IsZero() && !next.After(w.clock.Now()) {
			t.Fatalf("a timer or hand-off due at %s has not come at %s", next, w.clock.Now())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) open(t *rapid.T) {
	body := chat(about(rapid.SampledFrom([]string{"", "billing", "extra"}).Draw(t, "category")))
	body.Channel = rapid.SampledFrom([]string{"Chat", "Phone"}).Draw(t, "channel")
	body.Priority = rapid.SampledFrom(ticket.Priorities).Draw(t, "priority")
	if _, err := w.desk.OpenTicket(w.ctx, manager, body); err != nil {
		t.Fatal(err)
	}
}

// dispatch does what a queue worker does: decide on a snapshot, and commit.
func (w *world) dispatch(t *rapid.T) {
	d := w.desk
	leases, err := d.AcquireLeases(w.ctx, manager, api.AcquireLeases{Worker: "w1", Tier: "front"})
	if err != nil {
		t.Fatal(err)
	}
	for _, lease := range leases.Leases {
		s, err := d.Snapshot(w.ctx, manager, lease.Pool, lease.Epoch)
		if err != nil {
			t.Fatal(err)
		}
		state := &dispatch.State{Agents: map[string]*dispatch.AgentState{}, Classes: map[string]*dispatch.Window{}}
		for i := range s.Agents {
			state.Agents[s.Agents[i].Name] = &s.Agents[i]
		}
		for _, class := range s.Classes {
			state.Classes[class.Class] = &dispatch.Window{Demands: class.Demands, More: class.More}
		}
		result := dispatch.Decide(w.active, w.active.Pools[lease.Pool], state, s.Now)
		if rapid.Bool().Draw(t, "race") {
			w.verb(t) // somebody is faster
		}
		if len(result.Decisions) == 0 {
			continue
		}
		committed, err := d.Commit(w.ctx, manager, lease.Pool, api.Commit{
			Epoch: lease.Epoch, Position: s.Position, PlanRevision: s.PlanRevision, Decisions: result.Decisions,
		})
		if err != nil || len(committed.Refused) != len(result.Decisions) {
			t.Fatalf("%+v, %v", committed, err)
		}
	}
}

// some draws a ticket that is there.
func (w *world) some(t *rapid.T, statuses ...ticket.Status) *ticket.Ticket {
	list, err := w.desk.Tickets(w.ctx, manager, api.TicketQuery{Status: statuses, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) == 0 {
		t.Skip("no such ticket")
	}
	return &list.Items[rapid.IntRange(0, len(list.Items)-1).Draw(t, "ticket")]
}

func (w *world) answer(t *rapid.T) {
	x := w.some(t, ticket.Offered)
	if rapid.Bool().Draw(t, "accept") {
		_, _ = w.desk.Accept(w.ctx, as(x.Agent), x.ID, api.Accept{Offer: x.Offer.ID})
		return
	}
	_, _ = w.desk.Decline(w.ctx, as(x.Agent), x.ID, api.Decline{Offer: x.Offer.ID})
}

func (w *world) verb(t *rapid.T) {
	x := w.some(t)
	d, ctx := w.desk, w.ctx
	agent := rapid.SampledFrom([]string{"jo", "sam"}).Draw(t, "agent")
	priority := rapid.SampledFrom(ticket.Priorities).Draw(t, "priority")
	verbs := map[string]func() error{
		"return": func() error { _, err := d.Return(ctx, manager, x.ID, api.Because{}); return err },
		"pend": func() error {
			_, err := d.Pend(ctx, manager, x.ID, api.Pend{Until: w.clock.Now().Add(time.Minute)})
			return err
		},
		"hold":    func() error { _, err := d.Hold(ctx, manager, x.ID, api.Because{}); return err },
		"resume":  func() error { _, err := d.Resume(ctx, manager, x.ID, api.Because{}); return err },
		"resolve": func() error { _, err := d.Resolve(ctx, manager, x.ID, api.Because{}); return err },
		"reopen":  func() error { _, err := d.Reopen(ctx, manager, x.ID, api.Because{}); return err },
		"cancel":  func() error { _, err := d.Cancel(ctx, manager, x.ID, api.Because{}); return err },
		"to queue": func() error {
			_, err := d.Transfer(ctx, manager, x.ID, api.Transfer{Queue: "general", Reason: "x"})
			return err
		},
		"to agent": func() error {
			_, err := d.Transfer(ctx, manager, x.ID, api.Transfer{Agent: agent, Reason: "x"})
			return err
		},
		"reply": func() error {
			_, err := d.Reply(ctx, manager, x.ID, api.Reply{From: "Customer", Body: "x"})
			return err
		},
		"answer": func() error {
			_, err := d.Reply(ctx, manager, x.ID, api.Reply{From: "Agent", Body: "x"})
			return err
		},
		"escalate":    func() error { _, err := d.Escalate(ctx, manager, x.ID, api.Because{Reason: "x"}); return err },
		"acknowledge": func() error { _, err := d.Acknowledge(ctx, as(agent), x.ID, api.Because{}); return err },
		"prioritise":  func() error { _, err := d.Update(ctx, manager, x.ID, api.Update{Priority: &priority}); return err },
	}
	names := []string{"return", "pend", "hold", "resume", "resolve", "reopen", "cancel", "to queue", "to agent", "reply", "answer", "prioritise", "escalate", "acknowledge"}
	if err := verbs[rapid.SampledFrom(names).Draw(t, "verb")](); err != nil {
		var p *api.Problem
		if !errors.As(err, &p) || p.Status/100 != 4 {
			t.Fatal(err)
		}
	}
}

func (w *world) presence(t *rapid.T) {
	agent := rapid.SampledFrom([]string{"jo", "sam"}).Draw(t, "agent")
	presence := rapid.SampledFrom([]string{"Available", "Available", "Available", "Busy", "Away", "Offline"}).Draw(t, "presence")
	_, err := w.desk.SetPresence(w.ctx, as(agent), agent, api.SetPresence{Presence: presence})
	var p *api.Problem
	if err != nil && (!errors.As(err, &p) || p.Status != 404) {
		t.Fatal(err)
	}
}

// duty of an agent is changed for some minutes, or a change taken back.
func (w *world) duty(t *rapid.T) {
	agent := rapid.SampledFrom([]string{"jo", "sam"}).Draw(t, "agent")
	body := api.ChangeDuty{Type: rapid.SampledFrom([]string{"Absence", "Shift"}).Draw(t, "type"), Reason: "Some"}
	body.StartTime = w.clock.Now().Add(time.Duration(rapid.IntRange(-1, 2).Draw(t, "from")) * time.Minute)
	body.EndTime = w.clock.Now().Add(time.Duration(rapid.IntRange(1, 4).Draw(t, "until")) * time.Minute)
	a, err := w.desk.ChangeDuty(w.ctx, as(agent), agent, body)
	if err == nil && rapid.IntRange(0, 2).Draw(t, "restore") == 0 {
		_, err = w.desk.RestoreDuty(w.ctx, as(agent), agent, a.DutyChanges[rapid.IntRange(0, len(a.DutyChanges)-1).Draw(t, "change")].ID)
	}
	var p *api.Problem
	if err != nil && (!errors.As(err, &p) || p.Status/100 != 4) {
		t.Fatal(err)
	}
}

// inShifts has agents go on and off duty within the minutes that pass, and hand over.
func inShifts(t *rapid.T, o *organisation) {
	shifts := &v1alpha1.BusinessCalendar{ObjectMeta: metav1.ObjectMeta{Name: "shifts"}}
	shifts.Spec.TimeZone = "Europe/Berlin"
	shifts.Spec.Hours = []v1alpha1.WeeklyHours{
		{Days: []v1alpha1.Weekday{"Fri"}, From: "10:00", To: "10:02"}, {Days: []v1alpha1.Weekday{"Mon", "Thu", "Fri", "Sat"}, From: "10:03", To: "09:00"},
	}
	o.others = append(o.others, shifts)
	o.agents["jo"].Spec.Schedule = &v1alpha1.Schedule{CalendarRef: &v1alpha1.BusinessCalendarReference{Name: "shifts"}}
	o.agents["jo"].Spec.Limits[0].Max = 3
	o.agents["jo"].Spec.RampUp = &v1alpha1.RampUp{From: "2026-11-17", Weeks: 1, StartPercent: 40}
	o.queues["spare"].Spec.AgentSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"spare": "yes"}}
	o.agents["jo"].Spec.Assignments = []v1alpha1.Assignment{{
		QueueRef:  v1alpha1.QueueReference{Name: "spare"},
		StartTime: &metav1.Time{Time: start.Add(time.Minute)}, EndTime: &metav1.Time{Time: start.Add(3 * time.Minute)},
	}}
	actions := rapid.SampledFrom([]v1alpha1.HandOverAction{v1alpha1.HandOverKeep, v1alpha1.HandOverReturn, v1alpha1.HandOverColleague})
	o.teams["support"].Spec.Defaults.HandOver = &v1alpha1.HandOver{
		ShiftEnd: actions.Draw(t, "shift end"), Absence: actions.Draw(t, "absence"), AgentRef: &v1alpha1.AgentReference{Name: "jo"},
	}
	if sam := o.agents["sam"]; sam != nil {
		sam.Spec.Absences = []v1alpha1.Absence{{Reason: "Leave", StartTime: metav1.NewTime(start.Add(time.Minute)), EndTime: metav1.NewTime(start.Add(2 * time.Minute))}}
	}
}

// time passes, and what falls due happens before anything else or after some of it.
func (w *world) time(t *rapid.T) {
	w.clock.Step(rapid.SampledFrom([]time.Duration{time.Millisecond, 29 * time.Second, 61 * time.Second, 80 * time.Hour}).Draw(t, "passes"))
	if !rapid.Bool().Draw(t, "late") {
		w.settle(t)
	}
}

// serveFast promises what is due within the minutes that pass, by the hours of an office or around the clock.
func serveFast(t *rapid.T, o *organisation) {
	some := rapid.SampledFrom([]v1alpha1.Duration{"", "30s", "1m", "2m", "3h"})
	level := o.level("standard",
		v1alpha1.ServiceTargets{Priority: "High", FirstResponse: some.Draw(t, "first"), NextResponse: some.Draw(t, "next"), Resolution: some.Draw(t, "resolution")},
		v1alpha1.ServiceTargets{Priority: "Low", FirstResponse: "2m", NextResponse: "1m", Resolution: "4m"})
	level.Spec.WarnAtPercent = rapid.Int32Range(1, 99).Draw(t, "warn")
	o.teams["support"].Spec.Defaults.ServiceLevelRef = levelRef("standard")
	if rapid.Bool().Draw(t, "office") {
		office := &v1alpha1.BusinessCalendar{ObjectMeta: metav1.ObjectMeta{Name: "office"}}
		office.Spec.TimeZone = "UTC"
		office.Spec.Hours = []v1alpha1.WeeklyHours{{Days: []v1alpha1.Weekday{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}, From: "09:01", To: "09:00"}}
		o.others = append(o.others, office)
		level.Spec.CalendarRef = &v1alpha1.BusinessCalendarReference{Name: "office"}
	}
}

// impatient queues relax and overflow within the minutes that pass.
func impatient(t *rapid.T) *organisation {
	o := acme()
	o.agents["jo"].Spec.Skills = []v1alpha1.AgentSkill{{Name: "billing", Level: 3}}
	o.agents["sam"].Spec.Skills = []v1alpha1.AgentSkill{{Name: "billing", Level: 1}}
	o.queue("spare", "front")
	billing, general := &o.queues["billing"].Spec, &o.queues["general"].Spec
	billing.Requirements = *needs("billing", 3)
	if rapid.Bool().Draw(t, "relaxes") {
		billing.Relaxation = []v1alpha1.RelaxationStage{
			{After: "40s", Requirements: needs("billing", 2)}, {After: "80s", Requirements: &v1alpha1.Requirements{}},
		}
	}
	for _, queue := range []*v1alpha1.QueueSpec{billing, general} {
		after := rapid.SampledFrom([]v1alpha1.Duration{"", "", "30s", "100s"}).Draw(t, "overflow after")
		to := v1alpha1.ObjectName("spare")
		if queue == billing {
			to = "general"
		}
		queue.Overflow = overflowTo(to, after)
		if rapid.Bool().Draw(t, "limited") {
			queue.WaitingLimit = &v1alpha1.WaitingLimit{Max: 2, WhenFull: v1alpha1.WhenFullOverflow}
		}
	}
	if rapid.Bool().Draw(t, "escalates") {
		escalating(func(p *v1alpha1.EscalationPolicySpec) { impatiently(t, p) })(o)
	}
	return o
}

// impatiently draws an escalation policy whose steps are due within the minutes that pass.
func impatiently(t *rapid.T, p *v1alpha1.EscalationPolicySpec) {
	p.Triggers[0].After = "50s"
	p.Triggers = append(p.Triggers, v1alpha1.EscalationTrigger{Type: v1alpha1.TriggerReopened},
		v1alpha1.EscalationTrigger{Type: v1alpha1.TriggerMatches, When: `ticket.priority == "Urgent"`})
	p.Steps[1].After, p.Steps[2].After = "40s", "90s"
	if rapid.Bool().Draw(t, "an empty step") {
		p.Steps[1].Actions = []v1alpha1.EscalationAction{{Type: v1alpha1.ActionNotifyChain, Chain: v1alpha1.ChainManager}}
	}
	if rapid.Bool().Draw(t, "repeats") {
		p.Repeat = &v1alpha1.EscalationRepeat{Times: 2, Every: "1m"}
	}
	p.AcknowledgementTimeout = rapid.SampledFrom([]v1alpha1.Duration{"", "45s"}).Draw(t, "acknowledgement holds")
}

func (w *world) plan(t *rapid.T) {
	o := impatient(t)
	if rapid.Bool().Draw(t, "extra queue") {
		o.queue("extra", "front").Spec.Priority = 10
		o.rule("extra", &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"extra"}}, "extra")
	}
	if rapid.IntRange(0, 3).Draw(t, "gone") == 0 {
		delete(o.agents, "sam")
	}
	if rapid.IntRange(0, 3).Draw(t, "no billing") == 0 {
		delete(o.queues, "billing")
	}
	o.agents["jo"].Spec.Limits[0].Max = rapid.Int32Range(1, 3).Draw(t, "limit")
	if rapid.Bool().Draw(t, "served") {
		serveFast(t, o)
	}
	if rapid.Bool().Draw(t, "in shifts") {
		inShifts(t, o)
	}
	if rapid.Bool().Draw(t, "on call") {
		onCall(t, o)
	}
	w.push(t, o)
}

// check holds the log against the rules, and the rows against the log.
func (w *world) check(t *rapid.T) *checker.Report {
	var log bytes.Buffer
	for after := int64(0); ; {
		records, err := w.desk.Records(w.ctx, manager, after, 1000, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(records.Items) == 0 {
			break
		}
		for _, record := range records.Items {
			line, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			log.Write(append(line, '\n'))
		}
		after = records.Position
	}
	whole := log.String()
	read, err := checker.Read(&log)
	if err != nil {
		t.Fatal(err)
	}
	report := checker.Check(read, w.clock.Now())
	if !report.OK() {
		t.Fatalf("%s:\n%v\n%s", report, report.Violations, whole)
	}
	w.checkLedger(t, read)
	load := map[string]int{}
	list, err := w.desk.Tickets(w.ctx, manager, api.TicketQuery{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list.Items {
		if x.Status.HoldsCapacity() {
			load[x.Agent]++
		}
		if x.Status == ticket.Waiting && x.Agent != "" || x.Queue == "" {
			t.Fatalf("ticket %d is %s in %q with %q", x.ID, x.Status, x.Queue, x.Agent)
		}
	}
	agents, err := w.desk.Agents(w.ctx, manager)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range agents.Items {
		sum := 0
		for _, n := range a.Load {
			sum += n
		}
		if sum != load[a.Name] {
			t.Fatalf("%s has load %v and %d tickets", a.Name, a.Load, load[a.Name])
		}
	}
	return report
}
