package oncall

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// Revision of a layer: what was declared of it, and from when it holds.
type Revision struct {
	// Layer is its name.
	Layer string `json:"layer"`
	// Position among the layers: the lowest is first.
	Position int `json:"position"`
	// EffectiveFrom is when it takes the place of the revision before. Zero: it holds from the start of the layer.
	EffectiveFrom time.Time `json:"effectiveFrom,omitzero"`
	// Turn is the agent who has the turn from then on. Empty: it is reckoned from the start of the layer.
	Turn string `json:"turn,omitempty"`
	// Declared layer; nil if it ends.
	Declared *v1alpha1.OnCallLayer `json:"declared,omitempty"`
}

// declares says whether the revision is of the same content.
func (r *Revision) declares(position int, layer *v1alpha1.OnCallLayer) bool {
	return r.Declared != nil && r.Position == position && equality.Semantic.DeepEqual(r.Declared, layer)
}

// NewVersions reads revisions. One that cannot be read, which Revise does not make, is left out.
func NewVersions(revisions []Revision, calendars Calendars) []Version {
	var versions []Version
	for _, r := range revisions {
		v := Version{From: r.EffectiveFrom, Turn: r.Turn, Position: r.Position}
		if r.Declared == nil {
			v.Name, v.Removed = r.Layer, true
		} else {
			layer, err := NewLayer(r.Declared, calendars)
			if err != nil {
				continue
			}
			v.Layer = layer
		}
		versions = append(versions, v)
	}
	return versions
}

// Revise decides how a rotation follows from the current revisions to the layers declared now, which can be read. It
// returns those that are in force and those to come, at most two a layer; they are the current ones if nothing is to change,
// whatever was declared in between: the last edit wins, and one that was taken back is none.
//
// An edited layer changes at its next hand-off by the revision in force: who has the turn keeps it until then. A layer that is
// new begins when the shift of who is on call now ends. Where nobody is, and with RolloutImmediate, edits hold at once.
func Revise(current []Revision, declared []v1alpha1.OnCallLayer, rollout v1alpha1.Rollout, now time.Time, env Environment) []Revision {
	now = now.UTC().Truncate(time.Second)
	if len(current) == 0 {
		first := make([]Revision, len(declared))
		for i := range declared {
			first[i] = Revision{Layer: declared[i].Name, Position: i, Declared: declared[i].DeepCopy()}
		}
		return first
	}
	e := newEdit(current, rollout, now, env)
	next := slices.Clone(e.inForce)
	for i := range declared {
		if r := find(e.inForce, declared[i].Name); r == nil || !r.declares(i, &declared[i]) {
			next = append(next, e.revise(i, &declared[i]))
		}
	}
	for _, r := range e.inForce {
		if !slices.ContainsFunc(declared, func(l v1alpha1.OnCallLayer) bool { return l.Name == r.Layer }) {
			next = append(next, Revision{Layer: r.Layer, Position: r.Position, EffectiveFrom: e.effectiveFrom(r.Layer)})
		}
	}
	return next
}

// inForce are the revisions that hold now, by layer.
func inForce(revisions []Revision, now time.Time) []Revision {
	latest := map[string]Revision{}
	for _, r := range revisions {
		if before, ok := latest[r.Layer]; !r.EffectiveFrom.After(now) && (!ok || !r.EffectiveFrom.Before(before.EffectiveFrom)) {
			latest[r.Layer] = r
		}
	}
	var held []Revision
	for _, layer := range slices.Sorted(maps.Keys(latest)) {
		if latest[layer].Declared != nil {
			held = append(held, latest[layer])
		}
	}
	return held
}

// Environment of a rotation: what it is reckoned with beyond its own declaration.
type Environment struct {
	Calendars Calendars
	// Gone tells agents who are not there any more. Nil: all are.
	Gone func(agent string) bool
}

// edit of a rotation, seen from what is in force.
type edit struct {
	// current revisions, and those among them that are in force.
	current, inForce []Revision
	rotation         *Rotation
	rollout          v1alpha1.Rollout
	now              time.Time
	env              Environment
}

