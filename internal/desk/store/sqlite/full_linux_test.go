package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

// A disk that fills up under load costs no acknowledged ticket, is told to every caller, and the store goes on as soon as
// there is room again.
func TestFullDisk(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=3m"); errors.Is(err, syscall.EPERM) {
		t.Skip("needs the right to mount a small file system")
	} else if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	}()
	ballast := filepath.Join(folder, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "desk.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := fillUp(t, s)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), openTicket); err != nil {
		t.Errorf("an update with room again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	if s, err = Open(t.Context(), path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.View(t.Context(), func(r store.Reader) error {
		position, err := r.Position()
		if err != nil {
			return err
		}
		if position != acknowledged+1 {
			t.Errorf("%d records of %d acknowledged tickets", position, acknowledged+1)
		}
		records, err := r.Records(0, 1<<30, 0)
		if err != nil {
			return err
		}
		for i, record := range records {
			k, err := r.Ticket(int64(i + 1))
			if err != nil || record.Seq != k.ID || record.Ticket != k.ID {
				t.Fatalf("record %d is of ticket %d, %v", record.Seq, record.Ticket, err)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// fillUp opens tickets from many callers until each was refused, and returns how many were acknowledged.
func fillUp(t *testing.T, s *Store) (acknowledged int64) {
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				err := s.Update(context.Background(), openTicket)
				if err == nil {
					mu.Lock()
					acknowledged++
					mu.Unlock()
					continue
				}
				if !strings.Contains(err.Error(), "full") {
					t.Errorf("got %q, want it to say that the disk is full", err)
				}
				return
			}
		})
	}
	callers.Wait()
	if acknowledged == 0 {
		t.Error("full before the first ticket")
	}
	return acknowledged
}
