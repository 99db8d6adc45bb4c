package cluster

import (
	"bytes"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/caseload-dev/caseload/hack/cluster/internal/pki"
)

//go:embed templates
var templates embed.FS

// settings fill the templates.
type settings struct {
	Dir, Network, Table, NodeName, NodeIP        string
	PodCIDR, DNSServiceIP, Domain                string
	StorageProvisioner                           string
	CNIPlugins                                   string
	PauseImage, CoreDNSImage, MetricsServerImage string
	Nameservers                                  []string
}

func newSettings(l Layout) settings {
	return settings{
		Dir: l.Dir, Network: networkName, Table: nftTable, NodeName: NodeName, NodeIP: NodeIP,
		PodCIDR: PodCIDR, DNSServiceIP: DNSServiceIP, Domain: Domain, StorageProvisioner: StorageProvisioner,
	}
}

func render(name string, data any) ([]byte, error) {
	parsed, err := template.New(filepath.Base(name)).Funcs(template.FuncMap{"join": strings.Join}).
		Option("missingkey=error").ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, data)
	return out.Bytes(), err
}

// writeConfigs writes what the components read. A file that stays the same is left alone.
func (l Layout) writeConfigs(s settings) error {
	for file, name := range map[string]string{
		"containerd.toml":      "config/containerd.toml",
		"cni/10-pods.conflist": "config/cni.conflist",
		"kubelet.yaml":         "config/kubelet.yaml",
		"kube-proxy.yaml":      "config/kube-proxy.yaml",
		"audit-policy.yaml":    "config/audit-policy.yaml",
	} {
		content, err := render(name, s)
		if err != nil {
			return err
		}
		if err := writeFile(l.config(file), content); err != nil {
			return err
		}
	}
	var resolv strings.Builder
	for _, server := range s.Nameservers {
		fmt.Fprintf(&resolv, "nameserver %s\n", server)
	}
	return writeFile(l.config("resolv.conf"), []byte(resolv.String()))
}

// writeFile replaces a file whole, readable by its owner only, and only if it differs.
func writeFile(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return os.Chmod(path, 0o600)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// issueCertificates makes or renews every certificate and the kubeconfigs that hold them.
func (l Layout) issueCertificates(now time.Time) error {
	authority, err := pki.OpenAuthority(l.path("pki"), "ca", now)
	if err != nil {
		return err
	}
	frontProxy, err := pki.OpenAuthority(l.path("pki"), "front-proxy-ca", now)
	if err != nil {
		return err
	}
	if _, err := frontProxy.Issue(pki.Leaf{Name: "front-proxy", CommonName: "front-proxy"}, now); err != nil {
		return err
	}
	if err := pki.SigningKey(l.key("service-account")); err != nil {
		return err
	}
	for _, leaf := range leaves() {
		if _, err := authority.Issue(leaf, now); err != nil {
			return fmt.Errorf("certificate %s: %w", leaf.Name, err)
		}
	}
	for _, user := range []string{ControllerManager, Scheduler, Kubelet, Proxy, VolumeProvisioner} {
		if err := l.writeKubeconfig(l.kubeconfigOf(user), user); err != nil {
			return err
		}
	}
	return l.writeKubeconfig(l.Kubeconfig(), "admin")
}

func leaves() []pki.Leaf {
	loopback := []string{"localhost", "127.0.0.1"}
	return []pki.Leaf{
		{Name: "admin", CommonName: "kubernetes-admin", Organizations: []string{"system:masters"}},
		{Name: APIServerName, CommonName: APIServerName, Hosts: append([]string{"kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc." + Domain, APIServiceIP, NodeIP}, loopback...)},
		{Name: "kubelet-client", CommonName: "kubelet-client"},
		{Name: Kubelet, CommonName: "system:node:" + NodeName, Organizations: []string{"system:nodes"}, Hosts: []string{NodeName, NodeIP}},
		{Name: ControllerManager, CommonName: "system:kube-controller-manager", Hosts: loopback},
		{Name: Scheduler, CommonName: "system:kube-scheduler", Hosts: loopback},
		{Name: Proxy, CommonName: "system:kube-proxy"},
		{Name: VolumeProvisioner, CommonName: VolumeProvisioner},
	}
}

func (l Layout) writeKubeconfig(path, user string) error {
	encoded := map[string]string{"Server": APIServer, "User": user}
	for key, file := range map[string]string{"Authority": l.cert("ca"), "Certificate": l.cert(user), "Key": l.key(user)} {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		encoded[key] = base64.StdEncoding.EncodeToString(content)
	}
	content, err := render("config/kubeconfig", encoded)
	if err != nil {
		return err
	}
	return writeFile(path, content)
}

// nameservers reads the machine's name servers that a pod can reach: one on the loopback (systemd-resolved) is not, so
// its own upstream list is read instead.
func nameservers() ([]string, error) {
	for _, file := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		content, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if servers := parseNameservers(string(content)); len(servers) > 0 {
			return servers, nil
		}
	}
	return nil, nil
}

// parseNameservers lists the IPv4 name servers of a resolv.conf that are not on the loopback.
func parseNameservers(resolvConf string) []string {
	var servers []string
	for line := range strings.Lines(resolvConf) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if ip := net.ParseIP(fields[1]); ip != nil && ip.To4() != nil && !ip.IsLoopback() {
			servers = append(servers, fields[1])
		}
	}
	return servers
}
