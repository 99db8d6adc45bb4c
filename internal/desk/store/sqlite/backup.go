package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

// Backup is store.Store's. The copy is written under another name beside path and renamed when it is complete and on
// disk, so that what has the name is whole. Updates go on meanwhile.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("backup %s: %w: name a new file", path, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("backup %s: %w", path, err)
		}
	}()
	db, err := openDB(s.path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	partial := path + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer func() { _ = os.Remove(partial) }()
	if err := createPrivate(partial); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", partial); err != nil {
		return err
	}
	if err := syncFile(partial); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
