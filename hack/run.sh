#!/usr/bin/env bash
# From a bare machine to a sample organisation ($SAMPLE of config/samples) on a real node, with tickets flowing, left running.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

namespace=support

if [ -z "$CONTEXT" ] && ! step "this machine can run containers" cluster check; then
  say "This machine cannot run containers: see above."
  echo "The same code runs in one process, without a cluster or root:  make demo"
  exit 1
fi

say "Building (the first time this takes some minutes)"
step "caseload" make build
step "helm" make "$BIN/helm"

say "Starting the cluster"
use_cluster

say "Installing the operator and the sample organisation"
step "manager" install_chart
if ! kubectl get namespace "$namespace" >/dev/null 2>&1; then
  kubectl create namespace "$namespace" >/dev/null
  # The second label tells `make stop` that the namespace is ours to delete.
  kubectl label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted "$CREATED_BY" >/dev/null
fi
step "organisation" kubectl apply -n "$namespace" -k "config/samples/$SAMPLE"
step "all objects Ready" kubectl wait -n "$namespace" --for=condition=Ready --timeout=3m --all support
help_desk=$(kubectl get helpdesks -n "$namespace" -o jsonpath='{.items[0].metadata.name}')
kubectl kustomize config/samples/demo-load | sed "s|image: caseload$|image: $IMAGE|; s|acme-|$help_desk-|" | kubectl apply -n "$namespace" -f - >/dev/null
step "customers and agents at work" kubectl rollout status -n "$namespace" deployment/demo-load --timeout=2m

desk() { "$BIN/caseload" "$@" -n "$namespace"; }
first_closed() { until desk ticket list --status Closed -o json | grep -q '"id"'; do sleep 1; done; }
export -f desk first_closed; export namespace
step "the first ticket went from intake to closed" timeout 180 bash -c first_closed

kubectl get support -n "$namespace"
desk top --once

tier=$(kubectl get tiers -n "$namespace" -o jsonpath='{.items[0].metadata.name}')
agent=$(desk agent list | awk 'NR == 1 {duty = index($0, "DUTY")} NR > 1 && substr($0, duty, 2) == "on" && !found++ {print $1}')
ticket=$(desk ticket list --status Closed -o json | sed -n 's/.*"id": *\([0-9]*\).*/\1/p' | head -n1)
hint() { printf '  %-54s # %s\n' "$@"; }
cat <<DONE

It runs, and stays running. Look and try:

  export KUBECONFIG=$KUBECONFIG PATH=$BIN:$(dirname "$(command -v kubectl)"):\$PATH
DONE
hint "kubectl get support -n $namespace" "the organisation" \
  "caseload top -n $namespace" "what waits, who is free, live" \
  "caseload ticket show $ticket -n $namespace" "why it went where it went" \
  "kubectl scale tier/$tier --replicas=4 -n $namespace" "queue workers" \
  "caseload oncall who -n $namespace" "who is on call, until when, who is next" \
  ${agent:+"caseload work --as-agent $agent -n $namespace" "be $agent: nobody plays them meanwhile"}
echo
hint "make stop${CONTEXT:+ CONTEXT=$CONTEXT}" "end it and clean up"
