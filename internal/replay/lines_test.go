package replay

import (
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// A target counts for the line whose queue the ticket was in when it was met or missed, whoever did it at last.
func TestTargetsCountWhereTheyWereMetOrMissed(t *testing.T) {
	done := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	clock := func(state ticket.ClockState) *ticket.Clock {
		return &ticket.Clock{State: state, Target: ticket.Span(time.Hour), DoneAt: done}
	}
	first, second := &Line{}, &Line{}
	l := &lineReport{now: map[string]*Line{"counter": first, "works": second}}
	replayed := func(o Observed, response, resolution *ticket.Clock) {
		l.replayed(&o, &ticket.Ticket{Service: &ticket.Service{FirstResponse: response, Resolution: resolution}}, 1)
	}
	replayed(Observed{RespondedIn: "counter", ResolvedIn: "works"}, clock(ticket.ClockMet), clock(ticket.ClockMet))
	replayed(Observed{RespondedIn: "works", ResolvedIn: "works", Breached: map[ticket.Metric]string{ticket.FirstResponse: "counter"}},
		clock(ticket.ClockMissed), clock(ticket.ClockMet))
	replayed(Observed{RespondedIn: "counter", ResolvedIn: "counter"}, nil, nil) // of no service level
	if got, want := first.Replay.FirstResponse, (Attainment{Met: 1, Missed: 1}); got != want {
		t.Errorf("the counter responded %+v, want %+v", got, want)
	}
	if got, want := second.Replay.Resolution, (Attainment{Met: 2}); got != want {
		t.Errorf("the works resolved %+v, want %+v", got, want)
	}
	if other := [...]Attainment{first.Replay.Resolution, second.Replay.FirstResponse}; other != [2]Attainment{} {
		t.Errorf("what was elsewhere counts, too: %+v", other)
	}
}
