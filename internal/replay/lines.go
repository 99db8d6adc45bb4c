package replay

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/desk/api"
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

// lines tells what each level did. The desk may have queues and levels that the history has not.
func lines(log *caselog.Log, org *importer.Organisation, axis *caselog.Axis, seen map[string]*Observed, stored map[string]*ticket.Ticket,
	queues []api.QueueOverview, speedUp float64) []Line {
	l := lineReport{org: org, byLevel: map[int]*Line{}, past: map[string]*Line{}, now: map[string]*Line{}, waits: map[*LineResults][]time.Duration{}}
	for _, q := range org.Queues {
		l.past[q.Name] = l.line(q.Level, importer.TierName(q.Level))
	}
	for _, q := range queues {
		if q.Tier != "" {
			l.now[q.Name] = l.line(q.Level, q.Tier)
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
	var all []Line
	for _, level := range slices.Sorted(maps.Keys(l.byLevel)) {
		all = append(all, *l.byLevel[level])
	}
	return all
}

type lineReport struct {
	org     *importer.Organisation
	byLevel map[int]*Line
	// past and now are the lines of the queues, in the history and at the desk.
	past, now map[string]*Line
	waits     map[*LineResults][]time.Duration
}

func (l *lineReport) line(level int, tier string) *Line {
	if l.byLevel[level] == nil {
		l.byLevel[level] = &Line{Level: level, Tier: tier}
	}
	return l.byLevel[level]
}

func (l *lineReport) history(c caselog.Case, axis *caselog.Axis) {
	of := func(team string) *LineResults { return &l.past[l.org.QueueOf[team]].History }
	for _, w := range c.Waits() {
		l.waits[of(w.Team)] = append(l.waits[of(w.Team)], axis.At(w.To)-axis.At(w.From))
	}
	for _, team := range c.TeamChanges() {
		of(team).HandedTo++
	}
	for _, metric := range reported {
		if team, met, done := l.org.Attained(c, metric); done {
			of(team).attainment(metric).add(met)
		}
	}
}

func (l *lineReport) replayed(o *Observed, t *ticket.Ticket, speedUp float64) {
	for _, w := range o.Waits {
		if line := l.now[w.Owner]; line != nil {
			waited := time.Duration(float64(w.To.Sub(w.From)) * speedUp)
			l.waits[&line.Replay] = append(l.waits[&line.Replay], waited)
		}
	}
	for _, h := range o.HandOvers {
		line := l.now[h.To]
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
		if line := l.now[cmp.Or(o.Breached[metric], queue)]; line != nil && clock != nil && clock.Target > 0 && clock.DoneAt != (time.Time{}) {
			line.Replay.attainment(metric).add(clock.State == ticket.ClockMet)
		}
	}
}
