#!/bin/sh
# start-gate.sh: lets the broker start, or holds it back while its pod is named in ConfigMap RELEASE-hold;
# then lays the Erlang cookie where broker and CLI look for it. Runs in an init container, so that
# no probe sees a pod that is held and a held pod has its volume mounted for evidence.
set -eu
hold=/mqctl/hold/pods          # key `pods` of the ConfigMap, one pod name a line; absent = nobody is held
go=/tmp/go                     # `kubectl exec POD -c start-gate -- touch /tmp/go` opens the gate for this pod
cookie=$HOME/.erlang.cookie

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

# Without a line end: some readers of the file take it as part of the cookie. Erlang insists on a file
# that its owner alone can read, and the folder is memory: the cookie is never on the volume.
lay_cookie() {
  rm -f "$cookie"
  (umask 0377 && tr -d '\r\n' </mqctl/credentials/erlang-cookie >"$cookie")
  if [ ! -s "$cookie" ]; then
    echo "start-gate: the Erlang cookie in Secret $MQCTL_SECRET is empty" >&2
    exit 1
  fi
}

if held; then wait_while_held; fi
lay_cookie
