// Package cli is the launcher's command line.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/hack/cluster/internal/build"
	"github.com/caseload-dev/caseload/hack/cluster/internal/cluster"
	"github.com/caseload-dev/caseload/hack/cluster/internal/steps"
)

const defaultDir = "/var/lib/caseload-cluster"

// options are the flags that every command takes.
type options struct {
	dir    string
	bin    string
	source string
}

// Run executes the command line and returns the exit code. Results go to out, progress and errors to progress.
func Run(ctx context.Context, args []string, out, progress io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(progress)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(progress, "error:", err)
		return 1
	}
	return 0
}

func newRoot() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:   "cluster",
		Short: "A real one-node Kubernetes on a bare Debian machine",
		Long: `Builds Kubernetes from its Go modules and runs one real node on this machine: etcd, the control plane, containerd,
kubelet, kube-proxy, cluster DNS, metrics, an image registry and volumes. It needs root, Go and Debian's packages,
and no Docker. Everything lies in one folder and is gone after "down".`,
		Example: `  go run . check          # can this machine do it, and what would be changed on it
  go run . up             # build, start, wait until it serves; safe to repeat
  export KUBECONFIG=` + defaultDir + `/kubeconfig
  go run . load-image --binary ./caseload --name caseload
  go run . stop kube-apiserver && go run . start kube-apiserver
  go run . down           # stop it and clean up`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&o.dir, "dir", defaultDir, "folder of the cluster's state")
	flags.StringVar(&o.bin, "bin", defaultBin(), "folder of the built binaries")
	flags.StringVar(&o.source, "source", "", "folder of this module's sources (default: found from the working folder)")
	root.AddCommand(newCheck(o), newBuild(o), newUp(o), newDown(o), newStatus(o), newStart(o), newStop(o), newLogs(o), newLoadImage(o))
	return root
}

// defaultBin outlives a checkout, so that a fresh clone links nothing again.
func defaultBin() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "caseload-cluster", "bin")
}

func (o *options) cluster(cmd *cobra.Command) (*cluster.Cluster, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	// The kernel allows 107 bytes for a socket's path; containerd's is the longest.
	if len(dir) > 70 {
		return nil, fmt.Errorf("--dir %s is too long for the sockets in it: choose one of at most 70 characters", dir)
	}
	if filepath.Dir(dir) == dir {
		return nil, errors.New("--dir / cannot be a cluster's folder: down removes it")
	}
	return cluster.New(cluster.Layout{Dir: dir, Bin: bin}, steps.NewPrinter(cmd.ErrOrStderr())), nil
}

// locked runs do while no other launcher works on the cluster. It needs root.
func (o *options) locked(cmd *cobra.Command, do func(*cluster.Cluster) error) error {
	c, err := o.cluster(cmd)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s needs root: run it with sudo, for instance", cmd.CommandPath())
	}
	unlock, err := c.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.Adopt(); err != nil {
		return err
	}
	return do(c)
}

func (o *options) sources() (string, error) {
	if o.source != "" {
		return filepath.Abs(o.source)
	}
	return build.FindSource()
}

// outputFlag adds -o to a command and returns where its value will be.
func outputFlag(cmd *cobra.Command) *string {
	format := cmd.Flags().StringP("output", "o", "", `"json" for scripts`)
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *format != "" && *format != "json" {
			return fmt.Errorf("--output %q is not known: leave it out, or say json", *format)
		}
		return nil
	}
	return format
}

func printJSON(cmd *cobra.Command, value any) error {
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
