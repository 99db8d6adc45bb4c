package ticket_test

import (
	"slices"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// caused is what the timer of a kind makes happen.
func caused(t *ticket.Ticket, kind ticket.TimerKind) ticket.Event {
	switch kind {
	case ticket.OfferTimer:
		return ticket.ExpireOffer{Offer: t.Offer.ID}
	case ticket.CallBackTimer:
		return ticket.CallBack{Room: true}
	case ticket.ReopenTimer:
		return ticket.Elapse{}
	case ticket.RelaxTimer:
		return ticket.Relax{}
	case ticket.OverflowTimer:
		return ticket.Overflow{Queue: t.Queue + "'s other"}
	}
	return nil
}

// A timer causes its event when it is due and not before, and is then no more.
func TestTimers(t *testing.T) {
	timers := map[ticket.Status]ticket.TimerKind{
		ticket.Waiting: ticket.RelaxTimer, ticket.Offered: ticket.OfferTimer, ticket.Pending: ticket.CallBackTimer, ticket.Resolved: ticket.ReopenTimer,
	}
	for _, s := range ticket.Statuses {
		tk := in(t, s)
		timer := tk.NextTimer()
		if timer.Kind != timers[s] || timer.At.IsZero() != (timers[s] == "") || !timer.At.Equal(tk.WakeAt()) {
			t.Fatalf("%s has timer %+v, wakes at %s", s, timer, tk.WakeAt())
		}
		if timer.At.IsZero() {
			continue
		}
		early := timer.At.Add(-time.Microsecond)
		if _, err := ticket.Apply(tk, caused(&tk, timer.Kind), early); err == nil || timer.Due(early) {
			t.Errorf("%s: the timer %s fires early", s, timer.Kind)
		}
		if !timer.Due(timer.At) {
			t.Errorf("%s: the timer %s is not due at its instant", s, timer.Kind)
		}
		if after := mustApply(t, tk, timer.At, caused(&tk, timer.Kind)); after.NextTimer() == timer {
			t.Errorf("%s: the timer %s does not end", s, timer.Kind)
		}
	}
}

// waited brings a waiting ticket to an instant, its timers fired on the way, and tells of them.
func waited(t testing.TB, tk ticket.Ticket, p ticket.Patience, until time.Time) (ticket.Ticket, []ticket.Timer) {
	t.Helper()
	var fired []ticket.Timer
	for timer := tk.NextTimer(); timer.Due(until); timer = tk.NextTimer() {
		next, err := ticket.Apply(tk, caused(&tk, timer.Kind), timer.At)
		if err != nil {
			t.Fatal(err)
		}
		next.Await(p, timer.At)
		tk, fired = next, append(fired, timer)
	}
	return tk, fired
}

// What a ticket waits for comes in the order of time, counted from its entry into the queue.
func TestWaitingRelaxesThenOverflows(t *testing.T) {
	tk, fired := waited(t, opened(), patience, start.Add(4*time.Hour-1))
	want := []ticket.Timer{
		{Kind: ticket.RelaxTimer, At: start.Add(time.Hour)},
		{Kind: ticket.OverflowTimer, At: start.Add(2 * time.Hour)},
		{Kind: ticket.RelaxTimer, At: start.Add(3 * time.Hour)}, // an hour in the other queue
	}
	if !slices.Equal(fired, want) || tk.Queue != "home's other" || tk.HomeQueue != "home" || tk.Stage != 1 || !tk.OpenedAt.Equal(start) {
		t.Fatalf("fired %v: %+v", fired, tk)
	}
}

// An offer neither stops the stages nor is it taken away by the overflow, which then comes at once.
func TestOfferedTicketRelaxesAndDoesNotOverflow(t *testing.T) {
	tk := mustApply(t, opened(), start.Add(30*time.Minute), ticket.MakeOffer{ID: 1, Agent: "jo", Until: start.Add(5 * time.Hour)})
	tk, fired := waited(t, tk, patience, start.Add(4*time.Hour))
	if len(fired) != 2 || tk.Stage != 2 || tk.Status != ticket.Offered || tk.Offer == nil {
		t.Fatalf("fired %v: %+v", fired, tk)
	}
	now := start.Add(4 * time.Hour)
	if tk = mustApply(t, tk, now, ticket.Decline{Offer: 1}); tk.NextTimer() != (ticket.Timer{Kind: ticket.OverflowTimer, At: now}) {
		t.Fatalf("declined: next is %+v", tk.NextTimer())
	}
}

// A chain of overflows ends with the agent who takes the ticket: where it was is its home then.
func TestChainOfOverflows(t *testing.T) {
	tk := mustApply(t, opened(), start, ticket.Overflow{Queue: "b"}, ticket.Overflow{Queue: "c"})
	if _, err := ticket.Apply(tk, ticket.Overflow{Queue: "home"}, start); err == nil {
		t.Error("went back to the queue it came from")
	}
	same := mustApply(t, tk, start, ticket.Reroute{Route: ticket.Route{Queue: "home", Priority: ticket.High}})
	if same.Queue != "c" || same.Priority != ticket.High || !tk.Follows(ticket.Route{Queue: "home", Priority: ticket.Normal}) {
		t.Errorf("routing has not changed its mind about the queue: %+v", same)
	}
	if other := mustApply(t, tk, start, ticket.Reroute{Route: ticket.Route{Queue: "b"}}); other.Queue != "b" || len(other.Overflowed) > 0 {
		t.Errorf("routed to b: %+v", other)
	}
	stays := mustApply(t, tk, start, ticket.Overflow{Queue: "c"})
	if stays.Queue != "c" || !stays.OverflowsAt.IsZero() || stays.Round != tk.Round {
		t.Errorf("no queue takes it: %+v", stays)
	}
	for name, e := range map[string][]ticket.Event{
		"returned": {ticket.Assign{Agent: "jo"}, ticket.Return{}},
		"reopened": {ticket.Resolve{ReopenUntil: start.Add(time.Hour)}, ticket.Reopen{}},
	} {
		back := mustApply(t, tk, start.Add(time.Minute), e...)
		if back.Queue != "c" || back.HomeQueue != "c" || len(back.Overflowed) > 0 || !back.OverflowsAt.Equal(start.Add(time.Minute+2*time.Hour)) {
			t.Errorf("%s: %+v", name, back)
		}
	}
}

// Under another patience nothing is due in the past, and no stage has begun before its time.
func TestAwaitUnderAnotherPatience(t *testing.T) {
	now := start.Add(90 * time.Minute)
	old, _ := waited(t, opened(), patience, now) // stage 1
	for name, c := range map[string]struct {
		p                    ticket.Patience
		stage                int
		relaxes, overflows   time.Duration
		nothingMore, noOther bool
	}{
		"the same":            {patience, 1, 3 * time.Hour, 2 * time.Hour, false, false},
		"none":                {ticket.Patience{}, 0, 0, 0, true, true},
		"a later first stage": {ticket.Patience{Relax: []time.Duration{2 * time.Hour}}, 0, 2 * time.Hour, 0, false, true},
		"what is over":        {ticket.Patience{Relax: []time.Duration{time.Minute, time.Hour}, Overflow: time.Minute}, 1, 90 * time.Minute, 90 * time.Minute, false, false},
	} {
		tk := old.Clone()
		tk.Await(c.p, now)
		relaxes, overflows := start.Add(c.relaxes), start.Add(c.overflows)
		if c.nothingMore {
			relaxes = time.Time{}
		}
		if c.noOther {
			overflows = time.Time{}
		}
		if tk.Stage != c.stage || !tk.RelaxesAt.Equal(relaxes) || !tk.OverflowsAt.Equal(overflows) {
			t.Errorf("%s: stage %d, next at %s, overflows at %s", name, tk.Stage, tk.RelaxesAt, tk.OverflowsAt)
		}
	}
	late := opened()
	late.Await(patience, start.Add(5*time.Hour))
	if !late.RelaxesAt.Equal(start.Add(time.Hour)) {
		t.Errorf("a timer that is late is due when it was: %s", late.RelaxesAt)
	}
}
