{{/* What the operator labels the pods of a part of a zone with. */}}
{{- define "plenum.partLabels" -}}
app.kubernetes.io/part-of: plenum
app.kubernetes.io/component: {{ . }}
{{- end }}

{{/* Ingress of whoever reads metrics. Probes of the kubelet pass every policy. */}}
{{- define "plenum.fromMetrics" -}}
- ports:
    - protocol: TCP
      port: {{ .port }}
  {{- with .root.Values.networkPolicy.metricsFrom }}
  from: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Egress to DNS, and to what else was named for all. */}}
{{- define "plenum.toNames" -}}
- ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Egress to these TCP ports anywhere. */}}
{{- define "plenum.toPorts" -}}
- ports:
    {{- range . }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
{{- end }}
