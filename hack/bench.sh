#!/usr/bin/env bash
# Performance on this machine, as one table; arguments go to test/bench (-h lists them). docs/performance.md explains it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

program=$(mktemp)
trap 'rm -f "$program"' EXIT
# The manager is measured against a real kube-apiserver; a part named by -only is another one, unless it is that.
if [[ "$*" != *-only* || "$*" == *manager* ]]; then
  KUBEBUILDER_ASSETS=$(cluster build --only envtest)
  export KUBEBUILDER_ASSETS
fi
step "build" go build -o "$program" ./test/bench
"$program" "$@"
