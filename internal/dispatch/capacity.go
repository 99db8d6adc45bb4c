package dispatch

import (
	"math/bits"
	"time"

	"github.com/caseload-dev/caseload/internal/plan"
)

// maxLimit is the largest limit that share divides exactly, the bound of the API.
const maxLimit = 50

// share is a part of an agent's capacity in units of 1/lcm(1..maxLimit), so that one ticket of any limit is a whole number
// of units and sums are exact. The least common multiple needs 72 bits.
type share struct{ hi, lo uint64 }

var (
	whole = lcmUpTo(maxLimit)
	// costs[n] is what one ticket of a channel limited to n takes.
	costs = func() (costs [maxLimit + 1]share) {
		for n := uint64(1); n <= maxLimit; n++ {
			costs[n], _ = whole.div(n)
		}
		return costs
	}()
)

func lcmUpTo(n uint64) share {
	multiple := share{lo: 1}
	for i := uint64(2); i <= n; i++ {
		_, remainder := multiple.div(i)
		a, b := i, remainder
		for b != 0 {
			a, b = b, a%b
		}
		multiple = multiple.times(i / a)
	}
	return multiple
}

func (s share) div(n uint64) (quotient share, remainder uint64) {
	quotient.hi, remainder = s.hi/n, s.hi%n
	quotient.lo, remainder = bits.Div64(remainder, s.lo, n)
	return quotient, remainder
}

func (s share) times(n uint64) share {
	hi, lo := bits.Mul64(s.lo, n)
	return share{hi: s.hi*n + hi, lo: lo}
}

func (s share) plus(o share) share {
	lo, carry := bits.Add64(s.lo, o.lo, 0)
	hi, _ := bits.Add64(s.hi, o.hi, carry)
	return share{hi: hi, lo: lo}
}

// compare is negative if s is the smaller part.
func (s share) compare(o share) int {
	switch {
	case s == o:
		return 0
	case s.hi < o.hi || s.hi == o.hi && s.lo < o.lo:
		return -1
	}
	return 1
}

// cost of one ticket of the channel. A limit outside the API's bounds is read as the nearest within.
func cost(a *plan.Agent, channel string) share {
	return costs[min(max(a.Limit(channel), 1), maxLimit)]
}

// used is the part of the agent that the load takes. It may exceed the whole after a limit was lowered.
func used(a *plan.Agent, load map[string]int) share {
	var sum share
	for channel, n := range load {
		sum = sum.plus(cost(a, channel).times(uint64(max(n, 0))))
	}
	return sum
}

// Fits says whether one more ticket of the channel leaves the agent within capacity: every ticket costs 1/limit of its
// channel, and the sum must not exceed the whole. The arithmetic is exact.
func Fits(a *plan.Agent, load map[string]int, channel string) bool {
	return used(a, load).plus(cost(a, channel)).compare(whole) <= 0
}

// Free says whether the agent is Available, on duty at now, and could take a ticket of some channel.
func Free(a *plan.Agent, s *AgentState, now time.Time) bool {
	return s.Presence == Available && a.OnDuty(now, s.DutyChanges) && hasRoom(a.At(now), s)
}

// hasRoom says whether the agent could take a ticket of some channel.
func hasRoom(a *plan.Agent, s *AgentState) bool {
	return used(a, s.Load).plus(cheapest(a)).compare(whole) <= 0
}

// cheapest is the least that a ticket can cost the agent.
func cheapest(a *plan.Agent) share {
	largest := plan.DefaultLimit
	for _, limit := range a.Limits {
		largest = max(largest, limit)
	}
	return costs[min(largest, maxLimit)]
}
