{{- define "rabbitmq.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rabbitmq.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{ default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rabbitmq.selector" -}}
app: {{ include "rabbitmq.name" . }}
release: {{ .Release.Name }}
{{- end }}

{{- define "rabbitmq.labels" -}}
{{ include "rabbitmq.selector" . }}
chart: {{ .Chart.Name }}-{{ .Chart.Version }}
heritage: {{ .Release.Service }}
{{- end }}

{{- define "rabbitmq.domain" -}}
{{ include "rabbitmq.fullname" . }}-headless.{{ .Release.Namespace }}.svc.{{ .Values.rabbitmq.clustering.k8s_domain }}
{{- end }}

{{- define "rabbitmq.conf" -}}
log.console = true
loopback_users.guest = false
cluster_formation.peer_discovery_backend = classic_config
{{- /* The first pod alone: the others do not exist when it boots, and a list of them is waited for. */}}
cluster_formation.classic_config.nodes.1 = rabbit@{{ include "rabbitmq.fullname" . }}-0.{{ include "rabbitmq.domain" . }}
cluster_formation.target_cluster_size_hint = {{ int .Values.replicas }}
{{ .Values.rabbitmq.extraConfiguration }}
{{- if .Values.rabbitmq.tls.enabled }}
listeners.ssl.default = 5671
{{- end }}
{{- end }}

{{/* The management API is asked with the password, as the family does it: a node that waits for its peers has none. */}}
{{- define "rabbitmq.check" -}}
- timeout
- -k
- "1"
- "15"
- bash
- -ec
- |
  exec 3<>/dev/tcp/127.0.0.1/15672
  printf 'GET /api/health/checks/%s HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n' {{ . }} \
    "$(printf '%s:%s' "$RABBITMQ_DEFAULT_USER" "$RABBITMQ_DEFAULT_PASS" | base64 -w 0)" >&3
  grep -q '"status":"ok"' <&3
{{- end }}
