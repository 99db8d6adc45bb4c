package oncall

import (
	"time"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/walltime"
)

const (
	// Horizon is how far ahead gaps in the coverage are looked for.
	Horizon = 8 * week
	// year and a little more: the clocks are changed both ways in it.
	year = 400 * 24 * time.Hour
)

// FirstGap in the coverage that goes on at t or comes within the Horizon; false if there is none. An End at the Horizon or
// later is zero, and a Start before the year before that of t is its beginning.
func (r *Rotation) FirstGap(t time.Time) (calendar.Window, bool) {
	past := t
	if r.coverage != nil && r.coverage.at(t) && len(r.On(t)) == 0 {
		past = time.Date(t.UTC().Year()-1, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	end := t.Add(Horizon)
	for _, gap := range r.Gaps(past, end) {
		if !gap.End.After(t) {
			continue
		}
		if gap.End.Equal(end) {
			gap.End = time.Time{}
		}
		return gap, true
	}
	return calendar.Window{}, false
}

// ClockChange is a hand-off at a time that clocks skip or show twice.
type ClockChange struct {
	Layer string
	// Position of the layer.
	Position int
	// At is when the hand-off happens, in the zone of the layer.
	At time.Time
	// Minute of the day that was declared.
	Minute int
	// Skipped says that clocks never show it that day; otherwise they do twice.
	Skipped bool
}

// ClockChanges are the next hand-offs of each layer at a time that clocks skip or show twice, within a year or so from t. Those of
// turns of hours are not told: they meet every change.
func (r *Rotation) ClockChanges(t time.Time) []ClockChange {
	var changes []ClockChange
	for i := range r.periods {
		p := &r.periods[i]
		if !p.to.IsZero() && !p.to.After(t) {
			continue
		}
		for _, term := range p.terms {
			if c, ok := term.clockChange(walltime.Later(t, p.from), walltime.Earlier(t.Add(year), endOf(p, t.Add(year)))); ok && !told(changes, c.Layer) {
				changes = append(changes, c)
			}
		}
	}
	return changes
}

func endOf(p *period, otherwise time.Time) time.Time {
	if p.to.IsZero() {
		return otherwise
	}
	return p.to
}

func told(changes []ClockChange, layer string) bool {
	for _, c := range changes {
		if c.Layer == layer {
			return true
		}
	}
	return false
}

// clockChange between two instants that a hand-off meets.
func (t *term) clockChange(from, to time.Time) (ClockChange, bool) {
	l := &t.version.Layer
	if l.Unit == Hour {
		return ClockChange{}, false
	}
	_, at := from.In(l.Zone).ZoneBounds()
	for ; !at.IsZero() && at.Before(to); _, at = at.ZoneBounds() {
		_, before := at.Add(-1).Zone()
		_, after := at.Zone()
		// The faces from here on are skipped, or shown twice.
		first, last := at.Unix()+int64(before), at.Unix()+int64(after)
		skipped := first < last
		if !skipped {
			first, last = last, first
		}
		turn := t.turns.shown(last - 1)
		if turn < 0 || t.turns.face(turn) < first {
			continue
		}
		if handOff := t.turns.start(turn); !handOff.Before(from) && handOff.Before(to) {
			return ClockChange{Layer: l.Name, Position: t.version.Position, At: handOff, Minute: l.HandOff, Skipped: skipped}, true
		}
	}
	return ClockChange{}, false
}
