package worker

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// truth is what waits at the desk.
type truth struct {
	waiting map[int64]dispatch.Demand
	agents  map[string]dispatch.AgentState
}

// class lists what waits of a class, in order.
func (w *truth) class(name string) (demands []dispatch.Demand) {
	for _, d := range w.waiting {
		if d.Class == name {
			demands = append(demands, d)
		}
	}
	slices.SortFunc(demands, func(a, b dispatch.Demand) int {
		return dispatch.Compare(&plan.Queue{}, &a, &plan.Queue{}, &b)
	})
	return demands
}

// behind is what the desk answers about a class: at most size of those behind a place.
func (w *truth) behind(class string, at api.Place, size int) api.ClassWindow {
	demands := w.class(class)
	if at != (api.Place{}) {
		edge := dispatch.Demand{Ticket: at.Ticket, Priority: at.Priority, Due: at.Due, OpenedAt: at.OpenedAt}
		demands = slices.DeleteFunc(demands, func(d dispatch.Demand) bool {
			return dispatch.Compare(&plan.Queue{}, &d, &plan.Queue{}, &edge) <= 0
		})
	}
	return api.ClassWindow{Class: class, Demands: demands[:min(size, len(demands))], More: len(demands) > size}
}

var classes = []string{"a/Chat", "a/Phone", "b/Chat"}

func drawDemand(t *rapid.T, id int64) dispatch.Demand {
	return dispatch.Demand{
		Ticket: id, Class: rapid.SampledFrom(classes).Draw(t, "class"), Version: rapid.Int64().Draw(t, "version"),
		Priority: rapid.SampledFrom(ticket.Priorities).Draw(t, "priority"),
		OpenedAt: start.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "opened")) * time.Minute),
	}
}

// However tickets come, change and go, and however narrow the view: each window is the head of what waits, complete
// unless it says that there is more, and the agents are as they are; also where the desk widened the view by what the state
// does not know yet, such as that the ticket at its end goes elsewhere now.
func TestStateFollows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &truth{waiting: map[int64]dispatch.Demand{}, agents: map[string]dispatch.AgentState{}}
		for id := range rapid.Int64Range(0, 20).Draw(t, "waiting") {
			w.waiting[id+1] = drawDemand(t, id+1)
		}
		size := rapid.IntRange(1, 6).Draw(t, "size")
		snapshot := &api.Snapshot{Position: 1}
		for _, class := range classes {
			if head := w.behind(class, api.Place{}, size); len(head.Demands) > 0 {
				snapshot.Classes = append(snapshot.Classes, head)
			}
		}
		s := newPoolState(nil, nil, snapshot)
		for step := range rapid.IntRange(1, 8).Draw(t, "steps") {
			changes := &api.Changes{Position: int64(step + 2)}
			touched := rapid.SliceOfNDistinct(rapid.Int64Range(1, 30), 0, 8, rapid.ID[int64]).Draw(t, "touched")
			class := rapid.SampledFrom(classes).Draw(t, "starved")
			if edge := s.end(class).Ticket; edge != 0 && !slices.Contains(touched, edge) && rapid.Bool().Draw(t, "edge") {
				touched = append(touched, edge)
			}
			for _, id := range touched {
				if rapid.Bool().Draw(t, "goes") {
					delete(w.waiting, id)
					changes.Gone = append(changes.Gone, id)
					continue
				}
				w.waiting[id] = drawDemand(t, id)
				changes.Waiting = append(changes.Waiting, w.waiting[id])
			}
			jo := dispatch.AgentState{Name: "jo", Version: int64(step)}
			w.agents["jo"], changes.Agents = jo, []dispatch.AgentState{jo}
			if rapid.Bool().Draw(t, "widened first") && s.window(class).More { // by a desk that is ahead of the state
				s.widen(w.behind(class, s.end(class), size))
			}
			s.apply(changes)
			check(t, w, s)
			if s.window(class).More {
				s.widen(w.behind(class, s.end(class), size))
				check(t, w, s)
			}
		}
	})
}

func check(t *rapid.T, w *truth, s *poolState) {
	known := 0
	for _, class := range classes {
		got, want := s.window(class), w.class(class)
		n := len(got.Demands)
		if n > len(want) || fmt.Sprint(got.Demands) != fmt.Sprint(want[:n]) {
			t.Fatalf("class %s has\n%v\nwhich is not the head of\n%v", class, got.Demands, want)
		}
		if n < len(want) && !got.More {
			t.Fatalf("class %s has %d of %d and says that is all", class, n, len(want))
		}
		known += n
	}
	if len(s.known) != known {
		t.Fatalf("%d tickets are known, %d are in windows", len(s.known), known)
	}
	if jo := s.Agents["jo"]; jo == nil || jo.Version != w.agents["jo"].Version {
		t.Fatalf("agent jo is %+v, want %+v", jo, w.agents["jo"])
	}
}

// Arrivals nobody can serve do not fill the worker's memory.
func TestStateIsBounded(t *testing.T) {
	s := newPoolState(nil, nil, &api.Snapshot{})
	for id := range int64(3 * maxWindow) {
		s.apply(&api.Changes{Waiting: []dispatch.Demand{{Ticket: id + 1, Class: "a/Chat", OpenedAt: start.Add(time.Duration(id) * time.Second)}}})
	}
	w := s.window("a/Chat")
	if len(w.Demands) != maxWindow || !w.More || len(s.known) != maxWindow || s.end("a/Chat").Ticket != maxWindow {
		t.Fatalf("kept %d of %d tickets, knows %d, more: %v", len(w.Demands), 3*maxWindow, len(s.known), w.More)
	}
}
