package desk

import (
	"fmt"
	"maps"
	"slices"

	"github.com/caseload-dev/caseload/internal/calendar"
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
	for name, c := range p.Calendars {
		if data.Calendars == nil {
			data.Calendars = make(map[string]eventlog.PlanCalendar, len(p.Calendars))
		}
		data.Calendars[name] = planCalendar(c.Spec())
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
	for agent, loans := range q.Loans {
		if data.Loans == nil {
			data.Loans = make(map[string][]eventlog.Span, len(q.Loans))
		}
		for _, loan := range loans {
			data.Loans[agent] = append(data.Loans[agent], eventlog.Span{Start: loan.Start, End: loan.End})
		}
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
	data := eventlog.PlanAgent{
		Skills: a.Skills, Languages: slices.Sorted(maps.Keys(a.Languages)), Limits: a.Limits,
	}
	if _, is := a.Schedule.(*calendar.Calendar); is {
		data.Schedule = a.ScheduleName
	} else {
		data.Rotation = a.ScheduleName
	}
	for _, absence := range a.Absences {
		data.Absences = append(data.Absences, eventlog.Span{Start: absence.Start, End: absence.End})
	}
	if a.RampUp != nil {
		data.RampUp = &eventlog.PlanRampUp{StartPercent: a.RampUp.StartPercent, Weeks: a.RampUp.Weeks}
	}
	return data
}

func planCalendar(spec calendar.Spec) eventlog.PlanCalendar {
	data := eventlog.PlanCalendar{TimeZone: spec.Zone.String()}
	for _, h := range spec.Hours {
		hours := eventlog.PlanHours{From: h.From, To: h.To}
		for _, day := range h.Days {
			hours.Days = append(hours.Days, int(day))
		}
		data.Hours = append(data.Hours, hours)
	}
	for _, h := range spec.Holidays {
		data.Holidays = append(data.Holidays, fmt.Sprintf("%04d-%02d-%02d", h.Year, h.Month, h.Day))
	}
	return data
}
