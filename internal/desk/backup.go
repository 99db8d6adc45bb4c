package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// backupPrefix begins the names of the folders in which backups are made.
const backupPrefix = "caseload-backup-"

// Backup writes a consistent copy of the store. One is made at a time: each takes the room of a whole store.
func (d *Desk) Backup(ctx context.Context, _ api.Call, w io.Writer) error {
	if !d.backup.TryLock() {
		return conflict(api.ProblemConflict, "another backup is being made: try again when it has ended")
	}
	defer d.backup.Unlock()
	dir, err := os.MkdirTemp(d.tempDir, backupPrefix)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "backup")
	if err := d.store.Backup(ctx, path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}

// removeBackups that a desk left in the folder which was killed while it made them.
func removeBackups(folder string) error {
	if folder == "" {
		return nil
	}
	left, err := filepath.Glob(filepath.Join(folder, backupPrefix+"*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("remove what is left of backups: %w", err)
	}
	return nil
}
