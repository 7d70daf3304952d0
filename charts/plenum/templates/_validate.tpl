{{/* What the schema cannot say in a sentence. */}}
{{- define "plenum.validate" -}}
{{- range $path, $labels := dict "commonLabels" .Values.commonLabels "operator.podLabels" .Values.operator.podLabels "directory.podLabels" (.Values.directory).podLabels }}
{{- range $key, $_ := $labels }}
{{- if regexMatch "^(app[.]kubernetes[.]io|helm[.]sh|plenum[.]dev)/" $key }}
{{- fail (printf "%s: %s is the chart's and the operator's own: write a label of yours, for example example.org/team" $path $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
