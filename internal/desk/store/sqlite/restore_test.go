package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk/store"
)

// A store that gives way to a backup keeps what its desk, which was killed, had only in the write-ahead log; also a store
// that cannot be read any more.
func TestRestoreLosesNothingOfTheStoreBefore(t *testing.T) {
	// killed copies a store as it is while its desk runs.
	killed := func(t *testing.T) (path string, log []byte) {
		t.Helper()
		running := filepath.Join(t.TempDir(), "desk.db")
		s, err := Open(t.Context(), running, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if err := s.Update(t.Context(), func(x store.Tx) error { return x.PutMeta("last", []byte("words")) }); err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(t.TempDir(), "desk.db")
		for _, suffix := range []string{"", walSuffix} {
			if err := copyPrivate(running+suffix, path+suffix); err != nil {
				t.Fatal(err)
			}
		}
		if log, err = os.ReadFile(path + walSuffix); err != nil || len(log) == 0 {
			t.Fatalf("the log of a store in use: %d bytes, %v", len(log), err)
		}
		return path, log
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	s, err := Open(t.Context(), backup, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	lastWords := func(t *testing.T, path string) string {
		t.Helper()
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		var words []byte
		err = s.View(t.Context(), func(r store.Reader) (err error) { words, err = r.Meta("last"); return err })
		if err != nil {
			t.Fatal(err)
		}
		return string(words)
	}

	for name, damage := range map[string]func(path string) error{
		"intact": nil,
		"no database": func(path string) error {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = file.Write(bytes.Repeat([]byte{7}, 8192))
			_ = file.Close()
			return err
		},
		"empty": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			path, log := killed(t)
			if damage != nil {
				if err := damage(path); err != nil {
					t.Fatal(err)
				}
			}
			kept, err := Restore(t.Context(), backup, path, true)
			if err != nil {
				t.Fatal(err)
			}
			left, err := os.ReadFile(kept.LogPath())
			switch {
			case damage != nil && (kept.Apart == nil || !bytes.Equal(left, log)):
				t.Errorf("what was only in the log is lost, or nobody is told where it is: %d of %d bytes, %v", len(left), len(log), kept.Apart)
			case damage == nil && (kept.Apart != nil || !os.IsNotExist(err)):
				t.Errorf("the log was not emptied into the store: %v", kept.Apart)
			case damage == nil && lastWords(t, kept.Path) != "words":
				t.Error("the store lost what was in its log")
			}
			if lastWords(t, path) != "" {
				t.Error("the restored store has what the one before it had")
			}
		})
	}
}
