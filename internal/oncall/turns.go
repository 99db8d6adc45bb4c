package oncall

import (
	"sort"
	"sync"
	"time"

	"github.com/caseload-dev/caseload/internal/walltime"
)

const (
	secondsPerMinute = 60
	secondsPerHour   = 60 * secondsPerMinute
	secondsPerDay    = 24 * secondsPerHour
	secondsPerWeek   = 7 * secondsPerDay
)

// setBack is more than clocks are ever set back by.
const setBack = 26 * time.Hour

// turns of a layer, numbered from zero. They are reckoned on the face of a clock: in the seconds since 1970 if it were UTC.
type turns struct {
	layer *Layer
	// first turn's begin on the face.
	first int64
	// sums of the lengths before each of a round, and round is that of all.
	sums  []int64
	round int64
	// counted are the turns with duty before each turn, as far as they were asked for.
	mu      sync.Mutex
	counted []int
}

func newTurns(l *Layer) *turns {
	g := &turns{layer: l, sums: make([]int64, len(l.Lengths)), counted: []int{0}}
	for i, length := range l.Lengths {
		g.sums[i] = g.round
		g.round += int64(length)
	}
	day := time.Date(l.Year, l.Month, l.Day, 0, 0, 0, 0, time.UTC)
	switch l.Unit {
	case Week:
		for day.Weekday() != l.Weekday {
			day = day.AddDate(0, 0, 1)
		}
	case Month:
		if handOff := dayOfMonth(day.Year(), day.Month(), l.DayOfMonth); handOff.Before(day) {
			day = dayOfMonth(day.Year(), day.Month()+1, l.DayOfMonth)
		} else {
			day = handOff
		}
	}
	g.first = day.Unix() + int64(l.HandOff)*secondsPerMinute
	return g
}

// dayOfMonth is the day of a month, or its last if it has fewer. Months are carried over as in time.Date.
func dayOfMonth(year int, month time.Month, day int) time.Time {
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC)
	return last.AddDate(0, 0, min(day, last.Day())-last.Day())
}

// seconds of a unit; zero for months, which differ.
func (u Unit) seconds() int64 {
	return [...]int64{Hour: secondsPerHour, Day: secondsPerDay, Week: secondsPerWeek, Month: 0}[u]
}

// face at which a turn begins.
func (g *turns) face(turn int) int64 {
	n := len(g.sums)
	units := int64(turn/n)*g.round + g.sums[turn%n]
	if g.layer.Unit != Month {
		return g.first + units*g.layer.Unit.seconds()
	}
	first := time.Unix(g.first, 0).UTC()
	return dayOfMonth(first.Year(), first.Month()+time.Month(units), g.layer.DayOfMonth).Unix() + int64(g.layer.HandOff)*secondsPerMinute
}

// start of a turn, which is the end of the one before.
func (g *turns) start(turn int) time.Time {
	face := time.Unix(g.face(turn), 0).UTC()
	return walltime.First(g.layer.Zone, face.Year(), face.Month(), face.Day(), face.Hour()*60+face.Minute())
}

// at is the turn at t; -1 before the first. Turns that clocks skip, so that they end when they begin, are not at any time.
func (g *turns) at(t time.Time) int {
	t = t.In(g.layer.Zone)
	_, offset := t.Zone()
	turn := g.shown(t.Unix() + int64(offset))
	// A clock that was set back showed the next turn before.
	if change, _ := t.ZoneBounds(); !change.IsZero() && t.Sub(change) < setBack {
		for !g.start(turn + 1).After(t) {
			turn++
		}
	}
	return turn
}

// shown is the turn of a time on the face; -1 before the first.
func (g *turns) shown(face int64) int {
	if face < g.first {
		return -1
	}
	var units int64
	if g.layer.Unit == Month {
		first, at := time.Unix(g.first, 0).UTC(), time.Unix(face, 0).UTC()
		units = int64(at.Year()-first.Year())*12 + int64(at.Month()-first.Month())
		handOff := dayOfMonth(at.Year(), at.Month(), g.layer.DayOfMonth).Unix() + int64(g.layer.HandOff)*secondsPerMinute
		if face < handOff {
			units--
		}
	} else {
		units = (face - g.first) / g.layer.Unit.seconds()
	}
	rest := units % g.round
	inRound := sort.Search(len(g.sums), func(i int) bool { return g.sums[i] > rest }) - 1
	return int(units/g.round)*len(g.sums) + inRound
}

// passes is how often the turn passes on from the begin of one turn, exclusive, to that of a later one, inclusive.
func (g *turns) passes(from, to int) int {
	if !g.layer.CountOnDuty {
		return to - from
	}
	return g.onDuty(to) - g.onDuty(from)
}

// onDuty is the number of turns with duty before a turn.
func (g *turns) onDuty(before int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.counted) <= before {
		turn := len(g.counted) - 1
		n := g.counted[turn]
		if g.hasDuty(turn) {
			n++
		}
		g.counted = append(g.counted, n)
	}
	return g.counted[before]
}

func (g *turns) hasDuty(turn int) bool {
	return len(g.layer.Duty.windows(g.start(turn), g.start(turn+1))) > 0
}
