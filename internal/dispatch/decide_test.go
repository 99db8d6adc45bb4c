package dispatch_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Each check is quick and the cases are many.
func init() { _ = flag.Set("rapid.checks", "2000") }

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// scene is a pool with its plan and all that waits in it.
type scene struct {
	plan    *plan.Plan
	pool    *plan.Pool
	agents  map[string]*dispatch.AgentState
	waiting []dispatch.Demand
}

// state with at most size demands of each class.
func (s scene) state(size int) *dispatch.State {
	state := &dispatch.State{Agents: s.agents, Classes: map[string]*dispatch.Window{}}
	for _, d := range sorted(s.plan, s.waiting) {
		w := state.Classes[d.Class]
		if w == nil {
			w = &dispatch.Window{}
			state.Classes[d.Class] = w
		}
		if len(w.Demands) == size {
			w.More = true
			continue
		}
		w.Demands = append(w.Demands, d)
	}
	return state
}

func drawScene(t *rapid.T) scene {
	channels := []string{"Chat", "Phone", "Email"}
	languages := []string{"", "de", "pt-BR"}
	names := []string{"ann", "bob", "cy", "dee", "eve"}[:rapid.IntRange(1, 5).Draw(t, "agents")]
	s := scene{plan: &plan.Plan{Queues: map[string]*plan.Queue{}, Agents: map[string]*plan.Agent{}}, agents: map[string]*dispatch.AgentState{}}
	for _, name := range names {
		a := &plan.Agent{Name: name, Skills: map[string]int{}, Languages: map[string]bool{}, Limits: map[string]int{}}
		state := &dispatch.AgentState{Name: name, Load: map[string]int{}, Version: rapid.Int64Range(0, 9).Draw(t, "version")}
		for _, c := range channels {
			if rapid.IntRange(0, 5).Draw(t, "limited") > 0 {
				a.Limits[c] = rapid.IntRange(1, 7).Draw(t, "limit")
			}
			state.Load[c] = max(0, rapid.IntRange(-6, 2).Draw(t, "load"))
		}
		for _, skill := range []string{"x", "y"} {
			a.Skills[skill] = rapid.IntRange(0, 5).Draw(t, "level")
		}
		for _, l := range []string{"de", "pt", "pt-BR"} {
			a.Languages[l] = rapid.Bool().Draw(t, "speaks")
		}
		state.Presence = rapid.SampledFrom(append(slices.Repeat([]dispatch.Presence{dispatch.Available}, 9), dispatch.Presences...)).Draw(t, "presence")
		a.Schedule = rapid.SampledFrom([]plan.Schedule{nil, nil, nil, nil, officeHours(8, 12), officeHours(10, 12), officeHours(8, 9)}).Draw(t, "schedule")
		a.Absences, state.DutyChanges = drawAbsences(t), append(drawAbsences(t), drawShifts(t)...)
		state.LastOfferAt = drawTime(t, "lastOffer")
		state.IdleSince = drawTime(t, "idleSince")
		s.plan.Agents[name], s.agents[name] = a, state
	}
	s.pool = &plan.Pool{Name: "q0", Agents: names}
	for i := range rapid.IntRange(1, 3).Draw(t, "queues") {
		q := &plan.Queue{Name: fmt.Sprintf("q%d", i), Channels: map[string]bool{}}
		q.Priority = rapid.IntRange(-1, 1).Draw(t, "queuePriority")
		q.Strategy = rapid.SampledFrom([]v1alpha1.Strategy{v1alpha1.LeastOccupied, v1alpha1.LongestIdle, v1alpha1.MostSkilled, v1alpha1.RoundRobin}).Draw(t, "strategy")
		for range rapid.IntRange(1, 3).Draw(t, "stages") {
			stage := plan.Stage{}
			stage.Requirements.LanguageMatch = rapid.SampledFrom([]v1alpha1.LanguageMatch{v1alpha1.LanguageIgnored, v1alpha1.LanguagePreferred, v1alpha1.LanguageRequired}).Draw(t, "languageMatch")
			stage.Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "x"}}
			for _, name := range names {
				if rapid.IntRange(0, 3).Draw(t, "selected") < 3 {
					stage.Agents = append(stage.Agents, name)
				}
			}
			q.Stages = append(q.Stages, stage)
		}
		q.Paused = rapid.IntRange(0, 9).Draw(t, "paused") == 9
		if rapid.IntRange(0, 4).Draw(t, "channels") == 4 {
			q.Channels["Chat"] = true
		}
		s.plan.Queues[q.Name] = q
		s.pool.Queues = append(s.pool.Queues, q.Name)
	}
	for id := range rapid.IntRange(0, 14).Draw(t, "tickets") {
		q := s.plan.Queues[rapid.SampledFrom(s.pool.Queues).Draw(t, "queue")]
		waits := ticket.Ticket{ID: int64(id + 1), Queue: q.Name, Version: rapid.Int64Range(1, 5).Draw(t, "ticketVersion"), OpenedAt: drawTime(t, "opened")}
		waits.Channel = rapid.SampledFrom(channels).Draw(t, "channel")
		waits.Language = rapid.SampledFrom(languages).Draw(t, "language")
		waits.Priority = rapid.SampledFrom(ticket.Priorities).Draw(t, "priority")
		waits.Stage = rapid.IntRange(0, len(q.Stages)-1).Draw(t, "stage")
		waits.Round = rapid.IntRange(0, 2).Draw(t, "round")
		for range max(0, rapid.IntRange(-3, 4).Draw(t, "asks")) {
			waits.Asks = append(waits.Asks, ticket.Ask{
				Agent: rapid.SampledFrom(names).Draw(t, "asked"), Round: rapid.IntRange(0, waits.Round).Draw(t, "askRound"),
				At: start.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "askedAgo")) * time.Second),
			})
		}
		d := dispatch.NewDemand(q, &waits, rapid.SampledFrom(append(names, "", "gone")).Draw(t, "preferred"))
		d.Due = drawTime(t, "due")
		s.waiting = append(s.waiting, d)
	}
	return s
}

