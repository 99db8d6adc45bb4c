package dispatch

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// WhyPreferred is the Why of a decision for the ticket's preferred agent; otherwise it is the queue's strategy.
const WhyPreferred = "Preferred"

// candidate is an agent who was free when the run began, with what the run's decisions made of them.
type candidate struct {
	agent *plan.Agent
	state *AgentState
	used  share
	given int64
	// lastGiven is the number of the run's decision that last chose the agent, zero for none.
	lastGiven int64
}

func newCandidate(agent *plan.Agent, state *AgentState) *candidate {
	return &candidate{agent: agent, state: state, used: used(agent, state.Load)}
}

func compareNames(a, b *candidate) int { return strings.Compare(a.agent.Name, b.agent.Name) }

func (c *candidate) fits(channel string) bool {
	return c.used.plus(cost(c.agent, channel)).compare(whole) <= 0
}

func (c *candidate) take(channel string, number int64) {
	c.used = c.used.plus(cost(c.agent, channel))
	c.given++
	c.lastGiven = number
}

// line is one class of demand with the agents who can serve it.
type line struct {
	class             string
	queue             *plan.Queue
	stage             *plan.Stage
	channel, language string
	window            *Window
	// next is the index of the first demand not yet looked at, and at its place in the order.
	next int
	at   order
	// places of the agents, the best first. A run only makes an agent a worse choice, so a place whose rank is out of date
	// is too far in front, never too far behind: it is enough to correct the first.
	places placeHeap
}

// newLine returns nil if no free agent can serve the class, or the plan does not know its queue.
func newLine(p *plan.Plan, class string, w *Window, r *run) *line {
	l := &line{class: class, window: w}
	if !l.parse(p) || l.queue.Paused || !l.queue.Serves(l.channel) {
		return nil
	}
	if len(r.free) <= len(l.stage.Agents) {
		for _, c := range r.free {
			if l.has(c) {
				l.add(c, r)
			}
		}
	} else {
		for _, name := range l.stage.Agents {
			if c := r.byName[name]; c != nil {
				l.add(c, r)
			}
		}
	}
	if len(l.places) == 0 {
		return nil
	}
	heap.Init(&l.places)
	l.head()
	return l
}

// parse finds what the class stands for.
func (l *line) parse(p *plan.Plan) bool {
	var name string
	var stage int
	name, stage, l.channel, l.language = parseClass(l.class)
	if l.queue = p.Queues[name]; l.queue == nil {
		return false
	}
	l.stage = l.queue.Stage(stage)
	return true
}

func (l *line) add(c *candidate, r *run) {
	if !c.fits(l.channel) || !understands(l.stage, c.agent, l.language) {
		return
	}
	if assigned, from := l.queue.Assigned(c.agent.Name, r.now); assigned {
		l.places = append(l.places, &place{candidate: c, rank: l.rank(c)})
	} else {
		r.wake(from)
	}
}

// has says whether the agent can serve the class at all, at some time.
func (l *line) has(c *candidate) bool {
	_, selected := slices.BinarySearch(l.stage.Agents, c.agent.Name)
	return selected && understands(l.stage, c.agent, l.language)
}

// assigned says whether the agent, who can serve the class, does so now.
func (l *line) assigned(c *candidate, now time.Time) bool {
	assigned, _ := l.queue.Assigned(c.agent.Name, now)
	return assigned
}

// head sets the place in the order. What waits behind an exhausted window comes no earlier than the window's last ticket,
// and may be anywhere if the window is empty.
func (l *line) head() {
	switch {
	case l.next < len(l.window.Demands):
		l.at = orderOf(l.queue, &l.window.Demands[l.next])
	case l.next == 0:
		l.at = order{queue: math.MinInt64}
	}
}

// serveable says whether some agent still has room, with a true first place if so.
func (l *line) serveable() bool {
	for len(l.places) > 0 {
		first := l.places[0]
		if !first.candidate.fits(l.channel) {
			heap.Pop(&l.places)
			continue
		}
		rank := l.rank(first.candidate)
		if rank == first.rank {
			return true
		}
		first.rank = rank
		heap.Fix(&l.places, 0)
	}
	return false
}

