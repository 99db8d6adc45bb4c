package process

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseStatCountsFromTheLastParenthesis(t *testing.T) {
	line := "42 (odd ) name (x) S 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 5 0 987654 1000 50 1844"
	state, start, err := parseStat(line)
	if err != nil || state != "S" || start != 987654 {
		t.Errorf("parseStat = %q, %d, %v; want S, 987654", state, start, err)
	}
	for _, bad := range []string{"", "42 (name", "42 (name) S 1 2"} {
		if _, _, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) gave no error", bad)
		}
	}
}

func newManager(t *testing.T) Manager {
	dir := t.TempDir()
	return Manager{RunDir: filepath.Join(dir, "run"), LogDir: filepath.Join(dir, "logs")}
}

func start(t *testing.T, m Manager, name string, args ...string) Record {
	t.Helper()
	if err := m.Start(Spec{Name: name, Args: args, Digest: "v1"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = m.Stop(name, 0) })
	record, running := m.Running(name)
	if !running {
		t.Fatalf("%s is not running after its start", name)
	}
	return record
}

func TestStopEndsWhatWasStarted(t *testing.T) {
	m := newManager(t)
	if record := start(t, m, "sleeper", "sleep", "60"); record.Digest != "v1" {
		t.Errorf("digest = %q, want v1", record.Digest)
	}
	if stopped, err := m.Stop("sleeper", 5*time.Second); err != nil || !stopped {
		t.Fatalf("Stop = %t, %v", stopped, err)
	}
	if _, running := m.Running("sleeper"); running {
		t.Error("still running after Stop")
	}
	if stopped, err := m.Stop("sleeper", 0); err != nil || stopped {
		t.Errorf("second Stop = %t, %v; want nothing to stop", stopped, err)
	}
}

// A process ends thread by thread, the first often before those that hold its port.
func TestStopWaitsForTheLastThread(t *testing.T) {
	t.Setenv(leaderless, "yes")
	m := newManager(t)
	record := start(t, m, "leaderless", os.Args[0])
	stat := fmt.Sprintf("/proc/%d/stat", record.PID)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		content, err := os.ReadFile(stat)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the first thread does not end: %s, %v", content, err)
		}
		if state, _, err := parseStat(string(content)); err == nil && state == "Z" {
			break
		}
	}
	if _, running := m.Running("leaderless"); !running {
		t.Error("it counts as ended, and still runs")
	}
	if stopped, err := m.Stop("leaderless", time.Second); err != nil || !stopped {
		t.Errorf("Stop = %t, %v", stopped, err)
	}
	if threads := hasThreads(record.PID); threads {
		t.Error("it runs on after Stop")
	}
}

// leaderless is set for a copy of this program whose first thread ends.
const leaderless = "PROCESS_TEST_LEADERLESS"

func init() {
	if os.Getenv(leaderless) != "" {
		runtime.LockOSThread() // to the first
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		go func() { <-ended; os.Exit(0) }()
		_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
	}
}

func TestStopKillsWhatIgnoresSIGTERM(t *testing.T) {
	m := newManager(t)
	ready := filepath.Join(t.TempDir(), "ready")
	start(t, m, "stubborn", "sh", "-c", "trap '' TERM; touch "+ready+"; while :; do sleep 0.05; done")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the program did not start")
		}
	}
	if _, err := m.Stop("stubborn", 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if _, running := m.Running("stubborn"); running {
		t.Error("survived SIGKILL")
	}
}

func TestStopSparesAProcessThatReusesTheID(t *testing.T) {
	m := newManager(t)
	innocent := start(t, m, "innocent", "sleep", "60")
	for what, change := range map[string]func(*Record){
		"another start time": func(r *Record) { r.Start++ },
		"another boot":       func(r *Record) { r.Boot = "former" },
	} {
		stale := innocent
		change(&stale)
		if err := stale.write(m.recordPath("stale")); err != nil {
			t.Fatal(err)
		}
		if stopped, err := m.Stop("stale", 0); err != nil || stopped {
			t.Errorf("%s: Stop = %t, %v; want nothing to stop", what, stopped, err)
		}
		if !innocent.alive() {
			t.Fatalf("%s: killed a process it did not start", what)
		}
	}
}

func TestRunningDoubtsABrokenRecord(t *testing.T) {
	m := newManager(t)
	if err := os.MkdirAll(m.RunDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.recordPath("torn"), []byte(`{"pid": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, running := m.Running("torn"); running {
		t.Error("a torn record counts as running")
	}
}

func TestAdoptFindsOnlyItsOwn(t *testing.T) {
	m := newManager(t)
	mark := filepath.Join(t.TempDir(), "state") + "/"
	args := []string{"tail", "-f", "/dev/null", mark + "config"}
	if err := os.MkdirAll(mark, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mark+"config", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lost := start(t, m, "lost", args...)
	start(t, m, "other", "tail", "-f", "/dev/null")
	if err := os.Remove(m.recordPath("lost")); err != nil {
		t.Fatal(err)
	}
	if err := m.Adopt([]Spec{{Name: "lost", Args: args}}, mark); err != nil {
		t.Fatal(err)
	}
	found, running := m.Running("lost")
	if !running || found.PID != lost.PID || found.Digest != "" {
		t.Errorf("adopted %+v (running %t), want pid %d without a digest", found, running, lost.PID)
	}
}

func TestTailShowsTheLastRun(t *testing.T) {
	m := newManager(t)
	if err := os.MkdirAll(m.LogDir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(lines ...string) {
		if err := os.WriteFile(m.LogPath("x"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old", "=== now starting x", "one", "two", "three")
	if got := strings.Join(m.Tail("x", 2), ","); got != "two,three" {
		t.Errorf("Tail = %s, want the last two lines", got)
	}
	if got := strings.Join(m.Tail("x", 9), ","); strings.Contains(got, "old") {
		t.Errorf("Tail = %s, want nothing of the former run", got)
	}
	write("=== now starting x", "one", "panic: why", "goroutine 1", "frame", "frame")
	if got := strings.Join(m.Tail("x", 2), ","); got != "panic: why,goroutine 1" {
		t.Errorf("Tail = %s, want the panic's first lines", got)
	}
}