// officeHours of every day, in UTC.
func officeHours(from, to int) plan.Schedule {
	c, err := calendar.New(calendar.Spec{Zone: time.UTC, Hours: []calendar.Hours{{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, From: from * 60, To: to * 60}}})
	if err != nil {
		panic(err)
	}
	return c
}

func drawAbsences(t *rapid.T) (absences []plan.DutyChange) {
	for range max(0, rapid.IntRange(-8, 2).Draw(t, "absences")) {
		from := start.Add(time.Duration(rapid.IntRange(-3, 1).Draw(t, "absentFrom")) * time.Minute)
		absences = append(absences, plan.DutyChange{Type: plan.Absent, Reason: "Leave", Start: from, End: from.Add(time.Duration(rapid.IntRange(1, 4).Draw(t, "absentFor")) * time.Minute)})
	}
	return absences
}

func drawShifts(t *rapid.T) (shifts []plan.DutyChange) {
	for _, c := range drawAbsences(t) {
		shifts = append(shifts, plan.DutyChange{Type: plan.ExtraShift, Start: c.Start, End: c.End})
	}
	return shifts
}

// drawTime is often the zero time, and often the same.
func drawTime(t *rapid.T, label string) time.Time {
	if minutes := rapid.IntRange(0, 4).Draw(t, label); minutes > 0 {
		return start.Add(-time.Duration(minutes) * time.Minute)
	}
	return time.Time{}
}

// oracle decides the plain way: every ticket in order against every agent, in fractions.
type oracle struct {
	scene
	load  map[string]map[string]int
	given map[string]int
	wake  time.Time
}

type outcome struct {
	ticket  int64
	agent   string
	round   int
	version int64
	why     string
}

