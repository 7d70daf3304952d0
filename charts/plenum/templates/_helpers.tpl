{{/* The name of everything the chart makes; a second release, of a directory alone, gets its own. */}}
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

{{/* The chart's own labels of a component, those for everything, and a list of others: each key once,
with the last of its values. Who reads strictly takes no key twice. */}}
{{- define "plenum.labelsOf" -}}
{{- $selector := include .selector .root | fromYaml }}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_")
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "plenum" }}
{{- $all := dict }}
{{- range concat (list $own $selector .root.Values.commonLabels) (.more | default list) }}
{{- $all = mergeOverwrite $all (deepCopy (. | default dict)) }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{- define "plenum.labels" -}}
{{- include "plenum.labelsOf" (dict "root" . "selector" "plenum.selectorLabels") }}
{{- end }}

{{/* The field annotations, where there are any: those for everything, and a list of others. */}}
{{- define "plenum.annotations" -}}
{{- $all := dict }}
{{- range (append .more .root.Values.commonAnnotations) }}{{ $all = merge $all (. | default dict) }}{{ end }}
{{- with $all -}}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "plenum.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Follows the operator's, unless it is pinned: then upgrading the operator changes no router. */}}
{{- define "plenum.dataPlaneImage" -}}
{{ .Values.dataPlane.image | default (include "plenum.image" .) }}
{{- end }}

{{/* What the release is called, without which of its parts. */}}
{{- define "plenum.base" -}}
{{ include "plenum.name" . | trimSuffix "-operator" }}
{{- end }}

{{- define "plenum.directoryName" -}}
{{ include "plenum.base" . }}-directory
{{- end }}

{{- define "plenum.directorySelectorLabels" -}}
app.kubernetes.io/name: plenum
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: directory
{{- end }}

{{- define "plenum.directoryLabels" -}}
{{- include "plenum.labelsOf" (dict "root" . "selector" "plenum.directorySelectorLabels") }}
{{- end }}

{{/* Who makes the directory's certificate: Own, CertManager or Secret. */}}
{{- define "plenum.directoryTlsSource" -}}
{{- $tls := (.Values.directory).tls | default dict }}
{{- if $tls.source }}{{ $tls.source }}
{{- else if $tls.existingSecret }}Secret
{{- else if ((.Values.certManager).issuerRef).name }}CertManager
{{- else }}Own
{{- end }}
{{- end }}

{{/* The Secret with the directory's certificate; empty where it makes its own. */}}
{{- define "plenum.directoryTlsSecret" -}}
{{- $source := include "plenum.directoryTlsSource" . }}
{{- if eq $source "Secret" }}{{ .Values.directory.tls.existingSecret }}
{{- else if eq $source "CertManager" }}{{ include "plenum.directoryName" . }}-tls
{{- end }}
{{- end }}

{{/* The names of a certificate, some of which may be addresses. */}}
{{- define "plenum.certificateNames" -}}
{{- $names := list }}{{ $addresses := list }}
{{- range . }}
{{- if regexMatch "^([0-9]+[.]){3}[0-9]+$|:" . }}{{ $addresses = append $addresses . }}
{{- else }}{{ $names = append $names . }}
{{- end }}
{{- end }}
{{- with $names }}
dnsNames: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $addresses }}
ipAddresses: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* How a certificate is made. A new key each time: one that was stolen does not stay good. */}}
{{- define "plenum.certificateKey" -}}
usages: [server auth]
privateKey:
  algorithm: ECDSA
  size: 256
  rotationPolicy: Always
issuerRef:
  name: {{ .name }}
  kind: {{ .kind | default "ClusterIssuer" }}
  group: {{ .group | default "cert-manager.io" }}
{{- end }}
