package desk

import (
	"sync"

	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
)

// maxRecent is how many of the last records are kept.
const maxRecent = 4096

// recent knows the last record that concerned each queue and agent, so that a caller who waits for a change of a few of
// them need not read the log at every commit, and what the last records speak of. It may know of a record before it is
// durable, and of one that never was until another takes its number.
type recent struct {
	mu sync.Mutex
	// floor is the position before which nothing is known; everything may have changed up to it.
	floor  int64
	plan   int64
	queues map[string]int64
	agents map[string]int64
	// last are the last records, each at its number modulo maxRecent, without what nobody asks of them.
	last []eventlog.Record
}

func newRecent(position int64) *recent {
	return &recent{
		floor: position, queues: map[string]int64{}, agents: map[string]int64{}, last: make([]eventlog.Record, maxRecent),
	}
}

// mark a record before it is durable.
func (n *recent) mark(r *eventlog.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last[r.Seq%maxRecent] = eventlog.Record{Seq: r.Seq, Type: r.Type, Ticket: r.Ticket, From: r.From, To: r.To, Agent: r.Agent}
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

// records behind one position up to another, which is durable: their types and whom they speak of. None if not all of them
// are known.
func (n *recent) records(after, upTo int64) []eventlog.Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	records := make([]eventlog.Record, 0, upTo-after)
	for seq := after + 1; seq <= upTo; seq++ {
		r := n.last[seq%maxRecent]
		if r.Seq != seq {
			return nil
		}
		records = append(records, r)
	}
	return records
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
