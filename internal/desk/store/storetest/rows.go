package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func testReopen(t *testing.T, open Open) {
	folder := t.TempDir()
	s, stop := startIn(t, open, folder)

	full := newTicket("everything")
	full.Body, full.Category, full.Product, full.Language, full.Region = "body\x00 ü \u2028", "invoice", "crm", "de", "EU"
	full.Customer, full.Team = "c-1", "support"
	full.Amount = &ticket.Money{Amount: 1 << 60, Currency: "EUR"}
	full.Tags, full.Attributes = []string{"a", "b"}, map[string]string{"k": "v"}
	full.Reference = &ticket.Reference{Source: "mail", Key: "1"}
	full.Status, full.Agent, full.Offer = ticket.Offered, "jo", &ticket.Offer{ID: 7, Until: at(30)}
	full.PreferredAgent, full.Round = "sam", 2
	full.Asks = []ticket.Ask{{Agent: "kim", At: at(-5), Round: 1}}
	full.Until, full.ResolvedAt, full.ClosesAt, full.Reopened, full.FollowUpOf = at(1), at(2), at(3), 4, 5
	full.Rule, full.SetAside = "support/billing", "dispatch failed"
	customer := &ticket.Customer{ID: "c-1", Name: "Ada", Segment: "vip", Value: full.Amount, Attributes: full.Attributes, LastAgent: "jo"}
	agent := &dispatch.AgentState{Name: "jo", Presence: dispatch.Busy, Reason: "lunch", Since: at(1), Version: 1,
		Load: map[string]int{"Email": 1}, Missed: 1, LastOfferAt: at(2), IdleSince: at(3)}
	record := opened(full)
	record.Data = json.RawMessage(`{"text":"hello"}`)
	record.Dispatch = &eventlog.Dispatch{Offer: 7, Until: at(30), Considered: []string{"jo"}, Load: map[string]int{"Email": 1}}
	record.Timer = &eventlog.Timer{Due: at(4)}
	entry := plan.Entry{Key: plan.Key{Kind: "Queue", Name: "billing"}, Spec: json.RawMessage(`{"priority":1}`)}
	revision := &store.PlanRevision{Hash: "h", ActivatedAt: noon, ManagerEpoch: 3,
		Manifest: plan.Manifest{SchemaVersion: 1, HelpDesk: "acme", Entries: []plan.EntryRef{{Key: entry.Key, Hash: entry.Hash()}}}}
	message := &store.Message{Destination: "crm", Key: "k", Body: []byte("{}"), NextAt: at(5), Created: noon}
	answer := store.Answer{Request: []byte{0, 1}, Status: 201, Body: []byte(`{"id":1}`), At: noon}
	shift := store.OnCallShift{Rotation: "nights", Layer: "first", Agent: "jo", Override: "swap", Replaces: "sam", Start: at(-60), End: at(-30)}
	longer := shift
	longer.End = at(0)
	none := store.OnCallShift{Rotation: "nights", Layer: "first", Agent: "kim", Start: at(0), End: at(0)}
	next := store.OnCallShift{Rotation: "nights", Layer: "first", Agent: "sam", Start: at(0), End: at(60)}
	var offer int64

	update(t, s, func(tx store.Tx) error {
		if _, err := tx.Plan(0); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("a plan before the first: %w", err)
		}
		if err := insert(tx, full); err != nil {
			return err
		}
		record.Ticket = full.ID
		for _, put := range []func() error{
			func() error { return tx.Append(record) },
			func() error { return tx.PutCustomer(customer) },
			func() error { return tx.PutAgent(agent) },
			func() error { return tx.PutEntries([]plan.Entry{entry, entry}) },
			func() error { n, err := tx.PutPlan(revision); wantEqual(t, "first revision", n, int64(1)); return err },
			func() error { return tx.InsertMessage(message) },
			func() error { return tx.PutIdempotent("user/kim", "key", answer) },
			func() error { return tx.PutMeta("clock", []byte{1, 0, 2}) },
			func() error { return tx.PutOnCallShift(shift) },
			func() error { return tx.PutOnCallShift(next) },
			func() error { return tx.PutOnCallShift(longer) },
			func() error { return tx.PutOnCallShift(none) },
			func() (err error) { offer, err = tx.NextOffer(); return err },
		} {
			if err := put(); err != nil {
				return err
			}
		}
		return nil
	})
	check := func(r store.Reader) error {
		got := func(what string, want any) func(any, error) {
			return func(value any, err error) {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				wantEqual(t, what, value, want)
			}
		}
		pass := func(v any, err error) (any, error) { return v, err }
		got("ticket", full)(pass(r.Ticket(full.ID)))
		got("ticket by reference", full)(pass(r.TicketByReference(*full.Reference)))
		got("customer", customer)(pass(r.Customer("c-1")))
		got("agent", agent)(pass(r.Agent("jo")))
		got("agents", []dispatch.AgentState{*agent})(pass(r.Agents()))
		got("agent never seen", &dispatch.AgentState{Name: "new", Presence: dispatch.Offline})(pass(r.Agent("new")))
		got("records", []eventlog.Record{*opened(full), *record})(withoutFirstSeq(r.Records(0, 10, full.ID)))
		got("latest plan", revision)(pass(r.Plan(0)))
		got("plan", revision)(pass(r.Plan(1)))
		got("entry", &entry)(pass(r.Entry(entry.Hash())))
		got("message", message)(pass(r.Message(message.ID)))
		got("answer", &answer)(pass(r.Idempotent("user/kim", "key")))
		got("meta", []byte{1, 0, 2})(pass(r.Meta("clock")))
		got("shifts", []store.OnCallShift{longer, next})(pass(r.OnCallShifts("nights", at(-1), at(1))))
		got("shifts that ended", []store.OnCallShift{next})(pass(r.OnCallShifts("nights", at(0), at(1))))
		got("shifts before the next", []store.OnCallShift{longer})(pass(r.OnCallShifts("nights", at(-90), at(0))))
		got("shifts of another rotation", []store.OnCallShift(nil))(pass(r.OnCallShifts("days", at(-90), at(90))))
		got("meta never set", []byte(nil))(pass(r.Meta("other")))
		for what, missing := range map[string]func() (any, error){
			"ticket":    func() (any, error) { return r.Ticket(99) },
			"reference": func() (any, error) { return r.TicketByReference(ticket.Reference{Source: "mail", Key: "2"}) },
			"customer":  func() (any, error) { return r.Customer("c-2") },
			"plan":      func() (any, error) { return r.Plan(2) },
			"entry":     func() (any, error) { return r.Entry("none") },
			"message":   func() (any, error) { return r.Message(99) },
			"answer":    func() (any, error) { return r.Idempotent("user/jo", "key") },
		} {
			_, err := missing()
			wantError(t, what+" that is not there", err, store.ErrNotFound)
		}
		return nil
	}
	view(t, s, check)
	stop()

	s, _ = startIn(t, open, folder)
	view(t, s, check)
	if _, position := s.Committed(); position != record.Seq {
		t.Errorf("position after reopening is %d, want %d", position, record.Seq)
	}
	update(t, s, func(tx store.Tx) error {
		if err := tx.DeleteMessage(message.ID); err != nil {
			return err
		}
		return nil
	})
	_ = s.Close()

	// Numbers go on where they were, also of rows that are gone.
	s, _ = startIn(t, open, folder)
	update(t, s, func(tx store.Tx) error {
		next := newTicket("next")
		second := &store.Message{NextAt: noon}
		if err := insert(tx, next); err != nil {
			return err
		}
		if err := tx.InsertMessage(second); err != nil {
			return err
		}
		nextOffer, err := tx.NextOffer()
		if err != nil {
			return err
		}
		nextRevision, err := tx.PutPlan(revision)
		wantEqual(t, "next ticket, message, offer and revision", []int64{next.ID, second.ID, nextOffer, nextRevision},
			[]int64{full.ID + 1, message.ID + 1, offer + 1, 2})
		return err
	})
}