// firstUnasked takes the agents out of the line up to the first who was not asked for the ticket in its round or within
// PairPause. That one stays in the line; nil: there is none.
func (l *line) firstUnasked(d *Demand, now time.Time) (passed []*place, choice *candidate) {
	for l.serveable() {
		first := l.places[0].candidate
		if _, asked := askedUntil(d, first.agent.Name, d.Round, now); !asked {
			return passed, first
		}
		passed = append(passed, heap.Pop(&l.places).(*place))
	}
	return passed, nil
}

func (l *line) restore(passed []*place) {
	for _, p := range passed {
		heap.Push(&l.places, p)
	}
}

// considered names the chosen agent and others who could have taken the ticket, in no particular order.
func (l *line) considered(choice *candidate, d *Demand, round int, now time.Time) []string {
	names := make([]string, 1, min(MaxConsidered, len(l.places)+1))
	names[0] = choice.agent.Name
	for _, p := range l.places {
		if len(names) == MaxConsidered {
			break
		}
		if p.candidate == choice || !p.candidate.fits(l.channel) {
			continue
		}
		if _, asked := askedUntil(d, p.candidate.agent.Name, round, now); !asked {
			names = append(names, p.candidate.agent.Name)
		}
	}
	return names
}

// rank of an agent in a line: the smaller is chosen.
type rank struct {
	// language is 1 for those who do not speak a language that the queue prefers.
	language int8
	// strategy is the queue's measure.
	strategy share
}

func (a rank) compare(b rank) int {
	return cmp.Or(cmp.Compare(a.language, b.language), a.strategy.compare(b.strategy))
}

func (l *line) rank(c *candidate) rank {
	var r rank
	if l.stage.Requirements.LanguageMatch == v1alpha1.LanguagePreferred && !Speaks(c.agent, l.language) {
		r.language = 1
	}
	switch l.queue.Strategy {
	case v1alpha1.LongestIdle:
		r.strategy = idleRank(c)
	case v1alpha1.MostSkilled:
		var levels int
		// What the queue asks at first, so that who has most of it comes first when it is not asked any more.
		for _, need := range l.queue.Stage(0).Requirements.Skills {
			levels += c.agent.Skills[string(need.Name)]
		}
		r.strategy.lo = math.MaxUint64 - uint64(levels)
	case v1alpha1.RoundRobin:
		r.strategy = share{hi: uint64(c.lastGiven), lo: instant(c.state.LastOfferAt)}
	default: // LeastOccupied
		r.strategy = c.used
	}
	return r
}

// idleRank is smaller the longer the agent has been without work; those who have some come last.
func idleRank(c *candidate) share {
	if c.given > 0 || c.state.IdleSince.IsZero() {
		return share{hi: 1}
	}
	return share{lo: instant(c.state.IdleSince)}
}

// instant is zero for the zero time, else greater the later it is.
func instant(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli()) ^ (1 << 63)
}

// place of an agent in a line.
type place struct {
	candidate *candidate
	rank      rank
}

type placeHeap []*place

func (h placeHeap) Len() int      { return len(h) }
func (h placeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h placeHeap) Less(i, j int) bool {
	if c := h[i].rank.compare(h[j].rank); c != 0 {
		return c < 0
	}
	return compareNames(h[i].candidate, h[j].candidate) < 0
}
func (h *placeHeap) Push(x any) { *h = append(*h, x.(*place)) }
func (h *placeHeap) Pop() any {
	last := len(*h) - 1
	p := (*h)[last]
	*h = (*h)[:last]
	return p
}

type lineHeap []*line

func (h lineHeap) Len() int      { return len(h) }
func (h lineHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h lineHeap) Less(i, j int) bool {
	return cmp.Or(h[i].at.compare(h[j].at), strings.Compare(h[i].class, h[j].class)) < 0
}
func (h *lineHeap) Push(x any) { *h = append(*h, x.(*line)) }
func (h *lineHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	*h = (*h)[:last]
	return l
}
