#!/usr/bin/env bash
# Stop what `make run` started: the whole cluster of this machine, or, in a cluster the user named, just our objects.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ -z "$CONTEXT" ]; then
  cluster down
  exit
fi
kubectl --context "$CONTEXT" delete namespace support --ignore-not-found
"$BIN/helm" --kube-context "$CONTEXT" uninstall caseload --namespace "$NAMESPACE" --ignore-not-found