func withoutFirstSeq(records []eventlog.Record, err error) (any, error) {
	if len(records) > 0 {
		records[0].Seq = 0
	}
	return records, err
}

func testVersions(t *testing.T, open Open) {
	s := start(t, open)
	k := newTicket("a")
	jo := &dispatch.AgentState{Name: "jo", Presence: dispatch.Available, Version: 1}
	update(t, s, func(tx store.Tx) error {
		if err := insert(tx, k); err != nil {
			return err
		}
		return tx.PutAgent(jo)
	})
	update(t, s, func(tx store.Tx) error {
		for _, version := range []int64{0, 1, 3} {
			stale := *k
			stale.Version, stale.Subject = version, "lost"
			wantError(t, fmt.Sprintf("ticket at version 1 updated to %d", version), tx.UpdateTicket(&stale, class), store.ErrConflict)
			agent := *jo
			agent.Version, agent.Reason = version, "lost"
			wantError(t, fmt.Sprintf("agent at version 1 updated to %d", version), tx.PutAgent(&agent), store.ErrConflict)
		}
		unknown := *k
		unknown.ID, unknown.Version = 99, 2
		wantError(t, "unknown ticket", tx.UpdateTicket(&unknown, class), store.ErrNotFound)
		wantError(t, "agent never seen at version 2",
			tx.PutAgent(&dispatch.AgentState{Name: "new", Version: 2}), store.ErrConflict)
		k.Version, k.Subject, jo.Version, jo.Presence = 2, "kept", 2, dispatch.Busy
		if err := tx.UpdateTicket(k, class); err != nil {
			return err
		}
		return tx.PutAgent(jo)
	})
	view(t, s, func(r store.Reader) error {
		stored, err := r.Ticket(k.ID)
		if err != nil {
			return err
		}
		wantEqual(t, "ticket", stored, k)
		agent, err := r.Agent("jo")
		wantEqual(t, "agent", agent, jo)
		return err
	})
}

