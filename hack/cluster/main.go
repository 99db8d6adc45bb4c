// Command cluster builds Kubernetes from its Go modules and runs a real one-node cluster on this machine, without
// Docker: for development and end-to-end tests. Run it in its folder with "go run . --help".
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/caseload-dev/caseload/hack/cluster/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
