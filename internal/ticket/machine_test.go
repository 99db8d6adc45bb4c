package ticket_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/ticket"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// golden has a row for each event and, below each status the event starts from, where it leads. W waiting, O offered,
// A open (an agent has it), P pending, H on hold, R resolved, C closed, X cancelled; "." is refused. Events that ask for
// room appear with and without it.
const golden = `
                     W O A P H R C X
offer                O . . . . . . .
assign               A . . . . . . .
accept               . A . . . . . .
decline              . W . . . . . .
expire               . W . . . . . .
rescind              . W . . . . . .
setAside             W . . . . . . .
rerouteSame          W O . . . . . .
rerouteOther         W W . . . . . .
drain                W W A P H R . .
transferToQueue      W W W W W . . .
transferToAgent      A A A A A . . .
return               . . W W W . . .
agentGone            . W W W W . . .
pend                 . . P P . . . .
hold                 . . H . . . . .
resume               . . . A A . . .
resumeNoRoom         . . . W W . . .
callBack             . . . A . . . .
callBackNoRoom       . . . W . . . .
customerReply        W O A A H A . .
customerReplyNoRoom  W O A W H W . .
agentReply           W O A P H R . .
note                 W O A P H R . .
update               W O A P H R . .
resolve              R R R R R . . .
reopen               . . . . . A . .
reopenNoRoom         . . . . . W . .
close                . . . . . C . .
elapse               . . . . . C . .
cancel               X X X X X X . .
warn                 W O A P H . . .
breach               W O A P H . . .
redate               W O A P H . . .
relax                W O . . . . . .
overflow             W . . . . . . .
`

var letters = map[string]ticket.Status{
	"W": ticket.Waiting, "O": ticket.Offered, "A": ticket.Open, "P": ticket.Pending,
	"H": ticket.OnHold, "R": ticket.Resolved, "C": ticket.Closed, "X": ticket.Cancelled,
}

// events of the golden table, made for the ticket as it is so that only its status can refuse them.
func events(t ticket.Ticket) map[string]ticket.Event {
	var offer int64
	if t.Offer != nil {
		offer = t.Offer.ID
	}
	return map[string]ticket.Event{
		"offer":               ticket.MakeOffer{ID: 99, Agent: "ann", Until: start.Add(10 * time.Hour)},
		"assign":              ticket.Assign{Agent: "ann"},
		"accept":              ticket.Accept{Offer: offer},
		"decline":             ticket.Decline{Offer: offer},
		"expire":              ticket.ExpireOffer{Offer: offer},
		"rescind":             ticket.RescindOffer{},
		"setAside":            ticket.SetAside{Reason: "broken"},
		"rerouteSame":         ticket.Reroute{Route: ticket.Route{Queue: t.Queue, Priority: ticket.High, Rule: "p/r", PlanRevision: 7}},
		"rerouteOther":        ticket.Reroute{Route: ticket.Route{Queue: "other", Priority: ticket.Low}},
		"drain":               ticket.Drain{Queue: "other", PlanRevision: 8},
		"transferToQueue":     ticket.TransferToQueue{Queue: "other"},
		"transferToAgent":     ticket.TransferToAgent{Agent: "zoe"},
		"return":              ticket.Return{},
		"agentGone":           ticket.AgentGone{},
		"pend":                ticket.Pend{Until: start.Add(10 * time.Hour)},
		"hold":                ticket.Hold{},
		"resume":              ticket.Resume{Room: true},
		"resumeNoRoom":        ticket.Resume{},
		"callBack":            ticket.CallBack{Room: true},
		"callBackNoRoom":      ticket.CallBack{},
		"customerReply":       ticket.CustomerReply{Room: true},
		"customerReplyNoRoom": ticket.CustomerReply{},
		"agentReply":          ticket.AgentReply{},
		"note":                ticket.Note{},
		"update":              ticket.Update{Content: ticket.Content{Subject: "changed", Channel: t.Channel, Priority: t.Priority}},
		"resolve":             ticket.Resolve{ReopenUntil: start.Add(10 * time.Hour)},
		"reopen":              ticket.Reopen{Room: true},
		"reopenNoRoom":        ticket.Reopen{},
		"close":               ticket.Close{},
		"elapse":              ticket.Elapse{},
		"cancel":              ticket.Cancel{},
		"warn":                ticket.Warn{Metric: ticket.FirstResponse},
		"breach":              ticket.Breach{Metric: ticket.Resolution},
		"redate":              ticket.Redate{},
		"relax":               ticket.Relax{},
		"overflow":            ticket.Overflow{Queue: "other"},
	}
}

