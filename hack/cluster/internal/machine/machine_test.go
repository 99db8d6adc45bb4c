package machine

import (
	"net"
	"slices"
	"testing"
)

func TestParseRelease(t *testing.T) {
	values := parseRelease("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n# remark\n")
	if values["ID"] != "debian" || values["VERSION_ID"] != "12" || values["PRETTY_NAME"] != "Debian GNU/Linux 12 (bookworm)" {
		t.Errorf("parseRelease = %v", values)
	}
}

func TestLackingCapabilities(t *testing.T) {
	for status, want := range map[string][]string{
		"Name:\tx\nCapEff:\t000001fffeffffff\n": nil, // all but CAP_SYS_RESOURCE
		"CapEff:\t000001ffffdfffff\n":           {"CAP_SYS_ADMIN"},
		"CapEff:\t000001ffffdfefff\n":           {"CAP_NET_ADMIN", "CAP_SYS_ADMIN"},
	} {
		if got := lackingCapabilities(status); !slices.Equal(got, want) {
			t.Errorf("%q: lacking %v, want %v", status, got, want)
		}
	}
	if got := lackingCapabilities("CapEff:\t0000000000000000\n"); len(got) != len(capabilities) {
		t.Errorf("without any capability only %v are lacking", got)
	}
}

func TestCgroupControllers(t *testing.T) {
	hybrid := "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n" +
		"cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n" +
		"cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n" +
		"cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0\n" +
		"cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
	for _, c := range []struct {
		version2, mounts, version string
		available                 []string
	}{
		{"cpuset cpu io memory pids\n", "", "version 2", []string{"cpuset", "cpu", "io", "memory", "pids"}},
		{"", hybrid, "version 1", []string{"cpu", "memory"}},
		{"", "", "version 1", nil},
	} {
		version, available := cgroupControllers(c.version2, c.mounts)
		if version != c.version || !slices.Equal(available, c.available) {
			t.Errorf("cgroupControllers(%q, %q) = %s, %v; want %s, %v", c.version2, c.mounts, version, available, c.version, c.available)
		}
	}
}

func TestOverlappingRoutes(t *testing.T) {
	routes := "default via 192.0.2.1 dev eth0\n" +
		"10.244.0.7 dev veth1234 scope host\n" +
		"10.0.0.0/8 via 192.0.2.7 dev eth0\n" +
		"10.96.1.0/24 dev tun0\n" +
		"192.0.2.0/24 dev eth0 proto kernel\n"
	if got, want := overlappingRoutes(routes), []string{"10.0.0.0/8", "10.96.1.0/24"}; !slices.Equal(slices.Compact(got), want) {
		t.Errorf("overlappingRoutes = %v, want %v", got, want)
	}
}

func TestCheckPorts(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	needs := Needs{Ports: map[int]string{port: "etcd"}, Ours: func(string) bool { return false }}
	if got := checkPorts(needs); got.Verdict != Missing || got.Remedy == "" {
		t.Errorf("a stranger's port: %+v, want it missing, with a remedy", got)
	}
	needs.Ours = func(name string) bool { return name == "etcd" }
	if got := checkPorts(needs); got.Verdict != OK {
		t.Errorf("our own port: %+v, want it to pass", got)
	}
}
