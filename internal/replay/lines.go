package replay

import (
	"cmp"
	"time"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Line is what a level of the organisation did, in the history and in the replay.
type Line struct {
	Level   int         `json:"level"`
	Tier    string      `json:"tier"`
	History LineResults `json:"history"`
	Replay  LineResults `json:"replay"`
	// ByTime counts the tickets that the line got because nobody had taken them where they were, and LatestSeconds how long
	// after its due time the latest of these hand-overs took place: real time.
	ByTime        int     `json:"byTime"`
	LatestSeconds float64 `json:"latestSeconds"`
}

// LineResults of one side.
type LineResults struct {
	// Waits in the line's queues that ended with somebody taking the ticket up, in seconds of the history's time.
	Waits Distribution `json:"waits"`
	// HandedTo counts the tickets that people handed to the line from another queue.
	HandedTo int `json:"handedTo"`
	// FirstResponse and Resolution tell how the targets of the service levels were met. A target counts where the ticket was
	// when it was met or missed.
	FirstResponse Attainment `json:"firstResponse"`
	Resolution    Attainment `json:"resolution"`
}

// Attainment of a target.
type Attainment struct {
	Met    int `json:"met"`
	Missed int `json:"missed"`
}

// Percent met; false without any.
func (a Attainment) Percent() (float64, bool) {
	if a.Met+a.Missed == 0 {
		return 0, false
	}
	return 100 * float64(a.Met) / float64(a.Met+a.Missed), true
}

func (a *Attainment) add(met bool) {
	if met {
		a.Met++
	} else {
		a.Missed++
	}
}

// attainment of a metric that a history tells of.
func (l *LineResults) attainment(metric ticket.Metric) *Attainment {
	if metric == ticket.FirstResponse {
		return &l.FirstResponse
	}
	return &l.Resolution
}

var reported = []ticket.Metric{ticket.FirstResponse, ticket.Resolution}

// lines tells what each level did.
func lines(log *caselog.Log, org *importer.Organisation, axis *caselog.Axis, seen map[string]*Observed, stored map[string]*ticket.Ticket, speedUp float64) []Line {
	l := lineReport{org: org, byQueue: map[string]*Line{}, waits: map[*LineResults][]time.Duration{}}
	all := make([]Line, len(org.Levels))
	for i, level := range org.Levels {
		all[i] = Line{Level: level, Tier: importer.TierName(level)}
		for _, q := range org.Queues {
			if q.Level == level {
				l.byQueue[q.Name] = &all[i]
			}
		}
	}
	for _, c := range log.Cases {
		l.history(c, axis)
		if o := seen[c.ID]; o != nil {
			l.replayed(o, stored[c.ID], speedUp)
		}
	}
	for results, waits := range l.waits {
		results.Waits = distribution(waits)
	}
	return all
}

type lineReport struct {
	org     *importer.Organisation
	byQueue map[string]*Line
	waits   map[*LineResults][]time.Duration
}

func (l *lineReport) history(c caselog.Case, axis *caselog.Axis) {
	of := func(team string) *LineResults { return &l.byQueue[l.org.QueueOf[team]].History }
	for _, w := range c.Waits() {
		l.waits[of(w.Team)] = append(l.waits[of(w.Team)], axis.At(w.To)-axis.At(w.From))
	}
	for _, team := range c.TeamChanges() {
		of(team).HandedTo++
	}
	for _, metric := range reported {
		used, done := l.org.Used(c, metric)
		if !done {
			continue
		}
		team := c.Events[len(c.Events)-1].Team
		if metric == ticket.FirstResponse {
			response, _ := c.Response()
			team = response.Team
		}
		of(team).attainment(metric).add(used <= l.org.Targets[importer.PriorityOf(c)][metric])
	}
}

func (l *lineReport) replayed(o *Observed, t *ticket.Ticket, speedUp float64) {
	for _, w := range o.Waits {
		if line := l.byQueue[w.Owner]; line != nil {
			waited := time.Duration(float64(w.To.Sub(w.From)) * speedUp)
			l.waits[&line.Replay] = append(l.waits[&line.Replay], waited)
		}
	}
	for _, h := range o.HandOvers {
		line := l.byQueue[h.To]
		switch {
		case line == nil:
		case h.ByTime:
			line.ByTime++
			line.LatestSeconds = max(line.LatestSeconds, h.Late.Seconds())
		default:
			line.Replay.HandedTo++
		}
	}
	if t == nil {
		return
	}
	for metric, queue := range map[ticket.Metric]string{ticket.FirstResponse: o.RespondedIn, ticket.Resolution: o.ResolvedIn} {
		clock := t.Service.Clock(metric)
		if line := l.byQueue[cmp.Or(o.Breached[metric], queue)]; line != nil && clock.Target > 0 && clock.DoneAt != (time.Time{}) {
			line.Replay.attainment(metric).add(clock.State == ticket.ClockMet)
		}
	}
}
