{{/* All objects are called RELEASE or RELEASE-something: no chart name in between. */}}

{{- define "mqctl-rabbitmq.selector" -}}
app.kubernetes.io/name: rabbitmq
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels that never change: those of pods (a change restarts them) and volume claims (immutable). */}}
{{- define "mqctl-rabbitmq.stableLabels" -}}
{{ include "mqctl-rabbitmq.selector" . }}
app.kubernetes.io/component: broker
{{- end }}

{{/* Labels of the release's own objects. A tag may hold a digest, which a label value cannot. */}}
{{- define "mqctl-rabbitmq.labels" -}}
{{ include "mqctl-rabbitmq.stableLabels" . }}
app.kubernetes.io/version: {{ regexReplaceAll "@.*$" .Values.image.tag "" | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "mqctl-rabbitmq.domain" -}}
{{ .Release.Name }}-headless.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{- define "mqctl-rabbitmq.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}
