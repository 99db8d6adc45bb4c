#!/usr/bin/env bash
# Copy the CRDs into the chart's templates, where Helm upgrades them with the rest and keeps them on uninstall.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-charts/caseload/templates/crds}
mkdir -p "$out"
for crd in config/crd/bases/*.yaml; do
  {
    echo '{{- if .Values.crds.install }}'
    sed 's|^  annotations:$|  annotations:\n    {{- if .Values.crds.keep }}\n    helm.sh/resource-policy: keep\n    {{- end }}|' "$crd"
    echo '{{- end }}'
  } >"$out/$(basename "${crd#config/crd/bases/support.caseload.dev_}")"
done
