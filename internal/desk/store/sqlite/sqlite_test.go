package sqlite

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/desk/store/storetest"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, folder string) store.Store {
		s, err := Open(context.Background(), filepath.Join(folder, storetest.File), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// A kill of the process proves nothing about a loss of power. What does is that the commit waits for the disk.
func TestCommitsWaitForTheDisk(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Update(t.Context(), func(x store.Tx) error {
		var journal string
		var synchronous int
		if err := x.(*tx).conn.row("PRAGMA journal_mode", nil, &journal); err != nil {
			return err
		}
		if err := x.(*tx).conn.row("PRAGMA synchronous", nil, &synchronous); err != nil {
			return err
		}
		if journal != "wal" || synchronous != 2 { // FULL
			t.Errorf("journal_mode is %s, synchronous %d", journal, synchronous)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "desk.db")
	refused := func(why string) {
		t.Helper()
		s, err := Open(t.Context(), path, Options{})
		if err == nil {
			_ = s.Close()
			t.Fatalf("opened although %s", why)
		}
		if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), why) {
			t.Errorf("got %q, want it to name %s and say %q", err, path, why)
		}
	}
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	refused("in use by another desk")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v; want it private", info.Mode(), err)
	}

	exec := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, 1)")
	refused("written by a newer caseload")
	exec("DELETE FROM goose_db_version WHERE version_id = 1000")
	if s, err := Open(t.Context(), path, Options{}); err != nil {
		t.Errorf("not opened although all is well again: %v", err)
	} else if err := s.Close(); err != nil {
		t.Error(err)
	}

	path = filepath.Join(t.TempDir(), "other.db")
	exec("CREATE TABLE bookmarks (url TEXT)")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused("not a caseload store")
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("somebody else's file was changed (%v)", err)
	}
	path = filepath.Join(t.TempDir(), "readme.txt")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("not a caseload store")
}

// Every query of a size that grows finds its rows by an index, in order, so that none slows down with what is stored.
func TestQueriesUseIndexes(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"), Options{Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	statuses := []ticket.Status{ticket.Waiting, ticket.Open}
	if err := s.View(t.Context(), func(r store.Reader) error {
		for _, f := range []store.TicketFilter{{}, {Statuses: statuses}, {Agent: "a"}, {Customer: "c"}, {Queue: "q"},
			{Newest: true}, {Customer: "c", Newest: true}, {Standing: ticket.ClockBreached, Queue: "q"},
			{PlanBefore: 1}, {Agent: "a", Customer: "c", Queue: "q", PlanBefore: 3, Statuses: statuses}} {
			_, _ = r.Tickets(f)
		}
		_, _ = r.Position()
		_, _ = r.Ticket(1)
		_, _ = r.TicketByReference(ticket.Reference{})
		_, _ = r.Due(time.Now(), 1)
		_, _ = r.NextWake()
		_, _ = r.NextDue("q", time.Now())
		_, _ = r.Demands("c", &dispatch.Demand{}, 1)
		_, _ = r.Classes("q")
		_, _ = counts{{queue: "q", status: ticket.Waiting}: 1}.queues(r.(*reader).conn)
		_, _ = r.Customer("c")
		_, _ = r.Agent("a")
		_, _ = r.Records(0, 1, 0)
		_, _ = r.Records(0, 1, 1)
		_, _ = r.LastRecords(1, 1)
		_, _ = r.Plan(0)
		_, _ = r.Plan(1)
		_, _ = r.Entry("e")
		_, _ = r.OnCallShifts("r", time.Now(), time.Now())
		_, _ = r.Idempotent("c", "k")
		_, _ = r.Meta("m")
		_, _ = r.Outbox(time.Now(), 1)
		_, _ = r.OutboxTo("chat", "@jo", time.Now(), 1)
		_, _ = r.Message(1)
		_, _ = r.NextOutbox()
		return r.(*reader).conn.failed
	}); err != nil {
		t.Fatal(err)
	}
	c := <-s.readers
	defer func() { s.readers <- c }()
	if len(c.stmts) < 25 {
		t.Fatalf("only %d statements prepared", len(c.stmts))
	}
	for query := range c.stmts {
		if !strings.HasPrefix(query, "SELECT") {
			continue
		}
		rows, err := c.sql.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN") && !harmless(step) {
				t.Errorf("%s\nof %s", step, query)
			}
			if strings.Contains(query, "ORDER BY id LIMIT 1") && !strings.Contains(step, "tickets_queue (queue=? AND status=?)") {
				t.Errorf("the oldest ticket is not looked up in its queue and status but by %s", step)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// A statement that the database could not carry out fails its update even if the function takes no notice.
func TestOverlookedDatabaseError(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Update(t.Context(), func(x store.Tx) error {
		if _, err := x.(*tx).conn.exec("PRAGMA max_page_count = 1"); err != nil { // no larger than it is now
			return err
		}
		for range 1000 {
			_ = openTicket(x)
		}
		return nil
	}); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("got error %v, want it to say that the database is full", err)
	}
	if err := s.View(t.Context(), func(r store.Reader) error {
		if position, err := r.Position(); position != 0 || err != nil {
			t.Errorf("the log has %d records, %v; want none", position, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// harmless scans read a page that is already chosen, the end of a table, or no table.
func harmless(step string) bool {
	return slices.Contains([]string{"SCAN CONSTANT ROW", "SCAN page", "SCAN plans"}, step)
}
