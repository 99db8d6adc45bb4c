package sqlite

import (
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func (r *reader) Ticket(id int64) (*ticket.Ticket, error) {
	return document[ticket.Ticket](r.conn, "SELECT doc FROM tickets WHERE id = ?", id)
}

func (r *reader) TicketByReference(ref ticket.Reference) (*ticket.Ticket, error) {
	return document[ticket.Ticket](r.conn, "SELECT doc FROM tickets WHERE ref_source = ? AND ref_key = ?", ref.Source, ref.Key)
}

// Tickets reads one range of an index for each status and merges them by id, so that a page costs what it holds, not what
// it leaves out; only a filter of several of standing, agent, customer and queue passes over rows.
func (r *reader) Tickets(filter store.TicketFilter) ([]ticket.Ticket, error) {
	var where strings.Builder
	var common []any
	for _, by := range []struct{ column, value string }{
		{"standing", string(filter.Standing)}, {"agent", filter.Agent}, {"customer", filter.Customer}, {"queue", filter.Queue},
	} {
		if by.value == "" {
			continue
		}
		if len(common) > 0 {
			where.WriteString(" AND +" + by.column + " = ?") // the + keeps the column from choosing the index
		} else {
			where.WriteString(" AND " + by.column + " = ?")
		}
		common = append(common, by.value)
	}
	if filter.PlanBefore > 0 {
		where.WriteString(" AND plan_revision < ?")
		common = append(common, filter.PlanBefore)
	}

	statuses := slices.Compact(slices.Sorted(slices.Values(filter.Statuses)))
	if len(statuses) == 0 {
		statuses = ticket.Statuses
	}
	after, order := filter.After, ""
	if filter.Newest {
		after, order = 0, " DESC"
	}
	var ranges []string
	var args []any
	for _, status := range statuses {
		ranges = append(ranges, "SELECT id FROM tickets WHERE status = ? AND id > ?"+where.String())
		args = append(append(args, string(status), after), common...)
	}
	limit := filter.Limit
	if limit == 0 {
		limit = -1
	}
	return documents[ticket.Ticket](r.conn, "SELECT doc FROM ("+strings.Join(ranges, " UNION ALL ")+
		" ORDER BY id"+order+" LIMIT ?) AS page CROSS JOIN tickets ON tickets.id = page.id ORDER BY page.id"+order,
		append(args, limit)...)
}

func (r *reader) Due(now time.Time, limit int) ([]int64, error) {
	var ids []int64
	err := r.conn.rows("SELECT id FROM tickets WHERE wake_at <= ? ORDER BY wake_at, id LIMIT ?",
		[]any{now.UnixMicro(), limit}, func(rows *sql.Rows) error {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
			return nil
		})
	return ids, err
}

func (r *reader) NextWake() (time.Time, error) {
	var at sql.NullInt64
	err := r.conn.row("SELECT min(wake_at) FROM tickets WHERE wake_at IS NOT NULL", nil, &at)
	return instant(at), err
}

func (r *reader) Demands(class string, after *dispatch.Demand, limit int) ([]dispatch.Demand, error) {
	args := []any{class, -1, 0, 0, 0, limit}
	if after != nil {
		args = []any{class, after.Priority.Rank(), dueColumn(after.Due), after.OpenedAt.UnixMicro(), after.Ticket, limit}
	}
	var demands []dispatch.Demand
	stage := dispatch.StageOf(class)
	err := r.conn.rows(`SELECT id, version, queue, channel, language, priority_rank, due, opened, preferred, round, asks
		FROM tickets WHERE class = ? AND (priority_rank, due, opened, id) > (?, ?, ?, ?)
		ORDER BY priority_rank, due, opened, id LIMIT ?`, args,
		func(rows *sql.Rows) error {
			d := dispatch.Demand{Class: class, Stage: stage}
			var rank int
			var due, opened int64
			var preferred sql.NullString
			var asks sql.RawBytes
			if err := rows.Scan(&d.Ticket, &d.Version, &d.Queue, &d.Channel, &d.Language, &rank, &due, &opened,
				&preferred, &d.Round, &asks); err != nil {
				return err
			}
			d.Priority = ticket.Priorities[rank]
			d.OpenedAt = time.UnixMicro(opened).UTC()
			if due != never {
				d.Due = time.UnixMicro(due).UTC()
			}
			d.Preferred = preferred.String
			if asks != nil {
				if err := json.Unmarshal(asks, &d.Asks); err != nil {
					return err
				}
			}
			demands = append(demands, d)
			return nil
		})
	return demands, err
}

func dueColumn(due time.Time) int64 {
	if due.IsZero() {
		return never
	}
	return due.UnixMicro()
}

func (r *reader) Classes(queue string) (map[string]int, error) {
	all := counts{}
	if err := all.load(r.conn, queue); err != nil {
		return nil, err
	}
	return all.classes(queue), nil
}

func (r *reader) QueueCounts() ([]store.QueueCount, error) {
	all := counts{}
	if err := all.load(r.conn, ""); err != nil {
		return nil, err
	}
	return all.queues(r.conn)
}

// NextDue states the condition of the partial index tickets_due, so that it serves.
func (r *reader) NextDue(queue string, after time.Time) (time.Time, error) {
	var due sql.NullInt64
	err := r.conn.row("SELECT min(due) FROM tickets WHERE queue = ? AND due > ? AND due < 9223372036854775807",
		[]any{queue, after.UnixMicro()}, &due)
	return instant(due), err
}
