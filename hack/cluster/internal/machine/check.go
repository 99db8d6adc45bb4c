// Package machine tells what a cluster needs of this machine, what of it is missing, and how to get it.
package machine

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// Verdict of a check.
type Verdict string

// Verdicts: Missing keeps a cluster from running.
const (
	OK      Verdict = "ok"
	Fixed   Verdict = "fixed by up" // not there, and up installs it
	Warning Verdict = "warning"
	Missing Verdict = "missing"
)

// Finding is the outcome of one check.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Remedy  string  `json:"remedy,omitempty"`
}

const (
	gibibyte   = 1 << 30
	wantDisk   = 8 * gibibyte // binaries, images, volumes; the build cache of a first build
	wantMemory = 2 * gibibyte
)

// Needs is what the caller's cluster is to run with.
type Needs struct {
	Dirs  []string          // folders written to
	Ports map[int]string    // ports to listen on, and the component that does
	Ours  func(string) bool // whether that component of ours runs already
}

// Check examines the machine.
func Check(needs Needs) []Finding {
	findings := []Finding{checkSystem(), checkRoot(), checkCapabilities(), checkCgroups(), checkKernel(), checkMemory()}
	findings = append(findings, checkPackages(), checkToolchain())
	for _, dir := range needs.Dirs {
		findings = append(findings, checkDisk(dir))
	}
	return append(findings, checkPorts(needs), checkAddresses(), checkFirewall())
}

func checkSystem() Finding {
	f := Finding{Check: "operating system"}
	release, _ := os.ReadFile("/etc/os-release")
	values := parseRelease(string(release))
	f.Found = strings.TrimSpace(values["PRETTY_NAME"] + " " + runtime.GOOS + "/" + runtime.GOARCH)
	switch {
	case runtime.GOOS != "linux":
		f.Verdict, f.Remedy = Missing, "containers need Linux: use a Debian 12 machine or virtual machine"
	case values["ID"] == "debian" && values["VERSION_ID"] == "12":
		f.Verdict = OK
	case values["ID"] == "debian" || strings.Contains(values["ID_LIKE"], "debian"):
		f.Verdict, f.Remedy = Warning, "tried on Debian 12 only"
	default:
		f.Verdict, f.Remedy = Warning, "tried on Debian 12 only: install "+strings.Join(packageNames(), ", ")+" yourself"
	}
	return f
}

// parseRelease reads the assignments of os-release(5).
func parseRelease(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	return values
}

func checkRoot() Finding {
	if id := os.Geteuid(); id != 0 {
		return Finding{"user", Missing, fmt.Sprintf("user id %d", id), "run as root, with sudo for instance: containers, mounts and interfaces need it"}
	}
	return Finding{Check: "user", Verdict: OK, Found: "root"}
}

// capabilities that running containers takes, by their number in capability(7).
var capabilities = map[string]uint{
	"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_FOWNER": 3, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8,
	"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_CHROOT": 18, "CAP_SYS_ADMIN": 21, "CAP_MKNOD": 27,
}

func checkCapabilities() Finding {
	f := Finding{Check: "capabilities", Verdict: OK, Found: "all that containers take"}
	status, _ := os.ReadFile("/proc/self/status")
	if lacking := lackingCapabilities(string(status)); len(lacking) > 0 {
		f.Verdict, f.Found = Missing, "lacks "+strings.Join(lacking, ", ")
		f.Remedy = "run as root outside of a container, or in one started with --privileged"
	}
	return f
}

// lackingCapabilities compares the effective set in a /proc/PID/status with what is needed.
func lackingCapabilities(status string) []string {
	var effective uint64
	for line := range strings.Lines(status) {
		if value, found := strings.CutPrefix(line, "CapEff:"); found {
			effective, _ = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	var lacking []string
	for _, name := range sortedKeys(capabilities) {
		if effective&(1<<capabilities[name]) == 0 {
			lacking = append(lacking, name)
		}
	}
	return lacking
}

func checkMemory() Finding {
	f := Finding{Check: "memory", Verdict: OK}
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return Finding{"memory", Warning, err.Error(), ""}
	}
	total := info.Totalram * uint64(info.Unit)
	f.Found = gibibytes(total) + " in all"
	if total < wantMemory {
		f.Verdict, f.Remedy = Warning, "components take about 1.5 GiB, a first build up to 3 GiB: use a machine with 4 GiB or more"
	}
	return f
}

func checkDisk(dir string) Finding {
	f := Finding{Check: "disk " + dir, Verdict: OK}
	var info syscall.Statfs_t
	if err := syscall.Statfs(existingParent(dir), &info); err != nil {
		return Finding{f.Check, Missing, err.Error(), "choose another folder with --dir or --bin"}
	}
	free := info.Bavail * uint64(info.Bsize)
	f.Found = gibibytes(free) + " free"
	if free < wantDisk {
		f.Verdict, f.Remedy = Warning, "about "+gibibytes(wantDisk)+" are used: make room, or choose another folder with --dir or --bin"
	}
	return f
}

func existingParent(dir string) string {
	for dir != "/" && dir != "." {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
		dir = dir[:max(1, strings.LastIndexByte(dir, '/'))]
	}
	return dir
}

func gibibytes(bytes uint64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/gibibyte) }

func checkPorts(needs Needs) Finding {
	f := Finding{Check: "ports", Verdict: OK, Found: "free or ours"}
	var taken []string
	for _, port := range sortedKeys(needs.Ports) {
		if needs.Ours(needs.Ports[port]) {
			continue
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port))
		if err != nil {
			taken = append(taken, fmt.Sprintf("%d (%s)", port, needs.Ports[port]))
			continue
		}
		listener.Close()
	}
	if len(taken) > 0 {
		f.Verdict, f.Found = Missing, "in use: "+strings.Join(taken, ", ")
		f.Remedy = "stop what listens there (ss -ltnp shows it); if it is a cluster in another --dir, take that down"
	}
	return f
}
