package replay

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// Report sets the replay beside the history it replayed. Durations are seconds of the history's time, its idle gaps
// shortened; the replay's own are multiplied by its speed.
type Report struct {
	SpeedUp float64 `json:"speedUp"`
	// ElapsedSeconds is how long the replay really took.
	ElapsedSeconds float64  `json:"elapsedSeconds"`
	History        Measures `json:"history"`
	Replay         Measures `json:"replay"`
	// RealWaits are the replay's waits as they passed, not multiplied.
	RealWaits Distribution `json:"realWaits"`
	// TakenUp counts the acceptances that the history knows the person of; SamePerson those by that person.
	TakenUp    int `json:"takenUp"`
	SamePerson int `json:"samePerson"`
	// Lines of the organisation, by level.
	Lines []Line `json:"lines"`
	// Wrong has a line for each difference that a faithful replay must not have.
	Wrong []string `json:"wrong"`
}

// Measures of one side.
type Measures struct {
	Tickets int `json:"tickets"`
	// Waits in queues that ended with somebody taking the ticket up.
	Waits     Distribution `json:"waits"`
	HandOvers int          `json:"handOvers"`
	PassedOn  int          `json:"passedOn"`
	PutBack   int          `json:"putBack"`
	Reopened  int          `json:"reopened"`
	// Agents who worked, the hours of tickets they worked, and the mean share of the time that one of them had any.
	Agents    int     `json:"agents"`
	WorkHours float64 `json:"workHours"`
	Occupancy float64 `json:"occupancy"`
}

// Distribution of durations in seconds.
type Distribution struct {
	Count  int     `json:"count"`
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

// historyMeasures are what the history itself tells.
func historyMeasures(log *caselog.Log, scripts []Script, axis *caselog.Axis) Measures {
	m := Measures{Tickets: len(log.Cases)}
	var waits []time.Duration
	work := map[string][]stretch{}
	for i, c := range log.Cases {
		m.HandOvers += len(c.TeamChanges())
		m.PassedOn += c.PersonChanges()
		for _, s := range scripts[i].Steps {
			switch s.Kind {
			case PutBack:
				m.PutBack++
			case Reopen:
				m.Reopened++
			}
		}
		for _, w := range c.Waits() {
			waits = append(waits, axis.At(w.To)-axis.At(w.From))
		}
		for _, s := range c.Spans() {
			work[s.Person] = append(work[s.Person], stretch{axis.At(s.From), axis.At(s.To)})
		}
	}
	m.Waits = distribution(waits)
	m.occupy(work, axis.Length())
	return m
}

// replayMeasures are what the desk's log tells, in the time of the history.
func replayMeasures(seen map[string]*Observed, speedUp float64) (m Measures, real Distribution, elapsed time.Duration) {
	var waits, realWaits []time.Duration
	work := map[string][]stretch{}
	var first, last time.Time
	for _, o := range seen {
		first = walltime.Sooner(first, o.OpenedAt)
	}
	scaled := func(t time.Time) time.Duration { return time.Duration(float64(t.Sub(first)) * speedUp) }
	for _, o := range seen {
		m.Tickets++
		for _, t := range o.HandOvers {
			if !t.ByTime {
				m.HandOvers++
			}
		}
		m.PassedOn += o.PassedOn
		m.PutBack += o.PutBack
		m.Reopened += o.Reopened
		for _, w := range o.Waits {
			realWaits = append(realWaits, w.To.Sub(w.From))
			waits = append(waits, scaled(w.To)-scaled(w.From))
		}
		for _, w := range o.Work {
			work[w.Owner] = append(work[w.Owner], stretch{scaled(w.From), scaled(w.To)})
			if w.To.After(last) {
				last = w.To
			}
		}
	}
	if last.After(first) {
		elapsed = last.Sub(first)
	}
	m.Waits = distribution(waits)
	m.occupy(work, time.Duration(float64(elapsed)*speedUp))
	return m, distribution(realWaits), elapsed
}

// NewReport of a replay that has ended.
func NewReport(log *caselog.Log, org *importer.Organisation, scripts []Script, axis *caselog.Axis, seen map[string]*Observed, speedUp float64) Report {
	r := Report{SpeedUp: speedUp, History: historyMeasures(log, scripts, axis)}
	var elapsed time.Duration
	r.Replay, r.RealWaits, elapsed = replayMeasures(seen, speedUp)
	r.ElapsedSeconds = elapsed.Seconds()
	for _, s := range scripts {
		o := seen[s.Case]
		if o == nil {
			continue
		}
		for i := range min(len(s.People), len(o.People)) {
			if s.People[i] == "" {
				continue
			}
			r.TakenUp++
			if s.People[i] == o.People[i] {
				r.SamePerson++
			}
		}
	}
	return r
}

// Report of the runner, after Run or Simulate.
func (r *Runner) Report(ctx context.Context, log *caselog.Log, org *importer.Organisation, axis *caselog.Axis) (*Report, error) {
	stored, err := r.Stored(ctx)
	if err != nil {
		return nil, err
	}
	overview, err := r.Service.Overview(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	report := NewReport(log, org, r.Scripts, axis, r.Seen(), r.SpeedUp)
	report.Lines = lines(log, org, axis, r.Seen(), stored, overview.Queues, r.SpeedUp)
	report.Wrong = append([]string{}, Verify(log, org.QueueOf, r.Seen(), stored)...)
	return &report, nil
}

// stretch of time, from a common beginning.
type stretch struct{ from, to time.Duration }

func (m *Measures) occupy(work map[string][]stretch, length time.Duration) {
	m.Agents = len(work)
	var total, busy float64 // seconds: centuries of tickets at work are more than a Duration holds
	for _, stretches := range work {
		slices.SortFunc(stretches, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
		var end time.Duration
		for _, s := range stretches {
			total += (s.to - s.from).Seconds()
			if s.to > end {
				busy += (s.to - max(s.from, end)).Seconds()
				end = s.to
			}
		}
	}
	m.WorkHours = total / time.Hour.Seconds()
	if length > 0 && len(work) > 0 {
		m.Occupancy = busy / length.Seconds() / float64(len(work))
	}
}

func distribution(d []time.Duration) Distribution {
	if len(d) == 0 {
		return Distribution{}
	}
	slices.Sort(d)
	at := func(q float64) float64 { return d[min(len(d)-1, int(q*float64(len(d))))].Seconds() }
	var sum float64
	for _, v := range d {
		sum += v.Seconds()
	}
	return Distribution{
		Count: len(d), Mean: sum / float64(len(d)),
		Median: at(0.5), P90: at(0.9), P99: at(0.99), Max: d[len(d)-1].Seconds(),
	}
}
