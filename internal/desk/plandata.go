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
	data := eventlog.PlanQueue{
		Tier: q.Tier, Priority: q.Priority, Channels: slices.Sorted(maps.Keys(q.Channels)),
		Strategy: string(q.Strategy), Auto: q.Offer.Auto, TimeoutMillis: q.Offer.Timeout.Milliseconds(), Paused: q.Paused,
		Overflow: q.Overflow, OverflowMillis: q.Patience.Overflow.Milliseconds(), MaxWaiting: q.MaxWaiting,
		PlanStage: planStage(&q.Stages[0]),
	}
	for i, after := range q.Patience.Relax {
		stage := planStage(&q.Stages[i+1])
		stage.AfterMillis = after.Milliseconds()
		data.Relaxation = append(data.Relaxation, stage)
	}
	return data
}

func planStage(s *plan.Stage) eventlog.PlanStage {
	skills := make(map[string]int, len(s.Requirements.Skills))
	for _, skill := range s.Requirements.Skills {
		skills[string(skill.Name)] = int(skill.MinLevel)
	}
	return eventlog.PlanStage{Skills: skills, LanguageMatch: string(s.Requirements.LanguageMatch), Agents: s.Agents}
}

func planAgent(a *plan.Agent) eventlog.PlanAgent {
	return eventlog.PlanAgent{Skills: a.Skills, Languages: slices.Sorted(maps.Keys(a.Languages)), Limits: a.Limits}
}
