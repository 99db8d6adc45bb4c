package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/hack/cluster/internal/build"
	"github.com/caseload-dev/caseload/hack/cluster/internal/cluster"
	"github.com/caseload-dev/caseload/hack/cluster/internal/machine"
)

func newUp(o *options) *cobra.Command {
	var noBuild bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build and start the cluster; print the path of its kubeconfig",
		Long: `Checks the machine, installs Debian packages that are missing, builds, starts, and waits until the node is ready and
DNS and metrics serve. It is safe to repeat at any time: what is healthy stays, what crashed or is out of date is
started again. Your own ~/.kube/config is never touched.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.locked(cmd, func(c *cluster.Cluster) error { return up(cmd, o, c, noBuild) })
		},
	}
	cmd.Flags().BoolVar(&noBuild, "no-build", false, "use the binaries as they are")
	return cmd
}

func up(cmd *cobra.Command, o *options, c *cluster.Cluster, noBuild bool) error {
	findings := examine(c)
	if err := missing(findings); err != nil {
		return err
	}
	for _, finding := range findings {
		if finding.Verdict == machine.Warning {
			c.Print.Title("%s", describe(finding))
		}
	}
	if !c.Exists() {
		c.Print.Title("Changes on this machine:\n  - %s", strings.Join(c.Changes(), "\n  - "))
	}
	if lacking := machine.LackingPackages(); len(lacking) > 0 {
		install := func() (string, error) { return "installed", machine.InstallPackages(cmd.Context(), lacking) }
		if err := c.Print.Run("packages "+strings.Join(lacking, " "), install); err != nil {
			return err
		}
	}
	if !noBuild {
		source, err := o.sources()
		if err != nil {
			return err
		}
		targets, err := build.Select(nil)
		if err != nil {
			return err
		}
		if err := build.Build(cmd.Context(), source, c.Bin, targets, c.Print); err != nil {
			return err
		}
	}
	if err := c.Up(cmd.Context()); err != nil {
		return fmt.Errorf("%w\nrun up again when that is solved, or down to clean up", err)
	}
	c.Print.Title("The cluster is up. To use it: export KUBECONFIG=%s PATH=$PATH:%s", c.Kubeconfig(), c.Bin)
	fmt.Fprintln(cmd.OutOrStdout(), c.Kubeconfig())
	return nil
}

func newDown(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the cluster and remove all it put on the machine",
		Long: `Stops every process, and removes mounts, network settings, volumes and state, also what a crash left behind. Built
binaries and installed packages stay.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.locked(cmd, func(c *cluster.Cluster) error { return c.Down() })
		},
	}
}

func newStart(o *options) *cobra.Command {
	return o.onComponents("start", "Start components that were stopped, and wait until they are ready",
		func(cmd *cobra.Command, c *cluster.Cluster, component cluster.Component) error {
			return c.Start(cmd.Context(), component)
		})
}

func newStop(o *options) *cobra.Command {
	return o.onComponents("stop", "Stop components, to see what happens without them",
		func(_ *cobra.Command, c *cluster.Cluster, component cluster.Component) error {
			return c.Stop(component)
		})
}

// onComponents makes a command that acts on the components its arguments name.
func (o *options) onComponents(verb, short string, act func(*cobra.Command, *cluster.Cluster, cluster.Component) error) *cobra.Command {
	var names []string
	for _, component := range (cluster.Layout{}).Components() {
		names = append(names, component.Name)
	}
	return &cobra.Command{
		Use:       verb + " COMPONENT...",
		Short:     short,
		Long:      short + ".\nComponents: " + strings.Join(names, ", ") + ".",
		Example:   "  go run . " + verb + " kube-apiserver",
		Args:      cobra.MatchAll(cobra.MinimumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.locked(cmd, func(c *cluster.Cluster) error {
				if !c.Exists() {
					return fmt.Errorf("there is no cluster in %s: start one with up", c.Dir)
				}
				for _, name := range args {
					component, err := c.Find(name)
					if err != nil {
						return err
					}
					if err := act(cmd, c, component); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}
