// Package cli is the command line: one file a command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/internal/version"
)

// exitError ends the program with a code of its own, its message already shown.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// Main runs the command that the arguments name and returns the exit code: 0, 1 for a failure, or the command's own.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	default:
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 1
	}
}

// commands are the subcommands; each file of the package adds its own in init.
var commands []func() *cobra.Command

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "caseload",
		Version:       version.Version,
		Short:         "Run a support organisation from Kubernetes manifests",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddGroup(
		&cobra.Group{ID: "use", Title: "Using a desk:"},
		&cobra.Group{ID: "check", Title: "Checking manifests:"},
		&cobra.Group{ID: "run", Title: "Running the planes:"},
	)
	for _, command := range commands {
		root.AddCommand(command())
	}
	return root
}
