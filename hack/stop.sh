#!/usr/bin/env bash
# Stop what `make run` started: the whole cluster of this machine, or, in a cluster the user named, just our objects.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ -z "$CONTEXT" ]; then
  cluster down
  exit
fi
kube() { kubectl --context "$CONTEXT" "$@"; }
kube delete namespace -l "$CREATED_BY"
if kube get namespace support >/dev/null 2>&1; then # it was there before: only the sample goes, and its volume stays
  kube delete -n support --ignore-not-found -f <(kubectl kustomize config/samples/demo-load)
  kube delete -n support --ignore-not-found -k "config/samples/$SAMPLE"
fi
"$BIN/helm" --kube-context "$CONTEXT" uninstall caseload --namespace "$NAMESPACE" --ignore-not-found
