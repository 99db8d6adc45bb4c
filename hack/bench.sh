#!/usr/bin/env bash
# Performance on this machine, as one table; arguments go to test/bench (-h lists them). docs/performance.md explains it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

program=$(mktemp)
trap 'rm -f "$program"' EXIT
step "build" go build -o "$program" ./test/bench
"$program" "$@"
