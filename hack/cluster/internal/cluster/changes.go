package cluster

import (
	"strings"

	"github.com/caseload-dev/caseload/hack/cluster/internal/machine"
)

// Changes lists what Up changes on the machine.
func (c *Cluster) Changes() []string {
	changes := []string{
		"state, logs and volumes in " + c.Dir + ", binaries in " + c.Bin,
		"processes listening on the loopback, and the API server on port 6443, closed to other machines",
		"the address " + NodeIP + " on the loopback interface, a network interface (veth…) and a route for each pod",
		"nftables tables " + nftTable + " and kube-proxy",
		"a cgroup /" + networkName + ", and what kubelet and containerd keep in " + kubeletDir + ", /run/containerd and /var/lib/cni",
		"kernel settings " + strings.Join(kernelSettings, ", "),
		"down takes all of these away again, except the binaries",
	}
	if lacking := machine.LackingPackages(); len(lacking) > 0 {
		changes = append([]string{"Debian packages, which stay: " + strings.Join(lacking, ", ")}, changes...)
	}
	return changes
}
