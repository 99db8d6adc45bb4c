#!/usr/bin/env bash
# Copy the roles into the chart's templates, so that chart and kustomize give the same permissions.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-charts/caseload/templates/roles}
mkdir -p "$out"
for roles in manager_role manager_cluster_role metrics_reader_role workload_roles user_roles; do
  cp "config/rbac/$roles.yaml" "$out/$roles.yaml"
done
