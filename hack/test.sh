#!/usr/bin/env bash
# Everything that must pass, from a bare machine, in the order in which a mistake shows soonest.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

skipped=()
part() { # part NAME TARGET
  local start=$SECONDS
  say "── $1"
  make --no-print-directory "$2"
  printf '── %s: passed in %ds\n' "$1" $((SECONDS - start))
}

part "generated files, formatting" verify
part "unit tests" test-unit
part "kinds and controllers, against a real kube-apiserver" test-api
part "linters" lint
if [ -n "$CONTEXT" ]; then
  part "end to end, in $CONTEXT" test-e2e
elif why=$(cluster check 2>&1 >/dev/null); then
  part "end to end, on a real node" test-e2e
else
  skipped+=("end to end on a real node, because this machine cannot run one:"$'\n'"$(grep -A1 '^✗' <<<"$why")")
fi

say "All passed in ${SECONDS}s."
for what in "${skipped[@]}"; do echo "skipped: $what"; done
