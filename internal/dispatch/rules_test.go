package dispatch_test

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Fits is the sum of fractions, for every limit the API takes.
func TestFitsIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &plan.Agent{Name: "jo", Limits: map[string]int{}}
		load := map[string]int{}
		sum := new(big.Rat)
		for i := range rapid.IntRange(1, 32).Draw(t, "channels") {
			channel := fmt.Sprintf("C%d", i)
			a.Limits[channel] = rapid.IntRange(1, 50).Draw(t, "limit")
			load[channel] = rapid.IntRange(0, 2).Draw(t, "load")
			sum.Add(sum, big.NewRat(int64(load[channel]), int64(a.Limits[channel])))
		}
		after := new(big.Rat).Add(sum, big.NewRat(1, int64(a.Limits["C0"])))
		if got, want := dispatch.Fits(a, load, "C0"), after.Cmp(big.NewRat(1, 1)) <= 0; got != want {
			t.Fatalf("Fits = %v with %s taken after", got, after)
		}
	})
}

// Thirds, halves and sixths fill an agent to the brim, where floating point would be off.
func TestFitsToTheBrim(t *testing.T) {
	a := &plan.Agent{Name: "jo", Limits: map[string]int{"Chat": 3, "Email": 49}}
	for _, c := range []struct {
		load    map[string]int
		channel string
		fits    bool
	}{
		{nil, "Phone", true}, // not listed: one at a time
		{map[string]int{"Email": 1}, "Phone", false},
		{map[string]int{"Chat": 2}, "Chat", true},
		{map[string]int{"Chat": 3}, "Chat", false},
		{map[string]int{"Chat": 3}, "Email", false},
		{map[string]int{"Email": 48}, "Email", true},
		{map[string]int{"Email": 49}, "Email", false},
		{map[string]int{"Chat": 9}, "Chat", false}, // the limit was lowered
	} {
		if got := dispatch.Fits(a, c.load, c.channel); got != c.fits {
			t.Errorf("with %v one more %s: %v, want %v", c.load, c.channel, got, c.fits)
		}
	}
}

func TestFree(t *testing.T) {
	a := &plan.Agent{Name: "jo", Limits: map[string]int{"Chat": 3}}
	for _, c := range []struct {
		presence dispatch.Presence
		load     map[string]int
		free     bool
	}{
		{dispatch.Available, nil, true},
		{dispatch.Available, map[string]int{"Chat": 2}, true},
		{dispatch.Available, map[string]int{"Chat": 3}, false},
		{dispatch.Available, map[string]int{"Phone": 1}, false},
		{dispatch.Busy, nil, false},
		{dispatch.Offline, nil, false},
	} {
		if got := dispatch.Free(a, &dispatch.AgentState{Presence: c.presence, Load: c.load}, time.Time{}); got != c.free {
			t.Errorf("%s with %v: %v, want %v", c.presence, c.load, got, c.free)
		}
	}
}

// The bytes of two keys compare like the demands do, and both like the plain order of the fields.
func TestOrderKey(t *testing.T) {
	due := func(d dispatch.Demand) int64 {
		if d.Due.IsZero() {
			return 1 << 62
		}
		return d.Due.UnixMilli()
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (*plan.Queue, dispatch.Demand) {
			q := &plan.Queue{Priority: rapid.SampledFrom([]int{-1000, -1, 0, 1, 9, 10, 1000}).Draw(t, label+" queue")}
			return q, dispatch.Demand{
				Ticket:   rapid.Int64Range(1, 1<<40).Draw(t, label),
				Priority: rapid.SampledFrom(ticket.Priorities).Draw(t, label+" priority"),
				Due:      drawTime(t, label+" due"),
				OpenedAt: start.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, label+" opened")) * time.Millisecond),
			}
		}
		qa, a := draw("a")
		qb, b := draw("b")
		want := cmp.Or(
			cmp.Compare(qb.Priority, qa.Priority), cmp.Compare(a.Priority.Rank(), b.Priority.Rank()), cmp.Compare(due(a), due(b)),
			a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.Ticket, b.Ticket),
		)
		if got := dispatch.Compare(qa, &a, qb, &b); got != want {
			t.Fatalf("Compare = %d, want %d", got, want)
		}
		if got := strings.Compare(dispatch.OrderKey(qa, &a), dispatch.OrderKey(qb, &b)); got != want {
			t.Fatalf("keys compare %d, want %d", got, want)
		}
	})
}

