package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// BenchmarkUpdate measures opening tickets as the desk does: a ticket with its reference, its record and the stored
// answer, each an Update of its own from many goroutines. Beside it stands what SQLite alone makes
// of rows of the same bytes, one transaction a row and 64 rows a transaction, as "x-of-…": the share of that floor.
func BenchmarkUpdate(b *testing.B) {
	single, batched := floor(b, 1), floor(b, 64)
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := open(b)
			b.SetParallelism(max(1, callers/2))
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := s.Update(context.Background(), openTicket); err != nil {
						b.Error(err)
					}
				}
			})
			rate := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "tickets/s")
			b.ReportMetric(rate/single, "x-of-single-row-tx")
			b.ReportMetric(rate/batched, "x-of-64-row-tx")
		})
	}
	b.Run("floor", func(b *testing.B) {
		for b.Loop() {
			_ = single
		}
		b.ReportMetric(single, "single-row-tx/s")
		b.ReportMetric(batched, "64-row-tx-rows/s")
	})
}

func open(b *testing.B) *Store {
	s, err := Open(context.Background(), filepath.Join(b.TempDir(), "desk.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

func sample(now time.Time) *ticket.Ticket {
	return &ticket.Ticket{
		Content: ticket.Content{
			Subject: "The invoice of October has the wrong address", Channel: "Email", Category: "billing", Language: "de",
			Body:     "Good morning, the invoice you sent on Monday still has our old address, although we told you in August.",
			Customer: "c-4711", Priority: ticket.Normal, Tags: []string{"invoice"},
		},
		Status: ticket.Waiting, Queue: "billing", HomeQueue: "billing", Version: 1, OpenedAt: now, EnteredQueueAt: now,
		UpdatedAt: now, PlanRevision: 1, Rule: "support/billing",
	}
}

// keys makes references and idempotency keys unique.
var keys atomic.Int64

func openTicket(tx store.Tx) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	t := sample(now)
	t.Reference = &ticket.Reference{Source: "mail", Key: strconv.FormatInt(keys.Add(1), 10)}
	if err := tx.InsertTicket(t, "billing/Email"); err != nil {
		return err
	}
	to := &eventlog.State{Status: t.Status, Queue: t.Queue, Priority: t.Priority}
	if err := tx.Append(&eventlog.Record{At: now, Type: eventlog.Opened, Actor: "user/kim", Ticket: t.ID, Version: 1,
		To: to, PlanRevision: 1}); err != nil {
		return err
	}
	return tx.PutIdempotent("user/kim", t.Reference.Key, store.Answer{Request: make([]byte, 32), Status: 201,
		Body: fmt.Appendf(nil, `{"id":%d}`, t.ID), At: now})
}

// floor is how many rows a second a bare SQLite table takes, per rows in a transaction.
func floor(b *testing.B, batch int) float64 {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "floor.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	doc, err := json.Marshal(sample(time.Now()))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, doc BLOB)"); err != nil {
		b.Fatal(err)
	}
	rows, start := 0, time.Now()
	for time.Since(start) < time.Second {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		insert, err := tx.Prepare("INSERT INTO rows (doc) VALUES (?)")
		if err != nil {
			b.Fatal(err)
		}
		for range batch {
			if _, err := insert.Exec(doc); err != nil {
				b.Fatal(err)
			}
			rows++
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(rows) / time.Since(start).Seconds()
}
