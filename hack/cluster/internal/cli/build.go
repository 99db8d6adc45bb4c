package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/hack/cluster/internal/build"
	"github.com/caseload-dev/caseload/hack/cluster/internal/steps"
)

func newBuild(o *options) *cobra.Command {
	var only []string
	var names []string
	for _, target := range build.Targets() {
		names = append(names, fmt.Sprintf("  %-15s %s", target.Name, target.Purpose))
	}
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build the programs, or some of them; print the folder they are in",
		Long: `Builds what the cluster runs, side by side; needs no root. From nothing it takes about seven minutes on two idle cores,
afterwards seconds. --only takes one or more of

` + strings.Join(names, "\n") + `

The folder that "--only envtest" prints serves as KUBEBUILDER_ASSETS.`,
		Example: `  go run . build
  export KUBEBUILDER_ASSETS=$(go run . build --only envtest)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			source, err := o.sources()
			if err != nil {
				return err
			}
			targets, err := build.Select(only)
			if err != nil {
				return err
			}
			c, err := o.cluster(cmd)
			if err != nil {
				return err
			}
			if err := build.Build(cmd.Context(), source, c.Bin, targets, steps.NewPrinter(cmd.ErrOrStderr())); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), targets[0].Folder(c.Bin))
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&only, "only", nil, "build just these")
	return cmd
}
