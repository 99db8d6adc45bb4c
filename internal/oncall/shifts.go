package oncall

import (
	"cmp"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// foresight is how far ahead the next shift and the next hand-off are looked for, in steps that grow from a week on.
const (
	week      = 7 * 24 * time.Hour
	foresight = 150 * week
)

// Shift is duty of one agent without interruption. It ends with the turn at the latest.
type Shift struct {
	Assignment
	Start, End time.Time
	// term and turn it is part of.
	term *term
	turn int
}

// continues says whether nothing is handed over from the shift before.
func (s *Shift) continues(before *Shift) bool {
	return s.Start.Equal(before.End) && s.Assignment == before.Assignment && s.term == before.term && s.turn == before.turn
}

// Shifts that overlap the time between from and to, whole, by start and position of their layer.
func (r *Rotation) Shifts(from, to time.Time) []Shift {
	if !from.Before(to) {
		return nil
	}
	// A shift is no longer than its turn, so those that reach beyond from and to are whole when their turns are.
	first, last := from, to
	for _, t := range r.at(from).terms {
		if start, _ := t.turnAround(from); start.Before(first) {
			first = start
		}
	}
	for _, t := range r.at(to).terms {
		if _, end := t.turnAround(to); end.After(last) {
			last = end
		}
	}
	var shifts []Shift
	for i := range r.periods {
		p := &r.periods[i]
		w := calendar.Window{Start: walltime.Later(first, p.from), End: last}
		if !p.to.IsZero() {
			w.End = walltime.Earlier(last, p.to)
		}
		if w.Start.Before(w.End) {
			shifts = append(shifts, r.within(p, w)...)
		}
	}
	slices.SortFunc(shifts, func(a, b Shift) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.term.version.Position, b.term.version.Position), cmp.Compare(a.Layer, b.Layer))
	})
	return slices.DeleteFunc(join(shifts), func(s Shift) bool { return !s.End.After(from) || !s.Start.Before(to) })
}

// join what was cut by something that made no difference.
func join(shifts []Shift) []Shift {
	joined := shifts[:0]
	latest := map[string]int{} // by layer
	for _, s := range shifts {
		if i, ok := latest[s.Layer]; ok && s.continues(&joined[i]) {
			joined[i].End = s.End
			continue
		}
		latest[s.Layer] = len(joined)
		joined = append(joined, s)
	}
	return joined
}

// within a window of a period: the shifts, cut to it.
func (r *Rotation) within(p *period, w calendar.Window) []Shift {
	var shifts []Shift
	open := []calendar.Window{w} // what no layer above serves
	for _, t := range p.terms {
		duty := t.version.Duty.windows(w.Start, w.End)
		if !t.version.Additional {
			duty = both(duty, open)
		}
		own := t.shifts(duty, r.gone)
		if !t.version.Additional {
			open = without(open, windowsOf(own))
		}
		for _, s := range own {
			shifts = append(shifts, r.substitute(s)...)
		}
	}
	return shifts
}

// turnAround t, from its begin to its end; where there is none, t.
func (t *term) turnAround(at time.Time) (start, end time.Time) {
	turn := t.turns.at(at)
	if turn < 0 {
		return at, at
	}
	return t.turns.start(turn), t.turns.start(turn + 1)
}

// shifts of those who have the turns, over windows of duty. They end with the turn and when the membership changes.
func (t *term) shifts(duty []calendar.Window, gone func(string) bool) []Shift {
	var shifts []Shift
	turn, end := -1, time.Time{}
	stretch := 0
	for _, w := range duty {
		for at := walltime.Later(w.Start, t.stretches[0].from); at.Before(w.End); {
			if turn < 0 {
				turn = t.turns.at(at)
				end = t.turns.start(turn + 1)
			}
			for !end.After(at) {
				turn++
				end = t.turns.start(turn + 1)
			}
			for stretch+1 < len(t.stretches) && !t.stretches[stretch+1].from.After(at) {
				stretch++
			}
			until := walltime.Earlier(w.End, end)
			if stretch+1 < len(t.stretches) {
				until = walltime.Earlier(until, t.stretches[stretch+1].from)
			}
			if agent := t.agentIn(turn, &t.stretches[stretch], gone); agent != "" {
				s := Shift{Assignment: Assignment{Agent: agent, Layer: t.version.Name}, Start: at, End: until, term: t, turn: turn}
				shifts = append(shifts, s)
			}
			at = until
		}
	}
	return shifts
}