// patience of every queue.
var patience = ticket.Patience{Relax: []time.Duration{time.Hour, 3 * time.Hour}, Overflow: 2 * time.Hour}

func opened() ticket.Ticket {
	tk := ticket.New(ticket.Content{
		Subject: "printer", Channel: "Phone", Tags: []string{"a"}, Attributes: map[string]string{"k": "v"},
		Amount: &ticket.Money{Amount: 5, Currency: "EUR"}, Reference: &ticket.Reference{Source: "s", Key: "k"},
	}, ticket.Route{Queue: "home", Priority: ticket.Normal}, start)
	tk.Await(patience, start)
	return tk
}

func mustApply(t testing.TB, tk ticket.Ticket, now time.Time, es ...ticket.Event) ticket.Ticket {
	t.Helper()
	for _, e := range es {
		next, err := ticket.Apply(tk, e, now)
		if err != nil {
			t.Fatalf("%T: %v", e, err)
		}
		next.Await(patience, now)
		tk = next
	}
	return tk
}

// in brings a ticket to a status; its timers are due at start + 1 h.
func in(t testing.TB, s ticket.Status) ticket.Ticket {
	due := start.Add(time.Hour)
	open := mustApply(t, opened(), start, ticket.Assign{Agent: "jo"})
	switch s {
	case ticket.Offered:
		return mustApply(t, opened(), start, ticket.MakeOffer{ID: 1, Agent: "jo", Until: due})
	case ticket.Open:
		return open
	case ticket.Pending:
		return mustApply(t, open, start, ticket.Pend{Until: due})
	case ticket.OnHold:
		return mustApply(t, open, start, ticket.Hold{})
	case ticket.Resolved:
		return mustApply(t, open, start, ticket.Resolve{ReopenUntil: due})
	case ticket.Closed:
		return mustApply(t, open, start, ticket.Resolve{ReopenUntil: due}, ticket.Close{})
	case ticket.Cancelled:
		return mustApply(t, open, start, ticket.Cancel{})
	}
	return opened()
}

