{{/* What the schema cannot say in a sentence. */}}
{{- define "plenum.validate" -}}
{{- range $path, $labels := dict "commonLabels" .Values.commonLabels "operator.podLabels" .Values.operator.podLabels "directory.podLabels" (.Values.directory).podLabels }}
{{- range $key, $_ := $labels }}
{{- if regexMatch "^(app[.]kubernetes[.]io|helm[.]sh|plenum[.]dev)/" $key }}
{{- fail (printf "%s: %s is the chart's and the operator's own: write a label of yours, for example example.org/team" $path $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- /* The shortest window of an alert is two minutes. A rate needs two scrapes in it, and one may be missed. */}}
{{- $interval := (.Values.serviceMonitor).interval | default "30s" }}
{{- $unit := get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) (regexFind "[a-z]+$" $interval) }}
{{- $seldom := gt (mul (regexFind "^[0-9]+" $interval | int) $unit) 40000 }}
{{- if and $seldom (.Values.serviceMonitor).enabled (.Values.prometheusRule).enabled }}
{{- fail (printf "alerts look at two minutes, which have to hold three scrapes, and serviceMonitor.interval is %s: write 40s or less, or prometheusRule.enabled: false" $interval) }}
{{- end }}
{{- end }}
