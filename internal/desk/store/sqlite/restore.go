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

// Kept is the store that gave way to a restored one.
type Kept struct {
	// Path of the store; empty: there was none.
	Path string
	// Apart says why its last changes could not be written into it. They are in its write-ahead log, which is beside it under
	// the name of LogPath, and the two belong together.
	Apart error
}

// LogPath is where the write-ahead log is if it could not be emptied into the store.
func (k Kept) LogPath() string { return k.Path + walSuffix }

const walSuffix, shmSuffix = "-wal", "-shm"

// Restore puts a backup in the place of the store at path, whose desk must not run. A store that is there is kept beside
// it if replace is true; else it is an error that is fs.ErrExist. The backup is checked whole before anything is touched,
// and a crash leaves either store.
func Restore(ctx context.Context, backup, path string, replace bool) (kept Kept, err error) {
	if err := check(ctx, backup); err != nil {
		return kept, fmt.Errorf("backup %s: %w", backup, err)
	}
	lock, err := lockFile(path + ".lock")
	if errors.Is(err, errLocked) {
		return kept, fmt.Errorf("store %s is in use by a desk: stop it first", path)
	} else if err != nil {
		return kept, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if _, err := os.Lstat(path); err == nil && !replace {
		return kept, fmt.Errorf("store %s: %w", path, fs.ErrExist)
	} else if err == nil {
		kept.Path = path + ".before-" + time.Now().UTC().Format("20060102T150405Z")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	partial := path + ".partial"
	defer func() { _ = os.Remove(partial) }()
	if err := copyPrivate(backup, partial); err != nil {
		return kept, err
	}
	if kept.Path != "" {
		if kept.Apart, err = keepBeside(ctx, path, kept); err != nil {
			return kept, err
		}
	}
	if err := os.Rename(partial, path); err != nil {
		return kept, err
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
// has none. The log is emptied into the store; it is copied before, for SQLite drops the log of a store that lost its
// content, and where it cannot be emptied the copy stays.
func keepBeside(ctx context.Context, path string, kept Kept) (apart, err error) {
	if err := os.Link(path, kept.Path); err != nil {
		return nil, fmt.Errorf("keep the store that is there: %w", err)
	}
	if info, err := os.Stat(path + walSuffix); err == nil && info.Size() > 0 {
		if err := copyPrivate(path+walSuffix, kept.LogPath()); err != nil {
			return nil, fmt.Errorf("keep the log of the store that is there: %w", err)
		}
		if apart = emptyLog(ctx, path); apart == nil {
			if err := os.Remove(kept.LogPath()); err != nil {
				return nil, err
			}
		}
	}
	for _, suffix := range []string{walSuffix, shmSuffix} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return apart, nil
}

// emptyLog writes what is in the write-ahead log into the store.
func emptyLog(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return errors.New("the file is empty")
	}
	db, err := openDB(path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var busy, frames, written int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &written); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("somebody reads it")
	}
	return nil
}
