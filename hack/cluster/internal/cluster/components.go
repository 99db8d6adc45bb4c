package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// Component is one program of the cluster.
type Component struct {
	Name    string
	Purpose string
	Args    []string
	// Reads are the files it reads at its start: when they change, a running one is out of date.
	Reads []string
	// Ports it listens on, on this machine.
	Ports []int
	// Probe says why it is not ready, or nil.
	Probe func(context.Context) error
	// Grace is how long it may take to stop.
	Grace time.Duration
}

// Names of the components, in the order they start.
const (
	Etcd              = "etcd"
	Containerd        = "containerd"
	ImageRegistry     = "registry"
	APIServerName     = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kubelet           = "kubelet"
	Proxy             = "kube-proxy"
	VolumeProvisioner = "volume-provisioner"
)

// Components lists the programs in the order they start.
func (l Layout) Components() []Component {
	web := newWebProber(l)
	return []Component{{
		Name: Etcd, Purpose: "stores the API objects", Ports: []int{2379, 2380}, Grace: 10 * time.Second,
		Args: []string{l.binary(Etcd), "--name=" + NodeName, "--data-dir=" + l.path("etcd"),
			"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
			"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
			"--initial-cluster=" + NodeName + "=http://127.0.0.1:2380",
			"--auto-compaction-retention=5m", "--quota-backend-bytes=8589934592"},
		Probe: web.get("http://127.0.0.1:2379/health"),
	}, {
		Name: Containerd, Purpose: "runs the containers", Grace: 10 * time.Second,
		Args:  []string{"containerd", "--config", l.config("containerd.toml")},
		Reads: []string{l.config("containerd.toml"), l.config("cni/10-pods.conflist")},
		Probe: l.probeContainerd,
	}, {
		Name: ImageRegistry, Purpose: "serves the images", Ports: []int{5000}, Grace: 2 * time.Second,
		Args:  []string{l.binary(ImageRegistry), "-address=" + Registry, "-dir=" + l.path("registry")},
		Probe: web.get("http://" + Registry + "/v2/"),
	}, {
		Name: APIServerName, Purpose: "serves the API", Ports: []int{6443}, Grace: 10 * time.Second,
		Args:  l.apiServerArgs(),
		Reads: []string{l.config("audit-policy.yaml"), l.cert("ca"), l.cert("front-proxy-ca"), l.cert(APIServerName), l.key("service-account")},
		Probe: web.get(APIServer + "/readyz"),
	}, {
		Name: ControllerManager, Purpose: "runs the built-in controllers", Ports: []int{10257}, Grace: 10 * time.Second,
		Args: append(l.controlLoopArgs(ControllerManager),
			"--cluster-cidr="+PodCIDR, "--service-cluster-ip-range="+ServiceCIDR,
			"--cluster-signing-cert-file="+l.cert("ca"), "--cluster-signing-key-file="+l.key("ca"),
			"--root-ca-file="+l.cert("ca"), "--service-account-private-key-file="+l.key("service-account"),
			"--use-service-account-credentials=true"),
		Reads: []string{l.kubeconfigOf(ControllerManager), l.cert(ControllerManager), l.cert("ca"), l.key("service-account")},
		Probe: web.get("https://127.0.0.1:10257/healthz"),
	}, {
		Name: Scheduler, Purpose: "assigns pods to the node", Ports: []int{10259}, Grace: 10 * time.Second,
		Args:  l.controlLoopArgs(Scheduler),
		Reads: []string{l.kubeconfigOf(Scheduler), l.cert(Scheduler), l.cert("ca")},
		Probe: web.get("https://127.0.0.1:10259/healthz"),
	}, {
		Name: Kubelet, Purpose: "runs the node's pods", Ports: []int{10248, 10250}, Grace: 10 * time.Second,
		Args: []string{l.binary(Kubelet), "--config=" + l.config("kubelet.yaml"), "--kubeconfig=" + l.kubeconfigOf(Kubelet),
			"--hostname-override=" + NodeName, "--node-ip=" + NodeIP, "--root-dir=" + l.path("kubelet"),
			"--containerd=" + l.containerdSocket()}, // for the containers' metrics
		Reads: []string{l.config("kubelet.yaml"), l.config("resolv.conf"), l.kubeconfigOf(Kubelet), l.cert(Kubelet), l.cert("ca")},
		Probe: web.get("http://127.0.0.1:10248/healthz"),
	}, {
		Name: Proxy, Purpose: "routes Services to pods", Ports: []int{10249, 10256}, Grace: 5 * time.Second,
		Args:  []string{l.binary(Proxy), "--config=" + l.config("kube-proxy.yaml")},
		Reads: []string{l.config("kube-proxy.yaml"), l.kubeconfigOf(Proxy), l.cert(Proxy), l.cert("ca")},
		Probe: web.get("http://127.0.0.1:10256/healthz"),
	}, {
		Name: VolumeProvisioner, Purpose: "makes volumes for claims", Ports: []int{10261}, Grace: 5 * time.Second,
		Args: []string{l.binary(VolumeProvisioner), "-kubeconfig=" + l.kubeconfigOf(VolumeProvisioner),
			"-provisioner=" + StorageProvisioner, "-dir=" + l.volumes(), "-metrics-port=10261"},
		Reads: []string{l.kubeconfigOf(VolumeProvisioner), l.cert(VolumeProvisioner), l.cert("ca")},
		Probe: web.get("http://127.0.0.1:10261/metrics"),
	}}
}

// Find returns the component of that name.
func (l Layout) Find(name string) (Component, error) {
	var names []string
	for _, component := range l.Components() {
		if component.Name == name {
			return component, nil
		}
		names = append(names, component.Name)
	}
	return Component{}, fmt.Errorf("no component is called %q; there are %v", name, names)
}

func (l Layout) apiServerArgs() []string {
	return []string{l.binary(APIServerName),
		"--etcd-servers=http://127.0.0.1:2379",
		"--bind-address=0.0.0.0", "--secure-port=6443", "--advertise-address=" + NodeIP, // our nftables table keeps other machines out
		"--tls-cert-file=" + l.cert(APIServerName), "--tls-private-key-file=" + l.key(APIServerName),
		"--client-ca-file=" + l.cert("ca"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--service-cluster-ip-range=" + ServiceCIDR,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.key("service-account"), "--service-account-signing-key-file=" + l.key("service-account"),
		"--kubelet-client-certificate=" + l.cert("kubelet-client"), "--kubelet-client-key=" + l.key("kubelet-client"),
		"--kubelet-certificate-authority=" + l.cert("ca"), "--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + l.cert("front-proxy-ca"), "--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + l.cert("front-proxy"), "--proxy-client-key-file=" + l.key("front-proxy"),
		"--enable-aggregator-routing=true",
		"--audit-policy-file=" + l.config("audit-policy.yaml"), "--audit-log-path=" + l.AuditLog(),
		"--audit-log-maxsize=200", "--audit-log-maxbackup=2", "--audit-log-mode=blocking",
	}
}

// controlLoopArgs are what the controller manager and the scheduler share. A single one of each needs no election, and
// without one it outlives an API server that is away.
func (l Layout) controlLoopArgs(name string) []string {
	kubeconfig := l.kubeconfigOf(name)
	return []string{l.binary(name), "--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1",
		"--tls-cert-file=" + l.cert(name), "--tls-private-key-file=" + l.key(name)}
}

func (l Layout) probeContainerd(ctx context.Context) error {
	output, err := exec.CommandContext(ctx, "ctr", "--address", l.containerdSocket(), "--timeout", "2s", "version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, lastLine(output))
	}
	return nil
}
