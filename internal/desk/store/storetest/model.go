package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// model is what a store of tickets should hold, kept in the plainest way.
type model struct {
	tickets []ticket.Ticket // the one with id i at i-1
	classes []string        // of each, as given
	records int64
}

var (
	someQueues  = rapid.SampledFrom([]string{"billing", "technical", "unrouted"})
	someClasses = rapid.SampledFrom([]string{"a", "b"})
	someAgents  = rapid.SampledFrom([]string{"", "jo", "kim"})
	someInstant = rapid.Map(rapid.IntRange(-5, 5), at)
)

// testModel runs random transactions against a store and the model, and compares all that can be read after each and
// inside it.
func testModel(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t, t.TempDir())
		defer func() {
			if err := s.Close(); err != nil {
				rt.Error(err)
			}
		}()
		var m model
		for range rapid.IntRange(1, 6).Draw(rt, "transactions") {
			m.transact(rt, s)
			if err := s.View(context.Background(), m.compare); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

func (m *model) transact(rt *rapid.T, s store.Store) {
	undo := errors.New("undo")
	next := model{slices.Clone(m.tickets), slices.Clone(m.classes), m.records}
	err := s.Update(context.Background(), func(tx store.Tx) error {
		for range rapid.IntRange(0, 8).Draw(rt, "changes") {
			if err := next.change(rt, tx); err != nil {
				return err
			}
		}
		if rapid.IntRange(0, 3).Draw(rt, "then") == 0 {
			return undo
		}
		return next.compare(tx)
	})
	if err == nil {
		*m = next
	} else if !errors.Is(err, undo) {
		rt.Fatal(err)
	}
}

// change stores a new ticket or a change to one.
func (m *model) change(rt *rapid.T, tx store.Tx) error {
	k, old := newTicket("model"), 0
	if len(m.tickets) > 0 {
		old = rapid.IntRange(0, len(m.tickets)).Draw(rt, "ticket")
	}
	if old > 0 {
		*k = m.tickets[old-1]
		k.Version++
	}
	k.Status = rapid.SampledFrom(ticket.Statuses).Draw(rt, "status")
	k.Queue, k.Agent = someQueues.Draw(rt, "queue"), someAgents.Draw(rt, "agent")
	k.Priority = rapid.SampledFrom(ticket.Priorities).Draw(rt, "priority")
	k.PlanRevision = rapid.Int64Range(1, 3).Draw(rt, "plan")
	k.Offer, k.Until, k.SetAside = nil, time.Time{}, rapid.SampledFrom([]string{"", "", "failed"}).Draw(rt, "aside")
	switch k.Status {
	case ticket.Offered:
		k.Offer = &ticket.Offer{ID: 1, Until: someInstant.Draw(rt, "until")}
	case ticket.Pending:
		k.Until = someInstant.Draw(rt, "until")
	}
	if k.Service = nil; rapid.Bool().Draw(rt, "served") {
		k.Service = &ticket.Service{Resolution: &ticket.Clock{
			State: rapid.SampledFrom([]ticket.ClockState{ticket.ClockRunning, ticket.ClockAtRisk, ticket.ClockBreached}).Draw(rt, "clock"),
			Due:   someInstant.Draw(rt, "due"), BreachedAt: noon, // its timer fired
		}}
	}
	class := someClasses.Draw(rt, "class")
	m.records++
	if old > 0 {
		m.tickets[old-1], m.classes[old-1] = *k, class
		return errors.Join(tx.UpdateTicket(k, class), tx.Append(opened(k)))
	}
	k.OpenedAt = someInstant.Draw(rt, "opened")
	err := errors.Join(tx.InsertTicket(k, class), tx.Append(opened(k)))
	m.tickets, m.classes = append(m.tickets, *k), append(m.classes, class)
	return err
}

// compare reads everything and tells the first difference.
func (m *model) compare(r store.Reader) error {
	position, err := r.Position()
	if err := differ("position", position, m.records, err); err != nil {
		return err
	}
	counts, err := r.QueueCounts()
	if err := differ("counts", counts, recount(m.tickets), err); err != nil {
		return err
	}
	for _, f := range []store.TicketFilter{{}, {Queue: "billing"}, {Agent: "jo"}, {PlanBefore: 3, Statuses: []ticket.Status{ticket.Waiting}},
		{Standing: ticket.ClockAtRisk, Queue: "billing"}} {
		tickets, err := r.Tickets(f)
		want := slices.DeleteFunc(slices.Clone(m.tickets), func(k ticket.Ticket) bool { return !matches(&k, f) })
		if err := differ(fmt.Sprintf("tickets %+v", f), tickets, want, err); err != nil {
			return err
		}
	}
	if err := m.compareTimers(r); err != nil {
		return err
	}
	if err := m.compareDue(r); err != nil {
		return err
	}
	return m.compareDemands(r)
}

func (m *model) compareTimers(r store.Reader) error {
	timers := slices.DeleteFunc(slices.Clone(m.tickets), func(k ticket.Ticket) bool { return k.WakeAt().IsZero() })
	slices.SortStableFunc(timers, func(a, b ticket.Ticket) int { return a.WakeAt().Compare(b.WakeAt()) })
	var due []int64
	var next time.Time
	for i, k := range timers {
		if i == 0 {
			next = k.WakeAt()
		}
		if !k.WakeAt().After(noon) {
			due = append(due, k.ID)
		}
	}
	gotDue, err := r.Due(noon, 100)
	if err := differ("due", gotDue, due, err); err != nil {
		return err
	}
	gotNext, err := r.NextWake()
	return differ("next timer", gotNext, next, err)
}

func (m *model) compareDue(r store.Reader) error {
	for _, queue := range []string{"billing", "technical"} {
		var want time.Time
		for i := range m.tickets {
			k := &m.tickets[i]
			if due := k.Service.Due(); k.Queue == queue && due.After(noon) && (want.IsZero() || due.Before(want)) {
				want = due
			}
		}
		got, err := r.NextDue(queue, noon)
		if err := differ("next due of "+queue, got, want, err); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) compareDemands(r store.Reader) error {
	classes := map[string]map[string]int{"billing": {}, "technical": {}, "unrouted": {}}
	waiting := map[string][]ticket.Ticket{"a": nil, "b": nil}
	for i, k := range m.tickets {
		if k.Status == ticket.Waiting && k.SetAside == "" {
			classes[k.Queue][m.classes[i]]++
			waiting[m.classes[i]] = append(waiting[m.classes[i]], k)
		}
	}
	for queue, want := range classes {
		got, err := r.Classes(queue)
		if err := differ("classes of "+queue, got, want, err); err != nil {
			return err
		}
	}
	for _, class := range slices.Sorted(maps.Keys(waiting)) {
		slices.SortFunc(waiting[class], func(a, b ticket.Ticket) int {
			return cmp.Or(a.Priority.Rank()-b.Priority.Rank(), compareDue(a.Service.Due(), b.Service.Due()), a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.ID, b.ID))
		})
		var want, got []string
		for _, k := range waiting[class] {
			want = append(want, fmt.Sprint(k.ID, k.Version, k.Queue))
		}
		demands, err := r.Demands(class, nil, 100)
		for _, d := range demands {
			got = append(got, fmt.Sprint(d.Ticket, d.Version, d.Queue))
		}
		if err := differ("demands of "+class, got, want, err); err != nil {
			return err
		}
	}
	return nil
}

// compareDue puts what is never due last.
func compareDue(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return cmp.Compare(b.Unix(), a.Unix())
	}
	return a.Compare(b)
}
