package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/hack/cluster/internal/cluster"
	"github.com/caseload-dev/caseload/hack/cluster/internal/image"
)

func newLoadImage(o *options) *cobra.Command {
	var source image.Source
	var tag string
	cmd := &cobra.Command{
		Use:   "load-image",
		Short: "Make an image of a static binary and load it into the cluster's registry; print its reference",
		Long: `Makes an OCI image that holds the binary and an empty /tmp and runs as user 65532, pushes it to the cluster's registry
and prints the reference to use in manifests: registry, name, tag and digest. The same binary gives the same digest.`,
		Example: `  CGO_ENABLED=0 go build -o ./bin/caseload .
  IMAGE=$(go run . load-image --binary ./bin/caseload --name caseload --tag dev)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if source.Binary == "" {
				return errors.New("--binary is required: a static Linux binary, built with CGO_ENABLED=0")
			}
			if source.Name == "" {
				source.Name = filepath.Base(source.Binary)
			}
			built, err := image.Build(source)
			if err != nil {
				return err
			}
			reference, err := image.Push(cluster.Registry, source.Name, tag, built)
			if err != nil {
				return fmt.Errorf("%w\nIs the cluster up? status tells", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), reference)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&source.Binary, "binary", "", "the static binary (required)")
	flags.StringVar(&source.Name, "name", "", "image name, and the binary's name in the image (default: the binary's)")
	flags.StringVar(&tag, "tag", "dev", "image tag")
	flags.StringSliceVar(&source.Entrypoint, "entrypoint", nil, "what to run, comma-separated (default: the binary)")
	return cmd
}