func TestTable(t *testing.T) {
	lines := strings.Split(strings.Trim(golden, "\n"), "\n")
	columns := strings.Fields(lines[0])
	if want := len(events(opened())); len(lines)-1 != want {
		t.Fatalf("the golden table has %d rows for %d events", len(lines)-1, want)
	}
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		for i, to := range row[1:] {
			from := letters[columns[i]]
			before := in(t, from)
			before.Service = &ticket.Service{
				FirstResponse: &ticket.Clock{WarnAt: start, Due: start.Add(time.Hour)},
				Resolution:    &ticket.Clock{WarnAt: start, WarnedAt: start, Due: start},
			}
			e, known := events(before)[row[0]]
			if !known {
				t.Fatalf("no event %s", row[0])
			}
			// What must wait for its time gets it; what must be in time is.
			now := start.Add(time.Minute)
			switch e.(type) {
			case ticket.ExpireOffer, ticket.CallBack, ticket.Elapse, ticket.Relax:
				now = start.Add(time.Hour)
			}
			after, err := ticket.Apply(before, e, now)
			var refused *ticket.NotAllowedError
			switch {
			case to == "." && !errors.As(err, &refused):
				t.Errorf("%s in %s: %v, should be refused", row[0], from, err)
			case to == "." && !reflect.DeepEqual(after, before):
				t.Errorf("%s in %s was refused but changed the ticket", row[0], from)
			case to != "." && err != nil:
				t.Errorf("%s in %s: %v", row[0], from, err)
			case to != "." && after.Status != letters[to]:
				t.Errorf("%s in %s led to %s, want %s", row[0], from, after.Status, letters[to])
			}
			if allowed := slices.Contains(ticket.Allowed(from), e.Name()); allowed != (to != ".") {
				t.Errorf("Allowed(%s) and the golden table disagree on %s", from, row[0])
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		from  ticket.Status
		event ticket.Event
		after time.Duration
		says  string
	}{
		{"stale offer", ticket.Offered, ticket.Accept{Offer: 5}, 0, `offer 5 is no longer current, offer 1 to "jo" is`},
		{"late accept", ticket.Offered, ticket.Accept{Offer: 1}, time.Hour, "offer 1 ended at 2026-03-02T10:00:00Z"},
		{"stale decline", ticket.Offered, ticket.Decline{Offer: 5}, 0, "offer 5 is no longer current"},
		{"early expiry", ticket.Offered, ticket.ExpireOffer{Offer: 1}, time.Hour - 1, "offer 1 lasts until 2026-03-02T10:00:00Z"},
		{"early call-back", ticket.Pending, ticket.CallBack{}, time.Hour - 1, "its call-back time is 2026-03-02T10:00:00Z"},
		{"early closing", ticket.Resolved, ticket.Elapse{}, time.Hour - 1, "its reopen window lasts until 2026-03-02T10:00:00Z"},
		{"early relaxation", ticket.Waiting, ticket.Relax{}, time.Hour - 1, "the next stage of its queue's requirements begins at 2026-03-02T10:00:00Z"},
		{"late reply", ticket.Resolved, ticket.CustomerReply{Room: true}, time.Hour, "its reopen window ended at 2026-03-02T10:00:00Z"},
		{"call-back in the past", ticket.Open, ticket.Pend{Until: start}, 0, "the call-back time 2026-03-02T09:00:00Z is not in the future"},
		{"transfer to oneself", ticket.Open, ticket.TransferToAgent{Agent: "jo"}, 0, `agent "jo" already has it`},
		{"wrong status", ticket.Waiting, ticket.Accept{Offer: 1}, 0, `ticket 0 is Waiting: only a ticket that is Offered allows "accept"; what can be done now: transfer to a queue, `},
		{"final", ticket.Closed, ticket.Reopen{Room: true}, 0, `ticket 0 is Closed and cannot change any more: only a ticket that is Resolved allows "reopen"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ticket.Apply(in(t, c.from), c.event, start.Add(c.after))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want %q", err, c.says)
			}
		})
	}
}

// Accept holds up to the last instant before the offer ends.
func TestAcceptJustInTime(t *testing.T) {
	got := mustApply(t, in(t, ticket.Offered), start.Add(time.Hour-1), ticket.Accept{Offer: 1})
	if got.Agent != "jo" || got.Offer != nil || !got.OwnedByAgent() {
		t.Fatalf("got %+v", got)
	}
}

func TestAsking(t *testing.T) {
	later := start.Add(time.Minute)
	declined := mustApply(t, in(t, ticket.Offered), later, ticket.Decline{Offer: 1})
	if want := []ticket.Ask{{Agent: "jo", At: later}}; !slices.Equal(declined.Asks, want) || declined.Round != 0 {
		t.Errorf("declined: round %d, asks %v", declined.Round, declined.Asks)
	}
	if !declined.EnteredQueueAt.Equal(start) {
		t.Error("a declined ticket lost its place in the queue")
	}
	hours := later.Add(2 * time.Hour)
	twice := mustApply(t, declined, hours, ticket.MakeOffer{ID: 2, Agent: "ann", Until: hours.Add(time.Minute)}, ticket.Decline{Offer: 2})
	if want := []ticket.Ask{{Agent: "jo", At: later}, {Agent: "ann", At: hours}}; !slices.Equal(twice.Asks, want) {
		t.Errorf("declined twice in a round: asks %v", twice.Asks)
	}
	returned := mustApply(t, in(t, ticket.Open), later, ticket.Return{})
	if want := []ticket.Ask{{Agent: "jo", At: later, Round: 1}}; !slices.Equal(returned.Asks, want) || returned.Round != 1 {
		t.Errorf("returned: round %d, asks %v; who gave it back was asked in the new round", returned.Round, returned.Asks)
	}
	moved := mustApply(t, in(t, ticket.Offered), later, ticket.TransferToQueue{Queue: "other"})
	if want := []ticket.Ask{{Agent: "jo", At: later}}; !slices.Equal(moved.Asks, want) || moved.Round != 1 || moved.HomeQueue != "other" || !moved.EnteredQueueAt.Equal(later) {
		t.Errorf("transferred while offered: %+v", moved)
	}
	much := later.Add(2 * time.Minute)
	again := mustApply(t, moved, much, ticket.MakeOffer{ID: 2, Agent: "ann", Until: much.Add(time.Minute), Round: 1}, ticket.Decline{Offer: 2})
	if want := []ticket.Ask{{Agent: "ann", At: much, Round: 1}}; !slices.Equal(again.Asks, want) {
		t.Errorf("asks of the past remain: %v", again.Asks)
	}
}

// Without room the ticket waits in its home queue, age kept, and its agent is preferred.
func TestNoRoomPrefersAgent(t *testing.T) {
	for _, c := range []struct {
		from  ticket.Status
		event ticket.Event
	}{
		{ticket.Pending, ticket.Resume{}}, {ticket.Pending, ticket.CustomerReply{}}, {ticket.OnHold, ticket.Resume{}}, {ticket.Resolved, ticket.Reopen{}},
	} {
		got := mustApply(t, in(t, c.from), start.Add(time.Minute), c.event)
		if got.Status != ticket.Waiting || got.PreferredAgent != "jo" || got.Agent != "" || got.Queue != "home" || !got.OpenedAt.Equal(start) {
			t.Errorf("%s: %+v", c.event.Name(), got)
		}
	}
}

// The agent preferred for a customer stays so while the ticket waits for the first to take it, and no longer.
func TestPreferredWhileWaiting(t *testing.T) {
	tk := opened()
	tk.PreferredAgent = "ada"
	moved := mustApply(t, tk, start, ticket.MakeOffer{ID: 1, Agent: "jo", Until: start.Add(time.Minute)}, ticket.TransferToQueue{Queue: "other"})
	if moved.PreferredAgent != "ada" {
		t.Errorf("transferred: %q is preferred", moved.PreferredAgent)
	}
	back := mustApply(t, moved, start, ticket.Assign{Agent: "jo"}, ticket.Return{})
	if back.PreferredAgent != "" {
		t.Errorf("given back by jo: %q is preferred", back.PreferredAgent)
	}
}

// A deleted queue moves what waits in it, and only renames the way back of what an agent has.
func TestDrain(t *testing.T) {
	got := mustApply(t, in(t, ticket.Open), start, ticket.Drain{Queue: "other", PlanRevision: 3}, ticket.AgentGone{})
	if got.Status != ticket.Waiting || got.Queue != "other" || got.PlanRevision != 3 {
		t.Fatalf("got %+v", got)
	}
}

func TestRerouteKeepsOfferInQueue(t *testing.T) {
	route := ticket.Route{Queue: "home", Priority: ticket.Urgent, AddTags: []string{"a", "vip"}, Rule: "p/r", PlanRevision: 4}
	got := mustApply(t, in(t, ticket.Offered), start, ticket.Reroute{Route: route})
	if got.Status != ticket.Offered || got.Priority != ticket.Urgent || !slices.Equal(got.Tags, []string{"a", "vip"}) || got.PlanRevision != 4 {
		t.Fatalf("got %+v", got)
	}
}

// Whatever happens, in whatever order, a ticket stays whole.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := start
		tk := opened()
		offers := int64(1)
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			choices := events(tk)
			offers++
			choices["offer"] = ticket.MakeOffer{ID: offers, Agent: rapid.SampledFrom([]string{"ann", "jo"}).Draw(t, "agent"), Until: now.Add(time.Minute), Round: tk.Round + rapid.IntRange(0, 1).Draw(t, "round")}
			choices["pend"] = ticket.Pend{Until: now.Add(time.Minute)}
			choices["resolve"] = ticket.Resolve{ReopenUntil: now.Add(time.Minute)}
			if timer := tk.NextTimer(); !timer.At.IsZero() {
				choices["timer"] = caused(&tk, timer.Kind)
			}
			names := make([]string, 0, len(choices))
			for name := range choices {
				// Ends are certain to come; the life before them is what matters.
				if e := choices[name].Name(); e != ticket.CancelEvent && e != ticket.CloseEvent || rapid.IntRange(0, 9).Draw(t, "end") == 9 {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			e := choices[rapid.SampledFrom(names).Draw(t, "event")]
			was := written(t, tk)
			next, err := ticket.Apply(tk, e, now)
			next.Await(patience, now)
			if written(t, tk) != was {
				t.Fatalf("%s changed the ticket it was given", e.Name())
			}
			if err != nil {
				if written(t, next) != was {
					t.Fatalf("refused %s changed the ticket", e.Name())
				}
				continue
			}
			checkStep(t, tk, next, e, now)
			scribble(&next)
			if written(t, tk) != was {
				t.Fatalf("after %s the new ticket shares memory with the old one", e.Name())
			}
			tk, _ = ticket.Apply(tk, e, now)
			tk.Await(patience, now)
			checkWaiting(t, tk, now)
		}
	})
}

func checkStep(t *rapid.T, before, after ticket.Ticket, e ticket.Event, now time.Time) {
	fail := func(what string) { t.Fatalf("%s: %s\nbefore %+v\nafter  %+v", e.Name(), what, before, after) }
	if !before.Status.Live() {
		fail("a final status changed")
	}
	if after.Version != before.Version+1 || !after.UpdatedAt.Equal(now) {
		fail("version or time of the change")
	}
	if !after.OpenedAt.Equal(before.OpenedAt) || after.ID != before.ID {
		fail("identity or age changed")
	}
	if !slices.Contains(ticket.Statuses, after.Status) || !slices.Contains(ticket.Priorities, after.Priority) {
		fail("has no status or no priority")
	}
	if (after.Status == ticket.Offered) != (after.Offer != nil) {
		fail("offered without an offer, or an offer without being offered")
	}
	switch after.Status {
	case ticket.Waiting:
		if after.Agent != "" || after.OwnedByAgent() {
			fail("waits with an agent")
		}
	case ticket.Offered:
		if after.Agent == "" || after.OwnedByAgent() {
			fail("offered to nobody, or owned by who is only offered it")
		}
	case ticket.Open, ticket.Pending, ticket.OnHold:
		if after.Agent == "" || !after.OwnedByAgent() {
			fail("has no agent")
		}
	}
	if after.Queue == "" || after.HomeQueue == "" {
		fail("has no queue")
	}
	queued := before.Status == ticket.Waiting || before.Status == ticket.Offered
	enters := after.Queue != before.Queue || after.Status == ticket.Waiting && !queued
	if enters != !after.EnteredQueueAt.Equal(before.EnteredQueueAt) && !before.EnteredQueueAt.Equal(now) {
		fail("the time it entered its queue does not fit")
	}
	if enters && after.Stage != 0 || !enters && after.Stage < before.Stage {
		fail("its stage does not fit")
	}
	if slices.Contains(after.Overflowed, after.Queue) && after.Queue != before.Queue {
		fail("came back to a queue that gave it up")
	}
	if after.Round < before.Round {
		fail("rounds went back")
	}
	if wake := after.WakeAt(); !wake.IsZero() && wake.Before(now) && before.WakeAt() != wake {
		fail("set a timer in the past")
	}
	if after.Status != ticket.Pending && !after.Until.IsZero() || after.Status != ticket.Resolved && !after.ClosesAt.IsZero() {
		fail("a timer outlived its status")
	}
	if before.Status == ticket.Offered && after.Status == ticket.Waiting && !slices.ContainsFunc(after.Asks, func(a ticket.Ask) bool {
		return a.Agent == before.Agent && a.At.Equal(now)
	}) {
		fail("forgot whom it was offered to")
	}
	for _, ask := range before.Asks {
		counts := ask.Round == after.Round || now.Before(ask.At.Add(ticket.PairPause))
		if counts && !slices.Contains(after.Asks, ask) {
			fail("forgot an ask that still counts")
		}
	}
}

// checkWaiting holds the timers of the queue against the time in it.
func checkWaiting(t *rapid.T, tk ticket.Ticket, now time.Time) {
	fail := func(what string) { t.Fatalf("%s\n%+v", what, tk) }
	waits := tk.Status == ticket.Waiting || tk.Status == ticket.Offered
	if !waits && (!tk.RelaxesAt.IsZero() || !tk.OverflowsAt.IsZero() || len(tk.Overflowed) > 0 || tk.HomeQueue != tk.Queue) {
		fail("waits although an agent has it, or had it")
	}
	if !waits {
		return
	}
	if tk.Stage < len(patience.Relax) != tk.RelaxesAt.Equal(tk.EnteredQueueAt.Add(patience.Relax[min(tk.Stage, 1)])) {
		fail("the next stage does not begin when it should")
	}
	gaveUp := slices.Contains(tk.Overflowed, tk.Queue)
	if overflows := !tk.OverflowsAt.IsZero(); overflows != (tk.Status == ticket.Waiting && !gaveUp) {
		fail("overflows though it should not, or does not")
	}
	if len(tk.Overflowed) == 0 && tk.HomeQueue != tk.Queue {
		fail("is not at home")
	}
}

// written is the ticket in a form that shares nothing with it.
func written(t *rapid.T, tk ticket.Ticket) string {
	encoded, err := json.Marshal(tk)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// scribble changes everything a ticket refers to.
func scribble(t *ticket.Ticket) {
	for i := range t.Tags {
		t.Tags[i] = "scribble"
	}
	for i := range t.Asks {
		t.Asks[i].Agent = "scribble"
	}
	for i := range t.Overflowed {
		t.Overflowed[i] = "scribble"
	}
	for k := range t.Attributes {
		t.Attributes[k] = "scribble"
	}
	if t.Offer != nil {
		t.Offer.ID = -1
	}
	if t.Amount != nil {
		t.Amount.Amount = -1
	}
	if t.Reference != nil {
		t.Reference.Key = "scribble"
	}
}
