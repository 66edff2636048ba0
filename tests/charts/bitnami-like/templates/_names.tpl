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

{{- define "rabbitmq.headless" -}}
{{ include "rabbitmq.fullname" . }}-{{ eq (include "rabbitmq.since" (list . "11.2.0")) "true" | ternary (default "headless" .Values.servicenameOverride) "headless" }}
{{- end }}

{{- define "rabbitmq.domain" -}}
{{ include "rabbitmq.headless" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{/* true from this version of the chart on: what differs between versions of the family differs here, too. Argument:
list ROOT VERSION. */}}
{{- define "rabbitmq.since" -}}
{{ semverCompare (printf ">=%s-0" (last .)) (first .).Chart.Version }}
{{- end }}

{{- define "rabbitmq.base" -}}
{{- if and .Values.persistence.mountPath (eq (include "rabbitmq.since" (list . "8.29.0")) "true") -}}
{{ .Values.persistence.mountPath }}
{{- else -}}
{{ eq (include "rabbitmq.since" (list . "12.14.0")) "true" | ternary "/opt/bitnami/rabbitmq/.rabbitmq/mnesia" "/bitnami/rabbitmq/mnesia" }}
{{- end -}}
{{- end }}

{{- define "rabbitmq.resources" -}}
{{- if and (not .Values.resources) (eq .Values.resourcesPreset "micro") (eq (include "rabbitmq.since" (list . "13.0.0")) "true") -}}
{requests: {memory: 256Mi}, limits: {memory: 384Mi}}
{{- else -}}
{{ toYaml .Values.resources }}
{{- end -}}
{{- end }}

{{/* Other images than the vendor's are refused, unless they are asked for. */}}
{{- define "rabbitmq.image" -}}
{{- if and (not .Values.global.security.allowInsecureImages) (eq (include "rabbitmq.since" (list . "15.2.0")) "true") -}}
{{- fail "this image is not the one that the chart was made for: set global.security.allowInsecureImages" -}}
{{- end -}}
{{ default .Values.image.registry .Values.global.imageRegistry }}/{{ .Values.image.repository }}
{{- if and .Values.image.digest (eq (include "rabbitmq.since" (list . "10.0.0")) "true") }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}
{{- end }}

{{- define "rabbitmq.conf" -}}
log.console = true
loopback_users.guest = false
{{ .Values.extraConfiguration }}
{{- if .Values.auth.tls.enabled }}
listeners.ssl.default = 5671
{{- end }}
{{- end }}

{{/* The key of a Secret: by its own name from a version on. Argument: list ROOT NAME VERSION DEFAULT. */}}
{{- define "rabbitmq.key" -}}
{{ eq (include "rabbitmq.since" (list (first .) (index . 2))) "true" | ternary (default (last .) (index (first .).Values.auth (index . 1))) (last .) }}
{{- end }}

{{/* Pods in order do not exist yet when the first boots, and a list of them would be waited for. */}}
{{- define "rabbitmq.formation" -}}
{{- $count := eq .Values.podManagementPolicy "Parallel" | ternary (int .Values.replicaCount) 1 -}}
cluster_formation.peer_discovery_backend = classic_config
{{- range $i := until $count }}
cluster_formation.classic_config.nodes.{{ add $i 1 }} = rabbit@{{ include "rabbitmq.fullname" $ }}-{{ $i }}.{{ include "rabbitmq.domain" $ }}
{{- end }}
cluster_formation.target_cluster_size_hint = {{ int .Values.replicaCount }}
{{- end }}

{{/* The folder of the files that cookie and password are in; empty where they are variables, as before 15.5.0. */}}
{{- define "rabbitmq.secrets" -}}
{{- if and .Values.usePasswordFiles (eq (include "rabbitmq.since" (list . "15.5.0")) "true") -}}
/opt/bitnami/rabbitmq/secrets
{{- end -}}
{{- end }}

{{/* What the probes of this version ask: "login" for the management API with the password, and else "running" for a node
that has booted, "vm" for one whose Erlang VM answers. Argument: list ROOT PROBE. */}}
{{- define "rabbitmq.asked" -}}
{{- $root := first . -}}
{{- $live := eq (last .) "livenessProbe" -}}
{{- $since := dict -}}
{{- range $version := list "7.4.4" "8.4.1" "8.6.0" "10.1.14" "10.2.1" "11.14.4" -}}
{{- $_ := set $since $version (eq (include "rabbitmq.since" (list $root $version)) "true") -}}
{{- end -}}
{{- $late := get $since "11.14.4" -}}
{{- if or (not (get $since "7.4.4")) (and (get $since "10.1.14") (not (get $since "10.2.1"))) (and $late (not $root.Values.loadDefinition.enabled)) -}}
login
{{- else if and (get $since "8.4.1") (not (get $since "8.6.0")) -}}
{{ ternary "running" "vm" $live }}
{{- else if get $since "8.6.0" -}}
{{ ternary "vm" "running" $live }}
{{- else -}}
running
{{- end -}}
{{- end }}

{{/* Where it logs in, the file or the variable with the password is read each time, as the family does it: a node that waits
for its peers has no management API. Ports stand for what the family asks by its CLI. Argument: list ROOT PROBE. */}}
{{- define "rabbitmq.check" -}}
{{- $root := first . -}}
{{- $asked := include "rabbitmq.asked" . -}}
- timeout
- -k
- "1"
- "15"
- bash
- -ec
{{- if eq $asked "login" }}
- |
  {{- if include "rabbitmq.secrets" $root }}
  password=$(cat "$RABBITMQ_PASSWORD_FILE")
  {{- else }}
  password=$RABBITMQ_DEFAULT_PASS
  {{- end }}
  exec 3<>/dev/tcp/127.0.0.1/15672
  printf 'GET /api/health/checks/%s HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n' {{ eq (last .) "readinessProbe" | ternary "local-alarms" "virtual-hosts" }} \
    "$(printf '%s:%s' "$RABBITMQ_DEFAULT_USER" "$password" | base64 -w 0)" >&3
  grep -q '"status":"ok"' <&3
{{- else }}
- 'exec 3<>/dev/tcp/127.0.0.1/{{ eq $asked "running" | ternary 5672 25672 }}'
{{- end }}
{{- end }}
