#!/usr/bin/env bash
# Install the chart into a real cluster and run test/e2e against it. FOCUS narrows to specs whose text matches.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

step "caseload" make build
step "helm" make "$BIN/helm"
use_cluster
# Rotations of a certificate come to their end while a test runs.
step "manager" install_chart --set manager.certificateOverlap=30s

export CASELOAD_BIN=$BIN/caseload CASELOAD_NAMESPACE=$NAMESPACE
if [ -z "$CONTEXT" ]; then
  export CASELOAD_CLUSTER=$PWD/hack/cluster # lets the suite stop components
  CASELOAD_AUDIT_LOG=$(cluster status -o json | sed -n 's/.*"auditLog": *"\([^"]*\)".*/\1/p')
  export CASELOAD_AUDIT_LOG
fi
go test ./test/e2e -count=1 -timeout 60m -v -ginkgo.v ${FOCUS:+-ginkgo.focus="$FOCUS"}

[ -n "$CONTEXT" ] || echo "The cluster stays up for the next run; make cluster-down ends it."