func testReferences(t *testing.T, open Open) {
	s := start(t, open)
	first, other := newTicket("first"), newTicket("other source")
	first.Reference = &ticket.Reference{Source: "mail", Key: "1"}
	other.Reference = &ticket.Reference{Source: "crm", Key: "1"}
	update(t, s, func(tx store.Tx) error {
		for _, k := range []*ticket.Ticket{first, other, newTicket("without"), newTicket("without")} {
			if err := insert(tx, k); err != nil {
				return err
			}
		}
		again := newTicket("again")
		again.Reference = &ticket.Reference{Source: "mail", Key: "1"}
		wantError(t, "in the same transaction", insert(tx, again), store.ErrDuplicate)
		return nil
	})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		again := newTicket("again")
		again.Reference = &ticket.Reference{Source: "crm", Key: "1"}
		return insert(tx, again)
	})
	wantError(t, "in another transaction", err, store.ErrDuplicate)
	view(t, s, func(r store.Reader) error {
		found, err := r.TicketByReference(*other.Reference)
		wantEqual(t, "found", found, other)
		return err
	})
	if n := len(verify(t, s)); n != 4 {
		t.Errorf("%d tickets, want 4", n)
	}
}

func testAnswers(t *testing.T, open Open) {
	s := start(t, open)
	answer := func(body string, when time.Time) store.Answer {
		return store.Answer{Request: []byte("digest"), Status: 200, Body: []byte(body), At: when}
	}
	update(t, s, func(tx store.Tx) error {
		for i, caller := range []string{"kim", "jo", "kim"} {
			if err := tx.PutIdempotent(caller, fmt.Sprint("key-", i/2), answer(fmt.Sprint(caller, i), at(i))); err != nil {
				return err
			}
		}
		return tx.PutIdempotent("kim", "key-1", answer("replaced", at(3)))
	})
	got := func(r store.Reader) (bodies []string) {
		for _, of := range [][2]string{{"kim", "key-0"}, {"jo", "key-0"}, {"kim", "key-1"}, {"jo", "key-1"}} {
			a, err := r.Idempotent(of[0], of[1])
			if err != nil {
				wantError(t, fmt.Sprint(of), err, store.ErrNotFound)
				a = &store.Answer{Body: []byte("none")}
			}
			bodies = append(bodies, string(a.Body))
		}
		return bodies
	}
	view(t, s, func(r store.Reader) error {
		wantEqual(t, "answers", got(r), []string{"kim0", "jo1", "replaced", "none"})
		return nil
	})
	update(t, s, func(tx store.Tx) error {
		for i, want := range []int{1, 1, 0} { // the third was stored at the limit, not before it
			n, err := tx.DeleteIdempotent(at(3), 1)
			if err != nil {
				return err
			}
			wantEqual(t, fmt.Sprintf("deleted the %d. time", i+1), n, want)
			if i == 0 {
				wantEqual(t, "the oldest goes first", got(tx), []string{"none", "jo1", "replaced", "none"})
			}
		}
		return nil
	})
}

