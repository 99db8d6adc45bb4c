package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

// errLocked: another process holds the lock file.
var errLocked = errors.New("locked")

// errEnded is what a Tx or Reader answers that outlived its function.
var errEnded = errors.New("the transaction has ended")

// ended is the connection of a transaction that has ended.
var ended = &conn{failed: errEnded}

// errUnwound: an update's function panicked or left its goroutine.
var errUnwound = errors.New("the function did not return")

// update is a call of Update on its way through the writer.
type update struct {
	fn func(store.Tx) error
	// claimed by the writer, which will run it, or by a caller who gave up before that.
	claimed atomic.Bool
	// turn hands the transaction to the caller's goroutine, and ran hands it back with the function's error.
	turn chan *tx
	ran  chan error
	// outcome is what the caller gets if the commit succeeds; done is what the caller gets.
	outcome error
	done    chan error
}

func newUpdate(fn func(store.Tx) error) *update {
	return &update{fn: fn, turn: make(chan *tx), ran: make(chan error), done: make(chan error, 1)}
}

// wait runs the function when it is its turn, in the caller's goroutine so that a panic is the caller's own, and waits for
// the commit. An update that has started is seen through whatever becomes of ctx.
func (u *update) wait(ctx context.Context) error {
	cancelled := ctx.Done()
	for {
		select {
		case t := <-u.turn:
			u.run(t)
		case err := <-u.done:
			return err
		case <-cancelled:
			if u.claimed.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			cancelled = nil
		}
	}
}

func (u *update) run(t *tx) {
	err := errUnwound
	defer func() { u.ran <- err }()
	err = u.fn(t)
}

// writer gives updates their turn, one after the other, and commits as many together as are waiting: each in a savepoint
// of one transaction, which ends when none is waiting or the batch is full. So a lone update commits at once, and under
// load the disk is synced once for many.
type writer struct {
	db        *sql.DB
	queue     chan *update
	maxBatch  int
	stopped   chan error
	committed notifier

	// conn is nil after a failed batch, until it is opened anew.
	conn *conn
	// numbers and counts as the open transaction has them.
	numbers numbers
	counts  counts
}

// numbers given last.
type numbers struct{ record, ticket, offer, message int64 }

func startWriter(path string, maxBatch int) (*writer, error) {
	db, err := openDB(path, fmt.Sprintf("cache_size(-%d)", writerCacheKiB))
	if err != nil {
		return nil, err
	}
	w := &writer{
		db: db, maxBatch: maxBatch,
		queue:   make(chan *update, maxBatch),
		stopped: make(chan error, 1),
	}
	if err := w.connect(); err != nil {
		_ = db.Close()
		return nil, err
	}
	w.committed.set(w.numbers.record)
	go w.serve()
	return w, nil
}

// connect opens the writing connection and reads from the database what numbers were given: after a failed commit that
// is the only place that knows.
func (w *writer) connect() error {
	c, err := connect(context.Background(), w.db)
	if err != nil {
		return err
	}
	var n numbers
	err = c.row(`SELECT (SELECT coalesce(max(seq), 0) FROM records), (SELECT coalesce(max(id), 0) FROM tickets),
		coalesce((SELECT value FROM counters WHERE name = 'offer'), 0),
		coalesce((SELECT value FROM counters WHERE name = 'message'), 0)`, nil, &n.record, &n.ticket, &n.offer, &n.message)
	if err != nil {
		_ = c.Close()
		return err
	}
	w.conn, w.numbers, w.counts = c, n, counts{}
	return nil
}

// stop runs what is queued, then closes the connection. Nothing may be queued any more.
func (w *writer) stop() error {
	close(w.queue)
	return <-w.stopped
}

func (w *writer) serve() {
	for u := range w.queue {
		w.batch(u)
	}
	var errs []error
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	w.stopped <- errors.Join(append(errs, w.db.Close())...)
}

// batch runs an update and those that wait behind it, and commits them. All of them hear of the outcome only then, for
// even an error may tell of what another of them did. If something breaks the batch, those that wait get another.
func (w *writer) batch(u *update) {
	var ran []*update
	changed := false
	err := w.begin()
	before := w.numbers
	for ; u != nil; u = w.next(len(ran)) {
		if !u.claimed.CompareAndSwap(false, true) {
			continue
		}
		ran = append(ran, u)
		if err == nil {
			err = w.run(u)
		}
		if err != nil {
			break
		}
		changed = changed || u.outcome == nil
	}
	if err == nil {
		err = w.commit(before)
	}
	if err != nil {
		w.abandon()
	} else if changed {
		w.committed.set(w.numbers.record)
	}
	for _, u := range ran {
		if err != nil {
			u.outcome = err
		}
		u.done <- u.outcome
	}
}

// next returns an update that is waiting, nil if there is none or the batch is full.
func (w *writer) next(size int) *update {
	if size >= w.maxBatch {
		return nil
	}
	select {
	case u := <-w.queue:
		return u // nil if the queue is closed and empty
	default:
		return nil
	}
}

// begin opens a transaction, on a new connection if the last batch failed.
func (w *writer) begin() error {
	if w.conn == nil {
		if err := w.connect(); err != nil {
			return fmt.Errorf("reopen the database: %w", err)
		}
	}
	_, err := w.conn.exec("BEGIN IMMEDIATE")
	return err
}

// run gives the update its turn in a savepoint, which is undone if its function fails. The error it returns breaks the
// whole batch: on some, such as a full disk, SQLite undoes the transaction with all its savepoints.
func (w *writer) run(u *update) error {
	if _, err := w.conn.exec("SAVEPOINT u"); err != nil {
		return err
	}
	t := &tx{reader: reader{conn: w.conn}, writer: w, numbers: w.numbers, counts: counts{}}
	u.turn <- t
	u.outcome = <-u.ran
	t.conn = ended
	if failed := w.conn.failed; failed != nil { // also if the function took no notice of it
		u.outcome, w.conn.failed = failed, nil
	}
	if u.outcome != nil {
		if _, err := w.conn.exec("ROLLBACK TO u"); err != nil {
			return u.outcome
		}
	}
	if _, err := w.conn.exec("RELEASE u"); err != nil {
		return err
	}
	if u.outcome == nil {
		w.numbers = t.numbers
		w.counts.add(t.counts)
	}
	return nil
}

func (w *writer) commit(before numbers) error {
	if err := w.counts.store(w.conn); err != nil {
		return err
	}
	clear(w.counts)
	if err := w.keep("offer", before.offer, w.numbers.offer); err != nil {
		return err
	}
	if err := w.keep("message", before.message, w.numbers.message); err != nil {
		return err
	}
	_, err := w.conn.exec("COMMIT")
	return err
}

// keep stores a counter whose numbers must not be given again although their rows may go.
func (w *writer) keep(name string, before, now int64) error {
	if before == now {
		return nil
	}
	_, err := w.conn.exec(`INSERT INTO counters (name, value) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET value = excluded.value`, name, now)
	return err
}

// abandon gives up the transaction, and with it the connection: a new one knows for sure what is in the file.
func (w *writer) abandon() {
	if w.conn != nil {
		w.conn.failed = nil
		_, _ = w.conn.exec("ROLLBACK") // fails if SQLite has done so already
		_ = w.conn.Close()
		w.conn = nil
	}
}

// notifier tells who waits that the log has grown.
type notifier struct {
	mu       sync.Mutex
	next     chan struct{}
	position int64
}

func (n *notifier) get() (<-chan struct{}, int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.next, n.position
}

func (n *notifier) set(position int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil {
		close(n.next)
	}
	n.next, n.position = make(chan struct{}), position
}
