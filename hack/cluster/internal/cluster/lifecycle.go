package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/hack/cluster/internal/process"
	"github.com/caseload-dev/caseload/hack/cluster/internal/steps"
)

const (
	readyTimeout = 2 * time.Minute
	// reuseTimeout is how long a component found running may be unready before it is started anew.
	reuseTimeout = 20 * time.Second
	logLines     = 15
)

// Cluster acts on one cluster of this machine.
type Cluster struct {
	Layout
	Print *steps.Printer

	processes process.Manager
}

// New returns the cluster at that layout, running or not.
func New(layout Layout, print *steps.Printer) *Cluster {
	return &Cluster{Layout: layout, Print: print, processes: process.Manager{RunDir: layout.runDir(), LogDir: layout.Logs()}}
}

// Running tells whether the component's process is alive, and its id.
func (c *Cluster) Running(name string) (pid int, running bool) {
	record, running := c.processes.Running(name)
	return record.PID, running
}

// LogPath is where the component's log is.
func (c *Cluster) LogPath(name string) string { return c.processes.LogPath(name) }

// Start makes sure that the component runs, up to date and ready. A healthy one is left alone.
func (c *Cluster) Start(ctx context.Context, component Component) error {
	return c.Print.Run(component.Name, func() (string, error) {
		digest, err := component.digest()
		if err != nil {
			return "", fmt.Errorf("%s: %w", component.Name, err)
		}
		if record, running := c.processes.Running(component.Name); running {
			if record.Digest == digest && c.waitReady(ctx, component, reuseTimeout) == nil {
				return "already running", nil
			}
			if _, err := c.processes.Stop(component.Name, component.Grace); err != nil {
				return "", err
			}
		}
		spec := process.Spec{Name: component.Name, Args: component.Args, Digest: digest}
		if err := c.processes.Start(spec); err != nil {
			return "", fmt.Errorf("%s did not start: %w", component.Name, err)
		}
		return "ready", c.waitReady(ctx, component, readyTimeout)
	})
}

// StartAll starts components side by side.
func (c *Cluster) startAll(ctx context.Context, names ...string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range names {
		component, err := c.Find(name)
		if err != nil {
			return err
		}
		group.Go(func() error { return c.Start(ctx, component) })
	}
	return group.Wait()
}

// Stop ends the component, which may not be running.
func (c *Cluster) Stop(component Component) error {
	return c.Print.Run(component.Name, func() (string, error) {
		stopped, err := c.processes.Stop(component.Name, component.Grace)
		if !stopped {
			return "was not running", err
		}
		return "stopped", err
	})
}

func (c *Cluster) waitReady(ctx context.Context, component Component, limit time.Duration) error {
	deadline, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		probeErr := component.Probe(deadline)
		if _, alive := c.processes.Running(component.Name); !alive {
			return c.failure(component, errors.New("exited"))
		}
		if probeErr == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-deadline.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("%s: %w", component.Name, ctx.Err())
			}
			return c.failure(component, fmt.Errorf("not ready after %s: %w", limit, component.Probe(ctx)))
		}
	}
}

// failure says what failed, why, what it said last and where to read on.
func (c *Cluster) failure(component Component, cause error) error {
	return fmt.Errorf("%s (%s) %w\nits last lines:\n  %s\nits whole log: %s", component.Name, component.Purpose, cause,
		strings.Join(c.processes.Tail(component.Name, logLines), "\n  "), c.processes.LogPath(component.Name))
}

// digest stands for the binary, the flags and the files the component reads.
func (c Component) digest() (string, error) {
	sum := sha256.New()
	binary, err := exec.LookPath(c.Args[0])
	if err != nil {
		return "", fmt.Errorf("its program is missing: %w", err)
	}
	if binary, err = filepath.EvalSymlinks(binary); err != nil {
		return "", err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return "", err
	}
	// Size and time stand for the content: hashing hundreds of megabytes at every start would take longer than starting.
	fmt.Fprintf(sum, "%s %d %d %q\n", binary, info.Size(), info.ModTime().UnixNano(), c.Args)
	for _, path := range c.Reads {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, file)
		file.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Down stops everything and removes all that the cluster put on the machine, whatever state it is in. Binaries and
// Debian packages stay. A step that fails does not keep the next from being tried.
func (c *Cluster) Down() error {
	if err := os.RemoveAll(c.discarded()); err != nil {
		return err
	}
	if _, err := os.Stat(c.Dir); errors.Is(err, os.ErrNotExist) {
		c.Print.Note("no cluster in %s", c.Dir)
		return nil
	}
	if !c.Exists() {
		return fmt.Errorf("%s is not a cluster's folder: nothing was done", c.Dir)
	}
	boot, err := process.BootID()
	if err != nil {
		return err
	}
	components := c.Components()
	// The kubelet first: it would start again what is taken away.
	slices.Reverse(components)
	slices.SortStableFunc(components, func(a, b Component) int { return stopRank(a.Name) - stopRank(b.Name) })
	var failed []error
	for _, component := range components {
		failed = append(failed, c.Stop(component))
		if component.Name == Kubelet && c.ownsMachine() {
			failed = append(failed, c.Print.Run("pods", func() (string, error) {
				return "stopped", errors.Join(killPods(), c.killShims())
			}))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("%w\nnothing was removed from %s: run it again", err, c.Dir)
	}
	return c.Print.Run("machine", func() (string, error) {
		undo := []error{unmountAll(c.Dir)}
		if c.ownsMachine() {
			undo = append(undo, removeNetwork(), c.removeTraces(), c.restoreMachine(boot))
		}
		if err := errors.Join(undo...); err != nil {
			return "", err
		}
		return "restored", errors.Join(c.releaseMachine(), c.removeState())
	})
}

func stopRank(name string) int {
	if name == Kubelet {
		return 0
	}
	return 1
}

// removeState deletes the state folder, unless something is still mounted in it: deleting would reach through the mount.
func (c *Cluster) removeState() error {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if mounts := mountsBelow(string(mountinfo), c.Dir); len(mounts) > 0 {
		return fmt.Errorf("still mounted, so %s is kept: %s", c.Dir, strings.Join(mounts, ", "))
	}
	// Renamed first: half of a state is worse than none.
	if err := os.Rename(c.Dir, c.discarded()); err != nil {
		return err
	}
	return os.RemoveAll(c.discarded())
}

// discarded is where the state goes to be deleted.
func (c *Cluster) discarded() string { return c.Dir + ".discarded" }

// Adopt takes up components that run without a record: their launcher was killed before it could write one.
func (c *Cluster) Adopt() error {
	if _, err := os.Stat(c.runDir()); errors.Is(err, os.ErrNotExist) {
		return nil // nothing was ever started
	}
	var specs []process.Spec
	for _, component := range c.Components() {
		specs = append(specs, process.Spec{Name: component.Name, Args: component.Args})
	}
	return c.processes.Adopt(specs, c.Dir+"/")
}
