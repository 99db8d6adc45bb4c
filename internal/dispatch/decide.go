package dispatch

import (
	"container/heap"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// State of a pool: its agents, and the waiting tickets by class of demand. Decide does not change it.
type State struct {
	Agents  map[string]*AgentState
	Classes map[string]*Window
}

// Window is the head of a class of demand.
type Window struct {
	// Demands in order; see Compare.
	Demands []Demand
	// More says that others wait behind.
	More bool
}

// waits says whether any ticket waits.
func (s *State) waits() bool {
	for _, w := range s.Classes {
		if w.waits() {
			return true
		}
	}
	return false
}

func (w *Window) waits() bool { return len(w.Demands) > 0 || w.More }

// Result of Decide.
type Result struct {
	// Decisions in order. Each was made with the agents' load as the ones before it leave it.
	Decisions []Decision
	// NextWake is when a decision may become possible by the passing of time alone; zero: never.
	NextWake time.Time
	// Starved is a class whose window ended while a free agent could serve what waits behind. Decisions stop there, since
	// what waits behind may go before everything else; widen the window and decide again. Empty: none.
	Starved string
}

// Decide gives waiting tickets to free agents. Tickets go in order across all classes; one that nobody free can serve
// blocks nobody. Of the agents who can take a ticket and were not asked in its round, the preferred one comes first, then
// the queue's strategy chooses, then the name. A round ends when every free agent who can take the ticket was asked once;
// nobody is asked again for a ticket within PairPause.
func Decide(p *plan.Plan, pool *plan.Pool, s *State, now time.Time) Result {
	r := newRun(p, pool, s, now)
	for r.lines.Len() > 0 {
		l := r.lines[0]
		if !l.serveable() {
			heap.Pop(&r.lines)
			continue
		}
		if l.next == len(l.window.Demands) {
			// Only a line with more behind its window gets here.
			r.result.Starved = l.class
			break
		}
		r.decide(l, &l.window.Demands[l.next])
		l.next++
		if l.next == len(l.window.Demands) && !l.window.More {
			heap.Pop(&r.lines)
			continue
		}
		l.head()
		heap.Fix(&r.lines, 0)
	}
	return r.result
}

// run is one decision round over a pool.
type run struct {
	now    time.Time
	free   []*candidate // by name
	byName map[string]*candidate
	lines  lineHeap
	given  int64
	result Result
}

func newRun(p *plan.Plan, pool *plan.Pool, s *State, now time.Time) *run {
	r := &run{now: now, byName: map[string]*candidate{}}
	if !s.waits() { // as after every commit that leaves nothing to do
		return r
	}
	for _, name := range pool.Agents {
		agent, state := p.Agents[name], s.Agents[name]
		if agent == nil || state == nil || state.Presence != Available {
			continue
		}
		r.wake(agent.LimitsChange(now))
		agent = agent.At(now)
		if !hasRoom(agent, state) {
			continue
		}
		if !agent.OnDuty(now, state.DutyChanges) {
			r.wake(agent.Duty(now, state.DutyChanges).Until)
			continue
		}
		c := newCandidate(agent, state)
		r.free = append(r.free, c)
		r.byName[name] = c
	}
	slices.SortFunc(r.free, compareNames)
	for class, w := range s.Classes {
		if len(r.free) == 0 || !w.waits() {
			continue
		}
		if l := newLine(p, class, w, r); l != nil {
			r.lines = append(r.lines, l)
		}
	}
	heap.Init(&r.lines)
	return r
}

// wake says that something may become possible at t; zero: never.
func (r *run) wake(t time.Time) { r.result.NextWake = walltime.Sooner(r.result.NextWake, t) }

// decide gives the first ticket of the line to an agent if one can be asked now.
func (r *run) decide(l *line, d *Demand) {
	choice, round, why := r.choose(l, d)
	if choice == nil {
		return
	}
	r.result.Decisions = append(r.result.Decisions, Decision{
		Ticket: d.Ticket, TicketVersion: d.Version,
		Agent: choice.agent.Name, AgentVersion: choice.state.Version + choice.given,
		Round: round, OrderKey: l.at.key(),
		Considered: l.considered(choice, d, round, r.now), Why: why,
	})
	r.given++
	choice.take(l.channel, r.given)
}

// choose finds who is asked for the ticket, in which round and why; nil: nobody now.
func (r *run) choose(l *line, d *Demand) (choice *candidate, round int, why string) {
	if c := r.byName[d.Preferred]; c != nil && l.has(c) && c.fits(l.channel) && l.assigned(c, r.now) {
		if _, asked := askedUntil(d, d.Preferred, d.Round, r.now); !asked {
			return c, d.Round, WhyPreferred
		}
	}
	passed, c := l.firstUnasked(d, r.now)
	defer l.restore(passed)
	if c != nil {
		return c, d.Round, string(l.queue.Strategy)
	}
	return r.chooseAgain(l, d, passed)
}

// chooseAgain looks among the agents who can take the ticket when each was asked in its round or pauses.
func (r *run) chooseAgain(l *line, d *Demand, passed []*place) (choice *candidate, round int, why string) {
	over := !slices.ContainsFunc(passed, func(p *place) bool { return !askedIn(d, p.candidate.agent.Name) })
	var soonest time.Time
	for _, p := range passed {
		name := p.candidate.agent.Name
		if !over && askedIn(d, name) {
			continue
		}
		until, _ := askedUntil(d, name, d.Round, r.now)
		if !until.After(r.now) {
			return p.candidate, d.Round + 1, string(l.queue.Strategy)
		}
		soonest = walltime.Sooner(soonest, until)
	}
	r.wake(soonest)
	return nil, 0, ""
}

// askedIn says whether the agent was asked in the ticket's present round.
func askedIn(d *Demand, agent string) bool {
	return slices.ContainsFunc(d.Asks, func(a ticket.Ask) bool { return a.Round == d.Round && a.Agent == agent })
}
