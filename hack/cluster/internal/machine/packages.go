package machine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// debianPackage is needed unless its marker is found: a program on PATH, or a file.
type debianPackage struct{ name, marker string }

var debianPackages = []debianPackage{
	{"containerd", "containerd"},
	{"runc", "runc"},
	{"containernetworking-plugins", "/usr/lib/cni/ptp"},
	{"nftables", "nft"},
	{"iproute2", "ip"},
}

func packageNames() []string {
	var names []string
	for _, p := range debianPackages {
		names = append(names, p.name)
	}
	return names
}

func (p debianPackage) installed() bool {
	if filepath.IsAbs(p.marker) {
		_, err := os.Stat(p.marker)
		return err == nil
	}
	_, err := exec.LookPath(p.marker)
	return err == nil
}

// LackingPackages are the Debian packages that up installs.
func LackingPackages() []string {
	var lacking []string
	for _, p := range debianPackages {
		if !p.installed() {
			lacking = append(lacking, p.name)
		}
	}
	return lacking
}

func checkPackages() Finding {
	lacking := LackingPackages()
	if len(lacking) == 0 {
		return Finding{Check: "packages", Verdict: OK, Found: strings.Join(packageNames(), ", ")}
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return Finding{"packages", Missing, "lacks " + strings.Join(lacking, ", "), "there is no apt-get: install them with your package manager"}
	}
	return Finding{Check: "packages", Verdict: Fixed, Found: "lacks " + strings.Join(lacking, ", "), Remedy: "up installs them with apt-get"}
}

// InstallPackages installs the packages from the machine's own sources, whose lists it refreshes if the first try does
// not find them.
func InstallPackages(ctx context.Context, packages []string) error {
	first := aptGet(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
	if first == nil {
		return nil
	}
	if err := aptGet(ctx, "update"); err != nil {
		return err
	}
	return aptGet(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
}

func aptGet(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=120"}, args...)...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if said, err := command.CombinedOutput(); err != nil {
		said = bytes.TrimSpace(said)
		return fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, said[max(0, len(said)-2000):])
	}
	return nil
}
