package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/caseload-dev/caseload/hack/cluster/internal/image"
	"github.com/caseload-dev/caseload/hack/cluster/internal/process"
)

// Up starts what does not run, replaces what is out of date or ill, and returns when the node is ready and the addons
// serve. It can be called again at any time, also after a crash or a reboot.
func (c *Cluster) Up(ctx context.Context) error {
	boot, err := process.BootID()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(c.discarded()); err != nil {
		return err
	}
	var s settings
	var images map[string]v1.Image
	prepare := func() (string, error) {
		if s, images, err = c.prepare(boot); err != nil {
			return "", err
		}
		return "ready", nil
	}
	if err := c.Print.Run("certificates, configuration, network", prepare); err != nil {
		return err
	}
	if err := c.startAll(ctx, Etcd, Containerd, ImageRegistry); err != nil {
		return err
	}
	if err := c.Print.Run("images", func() (string, error) { return "loaded", pushAll(images) }); err != nil {
		return err
	}
	if err := c.startAll(ctx, APIServerName); err != nil {
		return err
	}
	if err := c.Print.Run("addons", func() (string, error) { return "applied", c.applyAddons(ctx, s) }); err != nil {
		return err
	}
	if err := c.startAll(ctx, ControllerManager, Scheduler, Kubelet, Proxy, VolumeProvisioner); err != nil {
		return err
	}
	return c.waitServing(ctx)
}

// prepare lays down everything that the components find at their start.
func (c *Cluster) prepare(boot string) (settings, map[string]v1.Image, error) {
	s := newSettings(c.Layout)
	if err := c.claim(); err != nil {
		return s, nil, err
	}
	for _, dir := range []string{c.Logs(), c.volumes(), c.path("etcd"), c.path("logs", "pods")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return s, nil, err
		}
	}
	if err := c.forgetFormerBoot(boot); err != nil {
		return s, nil, err
	}
	images, references, err := c.images()
	if err != nil {
		return s, nil, err
	}
	s.PauseImage, s.CoreDNSImage, s.MetricsServerImage = references["pause"], references["coredns"], references["metrics-server"]
	if s.CNIPlugins, err = cniPlugins(); err != nil {
		return s, nil, err
	}
	if s.Nameservers, err = nameservers(); err != nil {
		return s, nil, err
	}
	for _, step := range []func() error{
		func() error { return c.issueCertificates(time.Now()) },
		func() error { return c.writeConfigs(s) },
		func() error { return c.saveMachine(boot) }, // before anything on the machine is changed
		func() error { return setUpNetwork(s) },
		makeCgroup,
	} {
		if err := step(); err != nil {
			return s, nil, err
		}
	}
	return s, images, nil
}

// forgetFormerBoot removes what describes processes, mounts and addresses that a reboot has ended.
func (c *Cluster) forgetFormerBoot(boot string) error {
	marker := c.path("run", "boot")
	if last, err := os.ReadFile(marker); err == nil && string(last) == boot {
		return nil
	}
	if err := c.removeTraces(); err != nil {
		return err
	}
	for _, stale := range []string{c.runDir(), c.path("containerd", "state")} {
		if err := os.RemoveAll(stale); err != nil {
			return err
		}
	}
	return writeFile(marker, []byte(boot))
}

// images makes the cluster's own images and the references they will have.
func (c *Cluster) images() (map[string]v1.Image, map[string]string, error) {
	images, references := map[string]v1.Image{}, map[string]string{}
	for _, name := range []string{"pause", "coredns", "metrics-server"} {
		built, err := image.Build(image.Source{Binary: c.binary(name), Name: name})
		if err != nil {
			return nil, nil, fmt.Errorf("image %s: %w", name, err)
		}
		digest, err := built.Digest()
		if err != nil {
			return nil, nil, err
		}
		images[name], references[name] = built, Registry+"/"+name+"@"+digest.String()
	}
	return images, references, nil
}

func pushAll(images map[string]v1.Image) error {
	for name, built := range images {
		if _, err := image.Push(Registry, name, "cluster", built); err != nil {
			return err
		}
	}
	return nil
}