func TestClass(t *testing.T) {
	q := &plan.Queue{Name: "billing", Stages: make([]plan.Stage, 3)}
	spoken := &ticket.Ticket{Content: ticket.Content{Channel: "Chat", Language: "de"}}
	unspoken := &ticket.Ticket{Content: ticket.Content{Channel: "Chat"}}
	for _, c := range []struct {
		match  v1alpha1.LanguageMatch
		ticket *ticket.Ticket
		want   string
	}{
		{v1alpha1.LanguageIgnored, spoken, "billing/Chat"},
		{"", spoken, "billing/Chat"},
		{v1alpha1.LanguagePreferred, spoken, "billing/Chat/de"},
		{v1alpha1.LanguageRequired, spoken, "billing/Chat/de"},
		{v1alpha1.LanguageRequired, unspoken, "billing/Chat"},
	} {
		q.Stages[0].Requirements.LanguageMatch = c.match
		got := dispatch.Class(q, c.ticket)
		if got != c.want || dispatch.StageOf(got) != 0 {
			t.Errorf("language match %q: %q, want %q", c.match, got, c.want)
		}
	}
}

// Each stage is a class of its own, and looks at the language or not.
func TestClassOfAStage(t *testing.T) {
	q := &plan.Queue{Name: "billing", Stages: make([]plan.Stage, 3)}
	q.Stages[1].Requirements.LanguageMatch = v1alpha1.LanguagePreferred
	for stage, want := range []string{"billing/Chat", "billing@1/Chat/de", "billing@2/Chat"} {
		got := dispatch.Class(q, &ticket.Ticket{Stage: stage, Content: ticket.Content{Channel: "Chat", Language: "de"}})
		if got != want || dispatch.StageOf(got) != stage {
			t.Errorf("stage %d: %q, want %q", stage, got, want)
		}
	}
}

// Each reason to refuse is found, in words that name agent and queue.
func TestGuard(t *testing.T) {
	type scene struct {
		q *plan.Queue
		a *plan.Agent
		s *dispatch.AgentState
		d *dispatch.Demand
	}
	for _, c := range []struct {
		name   string
		change func(*scene)
		reason dispatch.Reason
		says   string
	}{
		{"nothing", func(*scene) {}, "", ""},
		{"paused", func(s *scene) { s.q.Paused = true }, dispatch.ReasonPaused, `queue "billing" is paused`},
		{"channel", func(s *scene) { s.d.Channel = "Phone" }, dispatch.ReasonChannel, `queue "billing" does not serve channel Phone`},
		{"not selected", func(s *scene) { s.q.Stages[0].Agents = []string{"sam"} }, dispatch.ReasonNotSelected, `agent "jo" is neither selected for queue "billing" nor assigned to it`},
		{"skill", func(s *scene) { s.q.Stages[0].Agents, s.a.Skills = nil, map[string]int{"tax": 2} }, dispatch.ReasonSkill, `agent "jo" has skill tax at level 2, queue "billing" requires 3`},
		{"skill at a later stage", func(s *scene) { s.q.Stages[0].Agents, s.a.Skills, s.d.Stage = nil, map[string]int{"tax": 2}, 1 }, "", ""},
		{"language at a later stage", func(s *scene) { s.d.Language, s.d.Stage = "fr", 1 }, "", ""},
		{"language", func(s *scene) { s.d.Language = "fr" }, dispatch.ReasonLanguage, `agent "jo" does not speak fr, which queue "billing" requires`},
		{"more general language", func(s *scene) { s.d.Language = "de-AT" }, "", ""},
		{"language in other letters", func(s *scene) { s.d.Language = "PT-br" }, "", ""},
		{"more special language", func(s *scene) { s.d.Language = "pt" }, dispatch.ReasonLanguage, `agent "jo" does not speak pt`},
		{"away", func(s *scene) { s.s.Presence, s.s.Reason = dispatch.Away, "lunch" }, dispatch.ReasonPresence, `agent "jo" is Away (lunch)`},
		{"off schedule", func(s *scene) { s.a.Schedule = officeHours(10, 12) }, dispatch.ReasonOffDuty, `agent "jo" is off duty: OffSchedule until 2026-03-02T10:00:00Z`},
		{"absent", func(s *scene) {
			s.a.Absences = []plan.DutyChange{{Type: plan.Absent, Reason: "Leave", Start: start, End: start.Add(time.Hour)}}
		}, dispatch.ReasonOffDuty,
			`agent "jo" is off duty: Leave until 2026-03-02T10:00:00Z`},
		{"absent by short notice", func(s *scene) {
			s.s.DutyChanges = []plan.DutyChange{{Type: plan.Absent, Reason: "Sick", Start: start.Add(-time.Hour), End: start.Add(time.Second)}}
		}, dispatch.ReasonOffDuty, `agent "jo" is off duty: Sick until 2026-03-02T09:00:01Z`},
		{"back", func(s *scene) {
			s.a.Absences = []plan.DutyChange{{Type: plan.Absent, Reason: "Leave", Start: start.Add(-time.Hour), End: start}}
		}, "", ""},
		{"full", func(s *scene) { s.s.Load = map[string]int{"Chat": 2} }, dispatch.ReasonFull, `agent "jo" has no room for a ticket of channel Chat: has 2/2 Chat`},
		{"asked in this round", func(s *scene) { s.d.Asks = asked(3, 2*time.Hour) }, dispatch.ReasonAsked, `agent "jo" was already asked for ticket 7 in this round`},
		{"asked a moment ago", func(s *scene) { s.d.Asks = asked(2, 59*time.Second) }, dispatch.ReasonAsked, `agent "jo" did not take ticket 7 and is not asked again before 2026-03-02T09:00:01Z`},
		{"asked before", func(s *scene) { s.d.Asks = asked(2, 60*time.Second) }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scene{
				q: &plan.Queue{Name: "billing", Channels: map[string]bool{"Chat": true}, Stages: []plan.Stage{
					{Agents: []string{"jo"}, Requirements: v1alpha1.Requirements{
						LanguageMatch: v1alpha1.LanguageRequired, Skills: []v1alpha1.SkillRequirement{{Name: "tax", MinLevel: 3}}}},
					{Agents: []string{"jo"}},
				}},
				a: &plan.Agent{Name: "jo", Limits: map[string]int{"Chat": 2}, Skills: map[string]int{"tax": 3}, Languages: map[string]bool{"de": true, "pt-BR": true}},
				s: &dispatch.AgentState{Name: "jo", Presence: dispatch.Available, Load: map[string]int{"Chat": 1}},
				d: &dispatch.Demand{Ticket: 7, Channel: "Chat", Round: 3},
			}
			c.change(s)
			refusal := dispatch.Guard(s.q, s.a, s.s, s.d, start)
			switch {
			case c.reason == "" && refusal != nil:
				t.Fatalf("refused: %s", refusal)
			case c.reason != "" && refusal == nil:
				t.Fatal("not refused")
			case refusal != nil && (refusal.Reason != c.reason || !strings.HasPrefix(refusal.Error(), c.says)):
				t.Fatalf("%s: %s", refusal.Reason, refusal)
			}
		})
	}
}

