// Command kube is every Kubernetes component of the local cluster in one binary, so that the packages they
// share are compiled and linked once. It runs the component it is called as (a symlink named kube-apiserver),
// or the one its first argument names.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "k8s.io/component-base/logs/json/register"          // JSON log format
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // version metric
)

// components maps a component's name to its main function, which reads os.Args. Files add theirs in init:
// the build tag envtest leaves out what only a node needs.
var components = map[string]func() int{}

func main() {
	if run, ok := components[filepath.Base(os.Args[0])]; ok {
		os.Exit(run())
	}
	if len(os.Args) > 1 {
		if run, ok := components[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			os.Exit(run())
		}
	}
	names := slices.Sorted(maps.Keys(components))
	fmt.Fprintf(os.Stderr, "usage: kube COMPONENT [flags]\nor call it through a symlink named after the component.\nComponents: %s\n",
		strings.Join(names, ", "))
	os.Exit(2)
}
