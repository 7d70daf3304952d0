{{/* Values of a release of a former chart, as with --reuse-values, say nothing of formats and
ratios. */}}
{{- define "plenum.logFormat" -}}
{{ (. | default dict).logFormat | default "json" }}
{{- end }}

{{- define "plenum.traceRatio" -}}
{{ kindIs "invalid" .Values.tracing.ratio | ternary 1 .Values.tracing.ratio }}
{{- end }}

{{/* What a program of ours is told of traces, as its environment. */}}
{{- define "plenum.tracing" -}}
{{- with .Values.tracing.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ include "plenum.traceRatio" $ | quote }}
{{- end }}
{{- end }}

{{/* What the operator tells zone controllers, tunnels and routers. Empty where they are told
nothing: then installing this chart over an older one replaces none of them. */}}
{{- define "plenum.dataPlaneEnvironment" -}}
{{- $told := list }}
{{- if and .Values.tracing.otlpEndpoint .Values.tracing.dataPlane }}
{{- $told = append $told (printf "OTEL_EXPORTER_OTLP_ENDPOINT=%s" .Values.tracing.otlpEndpoint) }}
{{- $told = append $told "OTEL_TRACES_SAMPLER=parentbased_traceidratio" }}
{{- $told = append $told (printf "OTEL_TRACES_SAMPLER_ARG=%s" (include "plenum.traceRatio" .)) }}
{{- end }}
{{- $format := include "plenum.logFormat" .Values.dataPlane }}
{{- if ne $format "json" }}{{ $told = append $told (printf "PLENUM_LOG_FORMAT=%s" $format) }}{{ end }}
{{- join "," $told }}
{{- end }}

{{/* A list with the collector's port, empty where nothing is traced; 80 where its address names none. */}}
{{- define "plenum.collectorPorts" -}}
{{- $ports := list }}
{{- with (.Values.tracing).otlpEndpoint }}
{{- /* After the last colon of HOST:PORT: those of an IPv6 address are in brackets. */}}
{{- $ports = append $ports (regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" | default "80" | int) }}
{{- end }}
{{- toJson $ports }}
{{- end }}
