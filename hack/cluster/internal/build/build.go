// Package build compiles the cluster's programs from their Go modules.
package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/hack/cluster/internal/steps"
)

const (
	modulePath        = "github.com/caseload-dev/caseload/hack/cluster"
	kubernetesVersion = "v1.36.3" // as in go.mod; the components report it
	// parallel builds keep two cores busy while one of them links.
	parallel = 2
)

// Target is one program to build.
type Target struct {
	Name    string
	Purpose string
	module  string   // folder of its Go module below the source
	pkg     string   // package in that module
	tags    string   // build tags
	folder  string   // where it goes below the binaries' folder
	binary  string   // file name
	links   []string // names it is called by
	inAll   bool     // the cluster needs it
}

// Targets lists what can be built.
func Targets() []Target {
	return []Target{
		{Name: "kube", Purpose: "every Kubernetes component and etcd, in one binary", module: ".", pkg: "./kube", binary: "kube", inAll: true,
			links: []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl", "volume-provisioner"}},
		{Name: "coredns", Purpose: "cluster DNS", module: "addons", pkg: "./coredns", binary: "coredns", inAll: true},
		{Name: "metrics-server", Purpose: "CPU and memory use, for autoscalers", module: "addons", pkg: "./metrics-server", binary: "metrics-server", inAll: true},
		{Name: "registry", Purpose: "image registry", module: ".", pkg: "./registry", binary: "registry", inAll: true},
		{Name: "pause", Purpose: "holds a pod's namespaces", module: ".", pkg: "./pause", binary: "pause", inAll: true},
		{Name: "envtest", Purpose: "just etcd, kube-apiserver and kubectl, for tests without a node", module: ".", pkg: "./kube", tags: "envtest",
			folder: "envtest", binary: "kube", links: []string{"etcd", "kube-apiserver", "kubectl"}},
	}
}

// Select returns the named targets; no name means all that a cluster needs.
func Select(names []string) ([]Target, error) {
	var selected []Target
	var known []string
	for _, target := range Targets() {
		known = append(known, target.Name)
		if slices.Contains(names, target.Name) || len(names) == 0 && target.inAll {
			selected = append(selected, target)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("cannot build %q; --only takes %s", name, strings.Join(known, ", "))
		}
	}
	return selected, nil
}

// Folder is where the target's program and its links go.
func (t Target) Folder(bin string) string { return filepath.Join(bin, t.folder) }

// Build compiles the targets side by side from the sources into the folder bin. What is up to date takes a moment.
func Build(ctx context.Context, source, bin string, targets []Target, print *steps.Printer) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("the Go toolchain is missing: install Go (the version in go.mod) and put it on PATH")
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, target := range targets {
		group.Go(func() error {
			return print.Run("build "+target.Name, func() (string, error) { return "", target.build(ctx, source, bin) })
		})
	}
	return group.Wait()
}

func (t Target) build(ctx context.Context, source, bin string) error {
	folder := t.Folder(bin)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	built := filepath.Join(folder, "."+t.binary+".new")
	defer os.Remove(built)
	args := []string{"build", "-tags=" + t.tags, "-ldflags=" + linkerFlags(), "-o", built, t.pkg}
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = filepath.Join(source, t.module)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if said, err := command.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("building %s: %w\nin %s: go %s\n%s", t.Name, err, command.Dir, strings.Join(args, " "), bytes.TrimSpace(said))
	}
	if err := install(built, filepath.Join(folder, t.binary)); err != nil {
		return err
	}
	for _, link := range t.links {
		if err := relink(t.binary, filepath.Join(folder, link)); err != nil {
			return err
		}
	}
	return nil
}

// linkerFlags leave out what only debuggers read, and tell Kubernetes its version.
func linkerFlags() string {
	numbers := strings.SplitN(strings.TrimPrefix(kubernetesVersion, "v"), ".", 3)
	const version = " -X k8s.io/component-base/version."
	return "-s -w" + version + "gitVersion=" + kubernetesVersion + version + "gitMajor=" + numbers[0] + version + "gitMinor=" + numbers[1]
}

// install moves a new program into place unless it is the same: a changed file makes up restart what runs it.
func install(built, installed string) error {
	same, err := sameContent(built, installed)
	if err != nil || same {
		return err
	}
	return os.Rename(built, installed)
}

func sameContent(a, b string) (bool, error) {
	var sums [2][sha256.Size]byte
	for i, path := range []string{a, b} {
		file, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, file)
		file.Close()
		if err != nil {
			return false, err
		}
		sum.Sum(sums[i][:0])
	}
	return sums[0] == sums[1], nil
}

func relink(target, link string) error {
	if now, err := os.Readlink(link); err == nil && now == target {
		return nil
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, link)
}

// FindSource looks for this module's folder from the working folder upwards, also as hack/cluster of a folder on the
// way.
func FindSource() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "hack", "cluster")} {
			content, err := os.ReadFile(filepath.Join(candidate, "go.mod"))
			if err == nil && strings.HasPrefix(string(content), "module "+modulePath+"\n") {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("the sources are not at %s or above: name their folder with --source", start)
		}
	}
}
