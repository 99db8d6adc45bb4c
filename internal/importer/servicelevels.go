package importer

import (
	"maps"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// standardLevel is the service level of support teams whose country is not known.
const standardLevel = "standard"

// targetStep is what targets are rounded up to, and the least of them.
const targetStep = 15 * time.Minute

var priorities = map[string]ticket.Priority{"Major": ticket.Urgent, "High": ticket.High, "Medium": ticket.Normal, "Low": ticket.Low}

// PriorityOf a case, by its impact; Normal for one that is not known.
func PriorityOf(c caselog.Case) ticket.Priority {
	if p, known := priorities[c.Events[0].Impact]; known {
		return p
	}
	return ticket.Normal
}

// counted are the times of a case that count for a metric, and the support team that had it when it was done. It answers
// false if it was not.
func counted(c caselog.Case, metric ticket.Metric) (spans []caselog.Span, team string, done bool) {
	if metric == ticket.FirstResponse {
		response, responded := c.Response()
		return c.Unanswered(), response.Team, responded
	}
	return c.Active(), c.Events[len(c.Events)-1].Team, c.Resolved()
}

// used is how much of its service level's time a case took until the metric was done: business time of the country of the
// support team that had it first, or time of the history at its speed. It answers false if the metric was not done.
func (o *Organisation) used(c caselog.Case, metric ticket.Metric) (used time.Duration, done bool) {
	count := o.counting(c.Events[0])
	spans, _, done := counted(c, metric)
	for _, s := range spans {
		used += count(s.From, s.To)
	}
	return used, done
}

// Attained tells whether a case met the target of its priority, and which support team had it when it did or its time was
// over. It answers false if the metric was not done.
func (o *Organisation) Attained(c caselog.Case, metric ticket.Metric) (team string, met, done bool) {
	count := o.counting(c.Events[0])
	left := o.Targets[PriorityOf(c)][metric]
	spans, team, done := counted(c, metric)
	for _, s := range spans {
		if left -= count(s.From, s.To); left < 0 {
			return s.Team, false, done
		}
	}
	return team, true, done
}

// counting is how time counts for the service level of a case that began so.
func (o *Organisation) counting(first caselog.Event) func(a, b time.Time) time.Duration {
	if o.SpeedUp > 1 {
		return func(a, b time.Time) time.Duration { return o.axis.At(b) - o.axis.At(a) }
	}
	if c := o.atlas.of[o.teamCountry[first.Team]]; c != nil {
		return c.calendar.Between
	}
	return func(a, b time.Time) time.Duration { return b.Sub(a) }
}

// targets are what the history kept for KeptPercent of the cases of each priority, rounded up, and no shorter than those of
// a priority that presses more.
func (o *Organisation) targets(log *caselog.Log) {
	o.Targets = map[ticket.Priority]map[ticket.Metric]time.Duration{}
	for _, metric := range []ticket.Metric{ticket.FirstResponse, ticket.Resolution} {
		used := map[ticket.Priority][]time.Duration{}
		for _, c := range log.Cases {
			if d, done := o.used(c, metric); done {
				used[PriorityOf(c)] = append(used[PriorityOf(c)], d)
			}
		}
		least := targetStep
		for _, priority := range ticket.Priorities {
			all := used[priority]
			if len(all) == 0 {
				continue
			}
			slices.Sort(all)
			if o.Targets[priority] == nil {
				o.Targets[priority] = map[ticket.Metric]time.Duration{}
			}
			kept := all[(len(all)*o.KeptPercent+99)/100-1]
			least = max(least, roundUp(kept, targetStep))
			o.Targets[priority][metric] = least
		}
	}
}

func (o *Organisation) reopenWindow(log *caselog.Log) {
	for _, c := range log.Cases {
		for _, p := range c.Pauses() {
			o.ReopenWindow = max(o.ReopenWindow, roundUp(p.To.Sub(p.From)+1, time.Hour))
		}
	}
}

func roundUp(d, to time.Duration) time.Duration { return (d + to - 1) / to * to }

// levels are the names of the service levels that the queues' tickets have.
func (o *Organisation) levels() []string {
	names := map[string]bool{}
	for _, q := range o.Queues {
		names[q.ServiceLevel] = true
	}
	return slices.Sorted(maps.Keys(names))
}
