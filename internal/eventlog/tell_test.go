package eventlog

import (
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// What becomes of a ticket that waits reads as it happened.
func TestTellsOfWaiting(t *testing.T) {
	at := func(queue string, stage int) *State {
		return &State{Status: ticket.Waiting, Queue: queue, Stage: stage}
	}
	for want, r := range map[string]Record{
		"requirements relaxed to stage 2 of queue billing, by desk: nobody has taken it yet":                           {Type: Relaxed, From: at("billing", 1), To: at("billing", 2), Reason: "nobody has taken it yet"},
		"overflowed to queue technical, by desk: nobody took it in queue billing":                                      {Type: Overflowed, From: at("billing", 2), To: at("technical", 0), Reason: "nobody took it in queue billing"},
		"overflowed, by desk: nobody took it in queue billing; no other queue takes it, so it stays":                   {Type: Overflowed, From: at("billing", 2), To: at("billing", 2), Reason: "nobody took it in queue billing; no other queue takes it, so it stays"},
		"offered to agent jo, by desk because of Preferred; nobody else could take it; by the requirements of stage 2": {Type: Offered, To: &State{Agent: "jo"}, Dispatch: &Dispatch{Stage: 2, Why: "Preferred", Considered: []string{"jo"}}},
	} {
		r.Actor = "desk"
		if got := strings.Join(r.Tell(time.UTC), " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