// A worker looks again when a loan begins, and when the limits of somebody new grow.
func TestWakesForLoansAndLimits(t *testing.T) {
	begins, grows := start.Add(time.Hour), time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	team, tier, jo := &v1alpha1.SupportTeam{}, &v1alpha1.Tier{}, &v1alpha1.Agent{}
	team.Name, tier.Name, jo.Name = "support", "front", "jo"
	tier.Spec.TeamRef.Name, tier.Spec.AgentSelector = "support", &metav1.LabelSelector{}
	jo.Spec.TeamRef.Name = "support"
	jo.Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 2}}
	jo.Spec.RampUp = &v1alpha1.RampUp{From: "2026-03-02", Weeks: 1, StartPercent: 50}
	jo.Spec.Assignments = []v1alpha1.Assignment{{QueueRef: v1alpha1.QueueReference{Name: "lent"}, StartTime: &metav1.Time{Time: begins}}}
	general, lent := &v1alpha1.Queue{}, &v1alpha1.Queue{}
	general.Name, lent.Name = "general", "lent"
	general.Spec.TierRef.Name, lent.Spec.TierRef.Name = "front", "front"
	lent.Spec.AgentSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"lent": "yes"}}
	var entries []plan.Entry
	for _, object := range []metav1.Object{team, tier, jo, general, lent} {
		entry, err := plan.NewEntry(object)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	p, err := plan.Build(plan.NewManifest("acme", entries), entries)
	if err != nil {
		t.Fatal(err)
	}
	decide := func(queue string, load int, now time.Time) dispatch.Result {
		waits := ticket.Ticket{ID: 1, Queue: queue, Version: 1, OpenedAt: start}
		waits.Channel = "Chat"
		d := dispatch.NewDemand(p.Queues[queue], &waits, "jo")
		return dispatch.Decide(p, p.Pools["general"], &dispatch.State{
			Agents:  map[string]*dispatch.AgentState{"jo": {Name: "jo", Presence: dispatch.Available, Load: map[string]int{"Chat": load}}},
			Classes: map[string]*dispatch.Window{d.Class: {Demands: []dispatch.Demand{d}}},
		}, now)
	}
	for _, tc := range []struct {
		name, queue string
		load        int
		now         time.Time
		decisions   int
		wake        time.Time
	}{
		{"before the loan", "lent", 0, start, 0, begins},
		{"as it begins", "lent", 0, begins, 1, grows},
		{"full in the first week", "general", 1, start, 0, grows},
		{"with room in the second", "general", 1, grows, 1, time.Time{}},
	} {
		got := decide(tc.queue, tc.load, tc.now)
		if len(got.Decisions) != tc.decisions || !got.NextWake.Equal(tc.wake) {
			t.Errorf("%s: decided %v, to look again at %s", tc.name, got.Decisions, got.NextWake)
		}
	}
}

func asked(round int, ago time.Duration) []ticket.Ask {
	return []ticket.Ask{{Agent: "sam", Round: 3, At: start}, {Agent: "jo", Round: round, At: start.Add(-ago)}}
}