func testOutbox(t *testing.T, open Open) {
	s := start(t, open)
	ids := func(messages []store.Message) (ids []int64) {
		for _, m := range messages {
			ids = append(ids, m.ID)
		}
		return ids
	}
	check := func(r store.Reader, due []int64, next time.Time, waiting, dead int) error {
		messages, err := r.Outbox(at(10), 10)
		if err != nil {
			return err
		}
		wantEqual(t, "due", ids(messages), due)
		if len(due) > 1 {
			first, err := r.Outbox(at(10), 1)
			if err != nil {
				return err
			}
			wantEqual(t, "first due", ids(first), due[:1])
		}
		at, err := r.NextOutbox()
		if err != nil {
			return err
		}
		wantEqual(t, "next", at, next)
		counts, err := r.OutboxCounts()
		wantEqual(t, "waiting and dead", counts["crm"], store.OutboxCount{Waiting: waiting, Dead: dead})
		return err
	}
	view(t, s, func(r store.Reader) error { return check(r, nil, time.Time{}, 0, 0) })
	messages := make([]store.Message, 5)
	update(t, s, func(tx store.Tx) error {
		for i, next := range []int{10, 3, 11, 3, 2} {
			messages[i] = store.Message{Destination: "crm", Key: fmt.Sprint(i), NextAt: at(next), Created: noon}
			if err := tx.InsertMessage(&messages[i]); err != nil {
				return err
			}
		}
		return check(tx, []int64{5, 2, 4, 1}, at(2), 5, 0)
	})
	update(t, s, func(tx store.Tx) error {
		messages[4].Dead, messages[4].LastError = true, "410 Gone"
		messages[1].NextAt, messages[1].ClaimedBy, messages[1].Attempts = at(20), "worker-0", 1
		for _, i := range []int{4, 1} {
			if err := tx.UpdateMessage(&messages[i]); err != nil {
				return err
			}
		}
		if err := tx.DeleteMessage(messages[3].ID); err != nil {
			return err
		}
		wantError(t, "delete again", tx.DeleteMessage(messages[3].ID), store.ErrNotFound)
		wantError(t, "update deleted", tx.UpdateMessage(&messages[3]), store.ErrNotFound)
		return nil
	})
	view(t, s, func(r store.Reader) error {
		claimed, err := r.Message(messages[1].ID)
		if err != nil {
			return err
		}
		wantEqual(t, "claimed message", claimed, &messages[1])
		return check(r, []int64{1}, at(10), 3, 1)
	})
	// Three for jo, of which one is not due and one a dead letter, one for somebody else, and one of the same name elsewhere.
	to := []store.Message{
		{Destination: "chat", Address: "@jo", NextAt: at(4)}, {Destination: "chat", Address: "@jo", NextAt: at(3)},
		{Destination: "chat", Address: "@jo", NextAt: at(11)}, {Destination: "chat", Address: "@jo", NextAt: at(3), Dead: true},
		{Destination: "chat", Address: "@sam", NextAt: at(3)}, {Destination: "mail", Address: "@jo", NextAt: at(3)},
	}
	update(t, s, func(tx store.Tx) error {
		for i := range to {
			if err := tx.InsertMessage(&to[i]); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(r store.Reader) error {
		for limit, want := range map[int][]int64{10: {to[1].ID, to[0].ID}, 1: {to[1].ID}} {
			due, err := r.OutboxTo("chat", "@jo", at(10), limit)
			if err != nil {
				return err
			}
			wantEqual(t, "due to jo by chat", ids(due), want)
		}
		counts, err := r.OutboxCounts()
		wantEqual(t, "counts", counts, map[string]store.OutboxCount{
			"crm": {Waiting: 3, Dead: 1}, "chat": {Waiting: 4, Dead: 1}, "mail": {Waiting: 1},
		})
		return err
	})
}

func testTimers(t *testing.T, open Open) {
	s := start(t, open)
	view(t, s, func(r store.Reader) error {
		next, err := r.NextWake()
		wantEqual(t, "next of none", next, time.Time{})
		return err
	})
	update(t, s, func(tx store.Tx) error {
		for i, seconds := range []int{30, 10, 10, 40} {
			k := newTicket(fmt.Sprint(i))
			switch i % 2 {
			case 0:
				k.Status, k.Agent, k.Offer = ticket.Offered, "jo", &ticket.Offer{ID: int64(i), Until: at(seconds)}
			case 1:
				k.Status, k.Agent, k.Until = ticket.Pending, "jo", at(seconds)
			}
			if err := insert(tx, k); err != nil {
				return err
			}
		}
		return insert(tx, newTicket("no timer"))
	})
	check := func(r store.Reader, want []int64, wantNext time.Time) error {
		for limit := range len(want) + 2 {
			due, err := r.Due(at(30), limit)
			if err != nil {
				return err
			}
			wantEqual(t, fmt.Sprintf("due, limit %d", limit), due, want[:min(limit, len(want))])
		}
		next, err := r.NextWake()
		wantEqual(t, "next", next, wantNext)
		early, earlyErr := r.Due(wantNext.Add(-time.Microsecond), 10)
		wantEqual(t, "due before the next", early, []int64(nil))
		return errors.Join(err, earlyErr)
	}
	view(t, s, func(r store.Reader) error { return check(r, []int64{2, 3, 1}, at(10)) })
	update(t, s, func(tx store.Tx) error { // the timers of 2 and 3 end
		for _, id := range []int64{2, 3} {
			k, err := tx.Ticket(id)
			if err != nil {
				return err
			}
			k.Version, k.Status, k.Offer, k.Until = 2, ticket.Open, nil, time.Time{}
			if err := tx.UpdateTicket(k, ""); err != nil {
				return err
			}
		}
		return check(tx, []int64{1}, at(30))
	})
}
