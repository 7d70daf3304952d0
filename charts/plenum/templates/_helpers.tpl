{{/* The name of everything the chart makes; a second release gets its own. */}}
{{- define "plenum.name" -}}
{{- if contains "plenum" .Release.Name }}{{ printf "%s-operator" .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}{{ printf "%s-plenum-operator" .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What selects the operator's pods. It never changes: a Deployment's selector cannot. */}}
{{- define "plenum.selectorLabels" -}}
app.kubernetes.io/name: plenum
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "plenum.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "plenum.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: plenum
{{- end }}

{{- define "plenum.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Follows the operator's, unless it is pinned: then upgrading the operator changes no router. */}}
{{- define "plenum.dataPlaneImage" -}}
{{ .Values.dataPlane.image | default (include "plenum.image" .) }}
{{- end }}

{{- define "plenum.directoryName" -}}
{{ include "plenum.name" . | trimSuffix "-operator" }}-directory
{{- end }}

{{- define "plenum.directorySelectorLabels" -}}
app.kubernetes.io/name: plenum
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: directory
{{- end }}

{{- define "plenum.directoryLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "plenum.directorySelectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: plenum
{{- end }}
