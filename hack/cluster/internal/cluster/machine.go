package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// kernelSettings are what the cluster changes on the machine: the forwarding it needs, and what the kubelet sets at
// its start. Their former values are kept and put back.
var kernelSettings = []string{
	"net/ipv4/ip_forward",
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

const kubeletDir = "/var/lib/kubelet"

// saveMachine records the kernel settings, once: a second start must not take the cluster's own for the machine's.
func (l Layout) saveMachine(boot string) error {
	var saved machineRecord
	if content, err := os.ReadFile(l.machineRecord()); err == nil && json.Unmarshal(content, &saved) == nil && saved.Boot == boot {
		return nil
	}
	saved = machineRecord{Boot: boot, Kernel: map[string]string{}, OwnKubeletDir: saved.OwnKubeletDir}
	if _, err := os.Stat(kubeletDir); errors.Is(err, os.ErrNotExist) {
		saved.OwnKubeletDir = true
	}
	for _, setting := range kernelSettings {
		if value, err := os.ReadFile("/proc/sys/" + setting); err == nil {
			saved.Kernel[setting] = strings.TrimSpace(string(value))
		}
	}
	content, err := json.MarshalIndent(saved, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(l.machineRecord(), content)
}

type machineRecord struct {
	Boot   string            `json:"boot"`
	Kernel map[string]string `json:"kernel"`
	// OwnKubeletDir: the kubelet's customary folder was not there before. Ours keeps the sockets of device plugins there,
	// wherever its other things are.
	OwnKubeletDir bool `json:"ownKubeletDir"`
}

// restoreMachine puts the kernel settings back, unless the machine has booted since and has its own again.
func (l Layout) restoreMachine(boot string) error {
	content, err := os.ReadFile(l.machineRecord())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var saved machineRecord
	if err := json.Unmarshal(content, &saved); err != nil {
		return fmt.Errorf("%s: %w", l.machineRecord(), err)
	}
	var failed []error
	if saved.OwnKubeletDir {
		plugins := filepath.Join(kubeletDir, "device-plugins")
		for _, name := range []string{"DEPRECATION", "kubelet.sock", "kubelet_internal_checkpoint"} {
			failed = append(failed, ignoreMissing(os.Remove(filepath.Join(plugins, name))))
		}
		// What somebody else put there keeps the folders.
		_, _ = os.Remove(plugins), os.Remove(kubeletDir)
	}
	if saved.Boot != boot {
		return errors.Join(failed...)
	}
	for setting, value := range saved.Kernel {
		path := "/proc/sys/" + setting
		if now, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(now)) != value {
			failed = append(failed, os.WriteFile(path, []byte(value), 0))
		}
	}
	return errors.Join(failed...)
}

// setUpNetwork gives the node its address and pods their way out. Doing it again changes nothing.
func setUpNetwork(s settings) error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return err
	}
	if err := run("ip", "address", "replace", NodeIP+"/32", "dev", "lo"); err != nil {
		return err
	}
	rules, err := render("config/network.nft", s)
	if err != nil {
		return err
	}
	command := exec.Command("nft", "-f", "-")
	command.Stdin = bytes.NewReader(rules)
	return explain(command)
}

// removeNetwork takes the address and every nftables table of ours and of kube-proxy away. Pod interfaces go with
// their network namespaces.
func removeNetwork() error {
	var failed []error
	if addresses, err := output("ip", "-o", "address", "show", "dev", "lo"); err == nil && strings.Contains(addresses, " "+NodeIP+"/32 ") {
		failed = append(failed, run("ip", "address", "del", NodeIP+"/32", "dev", "lo"))
	}
	tables, err := output("nft", "list", "tables")
	if errors.Is(err, exec.ErrNotFound) {
		return errors.Join(failed...) // without nft there never was a table
	}
	failed = append(failed, err)
	for line := range strings.Lines(tables) {
		switch table := strings.TrimSpace(strings.TrimPrefix(line, "table ")); table {
		case "inet " + nftTable, "ip kube-proxy", "ip6 kube-proxy":
			failed = append(failed, run("nft", append([]string{"delete", "table"}, strings.Fields(table)...)...))
		}
	}
	return errors.Join(failed...)
}

// unmountAll detaches every mount below the folder, the innermost first.
func unmountAll(folder string) error {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var failed []error
	mounts := mountsBelow(string(content), folder)
	for i := len(mounts) - 1; i >= 0; i-- {
		failed = append(failed, unmount(mounts[i]))
	}
	return errors.Join(failed...)
}

// unmount detaches at once; the mount ends when its last user does.
func unmount(path string) error {
	if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		return err
	}
	return nil
}

// mountsBelow lists the mount points strictly below folder, in the order they were mounted.
func mountsBelow(mountinfo, folder string) []string {
	var found []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		const mountPoint = 4 // proc_pid_mountinfo(5)
		if len(fields) <= mountPoint {
			continue
		}
		if path := unescapeMount(fields[mountPoint]); strings.HasPrefix(path, filepath.Clean(folder)+"/") {
			found = append(found, path)
		}
	}
	return found
}

// unescapeMount undoes the kernel's octal escapes.
func unescapeMount(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

func run(name string, args ...string) error { return explain(exec.Command(name, args...)) }

// explain runs the command; its error holds what the command said.
func explain(command *exec.Cmd) error {
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, bytes.TrimSpace(said))
	}
	return nil
}

func output(name string, args ...string) (string, error) {
	command := exec.Command(name, args...)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return string(out), nil
}