func (o *oracle) decide() (outcomes []outcome) {
	o.load, o.given = map[string]map[string]int{}, map[string]int{}
	for name, a := range o.agents {
		o.load[name] = maps.Clone(a.Load)
	}
	for _, name := range o.pool.Agents {
		// Who could be free by the end of the time off makes it worth another look.
		if len(o.waiting) > 0 && !o.onDuty(name, start) && o.agents[name].Presence == dispatch.Available && o.someRoom(name) {
			for back := start; ; back = back.Add(time.Minute) {
				if o.onDuty(name, back) {
					o.sooner(back)
					break
				}
			}
		}
	}
	for _, d := range sorted(o.plan, o.waiting) {
		q := o.plan.Queues[d.Queue]
		var can []string
		for _, name := range o.pool.Agents {
			if o.can(q, d, name) {
				can = append(can, name)
			}
		}
		agent, round, why := o.pick(q, d, can)
		if agent == "" {
			continue
		}
		outcomes = append(outcomes, outcome{d.Ticket, agent, round, o.agents[agent].Version + int64(o.times(agent)), why})
		o.load[agent][d.Channel]++
		o.given[agent] = len(outcomes)*1000 + o.times(agent) + 1
	}
	return outcomes
}

// onDuty asks each minute for itself.
func (o *oracle) onDuty(agent string, at time.Time) bool {
	extra := false
	for _, absence := range append(slices.Clone(o.agents[agent].DutyChanges), o.plan.Agents[agent].Absences...) {
		if at.Before(absence.Start) || !at.Before(absence.End) {
			continue
		}
		if absence.Type == plan.Absent {
			return false
		}
		extra = true
	}
	schedule := o.plan.Agents[agent].Schedule
	return extra || schedule == nil || schedule.Open(at)
}

// someRoom says whether a ticket of any channel, also of one without a limit, would fit.
func (o *oracle) someRoom(agent string) bool {
	for _, channel := range []string{"Chat", "Phone", "Email", "Web"} {
		after := maps.Clone(o.agents[agent].Load)
		after[channel]++
		if o.occupancy(agent, after).Cmp(big.NewRat(1, 1)) <= 0 {
			return true
		}
	}
	return false
}

func (o *oracle) sooner(at time.Time) {
	if o.wake.IsZero() || at.Before(o.wake) {
		o.wake = at
	}
}

func (o *oracle) times(agent string) int { return o.given[agent] % 1000 }

func (o *oracle) can(q *plan.Queue, d dispatch.Demand, agent string) bool {
	stage := q.Stages[d.Stage]
	if q.Paused || len(q.Channels) > 0 && !q.Channels[d.Channel] || !slices.Contains(stage.Agents, agent) {
		return false
	}
	if stage.Requirements.LanguageMatch == v1alpha1.LanguageRequired && !o.speaks(agent, d.Language) {
		return false
	}
	after := maps.Clone(o.load[agent])
	after[d.Channel]++
	return o.agents[agent].Presence == dispatch.Available && o.onDuty(agent, start) && o.occupancy(agent, after).Cmp(big.NewRat(1, 1)) <= 0
}

func (o *oracle) speaks(agent, language string) bool {
	speaks := o.plan.Agents[agent].Languages
	return language == "" || speaks[language] || language == "pt-BR" && speaks["pt"]
}

func (o *oracle) occupancy(agent string, load map[string]int) *big.Rat {
	sum := new(big.Rat)
	for channel, n := range load {
		limit, ok := o.plan.Agents[agent].Limits[channel]
		if !ok {
			limit = 1
		}
		sum.Add(sum, big.NewRat(int64(n), int64(limit)))
	}
	return sum
}

func (o *oracle) pick(q *plan.Queue, d dispatch.Demand, can []string) (string, int, string) {
	inRound := func(name string) bool {
		return slices.ContainsFunc(d.Asks, func(a ticket.Ask) bool { return a.Agent == name && a.Round == d.Round })
	}
	var pauses time.Time // of the last name asked about
	pausing := func(name string) bool {
		pauses = time.Time{}
		for _, a := range d.Asks {
			if end := a.At.Add(time.Minute); a.Agent == name && end.After(pauses) {
				pauses = end
			}
		}
		return pauses.After(start)
	}
	unasked := slices.DeleteFunc(slices.Clone(can), inRound)
	round, group := d.Round, unasked
	if len(unasked) == 0 {
		round, group = d.Round+1, can
	}
	var now []string
	var soonest time.Time
	for _, name := range group {
		if !pausing(name) {
			now = append(now, name)
		} else if soonest.IsZero() || pauses.Before(soonest) {
			soonest = pauses
		}
	}
	if len(now) == 0 {
		if !soonest.IsZero() && (o.wake.IsZero() || soonest.Before(o.wake)) {
			o.wake = soonest
		}
		return "", 0, ""
	}
	if round == d.Round && slices.Contains(now, d.Preferred) {
		return d.Preferred, round, "Preferred"
	}
	return slices.MinFunc(now, func(a, b string) int { return o.better(q, d, a, b) }), round, string(q.Strategy)
}

