# shellcheck shell=bash
# How processes are started and waited for.

say() { # one line with the seconds since `up` began
  local ms=$((($(date +%s%N) - STARTED) / 1000000))
  printf '%4d.%01ds %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*" >&2
}

daemon() { # LOG COMMAND... : in the background, away from the terminal; its process id is kept for tests that stop or kill it
  local log=$STATE/log/$1
  shift
  setsid nohup "$@" >"$log.log" 2>&1 </dev/null &
  echo $! >"$log.pid"
}

await() { # WHAT SECONDS CONDITION "LOGS" : fails with the last lines of the logs
  local end=$((SECONDS + $2)) log
  until "$3"; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "error: $1: not ready after $2 s" >&2
      for log in $4; do echo "== $log" && tail -n 5 "$STATE/log/$log.log" | cut -c1-300; done >&2
      exit 1
    fi
    sleep 0.1
  done
  say "$1: ready"
}

in_node() { # N COMMAND...
  nsenter -t "$(cat "$STATE/n$1/pid")" -m -- "${@:2}"
}
