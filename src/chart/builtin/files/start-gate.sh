#!/bin/sh
# start-gate.sh: lets the broker start, or holds it back while its pod is named in ConfigMap RELEASE-hold;
# then lays the credentials where the broker looks for them. Runs in an init container, so that no probe
# sees a pod that is held and a held pod has its volume mounted for evidence.
set -eu
hold=/mqctl/hold/pods          # key `pods` of the ConfigMap, one pod name a line; absent = nobody is held
go=/tmp/go                     # `kubectl exec POD -c start-gate -- touch /tmp/go` opens the gate for this pod
given=/mqctl/credentials       # the Secret, as files
cookie=$HOME/.erlang.cookie
seed=$HOME/default-user.config

# As process 1 a shell ignores SIGTERM unless told: deletion of a held pod would last the whole grace period.
trap 'exit 143' TERM INT

held() { [ ! -e "$go" ] && grep -qxF -- "$MQCTL_POD_NAME" "$hold" 2>/dev/null; }

wait_while_held() {
  echo "start-gate: $MQCTL_POD_NAME is held back: it is named in key \`pods\` of ConfigMap $MQCTL_HOLD"
  echo "start-gate: to release it, remove its line there and annotate the pod (else it takes a minute to be noticed)"
  while held; do sleep 0.5; done
  rm -f "$go"
  echo "start-gate: $MQCTL_POD_NAME is released"
}

refuse_empty() {
  for key in username password erlang-cookie; do
    if [ ! -s "$given/$key" ]; then
      echo "start-gate: the $key in Secret $MQCTL_SECRET is empty" >&2
      exit 1
    fi
  done
}

# Without a line end: some readers of the file take it as part of the cookie. Erlang insists on a file
# that its owner alone can read, and the folder is memory: the cookie is never on the volume.
lay_cookie() {
  rm -f "$cookie"
  (umask 0377 && tr -d '\r\n' <"$given/erlang-cookie" >"$cookie")
}

# A file as an Erlang binary, byte by byte: no character needs quoting.
binary() { printf '<<%s>>' "$(od -An -v -tu1 "$1" | tr -s ' \n' ',' | sed 's/^,//; s/,$//')"; }

# Not by RABBITMQ_DEFAULT_PASS: a broker given a character beyond Latin-1 there dies and logs the password
# (rabbit_env:default_pass/1, 3.10 to 4.3); not by rabbitmq.conf, where `#` begins a comment.
lay_default_user() {
  rm -f "$seed"
  (umask 0377 && printf '[{rabbit,[{default_user,%s},{default_pass,%s}]}].\n' \
    "$(binary "$given/username")" "$(binary "$given/password")" >"$seed")
}

if held; then wait_while_held; fi
refuse_empty
lay_cookie
lay_default_user
