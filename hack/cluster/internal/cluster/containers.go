package cluster

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroupMounts are the roots of the cgroup hierarchies: the one of version 2, or one a controller in version 1.
func cgroupMounts() ([]string, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	return parseCgroupMounts(string(content)), err
}

func parseCgroupMounts(mountinfo string) []string {
	var roots []string
	for line := range strings.Lines(mountinfo) {
		before, after, found := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if found && len(fields) > 4 && strings.HasPrefix(after, "cgroup") {
			roots = append(roots, unescapeMount(fields[4]))
		}
	}
	return roots
}

// makeCgroup makes the cgroup that pods live in, which the kubelet expects to find. In version 2 a controller works in
// a child only if each parent hands it down.
func makeCgroup() error {
	roots, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, root := range roots {
		if controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers")); err == nil {
			for controller := range strings.FieldsSeq(string(controllers)) {
				// One that cannot be handed down is not one the kubelet needs, or it will name it.
				_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+controller), 0)
			}
		}
		if err := os.Mkdir(filepath.Join(root, networkName), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// killPods ends every process in the pods' cgroup and removes it. It needs neither kubelet nor containerd to be alive.
func killPods() error {
	roots, err := cgroupMounts()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var failed []error
		for _, root := range roots {
			failed = append(failed, emptyCgroup(filepath.Join(root, networkName)))
		}
		if err := errors.Join(failed...); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// emptyCgroup kills the processes below the cgroup and removes it; an error means that some still end.
func emptyCgroup(cgroup string) error {
	var groups []string
	err := filepath.WalkDir(cgroup, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return ignoreMissing(err)
		}
		groups = append(groups, path)
		processes, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for id := range strings.FieldsSeq(string(processes)) {
			if pid, err := strconv.Atoi(id); err == nil && pid > 1 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		return ignoreMissing(err)
	})
	failed := []error{err}
	for i := len(groups) - 1; i >= 0; i-- { // the innermost first
		failed = append(failed, ignoreMissing(syscall.Rmdir(groups[i])))
	}
	return errors.Join(failed...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		return nil
	}
	return err
}

// killShims ends the shims of our containerd, known by its socket on their command line, and removes the sockets they
// leave outside of our folder.
func (l Layout) killShims() error {
	addresses, err := filepath.Glob(l.path("containerd", "state", "io.containerd.runtime.v2.task", "*", "*", "address"))
	if err != nil {
		return err
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, file := range commands {
		cmdline, err := os.ReadFile(file)
		if err != nil || !isShim(cmdline, l.containerdSocket()) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for _, file := range addresses {
		if address, err := os.ReadFile(file); err == nil {
			_ = os.Remove(strings.TrimPrefix(strings.TrimSpace(string(address)), "unix://"))
		}
	}
	return nil
}

// isShim tells from a NUL-separated command line whether the process is a shim of the containerd at socket.
func isShim(cmdline []byte, socket string) bool {
	args := bytes.Split(cmdline, []byte{0})
	if !strings.HasPrefix(filepath.Base(string(args[0])), "containerd-shim-") {
		return false
	}
	for i, arg := range args[:len(args)-1] {
		if string(arg) == "-address" && string(args[i+1]) == socket {
			return true
		}
	}
	return false
}

// removeTraces deletes what runs of ours leave in folders that are shared with other clusters of the machine.
func (l Layout) removeTraces() error {
	var failed []error
	// One file for each interface of a pod: its loopback's is known by the pod's id.
	const results = "/var/lib/cni/results/"
	ours, err := filepath.Glob(results + networkName + "-*-eth0")
	failed = append(failed, err)
	for _, file := range ours {
		id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), networkName+"-"), "-eth0")
		failed = append(failed, ignoreMissing(os.Remove(file)), ignoreMissing(os.Remove(results+"cni-loopback-"+id+"-lo")))
	}
	links, err := filepath.Glob("/var/log/containers/*.log")
	failed = append(failed, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, l.path("logs")+"/") {
			failed = append(failed, ignoreMissing(os.Remove(link)))
		}
	}
	return errors.Join(failed...)
}