func newEdit(current []Revision, rollout v1alpha1.Rollout, now time.Time, env Environment) *edit {
	held := inForce(current, now)
	r := New(Declaration{Versions: NewVersions(held, env.Calendars), Gone: env.Gone})
	return &edit{current: current, inForce: held, rotation: r, rollout: rollout, now: now, env: env}
}

// find the last revision of a layer; nil: none.
func find(revisions []Revision, layer string) *Revision {
	for i := len(revisions) - 1; i >= 0; i-- {
		if revisions[i].Layer == layer {
			return &revisions[i]
		}
	}
	return nil
}

// effectiveFrom is when an edit of a layer takes effect.
func (e *edit) effectiveFrom(layer string) time.Time {
	if e.rollout == v1alpha1.RolloutImmediate {
		return e.now
	}
	if t := e.rotation.term(layer, e.now); t != nil {
		return t.handOff(e.now, e.rotation.gone)
	}
	// The layer is new: nobody's shift ends before its time.
	from := e.now
	for _, on := range e.rotation.On(e.now) {
		from = walltime.Later(from, e.rotation.term(on.Layer, e.now).handOff(e.now, e.rotation.gone))
	}
	return from
}

// revise a layer that differs from the one in force.
func (e *edit) revise(position int, declared *v1alpha1.OnCallLayer) Revision {
	before := e.rotation.term(declared.Name, e.now)
	if coming := find(e.current, declared.Name); before == nil && coming != nil && e.rollout != v1alpha1.RolloutImmediate &&
		coming.EffectiveFrom.After(e.now) && coming.declares(position, declared) {
		// A new layer begins when that was first decided, whoever is on call when it is applied again.
		return *coming
	}
	r := Revision{Layer: declared.Name, Position: position, EffectiveFrom: e.effectiveFrom(declared.Name), Declared: declared.DeepCopy()}
	layer, err := NewLayer(declared, e.env.Calendars)
	if before == nil || err != nil || before.agentAt(e.now, e.rotation.gone) == "" {
		return r
	}
	last, steps := r.EffectiveFrom.Add(-1), 1
	if !r.EffectiveFrom.After(e.now) {
		last, steps = e.now, 0
	}
	r.Turn = follower(layer.Members, before.agentAt(last, e.rotation.gone), steps, r.EffectiveFrom, e.rotation.gone)
	return r
}

// follower of an agent among the members who are there at an instant, so many steps on, or who comes next. It is the first if
// the agent is no member, and empty if nobody is there.
func follower(members []Member, agent string, steps int, at time.Time, gone func(string) bool) string {
	first := max(indexOf(members, agent), -steps) + steps
	for i := range members {
		m := members[(first+i)%len(members)]
		if m.at(at) && !gone(m.Agent) {
			return m.Agent
		}
	}
	return ""
}

// term of a layer in force at an instant; nil: none.
func (r *Rotation) term(layer string, at time.Time) *term {
	for _, t := range r.at(at).terms {
		if t.version.Name == layer {
			return t
		}
	}
	return nil
}

// maxUncounted is how many turns without duty are taken to mean that there never is any.
const maxUncounted = 1000

// handOff is when who has the turn at an instant hands it over or, without anybody to follow, leaves; the instant if nobody
// has it, or never would.
func (t *term) handOff(at time.Time, gone func(string) bool) time.Time {
	if t.agentAt(at, gone) == "" {
		return at
	}
	turn := t.turns.at(at)
	for range maxUncounted {
		start, end := t.turns.start(turn), t.turns.start(turn+1)
		for i := range t.stretches {
			s := &t.stretches[i]
			if s.from.After(at) && !s.from.Before(start) && s.from.Before(end) && t.agentIn(turn, s, gone) == "" {
				return s.from.UTC()
			}
		}
		if end.After(at) && t.turns.passes(turn, turn+1) > 0 {
			return end.UTC()
		}
		turn++
	}
	return at
}
