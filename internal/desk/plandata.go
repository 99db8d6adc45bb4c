package desk

import (
	"maps"
	"slices"

	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
)

// planData is what the log keeps of an activation.
func planData(p *plan.Plan) eventlog.PlanData {
	data := eventlog.PlanData{
		Revision: p.Revision, Hash: p.Hash, MaxMissedOffers: p.HelpDesk.MaxMissedOffers,
		Queues: make(map[string]eventlog.PlanQueue, len(p.Queues)),
		Agents: make(map[string]eventlog.PlanAgent, len(p.Agents)),
		Pools:  make(map[string][]string, len(p.Pools)),
	}
	for name, queue := range p.Queues {
		data.Queues[name] = planQueue(queue)
	}
	for name, agent := range p.Agents {
		data.Agents[name] = planAgent(agent)
	}
	for name, pool := range p.Pools {
		data.Pools[name] = pool.Queues
	}
	return data
}

func planQueue(q *plan.Queue) eventlog.PlanQueue {
	skills := make(map[string]int, len(q.Requirements.Skills))
	for _, s := range q.Requirements.Skills {
		skills[string(s.Name)] = int(s.MinLevel)
	}
	return eventlog.PlanQueue{
		Tier: q.Tier, Priority: q.Priority, Channels: slices.Sorted(maps.Keys(q.Channels)), Skills: skills,
		LanguageMatch: string(q.Requirements.LanguageMatch), Strategy: string(q.Strategy), Auto: q.Offer.Auto,
		TimeoutMillis: q.Offer.Timeout.Milliseconds(), Paused: q.Paused, Agents: q.Agents,
	}
}

func planAgent(a *plan.Agent) eventlog.PlanAgent {
	return eventlog.PlanAgent{Skills: a.Skills, Languages: slices.Sorted(maps.Keys(a.Languages)), Limits: a.Limits}
}
