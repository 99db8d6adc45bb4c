package cluster

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

func TestTemplatesRenderToYAML(t *testing.T) {
	s := newSettings(Layout{Dir: "/state"})
	s.Nameservers = []string{"192.0.2.53", "192.0.2.54"}
	s.CoreDNSImage = "registry/coredns@sha256:0"
	err := fs.WalkDir(templates, "templates", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" && filepath.Ext(path) != ".conflist" {
			return err
		}
		content, err := render(strings.TrimPrefix(path, "templates/"), s)
		if err != nil {
			return err
		}
		for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
			var object map[string]any
			if err := yaml.UnmarshalStrict(document, &object); err != nil {
				t.Errorf("%s: %v\n%s", path, err, document)
			}
			if len(object) == 0 {
				t.Errorf("%s holds an empty document", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDNSForwardsOnlyWhereThereIsANameserver(t *testing.T) {
	for _, c := range []struct {
		servers []string
		want    string
	}{
		{[]string{"192.0.2.53", "192.0.2.54"}, "        forward . 192.0.2.53 192.0.2.54\n"},
		{nil, ""},
	} {
		s := newSettings(Layout{Dir: "/state"})
		s.Nameservers = c.servers
		content, err := render("addons/coredns.yaml", s)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), c.want) || c.want == "" && strings.Contains(string(content), "forward") {
			t.Errorf("with %v the Corefile is\n%s", c.servers, content)
		}
	}
}

func TestComponentsStayInTheirFolder(t *testing.T) {
	layout := Layout{Dir: "/state", Bin: "/bin-folder"}
	ports := map[int]string{}
	for _, component := range layout.Components() {
		found, err := layout.Find(component.Name)
		if err != nil || found.Name != component.Name {
			t.Errorf("Find(%s) = %s, %v", component.Name, found.Name, err)
		}
		for _, port := range component.Ports {
			if other := ports[port]; other != "" {
				t.Errorf("%s and %s both listen on %d", other, component.Name, port)
			}
			ports[port] = component.Name
		}
		for _, path := range component.Reads {
			if !strings.HasPrefix(path, layout.Dir+"/") {
				t.Errorf("%s reads %s, outside of the state", component.Name, path)
			}
		}
		// What Adopt recognizes a lost process by.
		if !slices.ContainsFunc(component.Args[1:], func(arg string) bool { return strings.Contains(arg, layout.Dir+"/") }) {
			t.Errorf("no argument of %s names the state folder: %v", component.Name, component.Args)
		}
	}
	if _, err := layout.Find("kube-api"); err == nil || !strings.Contains(err.Error(), APIServerName) {
		t.Errorf("Find of an unknown name: %v, want an error that lists the names", err)
	}
}

func TestDigestFollowsBinaryFlagsAndFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	component := Component{Name: "x", Args: []string{write("program", "1"), "--flag"}, Reads: []string{write("config", "a")}}
	digest := func() string {
		t.Helper()
		sum, err := component.digest()
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	last := digest()
	if digest() != last {
		t.Error("the digest changes by itself")
	}
	for what, change := range map[string]func(){
		"configuration": func() { write("config", "b") },
		"flags":         func() { component.Args = append(component.Args, "--more") },
		"program":       func() { write("program", "22") },
	} {
		change()
		now := digest()
		if now == last {
			t.Errorf("the digest ignores a changed %s", what)
		}
		last = now
	}
	component.Args[0] = filepath.Join(dir, "absent")
	if _, err := component.digest(); err == nil {
		t.Error("no error for a missing program")
	}
}

func TestWriteFileLeavesTheSameContentAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "file")
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		content string
		written bool
	}{{"a", true}, {"a", false}, {"b", true}} {
		_ = os.Chtimes(path, past, past)
		if err := writeFile(path, []byte(c.content)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if written := !info.ModTime().Equal(past); written != c.written || info.Mode().Perm() != 0o600 {
			t.Errorf("content %q: written %t, mode %v; want %t, 0600", c.content, written, info.Mode(), c.written)
		}
	}
}

