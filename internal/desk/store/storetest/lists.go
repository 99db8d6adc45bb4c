package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func testDemands(t *testing.T, open Open) {
	s := start(t, open)
	// In the order wanted: priority, then due time, then age, then id.
	order := []struct {
		priority ticket.Priority
		opened   int
		due      *ticket.Clock
	}{
		{ticket.Urgent, 5, nil}, {ticket.High, -1, nil}, {ticket.High, 3, nil}, {"", 1, &ticket.Clock{Due: at(-9)}},
		{ticket.Normal, 2, nil}, {ticket.Normal, 2, nil}, {ticket.Low, 7, &ticket.Clock{Due: at(60)}}, {ticket.Low, 0, nil},
	}
	var want []dispatch.Demand
	update(t, s, func(tx store.Tx) error {
		var tickets []*ticket.Ticket
		for i, o := range order {
			k := newTicket(fmt.Sprint(i))
			k.Priority, k.OpenedAt, k.Language = o.priority, at(o.opened), "de"
			k.PreferredAgent, k.Round, k.Asks = "jo", i, []ticket.Ask{{Agent: "kim", At: noon, Round: i}}
			k.Service = &ticket.Service{FirstResponse: o.due}
			tickets = append(tickets, k)
		}
		// Stored out of order, but for the two that only their ids tell apart.
		for _, i := range []int{4, 6, 7, 0, 5, 3, 2, 1} {
			if err := insert(tx, tickets[i]); err != nil {
				return err
			}
		}
		for _, k := range tickets {
			priority := k.Priority
			if priority == "" {
				priority = ticket.Normal
			}
			want = append(want, dispatch.Demand{Ticket: k.ID, Version: 1, Class: class, Queue: "billing", Channel: "Email",
				Language: "de", Priority: priority, Due: k.Service.Due(), OpenedAt: k.OpenedAt, Preferred: "jo", Round: k.Round, Asks: k.Asks})
		}
		other, aside, taken := newTicket("other class"), newTicket("set aside"), newTicket("open")
		aside.SetAside = "decision failed"
		taken.Status, taken.Agent = ticket.Open, "jo"
		if err := tx.InsertTicket(other, "billing/Phone"); err != nil {
			return err
		}
		if err := insert(tx, aside); err != nil {
			return err
		}
		return insert(tx, taken)
	})
	view(t, s, func(r store.Reader) error {
		all, err := r.Demands(class, nil, 100)
		if err != nil {
			return err
		}
		wantEqual(t, "demands", all, want)
		var paged []dispatch.Demand
		for after := (*dispatch.Demand)(nil); ; after = &paged[len(paged)-1] {
			page, err := r.Demands(class, after, 2)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
		}
		wantEqual(t, "demands in pages of 2", paged, want)
		classes, err := r.Classes("billing")
		if err != nil {
			return err
		}
		wantEqual(t, "classes", classes, map[string]int{class: len(order), "billing/Phone": 1})
		none, err := r.Classes("technical")
		wantEqual(t, "classes of a queue without tickets", none, map[string]int{})
		return err
	})
	update(t, s, func(tx store.Tx) error { // the first leaves, the second changes class, the third priority
		for i, change := range []func(*ticket.Ticket) string{
			func(k *ticket.Ticket) string { k.Status, k.Agent = ticket.Open, "jo"; return class },
			func(*ticket.Ticket) string { return "billing/Phone" },
			func(k *ticket.Ticket) string { k.Priority = ticket.Low; return class },
		} {
			k, err := tx.Ticket(want[i].Ticket)
			if err != nil {
				return err
			}
			k.Version = 2
			if err := tx.UpdateTicket(k, change(k)); err != nil {
				return err
			}
		}
		all, err := tx.Demands(class, nil, 100)
		if err != nil {
			return err
		}
		var got []int64
		for _, d := range all {
			got = append(got, d.Ticket)
		}
		wantEqual(t, "demands after the changes", got,
			[]int64{want[3].Ticket, want[4].Ticket, want[5].Ticket, want[6].Ticket, want[7].Ticket, want[2].Ticket})
		classes, err := tx.Classes("billing")
		wantEqual(t, "classes in the transaction", classes, map[string]int{class: 6, "billing/Phone": 2})
		return err
	})
}

