package worker

import (
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
)

// maxWindow bounds how far arrivals widen what is kept of a class; the rest is asked for when it is needed.
const maxWindow = 2000

// poolState follows a pool: a snapshot, and the changes since.
type poolState struct {
	plan *plan.Plan
	pool *plan.Pool
	dispatch.State
	// position of the log that the state is of.
	position int64
	// known has every demand of the windows, to find it there.
	known map[int64]dispatch.Demand
	// asked is how wide a window the desk was asked for, by class.
	asked map[string]int
}

func newPoolState(p *plan.Plan, pool *plan.Pool, snapshot *api.Snapshot) *poolState {
	s := &poolState{
		plan: p, pool: pool, position: snapshot.Position, known: map[int64]dispatch.Demand{}, asked: map[string]int{},
		State: dispatch.State{Agents: map[string]*dispatch.AgentState{}, Classes: map[string]*dispatch.Window{}},
	}
	s.setAgents(snapshot.Agents)
	for _, class := range snapshot.Classes {
		s.widen(class)
	}
	return s
}

// apply brings the state to the position of the changes.
func (s *poolState) apply(c *api.Changes) {
	s.position = c.Position
	s.setAgents(c.Agents)
	for _, id := range c.Gone {
		s.remove(id)
	}
	for _, d := range c.Waiting {
		s.remove(d.Ticket)
		s.insert(d)
		s.trim(d.Class)
	}
}

// widen adds what waits behind the window of a class.
func (s *poolState) widen(more api.ClassWindow) {
	for _, d := range more.Demands {
		s.remove(d.Ticket)
	}
	w := s.window(more.Class)
	w.More = false
	for _, d := range more.Demands {
		s.insert(d)
	}
	w.More = more.More
	s.asked[more.Class] = len(w.Demands)
}

// end of the window of a class: the place of its last demand, zero if it is empty.
func (s *poolState) end(class string) api.Place {
	demands := s.window(class).Demands
	if len(demands) == 0 {
		return api.Place{}
	}
	return api.PlaceOf(&demands[len(demands)-1])
}

func (s *poolState) setAgents(agents []dispatch.AgentState) {
	for _, a := range agents {
		s.Agents[a.Name] = &a
	}
}

func (s *poolState) window(class string) *dispatch.Window {
	w := s.Classes[class]
	if w == nil {
		w = &dispatch.Window{}
		s.Classes[class] = w
	}
	return w
}

// insert puts a demand at its place, unless that is behind the window.
func (s *poolState) insert(d dispatch.Demand) {
	w := s.window(d.Class)
	i, _ := s.search(w, &d)
	if i == len(w.Demands) && w.More {
		return
	}
	w.Demands = slices.Insert(w.Demands, i, d)
	s.known[d.Ticket] = d
}

// trim forgets the end of a window that arrivals made too wide.
func (s *poolState) trim(class string) {
	w := s.window(class)
	if size := s.asked[class] + maxWindow; len(w.Demands) > size {
		for _, d := range w.Demands[size:] {
			delete(s.known, d.Ticket)
		}
		w.Demands = slices.Delete(w.Demands, size, len(w.Demands))
		w.More = true
	}
}

func (s *poolState) remove(id int64) {
	d, ok := s.known[id]
	if !ok {
		return
	}
	delete(s.known, id)
	w := s.window(d.Class)
	if i, found := s.search(w, &d); found {
		w.Demands = slices.Delete(w.Demands, i, i+1)
	}
	if len(w.Demands) == 0 && !w.More {
		delete(s.Classes, d.Class)
		delete(s.asked, d.Class)
	}
}

// search finds the place of a demand in its class. All of a class are of one queue, whose priority cannot matter.
func (s *poolState) search(w *dispatch.Window, d *dispatch.Demand) (int, bool) {
	queue := &plan.Queue{}
	return slices.BinarySearchFunc(w.Demands, d, func(a dispatch.Demand, b *dispatch.Demand) int {
		return dispatch.Compare(queue, &a, queue, b)
	})
}

// deskTime tells the desk's time from what the desk last said, and the time passed here since. It is behind by the time
// the answer travelled, never ahead.
type deskTime struct {
	said, heard time.Time
}

func (t deskTime) at(now time.Time) time.Time { return t.said.Add(now.Sub(t.heard)) }
