{{/* What a schema cannot say. Each failure is a sentence with the way out. */}}
{{- define "mqctl-rabbitmq.checks" -}}
{{- if not .Values.credentials.existingSecret -}}
{{- fail "credentials.existingSecret is empty: name a Secret of this namespace that holds the user name, the password and the Erlang cookie (it is made outside the release, so that uninstall keeps it)" -}}
{{- end -}}
{{- include "mqctl-rabbitmq.checks.name" . -}}
{{- include "mqctl-rabbitmq.checks.env" . -}}
{{- $needed := add .Values.preStop.limitSeconds 30 -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (int $needed) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d: it must be at least %d, which is preStop.limitSeconds and 30 s for the broker to stop" (int .Values.terminationGracePeriodSeconds) $needed) -}}
{{- end -}}
{{- end }}

{{/* A StatefulSet puts its name and an 11 character hash into a label of 63; Erlang takes node names of 255. */}}
{{- define "mqctl-rabbitmq.checks.name" -}}
{{- $name := .Release.Name -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "release name `%s` cannot name a Service: it must begin with a letter and hold only lower case letters, digits and hyphens" $name) -}}
{{- end -}}
{{- if gt (len $name) 52 -}}
{{- fail (printf "release name `%s` is %d characters long: a StatefulSet's name can have 52" $name (len $name)) -}}
{{- end -}}
{{- $node := printf "rabbit@%s-%d.%s" $name (sub .Values.replicas 1) (include "mqctl-rabbitmq.domain" .) -}}
{{- if gt (len $node) 255 -}}
{{- fail (printf "node name `%s` is %d characters long: Erlang takes 255. Choose a shorter release name or namespace" $node (len $node)) -}}
{{- end -}}
{{- end }}

{{/* A name twice in `env` is an error under server-side apply, and silently the last one before it. */}}
{{- define "mqctl-rabbitmq.checks.env" -}}
{{- $seen := dict -}}
{{- range list "HOME" "MQCTL_POD_NAME" "RABBITMQ_CTL_ERL_ARGS" "RABBITMQ_LOGS" "RABBITMQ_NODENAME" "RABBITMQ_USE_LONGNAME" -}}
{{- $_ := set $seen . "is set by the chart" -}}
{{- end -}}
{{- range list "RABBITMQ_DEFAULT_PASS" "RABBITMQ_DEFAULT_USER" "RABBITMQ_ERLANG_COOKIE" -}}
{{- $_ := set $seen . "comes from credentials.existingSecret" -}}
{{- end -}}
{{- $_ := set $seen "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS" "is set by the chart: use erlangArguments" -}}
{{- range .Values.extraEnv -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "extraEnv: `%s` %s" .name (get $seen .name)) -}}
{{- end -}}
{{- $_ := set $seen .name "is there twice" -}}
{{- end -}}
{{- end }}