// substitute those who stand in for the agent of a shift.
func (r *Rotation) substitute(s Shift) []Shift {
	var shifts []Shift
	for s.Start.Before(s.End) {
		part := s
		part.Assignment = r.assign(s.Agent, s.Layer, s.Start)
		for i := range r.overrides {
			for _, edge := range []time.Time{r.overrides[i].Start, r.overrides[i].End} {
				if edge.After(s.Start) && edge.Before(part.End) && r.overrides[i].replaces(s.Agent) {
					part.End = edge
				}
			}
		}
		shifts = append(shifts, part)
		s.Start = part.End
	}
	return shifts
}

// Next is the first shift that begins after t; false if there is none for years.
func (r *Rotation) Next(t time.Time) (Shift, bool) {
	for span := week; span <= foresight; span *= 4 {
		for _, s := range r.Shifts(t, t.Add(span)) {
			if s.Start.After(t) {
				return s, true
			}
		}
	}
	return Shift{}, false
}

// Serves says whether an agent is on call at t.
func (r *Rotation) Serves(agent string, t time.Time) bool {
	return slices.ContainsFunc(r.On(t), func(a Assignment) bool { return a.Agent == agent })
}

// NextDuty is the time for which an agent is on call without interruption that contains t, from t or its shift's begin on, or
// else the next; false if there is none for years. A zero End is years away.
func (r *Rotation) NextDuty(agent string, t time.Time) (calendar.Window, bool) {
	for span := week; ; span *= 4 {
		var duty calendar.Window
		for _, s := range r.Shifts(t, t.Add(span)) {
			switch {
			case s.Agent != agent:
			case duty.End.IsZero():
				duty = calendar.Window{Start: s.Start, End: s.End}
			case !s.Start.After(duty.End):
				duty.End = walltime.Later(duty.End, s.End)
			}
		}
		switch last := span*4 > foresight; {
		case !duty.End.IsZero() && duty.End.Before(t.Add(span)):
			return duty, true
		case !duty.End.IsZero() && last:
			return calendar.Window{Start: duty.Start}, true
		case last:
			return calendar.Window{}, false
		}
	}
}

// HandOff is the first instant after t at which a shift begins or ends; false if there is none for years.
func (r *Rotation) HandOff(t time.Time) (time.Time, bool) {
	for span := time.Hour; span <= foresight; span *= 4 {
		handOff, found := r.edge(t, t.Add(span))
		if !found {
			continue
		}
		if handOff.After(t.Add(span)) { // then another shift may begin before
			handOff, _ = r.edge(t, handOff)
		}
		return handOff, true
	}
	return time.Time{}, false
}

// edge is the first instant after from at which a shift begins or ends, of those that overlap the time from there to another.
func (r *Rotation) edge(from, to time.Time) (first time.Time, found bool) {
	for _, s := range r.Shifts(from, to) {
		for _, edge := range []time.Time{s.Start, s.End} {
			if edge.After(from) && (!found || edge.Before(first)) {
				first, found = edge, true
			}
		}
	}
	return first, found
}

// Gaps in the required coverage between from and to, cut to these.
func (r *Rotation) Gaps(from, to time.Time) []calendar.Window {
	if r.coverage == nil || !from.Before(to) {
		return nil
	}
	return r.Uncovered(r.Shifts(from, to), from, to)
}

// Uncovered is the required coverage between from and to that shifts, in the order of their starts, do not give.
func (r *Rotation) Uncovered(shifts []Shift, from, to time.Time) []calendar.Window {
	if r.coverage == nil || !from.Before(to) {
		return nil
	}
	return without(r.coverage.windows(from, to), windowsOf(shifts))
}