func testTickets(t *testing.T, open Open) {
	s := start(t, open)
	var all []ticket.Ticket
	update(t, s, func(tx store.Tx) error {
		for i := range 96 {
			k := newTicket(fmt.Sprint(i))
			k.Status = ticket.Statuses[i%len(ticket.Statuses)]
			k.Queue = []string{"billing", "technical"}[i/8%2]
			k.Agent = []string{"", "jo", "kim"}[i%3]
			k.Customer = []string{"", "c-1"}[i/5%2]
			k.PlanRevision = int64(i / 40)
			if k.Status == ticket.Offered {
				k.Offer = &ticket.Offer{ID: int64(i), Until: at(30)}
			}
			if err := insert(tx, k); err != nil {
				return err
			}
			all = append(all, *k)
		}
		return nil
	})
	live := []ticket.Status{ticket.Waiting, ticket.Open, ticket.Waiting}
	view(t, s, func(r store.Reader) error {
		for _, f := range []store.TicketFilter{
			{}, {Limit: 10}, {After: 50}, {Statuses: live}, {Queue: "technical"}, {Agent: "jo"}, {Customer: "c-1"},
			{PlanBefore: 2}, {PlanBefore: 1, Statuses: live}, {Queue: "billing", Statuses: live, Agent: "kim"},
			{Customer: "c-1", Agent: "jo", Queue: "billing", PlanBefore: 2, After: 3}, {Agent: "nobody"},
		} {
			var want []ticket.Ticket
			for _, k := range all {
				if k.ID > f.After && matches(&k, f) && (f.Limit == 0 || len(want) < f.Limit) {
					want = append(want, k)
				}
			}
			got, err := r.Tickets(f)
			if err != nil {
				return err
			}
			wantEqual(t, fmt.Sprintf("%+v", f), got, want)

			var newest []ticket.Ticket
			for _, k := range slices.Backward(all) {
				if matches(&k, f) && len(newest) < 5 {
					newest = append(newest, k)
				}
			}
			last := f
			last.Newest, last.Limit = true, 5
			if got, err = r.Tickets(last); err != nil {
				return err
			}
			wantEqual(t, fmt.Sprintf("%+v", last), got, newest)

			var paged []ticket.Ticket
			page := f
			for page.Limit = 7; ; page.After = paged[len(paged)-1].ID {
				tickets, err := r.Tickets(page)
				if err != nil {
					return err
				}
				paged = append(paged, tickets...)
				if len(tickets) < page.Limit {
					break
				}
			}
			if f.Limit == 0 {
				wantEqual(t, fmt.Sprintf("%+v in pages", f), paged, want)
			}
		}
		return nil
	})
	verify(t, s)
}

// testRecords has a ticket with records that are together larger than a page, among those of another.
func testRecords(t *testing.T, open Open) {
	s := start(t, open)
	var mine, log []eventlog.Record
	long := strings.Repeat("x", store.MaxPageBytes/4)
	update(t, s, func(tx store.Tx) error {
		one, other := newTicket("one"), newTicket("other")
		if err := errors.Join(tx.InsertTicket(one, class), tx.InsertTicket(other, class)); err != nil {
			return err
		}
		for i := range 20 {
			k, reason := one, "short"
			if i%3 == 0 {
				k = other
			}
			if i >= 10 && i < 16 {
				reason = long
			}
			record := opened(k)
			record.Reason = reason
			if err := tx.Append(record); err != nil {
				return err
			}
			log = append(log, *record)
			if k == one {
				mine = append(mine, *record)
			}
		}
		huge := opened(one) // larger than any page
		huge.Reason = strings.Repeat(long, 5)
		err := tx.Append(huge)
		log, mine = append(log, *huge), append(mine, *huge)
		return err
	})
	view(t, s, func(r store.Reader) error {
		all, err := allRecords(r, 0)
		wantEqual(t, "the log in pages", seqs(all), seqs(log))
		one, errOne := allRecords(r, log[1].Ticket)
		wantEqual(t, "the records of a ticket in pages", seqs(one), seqs(mine))
		few, errFew := r.Records(mine[0].Seq, 2, log[1].Ticket)
		wantEqual(t, "two records of a ticket", few, mine[1:3])

		page, errPage := r.Records(log[8].Seq, 100, 0)
		wantEqual(t, "a page of long records", seqs(page), seqs(log[9:13]))
		last, errLast := r.LastRecords(mine[0].Ticket, 100)
		wantEqual(t, "the last records, of which the last is larger than a page", seqs(last), seqs(mine[len(mine)-1:]))
		two, errTwo := r.LastRecords(log[0].Ticket, 2)
		wantEqual(t, "the last two records of the other", two, []eventlog.Record{log[15], log[18]})
		return errors.Join(err, errOne, errFew, errPage, errLast, errTwo)
	})
}

func seqs(records []eventlog.Record) (all []int64) {
	for i := range records {
		all = append(all, records[i].Seq)
	}
	return all
}

// matches says whether a filter chooses the ticket, pages apart.
func matches(k *ticket.Ticket, f store.TicketFilter) bool {
	return (len(f.Statuses) == 0 || slices.Contains(f.Statuses, k.Status)) &&
		(f.Queue == "" || k.Queue == f.Queue) &&
		(f.Agent == "" || k.Agent == f.Agent) &&
		(f.Customer == "" || k.Customer == f.Customer) &&
		(f.Standing == "" || k.Service.Standing() == f.Standing) &&
		(f.PlanBefore == 0 || k.PlanRevision < f.PlanBefore)
}

// recount counts the tickets of each queue and status one by one.
func recount(tickets []ticket.Ticket) []store.QueueCount {
	var counts []store.QueueCount
	for _, k := range tickets {
		if k.Status == ticket.Closed || k.Status == ticket.Cancelled {
			continue
		}
		i := slices.IndexFunc(counts, func(c store.QueueCount) bool { return c.Queue == k.Queue && c.Status == k.Status })
		if i < 0 {
			i = len(counts)
			counts = append(counts, store.QueueCount{Queue: k.Queue, Status: k.Status, Oldest: k.OpenedAt})
		}
		counts[i].Count++
		switch k.Service.Standing() {
		case ticket.ClockAtRisk:
			counts[i].AtRisk++
		case ticket.ClockBreached:
			counts[i].Breached++
		}
	}
	slices.SortFunc(counts, func(a, b store.QueueCount) int {
		return cmp.Or(cmp.Compare(a.Queue, b.Queue),
			slices.Index(ticket.Statuses, a.Status)-slices.Index(ticket.Statuses, b.Status))
	})
	return counts
}
