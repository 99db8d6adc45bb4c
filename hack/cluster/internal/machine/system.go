package machine

import (
	"cmp"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// controllers that the kubelet insists on.
var controllers = []string{"cpu", "cpuset", "memory", "pids"}

func checkCgroups() Finding {
	f := Finding{Check: "cgroups", Verdict: OK}
	version2, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	mounts, _ := os.ReadFile("/proc/self/mounts")
	version, available := cgroupControllers(string(version2), string(mounts))
	f.Found = version + " with " + strings.Join(available, ", ")
	var lacking []string
	for _, controller := range controllers {
		if !slices.Contains(available, controller) {
			lacking = append(lacking, controller)
		}
	}
	if len(lacking) > 0 {
		f.Verdict, f.Found = Missing, version+" without "+strings.Join(lacking, ", ")
		f.Remedy = "mount these controllers (kernel parameter cgroup_enable=" + lacking[0] + "), or leave the container this runs in"
		return f
	}
	if !writable("/sys/fs/cgroup") {
		f.Verdict, f.Remedy = Missing, "/sys/fs/cgroup is read-only: leave the container this runs in, or start it with --privileged"
	}
	return f
}

// cgroupControllers tells the version in use and its controllers, from cgroup.controllers of version 2 (empty where
// the root is not of that version) and the list of mounts.
func cgroupControllers(version2, mounts string) (version string, available []string) {
	if version2 = strings.TrimSpace(version2); version2 != "" {
		return "version 2", strings.Fields(version2)
	}
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[2] != "cgroup" {
			continue
		}
		for option := range strings.SplitSeq(fields[3], ",") {
			if slices.Contains(controllers, option) {
				available = append(available, option)
			}
		}
	}
	slices.Sort(available)
	return "version 1", available
}

// writable tells whether the file system at path is mounted for writing somewhere below too: version 1 mounts each
// controller on its own.
func writable(path string) bool {
	for _, dir := range []string{path, filepath.Join(path, "memory")} {
		test := filepath.Join(dir, "caseload-cluster-check")
		if err := os.Mkdir(test, 0o755); err == nil {
			_ = os.Remove(test)
			return true
		}
	}
	return false
}

func checkKernel() Finding {
	f := Finding{Check: "kernel", Verdict: OK, Found: "overlay file system, namespaces, seccomp"}
	var lacking []string
	if types, _ := os.ReadFile("/proc/filesystems"); !strings.Contains(string(types), "\toverlay\n") && !loadable("overlay") {
		lacking = append(lacking, "the overlay file system (modprobe overlay)")
	}
	for _, namespace := range []string{"mnt", "net", "pid", "ipc", "uts"} {
		if _, err := os.Stat("/proc/self/ns/" + namespace); err != nil {
			lacking = append(lacking, namespace+" namespaces")
		}
	}
	if _, err := os.Stat("/proc/sys/kernel/seccomp/actions_avail"); err != nil {
		lacking = append(lacking, "seccomp")
	}
	if len(lacking) > 0 {
		f.Verdict, f.Found, f.Remedy = Missing, "lacks "+strings.Join(lacking, ", "), "boot a kernel that has them: Debian's own does"
	}
	return f
}

// loadable tells whether the kernel would load the module when it is first used.
func loadable(module string) bool { return exec.Command("modprobe", "--dry-run", module).Run() == nil }

func checkToolchain() Finding {
	version, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		return Finding{"Go toolchain", Missing, "no go on PATH", "install Go, the version that go.mod names or newer"}
	}
	return Finding{Check: "Go toolchain", Verdict: OK, Found: strings.TrimSpace(string(version))}
}

// clusterRanges are the addresses the cluster uses inside the machine.
var clusterRanges = []netip.Prefix{
	netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("10.245.0.1/32"), netip.MustParsePrefix("10.96.0.0/16"),
}

func checkAddresses() Finding {
	f := Finding{Check: "addresses", Verdict: OK, Found: "10.244.0.0/16, 10.245.0.1 and 10.96.0.0/16 are free or ours"}
	routes, err := exec.Command("ip", "-4", "route", "show").Output()
	if err != nil {
		return Finding{f.Check, Fixed, "ip is not installed", ""}
	}
	if overlaps := overlappingRoutes(string(routes)); len(overlaps) > 0 {
		f.Verdict, f.Found = Warning, "the machine already routes "+strings.Join(overlaps, ", ")
		f.Remedy = "what is reached there will not be reachable while the cluster runs"
	}
	return f
}

// overlappingRoutes lists the routes that overlap the cluster's ranges and are not those of its own pods.
func overlappingRoutes(routes string) []string {
	var overlaps []string
	for line := range strings.Lines(routes) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.Contains(line, " dev veth") {
			continue
		}
		prefix, err := netip.ParsePrefix(fields[0])
		if err != nil {
			continue // default, or a single host
		}
		for _, ours := range clusterRanges {
			if prefix.Overlaps(ours) {
				overlaps = append(overlaps, fields[0])
			}
		}
	}
	return overlaps
}

func checkFirewall() Finding {
	f := Finding{Check: "firewall", Verdict: OK, Found: "forwards packets"}
	rules, err := exec.Command("nft", "list", "chain", "ip", "filter", "FORWARD").Output()
	if err == nil && strings.Contains(string(rules), "policy drop") {
		f.Verdict, f.Found = Warning, "the filter table drops forwarded packets (Docker sets this)"
		f.Remedy = "let pods out: iptables -I FORWARD -s 10.244.0.0/16 -j ACCEPT; iptables -I FORWARD -d 10.244.0.0/16 -j ACCEPT"
	}
	return f
}
