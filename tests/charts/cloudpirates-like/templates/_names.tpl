{{- define "rabbitmq.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rabbitmq.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{ default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rabbitmq.selector" -}}
app.kubernetes.io/name: {{ include "rabbitmq.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "rabbitmq.labels" -}}
{{ include "rabbitmq.selector" . }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "rabbitmq.domain" -}}
{{ include "rabbitmq.fullname" . }}-headless.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{/* By names, in place of the plug-in that the family asks the API server with. Pods in order do not exist yet when the
first boots, and a list of them would be waited for. */}}
{{- define "rabbitmq.formation" -}}
{{- $count := eq .Values.podManagementPolicy "Parallel" | ternary (int .Values.replicaCount) 1 -}}
cluster_formation.peer_discovery_backend = classic_config
{{- range $i := until $count }}
cluster_formation.classic_config.nodes.{{ add $i 1 }} = rabbit@{{ include "rabbitmq.fullname" $ }}-{{ $i }}.{{ include "rabbitmq.domain" $ }}
{{- end }}
cluster_formation.target_cluster_size_hint = {{ int .Values.replicaCount }}
{{- end }}

{{- define "rabbitmq.image" -}}
{{ printf "%s/%s:%s" (default .Values.image.registry .Values.global.imageRegistry) .Values.image.repository .Values.image.tag }}
{{- end }}

{{- define "rabbitmq.secret" -}}
{{ default (include "rabbitmq.fullname" .) .Values.auth.existingSecret }}
{{- end }}

{{/* Whether a node has booted, as the family's check_running asks, without the CLI: one that waits listens to no client. */}}
{{- define "rabbitmq.check" -}}
exec: {command: [timeout, -k, "1", "15", bash, -ec, ": 3<>/dev/tcp/127.0.0.1/5672"]}
{{- end }}