func (o *oracle) better(q *plan.Queue, d dispatch.Demand, a, b string) int {
	if q.Stages[d.Stage].Requirements.LanguageMatch == v1alpha1.LanguagePreferred && o.speaks(a, d.Language) != o.speaks(b, d.Language) {
		if o.speaks(a, d.Language) {
			return -1
		}
		return 1
	}
	byStrategy := 0
	switch q.Strategy {
	case v1alpha1.LeastOccupied:
		byStrategy = o.occupancy(a, o.load[a]).Cmp(o.occupancy(b, o.load[b]))
	case v1alpha1.MostSkilled:
		byStrategy = o.plan.Agents[b].Skills["x"] - o.plan.Agents[a].Skills["x"]
	case v1alpha1.RoundRobin:
		byStrategy = cmp.Or(o.given[a]-o.given[b], o.agents[a].LastOfferAt.Compare(o.agents[b].LastOfferAt))
	case v1alpha1.LongestIdle:
		idle := func(name string) time.Time {
			if o.given[name] > 0 || o.agents[name].IdleSince.IsZero() {
				return start.Add(time.Hour)
			}
			return o.agents[name].IdleSince
		}
		byStrategy = idle(a).Compare(idle(b))
	}
	return cmp.Or(byStrategy, cmp.Compare(a, b))
}

// sorted is the order of DESIGN, spelled out.
func sorted(p *plan.Plan, demands []dispatch.Demand) []dispatch.Demand {
	never := start.Add(1000 * time.Hour)
	due := func(d dispatch.Demand) time.Time {
		if d.Due.IsZero() {
			return never
		}
		return d.Due
	}
	return slices.SortedFunc(slices.Values(demands), func(a, b dispatch.Demand) int {
		return cmp.Or(
			p.Queues[b.Queue].Priority-p.Queues[a.Queue].Priority,
			slices.Index(ticket.Priorities, a.Priority)-slices.Index(ticket.Priorities, b.Priority),
			due(a).Compare(due(b)),
			a.OpenedAt.Compare(b.OpenedAt),
			int(a.Ticket-b.Ticket),
		)
	})
}

func outcomes(decisions []dispatch.Decision) (list []outcome) {
	for _, d := range decisions {
		list = append(list, outcome{d.Ticket, d.Agent, d.Round, d.AgentVersion, d.Why})
	}
	return list
}

// Decide agrees with the oracle on every ticket, agent, round and reason, and on when to look again.
func TestDecideLikeOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		o := &oracle{scene: s}
		want := o.decide()
		got := dispatch.Decide(s.plan, s.pool, s.state(1000), start)
		if !slices.Equal(outcomes(got.Decisions), want) {
			t.Fatalf("decided\n%v\nwant\n%v", outcomes(got.Decisions), want)
		}
		if !got.NextWake.Equal(o.wake) || got.Starved != "" {
			t.Fatalf("next wake %v, starved %q; want %v and none", got.NextWake, got.Starved, o.wake)
		}
	})
}