func TestCertificatesFillKubeconfigs(t *testing.T) {
	layout := Layout{Dir: t.TempDir()}
	if err := layout.issueCertificates(time.Now()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(layout.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	var kubeconfig struct {
		Clusters []struct {
			Cluster struct {
				Server    string `json:"server"`
				Authority []byte `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Certificate []byte `json:"client-certificate-data"`
				Key         []byte `json:"client-key-data"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := yaml.Unmarshal(content, &kubeconfig); err != nil {
		t.Fatal(err)
	}
	authority, _ := os.ReadFile(layout.cert("ca"))
	key, _ := os.ReadFile(layout.key("admin"))
	if len(kubeconfig.Clusters) != 1 || kubeconfig.Clusters[0].Cluster.Server != APIServer || !bytes.Equal(kubeconfig.Clusters[0].Cluster.Authority, authority) {
		t.Errorf("clusters = %+v", kubeconfig.Clusters)
	}
	if len(kubeconfig.Users) != 1 || len(kubeconfig.Users[0].User.Certificate) == 0 || !bytes.Equal(kubeconfig.Users[0].User.Key, key) {
		t.Errorf("users = %+v", kubeconfig.Users)
	}
	if info, err := os.Stat(layout.Kubeconfig()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestParseNameservers(t *testing.T) {
	text := "# remark\nsearch example.org\nnameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver fd00::1\nnameserver\noptions ndots:2\n"
	if got, want := parseNameservers(text), []string{"192.0.2.53"}; !slices.Equal(got, want) {
		t.Errorf("parseNameservers = %v, want %v", got, want)
	}
}

const mountinfo = `22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:26 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
32 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
40 22 0:40 / /state/kubelet/pods/a/volumes/x\040y rw - tmpfs tmpfs rw
41 40 0:41 / /state/kubelet/pods/a/volumes/x\040y/inner rw - tmpfs tmpfs rw
42 22 0:42 / /state-of-another/a rw - tmpfs tmpfs rw
43 22 0:43 / /state rw - ext4 /dev/vdb rw
`

func TestMountsBelowStopsAtTheFolder(t *testing.T) {
	want := []string{"/state/kubelet/pods/a/volumes/x y", "/state/kubelet/pods/a/volumes/x y/inner"}
	if got := mountsBelow(mountinfo, "/state/"); !slices.Equal(got, want) {
		t.Errorf("mountsBelow = %q, want %q", got, want)
	}
}

func TestParseCgroupMounts(t *testing.T) {
	want := []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"}
	if got := parseCgroupMounts(mountinfo); !slices.Equal(got, want) {
		t.Errorf("parseCgroupMounts = %q, want %q", got, want)
	}
}

func TestIsShimKnowsOurContainerd(t *testing.T) {
	for cmdline, want := range map[string]bool{
		"/usr/bin/containerd-shim-runc-v2\x00-namespace\x00k8s.io\x00-id\x001\x00-address\x00/state/c.sock\x00": true,
		"/usr/bin/containerd-shim-runc-v2\x00-address\x00/run/containerd/containerd.sock\x00":                   false,
		"vi\x00-address\x00/state/c.sock\x00":          false,
		"/usr/bin/containerd-shim-runc-v2\x00-address": false,
		"": false,
	} {
		if got := isShim([]byte(cmdline), "/state/c.sock"); got != want {
			t.Errorf("isShim(%q) = %t, want %t", cmdline, got, want)
		}
	}
}

func TestRestoreMachineForgetsAFormerBoot(t *testing.T) {
	c := New(Layout{Dir: t.TempDir()}, nil)
	// Had it been written, the kernel would refuse it and restoreMachine fail.
	record := `{"boot":"former","kernel":{"net/ipv4/ip_forward":"not a number"}}`
	if err := writeFile(c.machineRecord(), []byte(record)); err != nil {
		t.Fatal(err)
	}
	if err := c.restoreMachine("current"); err != nil {
		t.Errorf("settings of a former boot were restored: %v", err)
	}
}

func TestAFolderOfOthersIsNeitherUsedNorDeleted(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := New(Layout{Dir: dir}, nil)
	if err := c.claim(); err == nil {
		t.Error("claimed a folder that holds other things")
	}
	if err := c.Down(); err == nil {
		t.Error("took down what is no cluster")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestLockExcludesASecondLauncher(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, second := New(Layout{Dir: dir}, nil), New(Layout{Dir: dir}, nil)
	unlock, err := first.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Lock(); err == nil {
		t.Fatal("two launchers hold the lock")
	}
	unlock()
	unlock, err = second.Lock()
	if err != nil {
		t.Fatalf("the lock is not free again: %v", err)
	}
	unlock()
	if _, err := os.Stat(dir + ".lock"); err == nil {
		t.Error("the lock's file stays behind")
	}
}