// applyAddons applies the manifests that make bare Kubernetes a usable cluster.
func (c *Cluster) applyAddons(ctx context.Context, s settings) error {
	var manifests bytes.Buffer
	for _, name := range []string{"rbac", "storage", "coredns", "metrics-server"} {
		content, err := render("addons/"+name+".yaml", s)
		if err != nil {
			return err
		}
		manifests.WriteString("---\n")
		manifests.Write(content)
	}
	args := c.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=caseload-cluster", "-f", "-")
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Stdin = &manifests
	return explain(command)
}

// waitServing waits for the node and the addons; what never gets there is described.
func (c *Cluster) waitServing(ctx context.Context) error {
	for _, wait := range []struct {
		what string
		args []string
	}{
		{"node", []string{"wait", "--for=condition=Ready", "node/" + NodeName, "--timeout=90s"}},
		{"cluster DNS", []string{"--namespace=kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s"}},
		{"metrics server", []string{"--namespace=kube-system", "rollout", "status", "deployment/metrics-server", "--timeout=90s"}},
		{"metrics API", []string{"wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=90s"}},
	} {
		err := c.Print.Run(wait.what, func() (string, error) {
			args := c.kubectl(wait.args...)
			return "ready", retryMissing(ctx, func() error { return explain(exec.CommandContext(ctx, args[0], args[1:]...)) })
		})
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", wait.what, err, c.describeTrouble())
		}
	}
	err := c.Print.Run("name lookup", func() (string, error) { return "answered", lookUp(ctx) })
	if err != nil {
		return fmt.Errorf("name lookup at %s: %w\n%s", DNSServiceIP, err, c.describeTrouble())
	}
	return nil
}

// lookUp asks the cluster's DNS for the API server's Service until it answers. What conditions say may be from before a
// crash; an answer is from now, and came through kube-proxy and the pod network.
func lookUp(ctx context.Context) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, DNSServiceIP+":53")
	}}
	limited, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		attempt, cancelAttempt := context.WithTimeout(limited, 2*time.Second)
		addresses, err := resolver.LookupHost(attempt, "kubernetes.default.svc."+Domain+".")
		cancelAttempt()
		if err == nil && slices.Contains(addresses, APIServiceIP) {
			return nil
		}
		select {
		case <-limited.Done():
			return fmt.Errorf("no right answer within a minute: %v, %w", addresses, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// retryMissing repeats a wait for an object that is yet to be created.
func retryMissing(ctx context.Context, wait func() error) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := wait()
		if err == nil || !strings.Contains(err.Error(), "(NotFound)") && !strings.Contains(err.Error(), "no matching resources found") || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// describeTrouble collects what usually explains a node or pod that does not get ready.
func (c *Cluster) describeTrouble() string {
	var text strings.Builder
	for _, args := range [][]string{
		c.kubectl("get", "nodes,pods", "--all-namespaces", "--output=wide"),
		c.kubectl("get", "events", "--all-namespaces", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"),
	} {
		out, _ := exec.Command(args[0], args[1:]...).CombinedOutput()
		text.Write(out)
	}
	for _, name := range []string{Kubelet, Containerd} {
		fmt.Fprintf(&text, "log of %s: %s\n", name, c.LogPath(name))
	}
	return text.String()
}

// cniPlugins finds the folder of the CNI plugins; Debian and upstream differ.
func cniPlugins() (string, error) {
	for _, dir := range []string{"/usr/lib/cni", "/opt/cni/bin"} {
		if _, err := os.Stat(filepath.Join(dir, "ptp")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no CNI plugin ptp in /usr/lib/cni or /opt/cni/bin: apt-get install containernetworking-plugins")
}

// Lock keeps a second launcher from working on the same cluster until unlock is called. The kernel lets go of it when
// the launcher dies.
func (c *Cluster) Lock() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(c.Dir), 0o755); err != nil {
		return nil, err
	}
	path := c.Dir + ".lock"
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			file.Close()
			return nil, fmt.Errorf("another launcher is at work on %s: wait for it (%w)", c.Dir, err)
		}
		// Its former holder may have removed the file since it was opened: then it locks nothing.
		if isFile(file, path) {
			return func() { _, _ = os.Remove(path), file.Close() }, nil
		}
		file.Close()
	}
}

func isFile(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(opened, named)
}
