package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

// victimEnv names the folder to a process that loads a store until it is killed.
const victimEnv = "CASELOAD_STORETEST_VICTIM"

// loadUntilKilled opens tickets from many callers, some failing, and prints those acknowledged.
func loadUntilKilled(s store.Store) {
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			for i := 0; ; i++ {
				k := newTicket(fmt.Sprintf("%d/%d/%d", os.Getpid(), caller, i))
				err := s.Update(context.Background(), func(tx store.Tx) error {
					if err := insert(tx, k); err != nil {
						return err
					}
					if i%5 == 4 {
						return errors.New("failure")
					}
					return nil
				})
				if err == nil {
					fmt.Printf("acknowledged %d %s\n", k.ID, k.Subject)
				}
			}
		})
	}
	callers.Wait()
}

func testKill(t *testing.T, open Open) {
	folder := t.TempDir()
	acknowledged := map[int64]string{}
	for round := range 3 {
		killUnderLoad(t, folder, acknowledged, 100+rand.IntN(400))
		s, stop := startIn(t, open, folder)
		tickets := verify(t, s)
		for id, subject := range acknowledged {
			if id > int64(len(tickets)) || tickets[id-1].Subject != subject {
				t.Fatalf("round %d: acknowledged ticket %d %q is lost", round+1, id, subject)
			}
		}
		update(t, s, func(tx store.Tx) error { return insert(tx, newTicket("after the kill")) })
		stop()
	}
}

// killUnderLoad starts this test binary as a victim, kills it after some acknowledgements and adds all it gave.
func killUnderLoad(t *testing.T, folder string, acknowledged map[int64]string, after int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience) // kills a victim that hangs
	defer cancel()
	test, _, _ := strings.Cut(t.Name(), "/What was")
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(test), "/", "$/^") + "$"
	victim := exec.CommandContext(ctx, os.Args[0], "-test.run="+pattern)
	victim.Env = append(os.Environ(), victimEnv+"="+folder)
	victim.Stderr = os.Stderr
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	given := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var id int64
		var subject string
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d %s", &id, &subject); err != nil {
			continue // the testing package's own words
		}
		acknowledged[id] = subject
		if given++; given == after {
			if err := victim.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = victim.Wait()
	if given < after {
		t.Fatalf("the victim ended after %d acknowledgements by itself", given)
	}
}

func testBackup(t *testing.T, open Open) {
	s := start(t, open)
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for ctx.Err() == nil {
				if err := s.Update(context.Background(), func(tx store.Tx) error {
					return insert(tx, newTicket("under load"))
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for next, position := s.Committed(); position < 200; next, position = s.Committed() {
		<-next
	}
	path := filepath.Join(t.TempDir(), "backup.db")
	_, before := s.Committed()
	started := time.Now()
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	_, after := s.Committed()
	if after == before {
		t.Errorf("no update went on during the backup, which took %v", time.Since(started))
	}
	stop()
	callers.Wait()
	wantError(t, "backup to a file that exists", s.Backup(t.Context(), path), fs.ErrExist)
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("the backup left %v, %v", files, err)
	}

	restored := restore(t, open, path)
	n := int64(len(verify(t, restored)))
	if n < before || n > after {
		t.Errorf("the backup has %d tickets, want between %d at its start and %d at its end", n, before, after)
	}
	update(t, restored, func(tx store.Tx) error { return insert(tx, newTicket("after restoring")) })
	wantEqual(t, "tickets after restoring", int64(len(verify(t, restored))), n+1)
}
