// Command caseload runs a support organisation from Kubernetes manifests: the operator, the desk, the queue workers and
// the commands people use.
package main

import (
	"os"
	_ "time/tzdata" // the image holds nothing but the binary

	"github.com/caseload-dev/caseload/internal/cli"
)

func main() { os.Exit(cli.Main()) }
