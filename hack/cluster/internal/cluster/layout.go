// Package cluster runs a one-node Kubernetes as plain processes of this machine, and takes it away again.
package cluster

import "path/filepath"

// Addresses and ports of the cluster. They are the same on every machine, so certificates and manifests stay valid
// when the machine's own address changes.
const (
	NodeName     = "local"
	NodeIP       = "10.245.0.1" // an extra address of the loopback interface
	PodCIDR      = "10.244.0.0/16"
	ServiceCIDR  = "10.96.0.0/16"
	APIServiceIP = "10.96.0.1"
	DNSServiceIP = "10.96.0.10"
	Domain       = "cluster.local"
	Registry     = "127.0.0.1:5000"
	APIServer    = "https://127.0.0.1:6443"

	// StorageProvisioner is what the default StorageClass names.
	StorageProvisioner = "cluster.caseload.dev/folder"
	// networkName names the pod network, our nftables table and our cgroup.
	networkName = "caseload-cluster"
	nftTable    = "caseload_cluster"
)

// Layout says where a cluster keeps its things. Everything but the binaries lies in one folder.
type Layout struct {
	Dir string // state
	Bin string // built binaries
}

func (l Layout) path(elements ...string) string {
	return filepath.Join(append([]string{l.Dir}, elements...)...)
}

// Kubeconfig is the administrator's.
func (l Layout) Kubeconfig() string { return l.path("kubeconfig") }

// AuditLog has every write to the API server, one JSON object a line.
func (l Layout) AuditLog() string { return l.path("logs", "audit.log") }

// Logs is the folder of the components' logs.
func (l Layout) Logs() string { return l.path("logs") }

func (l Layout) binary(name string) string       { return filepath.Join(l.Bin, name) }
func (l Layout) cert(name string) string         { return l.path("pki", name+".crt") }
func (l Layout) key(name string) string          { return l.path("pki", name+".key") }
func (l Layout) config(name string) string       { return l.path("config", name) }
func (l Layout) kubeconfigOf(name string) string { return l.config(name + ".kubeconfig") }
func (l Layout) runDir() string                  { return l.path("run") }
func (l Layout) containerdSocket() string        { return l.path("containerd", "containerd.sock") }
func (l Layout) volumes() string                 { return l.path("volumes") }
func (l Layout) machineRecord() string           { return l.path("machine.json") }
func (l Layout) kubectl(args ...string) []string {
	return append([]string{l.binary("kubectl"), "--kubeconfig", l.Kubeconfig()}, args...)
}
