package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// claimFile names the folder of the machine's cluster. The cgroup, the addresses and the nftables tables are there once
// on a machine: a cluster in another folder must not take them away. A reboot ends the claim with everything it is for.
const claimFile = "/run/caseload-cluster.dir"

// Exists tells whether a cluster, running or not, is in the folder.
func (l Layout) Exists() bool {
	_, err := os.Stat(l.marker())
	return err == nil
}

// marker is the file that makes a folder a cluster's: down deletes no other.
func (l Layout) marker() string { return l.path("caseload-cluster") }

// claim takes the folder and the machine for this cluster.
func (l Layout) claim() error {
	entries, err := os.ReadDir(l.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 && !l.Exists() {
		return fmt.Errorf("%s holds other things and down would delete them: choose an empty or a new folder with --dir", l.Dir)
	}
	if other := claimant(); other != "" && other != l.Dir && (Layout{Dir: other}).Exists() {
		return fmt.Errorf("this machine has a cluster in %s: take it down first, with down --dir %s", other, other)
	}
	if err := writeFile(l.marker(), []byte("Everything in this folder belongs to a local cluster and is deleted with it.\n")); err != nil {
		return err
	}
	return writeFile(claimFile, []byte(l.Dir))
}

// ownsMachine tells whether what is there once on a machine is this cluster's to take away.
func (l Layout) ownsMachine() bool {
	owner := claimant()
	return owner == "" || owner == l.Dir
}

func (l Layout) releaseMachine() error {
	if !l.ownsMachine() {
		return nil
	}
	return ignoreMissing(os.Remove(claimFile))
}

func claimant() string {
	dir, err := os.ReadFile(claimFile)
	if err != nil {
		return ""
	}
	return string(dir)
}
