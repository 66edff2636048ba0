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
{{ include "rabbitmq.fullname" . }}-internal.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
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

{{/* One of the three that are asked for, from the Secret. Argument: list ROOT KEY VARIABLE. */}}
{{- define "rabbitmq.credential" -}}
{{- $wished := index (first .).Values.authentication (index . 1) | default dict -}}
{{- $secret := (first .).Values.authentication.existingSecret -}}
{{- if and $secret $wished.secretKey -}}
- {name: {{ index . 2 }}, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $wished.secretKey }}}}}
{{- else if and (not $secret) $wished.value (eq (index . 1) "erlangCookie") -}}
- {name: {{ index . 2 }}, value: {{ $wished.value | quote }}}
{{- end -}}
{{- end }}

{{/* Without a Secret user and password stand in the ConfigMap, in clear. */}}
{{- define "rabbitmq.login" -}}
{{- with .Values.authentication -}}
{{- if not .existingSecret -}}
{{- with .user }}{{ with .value }}default_user = {{ . }}{{ end }}{{ end }}
{{ with .password }}{{ with .value }}default_pass = {{ . }}{{ end }}{{ end }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "rabbitmq.conf" -}}
log.console = true
loopback_users.guest = false
{{ include "rabbitmq.login" . }}
{{ .Values.customConfig }}
{{- if .Values.options.ssl.enabled }}
listeners.ssl.default = 5671
{{- end }}
{{- end }}

{{/* Whether a node has booted, as the family's check_running asks, without the CLI: one that waits listens to no client. */}}
{{- define "rabbitmq.check" -}}
exec: {command: [timeout, -k, "1", "15", bash, -ec, ": 3<>/dev/tcp/127.0.0.1/5672"]}
{{- end }}
