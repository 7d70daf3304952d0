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
{{- if .Values.operator.replicas }}{{ include "plenum.alone" . }}{{ end }}
{{- end }}

{{- /* An operator keeps the zones of all namespaces, and two of them would undo each other's work. An
operator of another release is found by what gives it its rights. Without a cluster at hand, as in
`helm template`, nothing is known of others. */}}
{{- define "plenum.alone" -}}
{{- range (lookup "rbac.authorization.k8s.io/v1" "ClusterRoleBinding" "" "").items }}
{{- $labels := .metadata.labels | default dict }}
{{- if and (eq (get $labels "app.kubernetes.io/name") "plenum") (eq (get $labels "app.kubernetes.io/component") "operator") }}
{{- range .subjects }}
{{- $own := and (eq .namespace $.Release.Namespace) (eq .name (include "plenum.name" $)) }}
{{- $there := lookup "apps/v1" "Deployment" .namespace .name }}
{{- if and (not $own) $there (gt (int (($there).spec).replicas) 0) }}
{{- $release := get $labels "app.kubernetes.io/instance" }}
{{- fail (printf "the operator of release %s in namespace %s keeps the zones of all namespaces of this cluster, and a second one would undo its work: write operator.replicas: 0 for a directory alone, or take that one away first, which ends no meeting: helm upgrade %s CHART --namespace %s --reset-then-reuse-values --set operator.replicas=0" $release .namespace $release .namespace) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
