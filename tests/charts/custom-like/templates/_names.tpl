{{- define "mq.name" -}}
{{ default (printf "%s-broker" .Release.Name) .Values.name }}
{{- end }}

{{- define "mq.labels" -}}
app: mq
release: {{ .Release.Name }}
{{- end }}

{{- define "mq.domain" -}}
{{ include "mq.name" . }}-nodes.{{ .Release.Namespace }}.svc.cluster.local
{{- end }}

{{/* A Secret that is there, or one of the chart's own. */}}
{{- define "mq.secret" -}}
{{ default (printf "%s-login" (include "mq.name" .)) .Values.login.secret }}
{{- end }}

{{- define "mq.check" -}}
- timeout
- -k
- "1"
- "15"
{{- if eq .Values.asks "login" }}
- bash
- -ec
- |
  exec 3<>/dev/tcp/127.0.0.1/15672
  printf 'GET /api/health/checks/local-alarms HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n' \
    "$(printf '%s:%s' "$RABBITMQ_DEFAULT_USER" "$RABBITMQ_DEFAULT_PASS" | base64 -w 0)" >&3
  grep -q '"status":"ok"' <&3
{{- else }}
- rabbitmq-diagnostics
- -q
- check_running
{{- end }}
{{- end }}
