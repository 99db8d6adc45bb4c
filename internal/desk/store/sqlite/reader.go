package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// reader reads what its connection sees: a snapshot, or in a transaction also what that has changed.
type reader struct{ conn *conn }

var _ store.Reader = (*reader)(nil)

func (r *reader) Position() (position int64, err error) {
	err = r.conn.row("SELECT coalesce(max(seq), 0) FROM records", nil, &position)
	return position, err
}

func (r *reader) Customer(id string) (*ticket.Customer, error) {
	return document[ticket.Customer](r.conn, "SELECT doc FROM customers WHERE id = ?", id)
}

func (r *reader) Agent(name string) (*dispatch.AgentState, error) {
	state, err := document[dispatch.AgentState](r.conn, "SELECT doc FROM agents WHERE name = ?", name)
	if errors.Is(err, store.ErrNotFound) {
		return &dispatch.AgentState{Name: name, Presence: dispatch.Offline}, nil
	}
	return state, err
}

func (r *reader) Agents() ([]dispatch.AgentState, error) {
	return documents[dispatch.AgentState](r.conn, "SELECT doc FROM agents ORDER BY name")
}

func (r *reader) Records(after int64, limit int, ticket int64) ([]eventlog.Record, error) {
	if ticket != 0 {
		return documentsWithin[eventlog.Record](r.conn, store.MaxPageBytes,
			"SELECT doc FROM records WHERE ticket = ? AND seq > ? ORDER BY seq LIMIT ?", ticket, after, limit)
	}
	return documentsWithin[eventlog.Record](r.conn, store.MaxPageBytes,
		"SELECT doc FROM records WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
}

func (r *reader) LastRecords(ticket int64, limit int) ([]eventlog.Record, error) {
	records, err := documentsWithin[eventlog.Record](r.conn, store.MaxPageBytes,
		"SELECT doc FROM records WHERE ticket = ? ORDER BY seq DESC LIMIT ?", ticket, limit)
	slices.Reverse(records)
	return records, err
}

func (r *reader) Plan(revision int64) (*store.PlanRevision, error) {
	if revision == 0 {
		return document[store.PlanRevision](r.conn, "SELECT doc FROM plans ORDER BY revision DESC LIMIT 1")
	}
	return document[store.PlanRevision](r.conn, "SELECT doc FROM plans WHERE revision = ?", revision)
}

func (r *reader) Entry(hash string) (*plan.Entry, error) {
	return document[plan.Entry](r.conn, "SELECT doc FROM plan_entries WHERE hash = ?", hash)
}

func (r *reader) OnCallShifts(rotation string, from, to time.Time) ([]store.OnCallShift, error) {
	return documents[store.OnCallShift](r.conn, "SELECT doc FROM oncall_shifts WHERE rotation = ? AND start_at < ? AND end_at > max(start_at, ?) ORDER BY start_at, layer",
		rotation, to.UnixMicro(), from.UnixMicro())
}

func (r *reader) Idempotent(caller, key string) (*store.Answer, error) {
	var a store.Answer
	var at sql.NullInt64
	err := r.conn.row("SELECT request, status, body, at FROM answers WHERE caller = ? AND key = ?", []any{caller, key},
		&a.Request, &a.Status, &a.Body, &at)
	if err != nil {
		return nil, err
	}
	a.At = instant(at)
	return &a, nil
}

func (r *reader) Meta(name string) ([]byte, error) {
	value := []byte{}
	err := r.conn.row("SELECT value FROM meta WHERE name = ?", []any{name}, &value)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return value, err
}

func (r *reader) Outbox(now time.Time, limit int) ([]store.Message, error) {
	return documents[store.Message](r.conn,
		"SELECT doc FROM outbox WHERE dead = 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?", now.UnixMicro(), limit)
}

func (r *reader) Message(id int64) (*store.Message, error) {
	return document[store.Message](r.conn, "SELECT doc FROM outbox WHERE id = ?", id)
}

func (r *reader) OutboxTo(destination, address string, now time.Time, limit int) ([]store.Message, error) {
	return documents[store.Message](r.conn, `SELECT doc FROM outbox
		WHERE destination = ? AND dead = 0 AND address = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?`,
		destination, address, now.UnixMicro(), limit)
}

func (r *reader) OutboxCounts() (map[string]store.OutboxCount, error) {
	counts := map[string]store.OutboxCount{}
	err := r.conn.rows("SELECT destination, dead, count(*) FROM outbox INDEXED BY outbox_address GROUP BY destination, dead", nil,
		func(rows *sql.Rows) error {
			var destination string
			var dead bool
			var n int
			if err := rows.Scan(&destination, &dead, &n); err != nil {
				return err
			}
			count := counts[destination]
			if dead {
				count.Dead = n
			} else {
				count.Waiting = n
			}
			counts[destination] = count
			return nil
		})
	return counts, err
}

func (r *reader) NextOutbox() (time.Time, error) {
	var at sql.NullInt64
	err := r.conn.row("SELECT min(next_at) FROM outbox WHERE dead = 0", nil, &at)
	return instant(at), err
}

// encode renders a row's document.
func encode(value any) ([]byte, error) {
	doc, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", value, err)
	}
	return doc, nil
}
