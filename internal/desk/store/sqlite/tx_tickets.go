package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// columns of a ticket beside its id, version and document.
var columns = []string{
	"status", "queue", "agent", "customer", "ref_source", "ref_key", "plan_revision", "wake_at", "class", "priority_rank",
	"due", "opened", "channel", "language", "preferred", "round", "asks", "standing",
}

var insertTicket = "INSERT INTO tickets (id, version, doc, " + strings.Join(columns, ", ") + ") VALUES (?, ?, ?" +
	strings.Repeat(", ?", len(columns)) + ") ON CONFLICT DO NOTHING"

// storedTicket is the version of a ticket and what its columns hold.
type storedTicket struct {
	version int64
	row     row
}

// row is what the columns of a ticket hold.
type row []any

// toRow derives the columns from a ticket.
func toRow(t *ticket.Ticket, class string) (row, error) {
	var refSource, refKey, demand, asks any
	if t.Reference != nil {
		refSource, refKey = t.Reference.Source, t.Reference.Key
	}
	if t.Status == ticket.Waiting && t.SetAside == "" {
		demand = class
	}
	if len(t.Asks) > 0 {
		doc, err := encode(t.Asks)
		if err != nil {
			return nil, err
		}
		asks = string(doc)
	}
	return row{
		string(t.Status), t.Queue, optional(t.Agent), optional(t.Customer), refSource, refKey, t.PlanRevision,
		micros(t.WakeAt()), demand, int64(t.Priority.Rank()), dueColumn(t.Service.Due()), t.OpenedAt.UnixMicro(), t.Channel, t.Language,
		optional(t.PreferredAgent), int64(t.Round), asks, optional(string(t.Service.Standing())),
	}, nil
}

// cell that counts the ticket.
func (r row) cell() cell {
	class, _ := r[8].(string)
	standing, _ := r[17].(string)
	return cell{queue: r[1].(string), status: ticket.Status(r[0].(string)), class: class, standing: ticket.ClockState(standing)}
}

// Ticket remembers what is stored of the ticket, so that an update of it need not ask again.
func (t *tx) Ticket(id int64) (*ticket.Ticket, error) {
	var doc []byte
	var class sql.NullString
	if err := t.conn.row("SELECT doc, class FROM tickets WHERE id = ?", []any{id}, &doc, &class); err != nil {
		return nil, err
	}
	var k ticket.Ticket
	if err := json.Unmarshal(doc, &k); err != nil {
		return nil, t.conn.fail(err)
	}
	stored, err := toRow(&k, class.String)
	if err != nil {
		return nil, err
	}
	t.remember(&k, stored)
	return &k, nil
}

func (t *tx) remember(k *ticket.Ticket, r row) {
	if t.tickets == nil {
		t.tickets = map[int64]storedTicket{}
	}
	t.tickets[k.ID] = storedTicket{version: k.Version, row: r}
}

// stored is what the store has of the ticket.
func (t *tx) stored(id int64) (storedTicket, error) {
	if _, known := t.tickets[id]; !known {
		if _, err := t.Ticket(id); err != nil {
			return storedTicket{}, err
		}
	}
	return t.tickets[id], nil
}

func (t *tx) InsertTicket(k *ticket.Ticket, class string) error {
	k.ID = t.numbers.ticket + 1
	now, err := toRow(k, class)
	if err != nil {
		return err
	}
	doc, err := encode(k)
	if err != nil {
		return err
	}
	n, err := t.conn.exec(insertTicket, append([]any{k.ID, k.Version, doc}, now...)...)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("ticket with reference %s %s: %w", k.Reference.Source, k.Reference.Key, store.ErrDuplicate)
	}
	t.numbers.ticket = k.ID
	t.counts.change(now.cell(), 1)
	t.remember(k, now)
	return nil
}

func (t *tx) UpdateTicket(k *ticket.Ticket, class string) error {
	was, err := t.stored(k.ID)
	if err != nil {
		return err
	}
	if was.version != k.Version-1 {
		return fmt.Errorf("ticket %d is at version %d: %w", k.ID, was.version, store.ErrConflict)
	}
	now, err := toRow(k, class)
	if err != nil {
		return err
	}
	doc, err := encode(k)
	if err != nil {
		return err
	}
	// Only what changed is set: SQLite rewrites every index of a column that is named.
	set := new(strings.Builder)
	set.WriteString("UPDATE OR IGNORE tickets SET version = ?, doc = ?")
	args := []any{k.Version, doc}
	for i, column := range columns {
		if now[i] != was.row[i] {
			set.WriteString(", " + column + " = ?")
			args = append(args, now[i])
		}
	}
	set.WriteString(" WHERE id = ?")
	n, err := t.conn.exec(set.String(), append(args, k.ID)...)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("ticket with reference %s %s: %w", k.Reference.Source, k.Reference.Key, store.ErrDuplicate)
	}
	t.counts.change(was.row.cell(), -1)
	t.counts.change(now.cell(), 1)
	t.remember(k, now)
	return nil
}
