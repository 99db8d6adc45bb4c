package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Restore puts a backup in the place of the store at path, whose desk must not run. A store that is there is kept beside
// it under the name returned if replace is true; else it is an error that is fs.ErrExist. The backup is checked whole
// before anything is touched, and a crash leaves either store.
func Restore(ctx context.Context, backup, path string, replace bool) (kept string, err error) {
	if err := check(ctx, backup); err != nil {
		return "", fmt.Errorf("backup %s: %w", backup, err)
	}
	lock, err := lockFile(path + ".lock")
	if errors.Is(err, errLocked) {
		return "", fmt.Errorf("store %s is in use by a desk: stop it first", path)
	} else if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if _, err := os.Lstat(path); err == nil && !replace {
		return "", fmt.Errorf("store %s: %w", path, fs.ErrExist)
	} else if err == nil {
		kept = path + ".before-" + time.Now().UTC().Format("20060102T150405Z")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	partial := path + ".partial"
	defer func() { _ = os.Remove(partial) }()
	if err := copyPrivate(backup, partial); err != nil {
		return "", err
	}
	if kept != "" {
		if err := keepBeside(ctx, path, kept); err != nil {
			return "", err
		}
	}
	if err := os.Rename(partial, path); err != nil {
		return "", err
	}
	return kept, syncFolder(filepath.Dir(path))
}

// check reads the whole file and fails unless it is an intact store.
func check(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err != nil {
		return err
	} else if info.Size() == 0 {
		return errors.New("the file is empty")
	}
	if err := checkOurs(ctx, path); err != nil {
		return err
	}
	db, err := openFile(path, url.Values{"mode": {"ro"}})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var id int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		return errors.New("not a caseload store")
	}
	var result string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("damaged: %s", result)
	}
	return nil
}

func copyPrivate(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}

// keepBeside gives the store a second name and takes its write-ahead log away, so that the file that comes in its place
// has none. The log is emptied into the store first, where the store is intact.
func keepBeside(ctx context.Context, path, kept string) error {
	if db, err := openDB(path); err == nil {
		_, _ = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
		_ = db.Close()
	}
	if err := os.Link(path, kept); err != nil {
		return fmt.Errorf("keep the store that is there: %w", err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Rename(path+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
