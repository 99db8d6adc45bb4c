package sqlite

import (
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// tx is the turn of one update.
type tx struct {
	reader
	writer *writer
	// numbers and counts as this update leaves them; they are the writer's once it succeeds.
	numbers numbers
	counts  counts
	// tickets that this update read or wrote, as they are stored.
	tickets map[int64]storedTicket
}

var _ store.Tx = (*tx)(nil)

func (t *tx) Position() (int64, error) { return t.numbers.record, t.conn.failed }

func (t *tx) Append(r *eventlog.Record) error {
	r.Seq = t.numbers.record + 1
	doc, err := encode(r)
	if err != nil {
		return err
	}
	var about any
	if r.Ticket != 0 {
		about = r.Ticket
	}
	if _, err := t.conn.exec("INSERT INTO records (seq, ticket, doc) VALUES (?, ?, ?)", r.Seq, about, doc); err != nil {
		return err
	}
	t.numbers.record = r.Seq
	return nil
}

func (t *tx) NextOffer() (int64, error) {
	t.numbers.offer++
	return t.numbers.offer, t.conn.failed
}

func (t *tx) PutCustomer(c *ticket.Customer) error {
	doc, err := encode(c)
	if err != nil {
		return err
	}
	_, err = t.conn.exec("INSERT INTO customers (id, doc) VALUES (?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc", c.ID, doc)
	return err
}

func (t *tx) PutAgent(a *dispatch.AgentState) error {
	doc, err := encode(a)
	if err != nil {
		return err
	}
	var n int64
	if a.Version == 1 {
		n, err = t.conn.exec("INSERT INTO agents (name, version, doc) VALUES (?, 1, ?) ON CONFLICT DO NOTHING", a.Name, doc)
	} else {
		n, err = t.conn.exec("UPDATE agents SET version = ?, doc = ? WHERE name = ? AND version = ?",
			a.Version, doc, a.Name, a.Version-1)
	}
	if err == nil && n == 0 {
		return store.ErrConflict
	}
	return err
}

func (t *tx) PutEntries(entries []plan.Entry) error {
	for _, e := range entries {
		doc, err := encode(e)
		if err != nil {
			return err
		}
		if _, err := t.conn.exec("INSERT INTO plan_entries (hash, doc) VALUES (?, ?) ON CONFLICT DO NOTHING",
			e.Hash(), doc); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) PutPlan(p *store.PlanRevision) (int64, error) {
	var last int64
	if err := t.conn.row("SELECT coalesce(max(revision), 0) FROM plans", nil, &last); err != nil {
		return 0, err
	}
	p.Revision = last + 1
	doc, err := encode(p)
	if err != nil {
		return 0, err
	}
	_, err = t.conn.exec("INSERT INTO plans (revision, doc) VALUES (?, ?)", p.Revision, doc)
	return p.Revision, err
}

func (t *tx) PutOnCallShift(s store.OnCallShift) error {
	doc, err := encode(s)
	if err != nil {
		return err
	}
	_, err = t.conn.exec(`INSERT INTO oncall_shifts (rotation, start_at, layer, agent, override, end_at, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET end_at = excluded.end_at, doc = excluded.doc`,
		s.Rotation, s.Start.UnixMicro(), s.Layer, s.Agent, s.Override, s.End.UnixMicro(), doc)
	return err
}

func (t *tx) PutIdempotent(caller, key string, a store.Answer) error {
	_, err := t.conn.exec(`INSERT INTO answers (caller, key, request, status, body, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET request = excluded.request, status = excluded.status, body = excluded.body, at = excluded.at`,
		caller, key, blob(a.Request), a.Status, blob(a.Body), a.At.UnixMicro())
	return err
}

func (t *tx) DeleteIdempotent(before time.Time, limit int) (int, error) {
	n, err := t.conn.exec(`DELETE FROM answers WHERE rowid IN
		(SELECT rowid FROM answers WHERE at < ? ORDER BY at LIMIT ?)`, before.UnixMicro(), limit)
	return int(n), err
}

func (t *tx) PutMeta(name string, value []byte) error {
	_, err := t.conn.exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
		name, blob(value))
	return err
}

func (t *tx) InsertMessage(m *store.Message) error {
	m.ID = t.numbers.message + 1
	doc, err := encode(m)
	if err != nil {
		return err
	}
	if _, err := t.conn.exec("INSERT INTO outbox (id, destination, address, next_at, dead, doc) VALUES (?, ?, ?, ?, ?, ?)",
		m.ID, m.Destination, m.Address, m.NextAt.UnixMicro(), m.Dead, doc); err != nil {
		return err
	}
	t.numbers.message = m.ID
	return nil
}

func (t *tx) UpdateMessage(m *store.Message) error {
	doc, err := encode(m)
	if err != nil {
		return err
	}
	return found(t.conn.exec("UPDATE outbox SET next_at = ?, dead = ?, doc = ? WHERE id = ?",
		m.NextAt.UnixMicro(), m.Dead, doc, m.ID))
}

func (t *tx) DeleteMessage(id int64) error {
	return found(t.conn.exec("DELETE FROM outbox WHERE id = ?", id))
}

// found makes an error of a change that met no row.
func found(n int64, err error) error {
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}

// blob is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Classes and QueueCounts see the changes of the batch that are not stored yet.

func (t *tx) Classes(queue string) (map[string]int, error) {
	all, err := t.allCounts(queue)
	return all.classes(queue), err
}

func (t *tx) QueueCounts() ([]store.QueueCount, error) {
	all, err := t.allCounts("")
	if err != nil {
		return nil, err
	}
	return all.queues(t.conn)
}

func (t *tx) allCounts(queue string) (counts, error) {
	all := counts{}
	if err := all.load(t.conn, queue); err != nil {
		return nil, err
	}
	all.add(t.writer.counts)
	all.add(t.counts)
	return all, nil
}
