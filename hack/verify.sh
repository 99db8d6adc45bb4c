#!/usr/bin/env bash
# Fail if something generated, formatted or tidied would change.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

make -s "$BIN/controller-gen"
"$BIN/controller-gen" object paths=./api/... output:object:dir="$fresh/api"
"$BIN/controller-gen" crd paths=./api/... output:crd:dir="$fresh/crd"
hack/chart-crds.sh "$fresh/chart"
hack/chart-rbac.sh "$fresh/roles"

stale=0
compare() { diff -r "$1" "$2" || { echo "out of date: $1 (make generate)"; stale=1; }; }
compare api/v1alpha1/zz_generated.deepcopy.go "$fresh/api/zz_generated.deepcopy.go"
compare config/crd/bases "$fresh/crd"
compare charts/caseload/templates/crds "$fresh/chart"
compare charts/caseload/templates/roles "$fresh/roles"

unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "not formatted: $unformatted (gofmt -w)"; stale=1; }
for module in $(git ls-files '*go.mod' | xargs -n1 dirname); do
  go -C "$module" mod tidy -diff >/dev/null || { echo "$module/go.mod is not tidy (go mod tidy)"; stale=1; }
done
# The tests that docs/promises.md names in backquotes, and in quotation marks the steps of suites.
while read -r test; do
  git grep -qF "$test" -- 'controllers/*.go' 'internal/*.go' 'test/*.go' || { echo "docs/promises.md: there is no $test"; stale=1; }
done < <(grep -oE '`Test\w+|"[^"]+"' docs/promises.md | sed 's/^`\(.*\)/func \1(/' | sort -u)
exit $stale
