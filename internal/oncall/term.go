package oncall

import (
	"slices"
	"time"
)

// term of a version of a layer: the time in which it holds, and who has its turns.
type term struct {
	version  *Version
	from, to time.Time // zero: without end
	turns    *turns
	// stretches between changes of the membership, in order.
	stretches []stretch
}

// stretch of time in which the same members take turns.
type stretch struct {
	from time.Time
	// turn at from.
	turn int
	// holder of the turn at from: an index of the members. If present is empty, whoever had it last; -1: nobody yet.
	holder int
	// present members, as indices.
	present []int
}

// reckon who has the turn whenever the membership changes. At a hand-off it passes to who follows among those who are then
// present; when the one who has it leaves, it passes at once; where nobody has it, the first who comes takes it.
func (t *term) reckon() {
	l := &t.version.Layer
	t.turns = newTurns(l)
	begin, turn := t.turns.start(0), 0
	var s stretch
	if t.version.Turn == "" || !t.from.After(begin) {
		s = stretch{from: begin, holder: -1, present: presentAt(l.Members, begin)}
	} else {
		begin, turn = t.from, t.turns.at(t.from)
		s = stretch{from: begin, turn: turn, holder: -1, present: presentAt(l.Members, begin)}
	}
	if i := indexOf(l.Members, t.version.Turn); i >= 0 {
		s.holder = i
	}
	if !slices.Contains(s.present, s.holder) {
		s.pass(len(l.Members), 1)
	}
	t.stretches = []stretch{s}
	for _, change := range changesAfter(l.Members, begin) {
		t.stretches = append(t.stretches, t.following(change))
	}
}

// following is the stretch that a change of the membership begins.
func (t *term) following(change time.Time) stretch {
	last := &t.stretches[len(t.stretches)-1]
	n := len(t.version.Members)
	before := t.turns.at(change.Add(-1))
	s := stretch{from: change, turn: t.turns.at(change), holder: last.holder, present: presentAt(t.version.Members, change)}
	if len(last.present) > 0 {
		s.holder = last.holderIn(before, t.turns)
		s.pass(n, t.turns.passes(before, s.turn))
	}
	if !slices.Contains(s.present, s.holder) {
		s.pass(n, 1)
	}
	return s
}

// pass the turn on to those who follow among the present, of n members.
func (s *stretch) pass(n, times int) {
	for range times {
		for step := 1; step <= n; step++ {
			if i := (s.holder + step) % n; slices.Contains(s.present, i) {
				s.holder = i
				break
			}
		}
	}
}

// holderIn is the member who has a turn of the stretch; somebody is present.
func (s *stretch) holderIn(turn int, turns *turns) int {
	i := slices.Index(s.present, s.holder) + turns.passes(s.turn, turn)
	return s.present[i%len(s.present)]
}

// agentAt is who has the turn at t, or who follows if that agent is gone; empty: nobody.
func (t *term) agentAt(at time.Time, gone func(string) bool) string {
	turn := t.turns.at(at)
	if turn < 0 {
		return ""
	}
	return t.agentIn(turn, t.stretchAt(at), gone)
}

// agentIn is who has a turn in a stretch.
func (t *term) agentIn(turn int, s *stretch, gone func(string) bool) string {
	if len(s.present) == 0 {
		return ""
	}
	i := slices.Index(s.present, s.holderIn(turn, t.turns))
	for step := range s.present {
		agent := t.version.Members[s.present[(i+step)%len(s.present)]].Agent
		if !gone(agent) {
			return agent
		}
	}
	return ""
}

func (t *term) stretchAt(at time.Time) *stretch {
	i := len(t.stretches) - 1
	for i > 0 && t.stretches[i].from.After(at) {
		i--
	}
	return &t.stretches[i]
}

func presentAt(members []Member, t time.Time) []int {
	var present []int
	for i, m := range members {
		if m.at(t) {
			present = append(present, i)
		}
	}
	return present
}

// changesAfter t of who is present, in order.
func changesAfter(members []Member, t time.Time) []time.Time {
	var changes []time.Time
	for _, m := range members {
		for _, change := range []time.Time{m.From, m.Until} {
			if change.After(t) {
				changes = append(changes, change)
			}
		}
	}
	slices.SortFunc(changes, time.Time.Compare)
	return slices.CompactFunc(changes, time.Time.Equal)
}

func indexOf(members []Member, agent string) int {
	return slices.IndexFunc(members, func(m Member) bool { return m.Agent == agent })
}
