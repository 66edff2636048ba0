# shellcheck shell=bash disable=SC2154  # `here` is the folder of the command that reads this
# A machine that cannot: one clear sentence, the way to another cluster, and nothing done.

check_refusals() {
  local up=("$here/up" --name mqcheck) prepare=(env "MQCTL_E2E_CACHE=$WORK/empty" "$here/prepare")
  expect "not root: one sentence" refuses "not root: " with_program id 'echo 1000' "${up[@]}"
  expect "not Linux: one sentence" refuses "this is Darwin: the test cluster needs Linux" with_program uname 'echo Darwin' "${up[@]}"
  expect "too little disk: one sentence" refuses "too little disk for building Kubernetes: " on_small_disk "$here/prepare"
  expect "a missing tool: its package is named" refuses "apt-get install iproute2" without_program ip "${up[@]}"
  expect "no Go: one sentence" refuses "Go is missing: " without_program go "${prepare[@]}"
  expect "no C compiler: its package is named" refuses "apt-get install gcc" without_program gcc "${prepare[@]}"
  expect "a folder that the cluster would hide: one sentence" refuses "would be hidden" env MQCTL_E2E_STATE=/run/mqcheck "${up[@]}"
  expect "a wrong option: exit code 2" exits_with 2 "$here/up" --noodles 3
  expect "MQCTL_E2E_USE_CURRENT=1: up and down leave the cluster of KUBECONFIG alone" current_is_left_alone
}

exits_with() { # CODE COMMAND...
  local code=0
  "${@:2}" || code=$?
  [ "$code" = "$1" ]
}

refuses() { # SENTENCE COMMAND... : it fails, says the sentence and what to do, and has made nothing
  local said code=0
  said=$("${@:2}" 2>&1) || code=$?
  echo "exit $code: $said"
  [ "$code" = 1 ] && [[ $said == *"error: "*"$1"* || $said == *"error: "*"hint: $1"* ]] && [[ $said == *"hint: "* ]] &&
    [ ! -e "$STATES/mqcheck" ] && [ ! -e "$WORK/empty" ]
}

with_program() { # NAME SCRIPT COMMAND... : with another program of that name first on PATH
  mkdir -p "$WORK/with-$1"
  printf '#!/bin/sh\n%s\n' "$2" >"$WORK/with-$1/$1"
  chmod +x "$WORK/with-$1/$1"
  PATH=$WORK/with-$1:$PATH "${@:3}"
}

without_program() { # NAME COMMAND... : with everything of PATH but that
  local folder all=$WORK/without-$1
  mkdir -p "$all"
  while read -rd : folder; do
    [ ! -d "$folder" ] || find "$folder" -maxdepth 1 -mindepth 1 -not -type d -not -name "$1" -exec ln -sf -t "$all" {} +
  done <<<"$PATH:"
  PATH=$all "${@:2}"
}

on_small_disk() { # COMMAND... : with a cache on a disk of one megabyte
  mkdir -p "$WORK/small"
  # shellcheck disable=SC2016  # for the inner shell
  MQCTL_E2E_CACHE=$WORK/small/cache unshare --mount --propagation private \
    bash -c 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"' "$WORK/small" "$@"
}

current_is_left_alone() {
  local MQCTL_E2E_USE_CURRENT=1 KUBECONFIG=$WORK/some.kubeconfig exported
  export MQCTL_E2E_USE_CURRENT KUBECONFIG
  "$here/up" --name mqcheck && "$here/down" --name mqcheck && exported=$("$here/env" --name mqcheck) || return 1
  [[ $exported == *"export KUBECONFIG=$KUBECONFIG"* ]] && [ ! -e "$STATES/mqcheck" ]
}
