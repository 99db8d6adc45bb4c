package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// patience bounds what should be a matter of milliseconds.
const patience = 30 * time.Second

// everything changes something of every kind.
func everything(tx store.Tx) error {
	k := newTicket("undone")
	k.Reference = &ticket.Reference{Source: "undone", Key: "1"}
	_, err := tx.NextOffer()
	return errors.Join(err, insert(tx, k), tx.PutCustomer(&ticket.Customer{ID: "undone"}),
		tx.PutAgent(&dispatch.AgentState{Name: "undone", Version: 1}), tx.InsertMessage(&store.Message{NextAt: noon}),
		tx.PutIdempotent("undone", "1", store.Answer{At: noon}), tx.PutMeta("undone", []byte{1}))
}

// wantNoTrace checks that nothing of everything is there, and that the next numbers are the first.
func wantNoTrace(t *testing.T, s store.Store) {
	t.Helper()
	if tickets := verify(t, s); len(tickets) > 0 {
		t.Errorf("tickets %+v are there", tickets)
	}
	update(t, s, func(tx store.Tx) error {
		_, err := tx.Customer("undone")
		wantError(t, "customer", err, store.ErrNotFound)
		_, err = tx.Idempotent("undone", "1")
		wantError(t, "answer", err, store.ErrNotFound)
		agents, err := tx.Agents()
		wantEqual(t, "agents", agents, []dispatch.AgentState(nil))
		meta, metaErr := tx.Meta("undone")
		wantEqual(t, "meta", meta, []byte(nil))
		k, m := newTicket("first"), &store.Message{NextAt: noon}
		k.Reference = &ticket.Reference{Source: "undone", Key: "1"}
		offer, offerErr := tx.NextOffer()
		err = errors.Join(err, metaErr, offerErr, insert(tx, k), tx.InsertMessage(m))
		wantEqual(t, "first ticket, message and offer", []int64{k.ID, m.ID, offer}, []int64{1, 1, 1})
		return err
	})
	if n := len(verify(t, s)); n != 1 {
		t.Errorf("%d tickets after the first, want 1", n)
	}
}

func testFailure(t *testing.T, open Open) {
	s := start(t, open)
	failure := errors.New("failure")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		if err := everything(tx); err != nil {
			return err
		}
		return fmt.Errorf("wrapped: %w", failure)
	})
	wantError(t, "update", err, failure)
	wantNoTrace(t, s)
}

func testPanic(t *testing.T, open Open) {
	s := start(t, open)
	func() {
		defer func() {
			if value := recover(); value != "a bug" {
				t.Errorf("recovered %v, want the panic's own value", value)
			}
		}()
		_ = s.Update(t.Context(), func(tx store.Tx) error {
			if err := everything(tx); err != nil {
				return err
			}
			panic("a bug")
		})
	}()
	wantNoTrace(t, s)
}

func testOverlooked(t *testing.T, open Open) {
	s := start(t, open)
	update(t, s, func(tx store.Tx) error {
		for range 3 {
			k := newTicket("same")
			k.Reference = &ticket.Reference{Source: "mail", Key: "1"}
			_ = insert(tx, k)
		}
		return insert(tx, newTicket("another"))
	})
	if n := len(verify(t, s)); n != 2 {
		t.Errorf("%d tickets, want 2", n)
	}
}

func testEnded(t *testing.T, open Open) {
	s := start(t, open)
	var tx store.Tx
	var r store.Reader
	update(t, s, func(it store.Tx) error { tx = it; return nil })
	view(t, s, func(it store.Reader) error { r = it; return nil })
	if err := insert(tx, newTicket("late")); err == nil {
		t.Error("a transaction that has ended took a ticket")
	}
	if _, err := r.Position(); err == nil {
		t.Error("a view that has ended answered")
	}
	if tickets := verify(t, s); len(tickets) > 0 {
		t.Errorf("tickets %+v are there", tickets)
	}
}

func testIsolation(t *testing.T, open Open) {
	s := start(t, open)
	count := func(r store.Reader) int {
		tickets, err := r.Tickets(store.TicketFilter{})
		if err != nil {
			t.Fatal(err)
		}
		counts, err := r.QueueCounts()
		if err != nil {
			t.Fatal(err)
		}
		position, err := r.Position()
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "counts beside tickets", counts, recount(tickets))
		wantEqual(t, "position beside tickets", position, int64(len(tickets)))
		return len(tickets)
	}
	update(t, s, func(tx store.Tx) error {
		if err := insert(tx, newTicket("first")); err != nil {
			return err
		}
		wantEqual(t, "tickets the transaction sees", count(tx), 1)
		return s.View(t.Context(), func(r store.Reader) error {
			wantEqual(t, "tickets a view sees before the commit", count(r), 0)
			return nil
		})
	})
	view(t, s, func(r store.Reader) error {
		wantEqual(t, "tickets before", count(r), 1)
		update(t, s, func(tx store.Tx) error { return insert(tx, newTicket("second")) })
		wantEqual(t, "tickets in the same view after another commit", count(r), 1)
		return s.View(t.Context(), func(r store.Reader) error {
			wantEqual(t, "tickets in a later view", count(r), 2)
			return nil
		})
	})
}

