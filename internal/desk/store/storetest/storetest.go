// Package storetest is the conformance suite of store.Store: what the desk relies on, for every backend alike.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// File is where in its folder a backend keeps the store, and where the suite puts a backup to have it opened.
const File = "desk.db"

// Open opens the store in the folder, empty at first, and does not close it.
type Open func(t *testing.T, folder string) store.Store

// Run runs the suite against a backend. It starts the test binary again to kill it, so the test that calls Run must do so
// first of all, whatever its environment.
func Run(t *testing.T, open Open) {
	if folder := os.Getenv(victimEnv); folder != "" {
		loadUntilKilled(open(t, folder))
		return
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"Everything stored is there after reopening", testReopen},
		{"Versions guard tickets and agents", testVersions},
		{"A reference opens one ticket", testReferences},
		{"Answers are kept per caller and key", testAnswers},
		{"Demands come in dispatch order", testDemands},
		{"Timers come the earliest first", testTimers},
		{"Tickets are listed by filter in pages", testTickets},
		{"Records are read in pages of bounded size", testRecords},
		{"The outbox gives what is due", testOutbox},
		{"An update that fails leaves no trace", testFailure},
		{"A panic undoes its update and stays the caller's", testPanic},
		{"An overlooked refusal does not spoil the update", testOverlooked},
		{"A transaction ends with its function", testEnded},
		{"A view neither sees what is not committed nor changes", testIsolation},
		{"Committed tells of each commit", testCommitted},
		{"A cancelled update was not started, or is seen through", testCancelled},
		{"Close waits for updates and refuses later ones", testClose},
		{"Updates from many callers keep the log dense", testConcurrent},
		{"A backup under load is whole", testBackup},
		{"What was acknowledged survives a kill", testKill},
		{"Everything agrees with a model", testModel},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// start opens a store in a new folder and closes it at the end.
func start(t *testing.T, open Open) store.Store {
	s, _ := startIn(t, open, t.TempDir())
	return s
}

func startIn(t *testing.T, open Open, folder string) (s store.Store, stop func()) {
	t.Helper()
	s = open(t, folder)
	stop = sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

func update(t testing.TB, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t testing.TB, s store.Store, fn func(store.Reader) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

func wantError(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func wantEqual(t testing.TB, what string, got, want any) {
	t.Helper()
	if err := differ(what, got, want, nil); err != nil {
		t.Error(err)
	}
}

// differ tells how what was read, unless that failed, differs from what is wanted.
func differ(what string, got, want any, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Errorf("%s: -want +got\n%s", what, diff)
	}
	return nil
}

// noon is the start of desk time here.
var noon = time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)

// at is some seconds after noon.
func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// class of demand of the suite's tickets.
const class = "billing/Email"

// newTicket waits in a queue.
func newTicket(subject string) *ticket.Ticket {
	return &ticket.Ticket{
		Content: ticket.Content{Subject: subject, Channel: "Email", Priority: ticket.Normal},
		Status:  ticket.Waiting, Queue: "billing", HomeQueue: "billing", Version: 1, OpenedAt: noon, EnteredQueueAt: noon,
		UpdatedAt: noon, PlanRevision: 1,
	}
}

// insert stores a ticket and its record.
func insert(tx store.Tx, k *ticket.Ticket) error {
	if err := tx.InsertTicket(k, class); err != nil {
		return err
	}
	return tx.Append(opened(k))
}

func opened(k *ticket.Ticket) *eventlog.Record {
	return &eventlog.Record{At: k.OpenedAt, Type: eventlog.Opened, Actor: "user/kim", Ticket: k.ID, Version: k.Version,
		To: &eventlog.State{Status: k.Status, Queue: k.Queue, Priority: k.Priority}, PlanRevision: k.PlanRevision}
}

// verify checks what holds in any store whose tickets were all stored by insert: ids and the log are dense, each ticket
// has its record, and the counts are those of the tickets. It returns the tickets.
func verify(t testing.TB, s store.Store) []ticket.Ticket {
	t.Helper()
	var tickets []ticket.Ticket
	view(t, s, func(r store.Reader) error {
		records, err := allRecords(r, 0)
		if err != nil {
			return err
		}
		openedIDs := map[int64]bool{}
		for i, record := range records {
			if record.Seq != int64(i+1) {
				return fmt.Errorf("record %d has sequence number %d", i+1, record.Seq)
			}
			openedIDs[record.Ticket] = openedIDs[record.Ticket] || record.Type == eventlog.Opened
		}
		position, err := r.Position()
		if err != nil {
			return err
		}
		wantEqual(t, "position", position, int64(len(records)))
		if tickets, err = r.Tickets(store.TicketFilter{}); err != nil {
			return err
		}
		for i, k := range tickets {
			if k.ID != int64(i+1) || !openedIDs[k.ID] {
				return fmt.Errorf("ticket %d of the list has id %d; its record is there: %t", i+1, k.ID, openedIDs[k.ID])
			}
		}
		counts, err := r.QueueCounts()
		if err != nil {
			return err
		}
		wantEqual(t, "queue counts", counts, recount(tickets))
		return nil
	})
	return tickets
}

// allRecords reads the log, of one ticket unless zero, in pages.
func allRecords(r store.Reader, ticket int64) (all []eventlog.Record, err error) {
	for after := int64(0); ; after = all[len(all)-1].Seq {
		page, err := r.Records(after, 1000, ticket)
		if err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
	}
}

// restore opens a copy that Backup made at path.
func restore(t *testing.T, open Open, path string) store.Store {
	t.Helper()
	folder := t.TempDir()
	if err := os.Rename(path, filepath.Join(folder, File)); err != nil {
		t.Fatal(err)
	}
	s, _ := startIn(t, open, folder)
	return s
}
