package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

const (
	// walPages is how far the write-ahead log grows before it is moved into the database: 16 MiB.
	walPages = 4096
	// writerCacheKiB and readerCacheKiB bound the page cache of a connection.
	writerCacheKiB = 64 << 10
	readerCacheKiB = 16 << 10
)

// openDB returns a handle whose connections all have the pragmas of this package. It connects to nothing yet.
func openDB(path string, pragmas ...string) (*sql.DB, error) {
	return openFile(path, url.Values{
		"_dqs": {"0"},
		"_pragma": append([]string{
			"busy_timeout(10000)",
			"journal_mode(WAL)",
			"synchronous(FULL)",
			"temp_store(MEMORY)",
			fmt.Sprintf("wal_autocheckpoint(%d)", walPages),
			fmt.Sprintf("journal_size_limit(%d)", 4*walPages*4096),
		}, pragmas...),
	})
}

func openFile(path string, params url.Values) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: params.Encode()}
	return sql.Open("sqlite", dsn.String())
}

// conn is one connection with its prepared statements. It serves one goroutine at a time.
type conn struct {
	sql   *sql.Conn
	stmts map[string]*sql.Stmt
	// failed is the first error of the database itself since it was last cleared; every later statement repeats it,
	// so that a caller who overlooks it cannot go on with half a transaction.
	failed error
}

func connect(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{sql: c, stmts: map[string]*sql.Stmt{}}, nil
}

func (c *conn) Close() error {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	return c.sql.Close()
}

func (c *conn) fail(err error) error {
	if c.failed == nil {
		c.failed = fmt.Errorf("database: %w", err)
	}
	return c.failed
}

// prepare returns the cached statement. Queries are constants or built from few parts, so the cache stays small.
func (c *conn) prepare(query string) (*sql.Stmt, error) {
	if c.failed != nil {
		return nil, c.failed
	}
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.sql.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, c.fail(err)
	}
	c.stmts[query] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(query string, args ...any) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := s.Exec(args...)
	if err != nil {
		return 0, c.fail(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, c.fail(err)
	}
	return n, nil
}

// row scans the only row of a query, or returns store.ErrNotFound.
func (c *conn) row(query string, args []any, dest ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	if err := s.QueryRow(args...).Scan(dest...); errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	} else if err != nil {
		return c.fail(err)
	}
	return nil
}

// errEnough ends the rows of a query before the last.
var errEnough = errors.New("enough rows")

// rows calls scan for each row of a query, until it returns errEnough.
func (c *conn) rows(query string, args []any, scan func(*sql.Rows) error) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return c.fail(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return c.fail(err)
		}
	}
	if err := rows.Err(); err != nil {
		return c.fail(err)
	}
	return nil
}

// document decodes the document that is the only column of the only row.
func document[T any](c *conn, query string, args ...any) (*T, error) {
	var doc []byte
	if err := c.row(query, args, &doc); err != nil {
		return nil, err
	}
	value := new(T)
	if err := json.Unmarshal(doc, value); err != nil {
		return nil, c.fail(err)
	}
	return value, nil
}

// documents decodes the documents that are the only column of each row.
func documents[T any](c *conn, query string, args ...any) ([]T, error) {
	return documentsWithin[T](c, math.MaxInt, query, args...)
}

// documentsWithin decodes the first documents, those that hold at most so many bytes together, but at least one.
func documentsWithin[T any](c *conn, bytes int, query string, args ...any) ([]T, error) {
	var values []T
	err := c.rows(query, args, func(rows *sql.Rows) error {
		var doc sql.RawBytes
		if err := rows.Scan(&doc); err != nil {
			return err
		}
		if bytes -= len(doc); bytes < 0 && len(values) > 0 {
			return errEnough
		}
		var value T
		if err := json.Unmarshal(doc, &value); err != nil {
			return err
		}
		values = append(values, value)
		return nil
	})
	return values, err
}

// never sorts behind every instant.
const never = math.MaxInt64

// micros is an instant as the database has it, NULL for the zero time.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// instant reads what micros wrote.
func instant(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}

// optional is NULL for the empty string, which keeps it out of partial indexes.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}
