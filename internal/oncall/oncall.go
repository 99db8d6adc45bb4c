// Package oncall reckons who is on call: at an instant, over time, and next.
//
// A rotation has layers of people who take turns. Turns are handed over at times on the clock of the layer's place, as
// internal/walltime finds them: a hand-off at a time that clocks skip happens right after the gap, at one that they show
// twice at the first. The turn goes round the members in order; who has it serves while the layer has duty. The first layer
// that has somebody wins, unless a layer is additional. Overrides put somebody else in the place of who has duty and never
// add any. All intervals are half-open.
package oncall

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/calendar"
)

// Unit in which the lengths of turns are told.
type Unit int

const (
	Hour Unit = iota
	Day
	Week
	Month
)

// Layer of people who take turns.
type Layer struct {
	Name string
	// Zone whose clocks tell the hand-offs.
	Zone *time.Location
	// Year, Month and Day of the start: the first turn begins with the first hand-off from this date on.
	Year  int
	Month time.Month
	Day   int
	// HandOff is the minute of the day at which turns begin; with the unit Hour that of the first.
	HandOff int
	// Weekday on which turns of weeks begin.
	Weekday time.Weekday
	// DayOfMonth on which turns of months begin; the last day of a month that has fewer.
	DayOfMonth int
	// Lengths of the turns in Units, each at least 1. After the last comes the first.
	Lengths []int
	Unit    Unit
	Members []Member
	Duty    Duty
	// CountOnDuty keeps the turn where it is through turns without any duty.
	CountOnDuty bool
	// Additional layers serve beside the others.
	Additional bool
}

// Member of a layer, from an instant until before another; zero: without that end.
type Member struct {
	Agent       string
	From, Until time.Time
}

func (m Member) at(t time.Time) bool {
	return !t.Before(m.From) && (m.Until.IsZero() || t.Before(m.Until))
}

// Duty is when somebody is to serve. Its zero value is always.
type Duty struct {
	Calendar *calendar.Calendar
	// Outside: while the calendar is closed.
	Outside bool
}

func (d Duty) at(t time.Time) bool { return d.Calendar.Open(t) != d.Outside }

// windows of duty between from and to, cut to these.
func (d Duty) windows(from, to time.Time) []calendar.Window {
	open := d.Calendar.Windows(from, to)
	if d.Outside {
		return without([]calendar.Window{{Start: from, End: to}}, open)
	}
	return open
}

// Version of a layer.
type Version struct {
	Layer
	// From is when it takes the place of the version before; zero: it holds from the start of the layer.
	From time.Time
	// Turn is the agent who has the turn at From. Empty: it is reckoned from the start of the layer.
	Turn string
	// Position of the layer among the others: the lowest is first.
	Position int
	// Removed says that the layer ends; nothing but its name counts.
	Removed bool
}

// Override puts an agent in the place of another.
type Override struct {
	Name  string
	Agent string
	// Replaces is the agent whose duty it is; empty: whoever has it.
	Replaces   string
	Start, End time.Time
}

func (o *Override) holds(t time.Time) bool { return !t.Before(o.Start) && t.Before(o.End) }

func (o *Override) replaces(agent string) bool { return o.Replaces == "" || o.Replaces == agent }

// Declaration is all that a rotation is reckoned from.
type Declaration struct {
	// Versions of its layers; those of one layer in the order in which they were decided.
	Versions  []Version
	Overrides []Override
	// Coverage that is required; nil: none.
	Coverage *Duty
	// Gone tells agents who are not there any more: whoever follows them serves in their place. Nil: all are there.
	Gone func(agent string) bool
}

// Rotation answers who is on call. It is safe for concurrent use.
type Rotation struct {
	// periods in which no layer changes its version, in order and without a gap.
	periods []period
	// overrides by start and name: of two that hold at once the first does.
	overrides []Override
	coverage  *Duty
	gone      func(string) bool
}

type period struct {
	from, to time.Time // zero: without end
	// terms in force, by position.
	terms []*term
}

func (p *period) starts(t time.Time) bool { return !t.Before(p.from) }

// New rotation of what is declared.
func New(d Declaration) *Rotation {
	r := &Rotation{coverage: d.Coverage, gone: d.Gone}
	if r.gone == nil {
		r.gone = func(string) bool { return false }
	}
	for _, o := range d.Overrides {
		if !r.gone(o.Agent) {
			r.overrides = append(r.overrides, o)
		}
	}
	slices.SortFunc(r.overrides, func(a, b Override) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Name, b.Name))
	})
	r.periods = periodsOf(termsOf(d.Versions))
	return r
}

// termsOf versions: each holds until the next of its layer does, or never if that was decided to hold no later.
func termsOf(versions []Version) []*term {
	byLayer := map[string][]*term{}
	for i := range versions {
		v := &versions[i]
		earlier := byLayer[v.Name]
		for len(earlier) > 0 && !earlier[len(earlier)-1].from.Before(v.From) {
			earlier = earlier[:len(earlier)-1]
		}
		if len(earlier) > 0 {
			earlier[len(earlier)-1].to = v.From
		}
		byLayer[v.Name] = append(earlier, &term{version: v, from: v.From})
	}
	var terms []*term
	for _, layer := range slices.Sorted(maps.Keys(byLayer)) {
		for _, t := range byLayer[layer] {
			if !t.version.Removed {
				t.reckon()
				terms = append(terms, t)
			}
		}
	}
	return terms
}

func periodsOf(terms []*term) []period {
	edges := []time.Time{{}}
	for _, t := range terms {
		edges = append(edges, t.from)
		if !t.to.IsZero() {
			edges = append(edges, t.to)
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	edges = slices.CompactFunc(edges, time.Time.Equal)
	periods := make([]period, len(edges))
	for i, from := range edges {
		p := period{from: from}
		if i+1 < len(edges) {
			p.to = edges[i+1]
		}
		for _, t := range terms {
			if !t.from.After(from) && (t.to.IsZero() || t.to.After(from)) {
				p.terms = append(p.terms, t)
			}
		}
		slices.SortStableFunc(p.terms, func(a, b *term) int {
			return cmp.Or(cmp.Compare(a.version.Position, b.version.Position), a.from.Compare(b.from))
		})
		periods[i] = p
	}
	return periods
}

// Assignment of an agent to duty.
type Assignment struct {
	Agent string
	Layer string
	// Override that put the agent in the place of the one it Replaces; both are empty without one.
	Override, Replaces string
}

// On tells who is on call at t: at most one of the layers that stand in for each other, and those of the additional layers,
// by position.
func (r *Rotation) On(t time.Time) []Assignment {
	var on []Assignment
	served := false
	for _, term := range r.at(t).terms {
		if served && !term.version.Additional || !term.version.Duty.at(t) {
			continue
		}
		if agent := term.agentAt(t, r.gone); agent != "" {
			on = append(on, r.assign(agent, term.version.Name, t))
			served = served || !term.version.Additional
		}
	}
	return on
}

func (r *Rotation) at(t time.Time) *period {
	i := len(r.periods) - 1
	for i > 0 && !r.periods[i].starts(t) {
		i--
	}
	return &r.periods[i]
}

// assign duty of an agent at t, or that of the one who stands in.
func (r *Rotation) assign(agent, layer string, t time.Time) Assignment {
	for i := range r.overrides {
		o := &r.overrides[i]
		if o.Start.After(t) {
			break
		}
		if o.holds(t) && o.replaces(agent) {
			return Assignment{Agent: o.Agent, Layer: layer, Override: o.Name, Replaces: agent}
		}
	}
	return Assignment{Agent: agent, Layer: layer}
}