func testCommitted(t *testing.T, open Open) {
	s := start(t, open)
	next, position := s.Committed()
	wantEqual(t, "position of an empty store", position, int64(0))
	update(t, s, func(tx store.Tx) error {
		select {
		case <-next:
			t.Error("told of a commit before it")
		default:
		}
		return insert(tx, newTicket("first"))
	})
	select {
	case <-next: // already when Update returns
	default:
		t.Error("not told of the commit")
	}
	next, position = s.Committed()
	wantEqual(t, "position", position, int64(1))
	_ = s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(insert(tx, newTicket("second")), errors.New("failure"))
	})
	select {
	case <-next:
		t.Error("told of a commit that changed nothing")
	default:
	}
	_, position = s.Committed()
	wantEqual(t, "position after a failure", position, int64(1))
}

func testCancelled(t *testing.T, open Open) {
	s := start(t, open)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Update(cancelled, func(store.Tx) error { t.Error("ran although cancelled before"); return nil })
	wantError(t, "cancelled before", err, context.Canceled)
	err = s.View(cancelled, func(store.Reader) error { t.Error("viewed although cancelled before"); return nil })
	wantError(t, "view cancelled before", err, context.Canceled)

	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Update(ctx, func(tx store.Tx) error {
		cancel()
		return insert(tx, newTicket("first"))
	}); err != nil {
		t.Errorf("an update cancelled while it ran: %v", err)
	}

	// One that waits behind another gives up at once.
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	update(t, s, func(store.Tx) error {
		gaveUp := make(chan error)
		go func() {
			gaveUp <- s.Update(ctx, func(store.Tx) error { t.Error("ran although given up"); return nil })
		}()
		select {
		case err := <-gaveUp:
			wantError(t, "given up", err, context.DeadlineExceeded)
		case <-time.After(patience):
			t.Error("still waits for its turn after its deadline")
		}
		return nil
	})
	if n := len(verify(t, s)); n != 1 {
		t.Errorf("%d tickets, want 1", n)
	}
}

func testClose(t *testing.T, open Open) {
	folder := t.TempDir()
	s := open(t, folder)
	var acknowledged atomic.Int64
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				err := s.Update(context.Background(), func(tx store.Tx) error { return insert(tx, newTicket("x")) })
				if err != nil {
					wantError(t, "update of a closed store", err, store.ErrClosed)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	for next, position := s.Committed(); position < 20; next, position = s.Committed() {
		<-next
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	callers.Wait()
	wantError(t, "view of a closed store", s.View(t.Context(), func(store.Reader) error { return nil }), store.ErrClosed)
	wantError(t, "backup of a closed store", s.Backup(t.Context(), folder+"/backup"), store.ErrClosed)
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	s, _ = startIn(t, open, folder)
	wantEqual(t, "tickets", len(verify(t, s)), int(acknowledged.Load()))
}

func testConcurrent(t *testing.T, open Open) {
	s := start(t, open)
	const callers, each = 16, 40
	var acknowledged sync.Map
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := range each {
				k := newTicket(fmt.Sprintf("%d/%d", caller, i))
				ok := unlessPanic(func() error {
					return s.Update(context.Background(), func(tx store.Tx) error {
						if err := insert(tx, k); err != nil {
							return err
						}
						if i%10 == 0 { // also what others did that share the commit is counted
							tickets, err := tx.Tickets(store.TicketFilter{})
							if err != nil {
								return err
							}
							counts, err := tx.QueueCounts()
							if err := differ("counts", counts, recount(tickets), err); err != nil {
								return err
							}
						}
						switch i % 4 {
						case 1:
							return errors.New("failure")
						case 3:
							panic("a bug")
						}
						return nil
					})
				})
				if ok != (i%4 == 0 || i%4 == 2) {
					t.Errorf("update %s: %t", k.Subject, ok)
				}
				if !ok {
					continue
				}
				acknowledged.Store(k.ID, k.Subject)
				if err := s.View(context.Background(), func(r store.Reader) error {
					_, err := r.Ticket(k.ID)
					return err
				}); err != nil {
					t.Errorf("acknowledged ticket %d is not seen: %v", k.ID, err)
				}
			}
		})
	}
	all.Wait()
	tickets := verify(t, s)
	wantEqual(t, "tickets", len(tickets), callers*each/2)
	for _, k := range tickets {
		if subject, _ := acknowledged.Load(k.ID); subject != k.Subject {
			t.Errorf("ticket %d is %q, acknowledged as %v", k.ID, k.Subject, subject)
		}
	}
}

// unlessPanic says whether fn returned nil.
func unlessPanic(fn func() error) (ok bool) {
	defer func() { _ = recover() }()
	return fn() == nil
}
