// Package sqlite keeps a desk's state in one SQLite file.
//
// The file has one writing connection, whose transactions carry many updates each (see writer), and a few reading ones.
// It is in WAL mode with synchronous FULL: what Update acknowledged is on disk. A lock beside the file keeps a second
// desk out.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"

	"github.com/pressly/goose/v3"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks our files; the first migration sets it.
const applicationID = 1129532484

// Options of a store. The zero value has the defaults.
type Options struct {
	// Readers bounds the views that run at once; 4 by default. Further ones wait.
	Readers int
	// MaxBatch bounds the updates that share one commit; 128 by default.
	MaxBatch int
}

// Store is a store.Store in one file.
type Store struct {
	path    string
	lock    *os.File
	readDB  *sql.DB
	readers chan *conn
	writer  *writer

	closing   sync.RWMutex
	closed    bool
	closeOnce func() error
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the file at path, which it creates if there is none, and brings its schema up to date. It fails
// if another process has the file open, if the file is something else, and if a newer version wrote it.
func Open(ctx context.Context, path string, opts Options) (_ *Store, err error) {
	if opts.Readers <= 0 {
		opts.Readers = 4
	}
	if opts.MaxBatch <= 0 {
		opts.MaxBatch = 128
	}
	lock, err := lockFile(path + ".lock")
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("store %s is in use by another desk: stop that one first, or name another file", path)
	} else if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	s := &Store{path: path, lock: lock, readers: make(chan *conn, opts.Readers)}
	s.closeOnce = sync.OnceValue(s.close)
	defer func() {
		if err != nil {
			_ = s.Close()
			err = fmt.Errorf("store %s: %w", path, err)
		}
	}()
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	if err := checkOurs(ctx, path); err != nil {
		return nil, err
	}
	if err := migrate(ctx, path); err != nil {
		return nil, err
	}
	if s.writer, err = startWriter(path, opts.MaxBatch); err != nil {
		return nil, err
	}
	if s.readDB, err = openDB(path, "query_only(1)", fmt.Sprintf("cache_size(-%d)", readerCacheKiB)); err != nil {
		return nil, err
	}
	for range opts.Readers {
		c, err := connect(ctx, s.readDB)
		if err != nil {
			return nil, err
		}
		s.readers <- c
	}
	return s, nil
}

// createPrivate creates the file if there is none, readable by its owner alone: it holds what customers write. SQLite
// gives the files beside it the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return f.Close()
}

// checkOurs refuses a file that has tables and is not ours, before anything is written to it.
func checkOurs(ctx context.Context, path string) error {
	db, err := openFile(path, url.Values{"mode": {"ro"}})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var id, tables int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("not a caseload store: %w", err)
	}
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema
		WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`).Scan(&tables)
	if err != nil {
		return err
	}
	if id != applicationID && tables > 0 {
		return errors.New("a SQLite file, but not a caseload store: name another file")
	}
	return nil
}

func migrate(ctx context.Context, path string) error {
	db, err := openDB(path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return err
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > known {
		return fmt.Errorf("written by a newer caseload (schema %d, this one knows %d): run that version, or restore a backup",
			current, known)
	}
	_, err = provider.Up(ctx)
	return err
}

// Update is store.Store's. A commit that fails fails every update that shared it; whether such an update is there after a
// crash is then unknown, which is what idempotency keys are for. A panic of fn undoes its changes and stays the caller's.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	u := newUpdate(fn)
	if err := s.enqueue(ctx, u); err != nil {
		return err
	}
	return u.wait(ctx)
}

func (s *Store) enqueue(ctx context.Context, u *update) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.writer.queue <- u:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// View is store.Store's.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.readers <- c }()
	c.failed = nil
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	r := &reader{conn: c}
	defer func() {
		r.conn = ended
		c.failed = nil
		_, _ = c.exec("ROLLBACK")
	}()
	return fn(r)
}

// Committed is store.Store's.
func (s *Store) Committed() (<-chan struct{}, int64) { return s.writer.committed.get() }

// Close waits for the updates that were accepted and for running views, then closes the file.
func (s *Store) Close() error { return s.closeOnce() }

func (s *Store) close() error {
	s.closing.Lock() // no view runs, no update is being queued
	s.closed = true
	s.closing.Unlock()

	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.stop())
	}
	if s.readDB != nil {
		for len(s.readers) > 0 {
			errs = append(errs, (<-s.readers).Close())
		}
		errs = append(errs, s.readDB.Close())
	}
	errs = append(errs, s.lock.Close())
	return errors.Join(errs...)
}
