# Shared by the scripts beside it.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export BIN="${BIN:-$PWD/bin}" CONTEXT="${CONTEXT:-}" IMAGE="${IMAGE:-}" VERSION="${VERSION:-dev}"

NAMESPACE=caseload-system # of the manager
CREATED_BY=support.caseload.dev/created-by=make-run # label of a namespace that `make run` created

say()  { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { printf '\033[31merror:\033[0m %s\n' "$*" >&2; exit 1; }

# step TEXT COMMAND...: run it, show how long it took, and its output only if it fails.
step() {
  local text=$1 log start=$SECONDS; shift
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    printf '✓ %-50s %4ds\n' "$text" $((SECONDS - start)); rm -f "$log"
  else
    printf '✗ %s\n' "$text"; cat "$log" >&2; rm -f "$log"
    return 1
  fi
}

cluster() { go run -C hack/cluster . "$@"; }

# use_cluster sets KUBECONFIG and IMAGE: of the cluster the user names, else of the one on this machine, which it starts.
use_cluster() {
  if [ -n "$CONTEXT" ]; then
    [ -n "$IMAGE" ] || fail "CONTEXT=$CONTEXT needs IMAGE=<reference>: an image of the Dockerfile that this cluster can pull"
    command -v kubectl >/dev/null || fail "CONTEXT=$CONTEXT needs kubectl on the PATH"
    local config; config=$(mktemp)
    kubectl config view --minify --flatten --context "$CONTEXT" >"$config"
    export KUBECONFIG=$config
    return
  fi
  local kubeconfig assets
  kubeconfig=$(cluster up)
  assets=$(cluster build --only envtest)
  export KUBECONFIG=$kubeconfig PATH=$assets:$PATH # kubectl
  IMAGE=$(cluster load-image --binary "$BIN/caseload" --name caseload --tag dev)
  export IMAGE
}

# install_chart puts the manager into the cluster, or upgrades it. Arguments go to helm.
install_chart() {
  "$BIN/helm" upgrade --install caseload charts/caseload --namespace "$NAMESPACE" --create-namespace \
    --set image="$IMAGE" --wait --timeout 3m "$@"
}
