package desk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func TestBackupOpensAsADesk(t *testing.T) {
	r := newRig(t)
	opened := r.opened()
	var copied bytes.Buffer
	if err := r.Backup(r.ctx, manager, &copied); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "restored.db")
	if err := os.WriteFile(path, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(r.ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	restored, err := desk.New(desk.Options{Store: s, Clock: r.clock, HelpDesk: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	got := must(restored.Ticket(r.ctx, manager, opened.ID))(t)
	status(t, got, ticket.Waiting, "general", "")
}

// leftovers are the folders of backups beside the store.
func (r *rig) leftovers() []string {
	return must(filepath.Glob(filepath.Join(filepath.Dir(r.path), "caseload-backup-*")))(r)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A second backup is refused while the receiver of the first still takes it, and none leaves its copy behind.
func TestOneBackupAtATime(t *testing.T) {
	r := newRig(t)
	r.opened()
	var second error
	first := r.Backup(r.ctx, manager, writerFunc(func(p []byte) (int, error) {
		if second == nil {
			second = r.Backup(r.ctx, manager, io.Discard)
		}
		return len(p), nil
	}))
	var problem *api.Problem
	if first != nil || !errors.As(second, &problem) || problem.Status != 409 {
		t.Errorf("the first: %v; the second beside it: %v, want it refused", first, second)
	}
	gone := errors.New("the receiver is gone")
	err := r.Backup(r.ctx, manager, writerFunc(func([]byte) (int, error) { return 0, gone }))
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	ended, end := context.WithCancel(r.ctx)
	end()
	if err := r.Backup(ended, manager, io.Discard); err == nil {
		t.Error("a backup that nobody waits for was made")
	}
	if err := r.Backup(r.ctx, manager, io.Discard); err != nil {
		t.Errorf("after those that ended: %v", err)
	}
	if left := r.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStartRemovesWhatAKilledDeskLeftOfABackup(t *testing.T) {
	r := newRig(t)
	left := filepath.Join(filepath.Dir(r.path), "caseload-backup-1")
	if err := errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, "backup.partial"), []byte("half"), 0o600)); err != nil {
		t.Fatal(err)
	}
	opened := r.opened()
	r.restart()
	if left := r.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	status(t, r.ticket(opened.ID), ticket.Waiting, "general", "")
}
