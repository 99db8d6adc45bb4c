// Package process starts programs that outlive the launcher and finds them again, by a record that a recycled
// process id cannot fool.
package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Spec is a program to run.
type Spec struct {
	Name string   // names its record and its log
	Args []string // Args[0] is the program
	Env  []string // added to the launcher's environment
	Dir  string   // working directory; empty is the root
	// Digest stands for everything the program read at its start (binary, flags, configuration). A running program
	// whose digest differs is out of date.
	Digest string
}

// Manager keeps the records and logs of one cluster's programs.
type Manager struct {
	RunDir string // one record a program
	LogDir string // one log a program
}

// LogPath is where the named program's output goes.
func (m Manager) LogPath(name string) string { return filepath.Join(m.LogDir, name+".log") }

func (m Manager) recordPath(name string) string { return filepath.Join(m.RunDir, name+".json") }

// Running returns the record of the named program if the very process it describes is alive.
func (m Manager) Running(name string) (Record, bool) {
	record, err := readRecord(m.recordPath(name))
	if err != nil {
		return Record{}, false
	}
	return record, record.alive()
}

// Start runs the program detached, in a session of its own, appending to its log.
func (m Manager) Start(spec Spec) error {
	for _, dir := range []string{m.RunDir, m.LogDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := m.rotate(spec.Name); err != nil {
		return err
	}
	log, err := os.OpenFile(m.LogPath(spec.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(log, "=== %s starting %s\n", time.Now().Format(time.RFC3339), spec.Name)

	cmd := exec.Command(spec.Args[0], spec.Args[1:]...)
	cmd.Env = append(os.Environ(), spec.Env...)
	cmd.Dir = spec.Dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	// Reaped while the launcher lives; afterwards init inherits it.
	go func() { _ = cmd.Wait() }()

	record, err := describe(cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("exited at once: %w", err)
	}
	record.Name, record.Digest = spec.Name, spec.Digest
	if err := record.write(m.recordPath(spec.Name)); err != nil {
		// Unrecorded, nobody could ever stop it.
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL)
		return err
	}
	return nil
}

// Adopt looks for processes that are ours and unrecorded: a launcher died between starting and recording them. Theirs
// is the program of a spec, and an argument that holds mark. Without a digest they count as out of date.
func (m Manager) Adopt(specs []Spec, mark string) error {
	var lost []Spec
	for _, spec := range specs {
		if _, running := m.Running(spec.Name); !running {
			lost = append(lost, spec)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, file := range commands {
		cmdline, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		for _, spec := range lost {
			if !runs(cmdline, spec.Args[0], mark) {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				return err
			}
			record, err := describe(pid)
			if err != nil {
				continue
			}
			record.Name = spec.Name
			if err := record.write(m.recordPath(spec.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// runs tells from a NUL-separated command line whether it is the program with an argument that holds mark.
func runs(cmdline []byte, program, mark string) bool {
	args := strings.Split(string(cmdline), "\x00")
	return args[0] == program && slices.ContainsFunc(args[1:], func(arg string) bool { return strings.Contains(arg, mark) })
}

// Stop ends the named program: SIGTERM, then SIGKILL after grace. It does nothing when the recorded process is gone,
// and reports whether there was one to stop.
func (m Manager) Stop(name string, grace time.Duration) (bool, error) {
	record, running := m.Running(name)
	if running {
		if err := record.terminate(grace); err != nil {
			return true, fmt.Errorf("stopping %s (pid %d): %w", name, record.PID, err)
		}
	}
	if err := os.Remove(m.recordPath(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return running, err
	}
	return running, nil
}

// terminate signals through a pidfd, which names the process itself: between the check and the signal the id cannot
// pass to another.
func (r Record) terminate(grace time.Duration) error {
	target, err := os.FindProcess(r.PID)
	if err != nil {
		return err
	}
	defer func() { _ = target.Release() }()
	if !r.alive() { // checked again now that the handle is held
		return nil
	}
	if err := target.Signal(syscall.SIGTERM); err != nil {
		return ignoreGone(err)
	}
	if r.waitGone(grace) {
		return nil
	}
	if err := target.Signal(syscall.SIGKILL); err != nil {
		return ignoreGone(err)
	}
	if !r.waitGone(10 * time.Second) {
		return errors.New("still there 10 s after SIGKILL")
	}
	return nil
}

func (r Record) waitGone(limit time.Duration) bool {
	for deadline := time.Now().Add(limit); r.alive(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
