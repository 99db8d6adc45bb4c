package dispatch_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// busyPool has 1,000 agents in ten queues of every strategy, each agent in two of them, and 1,000 tickets of which a third
// were declined by somebody.
func busyPool() scene {
	strategies := []v1alpha1.Strategy{v1alpha1.LeastOccupied, v1alpha1.LongestIdle, v1alpha1.MostSkilled, v1alpha1.RoundRobin}
	s := scene{
		plan: &plan.Plan{Queues: map[string]*plan.Queue{}, Agents: map[string]*plan.Agent{}},
		pool: &plan.Pool{Name: "q0"}, agents: map[string]*dispatch.AgentState{},
	}
	for i := range 10 {
		q := &plan.Queue{Name: fmt.Sprintf("q%d", i), Priority: i % 3, Strategy: strategies[i%4], Stages: make([]plan.Stage, 1)}
		q.Stages[0].Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "x"}, {Name: "y"}}
		s.plan.Queues[q.Name] = q
		s.pool.Queues = append(s.pool.Queues, q.Name)
	}
	for i := range 1000 {
		name := fmt.Sprintf("agent-%04d", i)
		s.plan.Agents[name] = &plan.Agent{Name: name, Limits: map[string]int{"Chat": 3, "Email": 5}, Skills: map[string]int{"x": i % 5, "y": i % 3}}
		s.agents[name] = &dispatch.AgentState{
			Name: name, Presence: dispatch.Available, Load: map[string]int{"Chat": i % 3},
			IdleSince: start.Add(-time.Duration(i*7919%1000) * time.Second), LastOfferAt: start.Add(-time.Duration(i*104729%1000) * time.Second),
		}
		s.pool.Agents = append(s.pool.Agents, name)
		for _, n := range []int{i % 10, (i + 3) % 10} {
			stage := s.plan.Queues[s.pool.Queues[n]].Stage(0)
			stage.Agents = append(stage.Agents, name)
		}
	}
	for i := range 1000 {
		t := &ticket.Ticket{ID: int64(i + 1), Queue: s.pool.Queues[i%10], OpenedAt: start.Add(-time.Duration(i*31%1000) * time.Second)}
		t.Channel = []string{"Chat", "Email", "Phone"}[i%3]
		t.Priority = ticket.Priorities[i%4]
		if i%3 == 0 {
			t.Asks = []ticket.Ask{{Agent: s.pool.Agents[(i*17)%1000], At: start.Add(-time.Minute / 2)}}
		}
		s.waiting = append(s.waiting, dispatch.NewDemand(s.plan.Queues[t.Queue], t, s.pool.Agents[i]))
	}
	return s
}

// BenchmarkDecide gives 1,000 tickets to 1,000 agents. BenchmarkDecideFloor is what any decision costs: to sort the
// tickets and write each down with its key and the agents considered.
func BenchmarkDecide(b *testing.B) {
	s := busyPool()
	state := s.state(len(s.waiting))
	decided := 0
	for b.Loop() {
		decided = len(dispatch.Decide(s.plan, s.pool, state, start).Decisions)
	}
	if decided < 700 {
		b.Fatalf("only %d tickets were given", decided)
	}
	b.ReportMetric(float64(decided), "decisions")
}

func BenchmarkDecideFloor(b *testing.B) {
	s := busyPool()
	for b.Loop() {
		waiting := slices.Clone(s.waiting)
		slices.SortFunc(waiting, func(x, y dispatch.Demand) int {
			return dispatch.Compare(s.plan.Queues[x.Queue], &x, s.plan.Queues[y.Queue], &y)
		})
		decisions := 0
		for i, d := range waiting {
			considered := make([]string, dispatch.MaxConsidered)
			copy(considered, s.pool.Agents[min(i, 900):])
			decided := dispatch.Decision{Ticket: d.Ticket, OrderKey: dispatch.OrderKey(s.plan.Queues[d.Queue], &d), Considered: considered}
			decisions += len(decided.Considered)
		}
	}
}

// BenchmarkDecideNobodyFree is what every change of a full pool costs.
func BenchmarkDecideNobodyFree(b *testing.B) {
	s := busyPool()
	for _, a := range s.agents {
		a.Presence = dispatch.Busy
	}
	state := s.state(len(s.waiting))
	for b.Loop() {
		dispatch.Decide(s.plan, s.pool, state, start)
	}
}
