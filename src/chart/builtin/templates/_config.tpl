{{/* Bytes of a Kubernetes quantity such as 512Mi or 1.5G. */}}
{{- define "mqctl-rabbitmq.bytes" -}}
{{- $number := regexFind "^[0-9.]+" . -}}
{{- $unit := trimPrefix $number . -}}
{{- $size := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 -}}
{{- mulf (float64 $number) (get $size $unit) | int64 -}}
{{- end }}

{{/* true if `configuration` sets PREFIX.absolute or PREFIX.relative. Given both, 3.10 takes the relative and 4.x the
absolute one, whichever comes last: so the chart's own line must go. Argument: list ROOT PREFIX. */}}
{{- define "mqctl-rabbitmq.config.limitIsSet" -}}
{{- regexMatch (printf `(?m)^[ \t]*%s\.(absolute|relative)[ \t]*=` (last .)) (first .).Values.configuration -}}
{{- end }}

{{/* rabbitmq.conf, first part. A change restarts the pods, one by one. */}}
{{- define "mqctl-rabbitmq.config.defaults" -}}
# Written by the chart; `configuration` of the values is read after it and wins.
log.console = true
loopback_users.guest = false
# New queues go where the fewest leaders are, not to the node of the client.
queue_leader_locator = balanced
{{- $limits := .Values.resources.limits | default dict }}
{{- with $limits.memory }}
# The broker would take the machine's memory for its own. 80 % of the container's limit, as the CLI,
# the page cache and the garbage collector need the rest.
total_memory_available_override_value = {{ div (mul (include "mqctl-rabbitmq.bytes" . | int64) 8) 10 }}
{{- end }}
{{- if ne (include "mqctl-rabbitmq.config.limitIsSet" (list . "vm_memory_high_watermark")) "true" }}
vm_memory_high_watermark.relative = 0.6
{{- end }}
{{- if and .Values.diskFreeLimit (ne (include "mqctl-rabbitmq.config.limitIsSet" (list . "disk_free_limit")) "true") }}
disk_free_limit.absolute = {{ .Values.diskFreeLimit }}
{{- end }}
{{- end }}

{{/* rabbitmq.conf, second part: what scaling and growing change. No part of the pods' checksum, so that
they restart no pod: members read it at their next start, and need it at their first one only. */}}
{{- define "mqctl-rabbitmq.config.cluster" -}}
cluster_formation.peer_discovery_backend = classic_config
{{- range $i := until (int .Values.replicas) }}
cluster_formation.classic_config.nodes.{{ add $i 1 }} = rabbit@{{ $.Release.Name }}-{{ $i }}.{{ include "mqctl-rabbitmq.domain" $ }}
{{- end }}
cluster_formation.target_cluster_size_hint = {{ int .Values.replicas }}
{{- if ge (int .Values.replicas) 3 }}
# Mnesia only; Khepri ignores it. A minority stops serving and comes back by itself, so that nothing is
# accepted that the majority does not know: `ignore` leaves two brokers that must be merged by hand, and
# `autoheal` throws the messages of one side away. With two nodes it would stop both for the loss of one.
cluster_partition_handling = pause_minority
{{- end }}
{{- if not (or .Values.diskFreeLimit (eq (include "mqctl-rabbitmq.config.limitIsSet" (list . "disk_free_limit")) "true")) }}
disk_free_limit.absolute = {{ min (div (include "mqctl-rabbitmq.bytes" .Values.storage.size | int64) 8) 4294967296 }}
{{- end }}
{{- end }}

{{- define "mqctl-rabbitmq.config.plugins" -}}
[{{ join "," .Values.plugins }}].
{{- end }}

{{- define "mqctl-rabbitmq.checksum" -}}
{{- $plugins := include "mqctl-rabbitmq.config.plugins" . -}}
{{- list (include "mqctl-rabbitmq.config.defaults" .) $plugins .Values.configuration .Values.advancedConfiguration | toJson | sha256sum -}}
{{- end }}
