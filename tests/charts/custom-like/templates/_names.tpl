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
