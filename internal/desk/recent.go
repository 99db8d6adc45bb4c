package desk

import (
	"sync"

	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
)

// recent knows the last record that concerned each queue and agent, so that a caller who waits for a change of a few of
// them need not read the log at every commit. It may know of a record before it is durable, and of one that never was.
type recent struct {
	mu sync.Mutex
	// floor is the position before which nothing is known; everything may have changed up to it.
	floor  int64
	plan   int64
	queues map[string]int64
	agents map[string]int64
}

func newRecent(position int64) *recent {
	return &recent{floor: position, queues: map[string]int64{}, agents: map[string]int64{}}
}

func (n *recent) mark(r *eventlog.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Type == eventlog.PlanActivated {
		n.plan = r.Seq
	}
	if r.Agent != "" {
		n.agents[r.Agent] = r.Seq
	}
	for _, s := range []*eventlog.State{r.From, r.To} {
		if s == nil {
			continue
		}
		n.queues[s.Queue] = r.Seq
		if s.Agent != "" {
			n.agents[s.Agent] = r.Seq
		}
	}
}

// pool says whether anything of the pool may have changed after the position.
func (n *recent) pool(p *plan.Pool, after int64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if after < n.floor || after < n.plan {
		return true
	}
	for _, q := range p.Queues {
		if n.queues[q] > after {
			return true
		}
	}
	for _, a := range p.Agents {
		if n.agents[a] > after {
			return true
		}
	}
	return false
}

// agent says whether anything of the agent may have changed after the position.
func (n *recent) agent(name string, after int64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return after < n.floor || after < n.plan || n.agents[name] > after
}
