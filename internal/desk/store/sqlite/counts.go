package sqlite

import (
	"cmp"
	"database/sql"
	"slices"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// cell of the table of counts. Class is empty unless the tickets wait to be offered, and standing unless they are AtRisk or
// Breached.
type cell struct {
	queue    string
	status   ticket.Status
	class    string
	standing ticket.ClockState
}

// counts of tickets per cell; in a transaction, by how much they changed. They are summed up in memory and stored once a
// commit, since the updates that share one tend to touch the same few cells.
type counts map[cell]int

func (c counts) add(others counts) {
	for at, n := range others {
		c[at] += n
	}
}

// change counts a ticket, n being 1 or -1.
func (c counts) change(at cell, n int) {
	if at.status.Live() {
		c[at] += n
	}
}

// store adds the changes to the table.
func (c counts) store(conn *conn) error {
	for at, n := range c {
		if n == 0 {
			continue
		}
		if _, err := conn.exec(`INSERT INTO ticket_counts (queue, status, class, standing, n) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET n = n + excluded.n`, at.queue, string(at.status), at.class, string(at.standing), n); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if _, err := conn.exec("DELETE FROM ticket_counts WHERE queue = ? AND status = ? AND class = ? AND standing = ? AND n = 0",
			at.queue, string(at.status), at.class, string(at.standing)); err != nil {
			return err
		}
	}
	return nil
}

// load adds the table's counts: of one queue, or of all if it is empty.
func (c counts) load(conn *conn, queue string) error {
	query, args := "SELECT queue, status, class, standing, n FROM ticket_counts", []any(nil)
	if queue != "" {
		query, args = query+" WHERE queue = ?", []any{queue}
	}
	return conn.rows(query, args, func(rows *sql.Rows) error {
		var at cell
		var n int
		if err := rows.Scan(&at.queue, &at.status, &at.class, &at.standing, &n); err != nil {
			return err
		}
		c[at] += n
		return nil
	})
}

// classes of demand waiting in the queue.
func (c counts) classes(queue string) map[string]int {
	classes := map[string]int{}
	for at, n := range c {
		if at.queue == queue && at.class != "" && n != 0 {
			classes[at.class] += n
		}
	}
	return classes
}

// queues sums up the classes and looks up the oldest ticket of each queue and status.
func (c counts) queues(conn *conn) ([]store.QueueCount, error) {
	sums, standings := counts{}, counts{}
	for at, n := range c {
		sums[cell{queue: at.queue, status: at.status}] += n
		standings[cell{queue: at.queue, status: at.status, standing: at.standing}] += n
	}
	var result []store.QueueCount
	for at, n := range sums {
		if n == 0 {
			continue
		}
		of := func(standing ticket.ClockState) int {
			return standings[cell{queue: at.queue, status: at.status, standing: standing}]
		}
		var opened sql.NullInt64
		// Ids are given in order of opening, and the index has them behind queue and status.
		err := conn.row("SELECT opened FROM tickets WHERE queue = ? AND status = ? ORDER BY id LIMIT 1",
			[]any{at.queue, string(at.status)}, &opened)
		if err != nil {
			return nil, err
		}
		result = append(result, store.QueueCount{
			Queue: at.queue, Status: at.status, Count: n, Oldest: instant(opened),
			AtRisk: of(ticket.ClockAtRisk), Breached: of(ticket.ClockBreached),
		})
	}
	slices.SortFunc(result, func(a, b store.QueueCount) int {
		return cmp.Or(cmp.Compare(a.Queue, b.Queue),
			cmp.Compare(slices.Index(ticket.Statuses, a.Status), slices.Index(ticket.Statuses, b.Status)))
	})
	return result, nil
}