// However small the windows, what is decided is the beginning of what would be decided with all in view; widening the
// starved class leads to the whole.
func TestDecideWithinWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		want := (&oracle{scene: s}).decide()
		narrow := s.state(rapid.IntRange(0, 3).Draw(t, "window"))
		full := s.state(1000)
		for {
			got := dispatch.Decide(s.plan, s.pool, narrow, start)
			if n := len(got.Decisions); n > len(want) || !slices.Equal(outcomes(got.Decisions), want[:n]) {
				t.Fatalf("decided\n%v\nwhich does not begin\n%v", outcomes(got.Decisions), want)
			}
			if got.Starved == "" {
				if len(got.Decisions) != len(want) {
					t.Fatalf("decided %v and asked for no more, want %v", outcomes(got.Decisions), want)
				}
				return
			}
			w, all := narrow.Classes[got.Starved], full.Classes[got.Starved].Demands
			if !w.More {
				t.Fatalf("class %s is starved but has no more", got.Starved)
			}
			w.Demands = all[:min(len(w.Demands)+2, len(all))]
			w.More = len(w.Demands) < len(all)
		}
	})
}

// The decisions' keys rise, everybody considered could have taken the ticket, the guard agrees, and the same input gives
// the same answer.
func TestDecisionsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		got := dispatch.Decide(s.plan, s.pool, s.state(1000), start)
		again := dispatch.Decide(s.plan, s.pool, s.state(1000), start)
		if fmt.Sprint(got) != fmt.Sprint(again) {
			t.Fatalf("decided\n%v\nand then\n%v", got, again)
		}
		loads := map[string]dispatch.AgentState{}
		for name, a := range s.agents {
			loads[name] = *a
		}
		last := ""
		for _, decision := range got.Decisions {
			if decision.OrderKey <= last {
				t.Fatalf("key %s follows %s", decision.OrderKey, last)
			}
			last = decision.OrderKey
			d := s.waiting[decision.Ticket-1]
			d.Round = decision.Round
			if decision.Considered[0] != decision.Agent || len(decision.Considered) > dispatch.MaxConsidered {
				t.Fatalf("considered %v for a decision for %s", decision.Considered, decision.Agent)
			}
			for _, name := range decision.Considered {
				state := loads[name]
				if r := dispatch.Guard(s.plan.Queues[d.Queue], s.plan.Agents[name], &state, &d, start); r != nil {
					t.Fatalf("ticket %d: %s was considered although %s", d.Ticket, name, r)
				}
			}
			state := loads[decision.Agent]
			state.Load = maps.Clone(state.Load)
			state.Load[d.Channel]++
			loads[decision.Agent] = state
		}
	})
}

// A million tickets that nobody free can serve stand before one that somebody can.
func TestUnservableBlockNobody(t *testing.T) {
	p := &plan.Plan{
		Queues: map[string]*plan.Queue{
			"blocked": {Name: "blocked", Priority: 9, Stages: []plan.Stage{{Agents: []string{"away"}}}},
			"served":  {Name: "served", Stages: []plan.Stage{{Agents: []string{"jo"}}}},
		},
		Agents: map[string]*plan.Agent{"away": {Name: "away"}, "jo": {Name: "jo"}},
	}
	blocked := make([]dispatch.Demand, 1_000_000)
	for i := range blocked {
		blocked[i] = dispatch.Demand{Ticket: int64(i + 1), Class: "blocked/Chat", Queue: "blocked", Channel: "Chat", Priority: ticket.Urgent}
	}
	s := &dispatch.State{
		Agents: map[string]*dispatch.AgentState{"away": {Name: "away", Presence: dispatch.Away}, "jo": {Name: "jo", Presence: dispatch.Available}},
		Classes: map[string]*dispatch.Window{
			"blocked/Chat": {Demands: blocked, More: true},
			"served/Chat":  {Demands: []dispatch.Demand{{Ticket: 2_000_000, Class: "served/Chat", Queue: "served", Channel: "Chat", Priority: ticket.Low}}},
		},
	}
	pool := &plan.Pool{Agents: []string{"away", "jo"}}
	began := time.Now()
	got := dispatch.Decide(p, pool, s, start)
	if took := time.Since(began); took > 50*time.Millisecond {
		t.Errorf("walked past the million in %v", took)
	}
	if len(got.Decisions) != 1 || got.Decisions[0].Ticket != 2_000_000 || got.Starved != "" {
		t.Fatalf("got %+v", got)
	}
}
