{{/* What chooses the manager's pods. */}}
{{- define "caseload.selector" -}}
app.kubernetes.io/name: caseload
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: manager
{{- end }}

{{- define "caseload.labels" -}}
{{ include "caseload.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The manager as the subject of a binding. */}}
{{- define "caseload.subject" -}}
- kind: ServiceAccount
  name: caseload-manager
  namespace: {{ .Release.Namespace }}
{{- end }}
