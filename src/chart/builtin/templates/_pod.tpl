{{- define "mqctl-rabbitmq.pod" -}}
serviceAccountName: {{ .Release.Name }}
automountServiceAccountToken: false
# A Service called `rabbitmq` would put RABBITMQ_… variables into the broker's environment.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name") | quote }}
  {{- end }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  {{- if .Values.affinity }}
  {{- toYaml .Values.affinity | nindent 2 }}
  {{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "mqctl-rabbitmq.selector" . | nindent 14 }}
  {{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
initContainers:
  {{- include "mqctl-rabbitmq.startGate" . | nindent 2 }}
containers:
  {{- include "mqctl-rabbitmq.broker" . | nindent 2 }}
volumes:
  {{- include "mqctl-rabbitmq.volumes" . | nindent 2 }}
{{- end }}

{{- define "mqctl-rabbitmq.startGate" -}}
- name: start-gate
  image: {{ include "mqctl-rabbitmq.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [sh, /mqctl/scripts/start-gate.sh]
  env:
    - {name: MQCTL_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: MQCTL_HOLD, value: {{ .Release.Name }}-hold}
    - {name: MQCTL_SECRET, value: {{ .Values.credentials.existingSecret | quote }}}
    - {name: HOME, value: /mqctl/home}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  volumeMounts:
    - {name: scripts, mountPath: /mqctl/scripts, readOnly: true}
    - {name: hold, mountPath: /mqctl/hold, readOnly: true}
    - {name: credentials, mountPath: /mqctl/credentials, readOnly: true}
    - {name: home, mountPath: /mqctl/home}
    - {name: scratch, mountPath: /tmp, subPath: tmp}
    # Not needed by the gate: a held pod shows the evidence on its volume.
    - {name: data, mountPath: /var/lib/rabbitmq, readOnly: true}
{{- end }}

{{- define "mqctl-rabbitmq.broker" -}}
- name: rabbitmq
  image: {{ include "mqctl-rabbitmq.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  env:
    {{- include "mqctl-rabbitmq.env" . | nindent 4 }}
  ports:
    - {name: amqp, containerPort: 5672}
    - {name: management, containerPort: 15672}
    - {name: prometheus, containerPort: 15692}
    - {name: epmd, containerPort: 4369}
    - {name: dist, containerPort: 25672}
  # No liveness and no startup probe: a node that waits for its peers has not failed, a kill only begins
  # the wait anew, and a broker that gives up ends by itself. The port opens when the boot is complete.
  readinessProbe:
    tcpSocket: {port: amqp}
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 3
  lifecycle:
    preStop:
      exec:
        command: [sh, /mqctl/scripts/pre-stop.sh, {{ .Values.preStop.limitSeconds | int | toString | quote }}]
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  volumeMounts:
    - {name: data, mountPath: /var/lib/rabbitmq}
    - {name: config, mountPath: /etc/rabbitmq, readOnly: true}
    - {name: scripts, mountPath: /mqctl/scripts, readOnly: true}
    - {name: pod, mountPath: /mqctl/pod, readOnly: true}
    - {name: home, mountPath: /mqctl/home, readOnly: true}
    - {name: scratch, mountPath: /tmp, subPath: tmp}
    - {name: scratch, mountPath: /var/log/rabbitmq, subPath: log}
{{- end }}

{{- define "mqctl-rabbitmq.env" -}}
- {name: MQCTL_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
# Broker and CLI look for the Erlang cookie here: it is memory, filled by start-gate.
- {name: HOME, value: /mqctl/home}
- {name: RABBITMQ_USE_LONGNAME, value: "true"}
- {name: RABBITMQ_NODENAME, value: rabbit@$(MQCTL_POD_NAME).{{ include "mqctl-rabbitmq.domain" . }}}
- {name: RABBITMQ_LOGS, value: "-"}
# A CLI call is a VM of its own beside the broker: one scheduler that does not spin is enough for it.
- {name: RABBITMQ_CTL_ERL_ARGS, value: +S 1:1 +sbwt none}
# User and password for the first boot on a blank volume, laid by start-gate; there is no `guest` then.
- {name: RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS, value: {{ printf "-config /mqctl/home/default-user %s" .Values.erlangArguments | trim | quote }}}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mqctl-rabbitmq.volumes" -}}
- name: config
  configMap:
    name: {{ .Release.Name }}-config
    items:
      - {key: 10-defaults.conf, path: conf.d/10-defaults.conf}
      - {key: 20-cluster.conf, path: conf.d/20-cluster.conf}
      - {key: 90-configuration.conf, path: conf.d/90-configuration.conf}
      - {key: enabled_plugins, path: enabled_plugins}
      {{- if .Values.advancedConfiguration }}
      - {key: advanced.config, path: advanced.config}
      {{- end }}
- name: scripts
  configMap:
    name: {{ .Release.Name }}-config
    items:
      - {key: start-gate.sh, path: start-gate.sh}
      - {key: pre-stop.sh, path: pre-stop.sh}
      - {key: pre-stop.erl, path: pre-stop.erl}
# Made and removed by whoever holds pods back (mqctl, while it recovers): key `pods`, one pod name a line.
- name: hold
  configMap: {name: {{ .Release.Name }}-hold, optional: true}
- name: credentials
  secret:
    secretName: {{ .Values.credentials.existingSecret | quote }}
    defaultMode: 288 # 0440
    items:
      - {key: {{ .Values.credentials.usernameKey | quote }}, path: username}
      - {key: {{ .Values.credentials.passwordKey | quote }}, path: password}
      - {key: {{ .Values.credentials.erlangCookieKey | quote }}, path: erlang-cookie}
- name: pod
  downwardAPI:
    items:
      - path: stopping
        fieldRef: {fieldPath: "metadata.annotations['mqctl/stopping']"}
- name: home
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: scratch
  emptyDir: {}
{{- end }}
