# shellcheck shell=bash disable=SC2034
# Where things lie, how messages look, and the cluster that is already there.

CACHE=${MQCTL_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqctl-e2e}  # what was built and fetched; stays until `free`
STATES=${MQCTL_E2E_STATE:-/var/tmp/mqctl-e2e}                        # one folder a cluster; short, as socket paths lie below it
STARTED=${STARTED:-$(date +%s%N)}

say() { # one line on stderr with the seconds since the start, so that stdout stays for scripts
  local ms=$((($(date +%s%N) - STARTED) / 1000000))
  printf '%4d.%01ds %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*" >&2
}

die() { # SENTENCE [HINT...]
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# = 0 ] || printf 'hint: %s\n' "$@" >&2
  exit 1
}

os_release() { # FIELD
  sed -n "s/^$1=\"*\([^\"]*\)\"*/\1/p" /etc/os-release 2>/dev/null || true
}

megabytes() { # FOLDER... : disk use in MB; 0 for what is not there
  { du -smc "$@" 2>/dev/null || true; } | awk 'END {print $1 + 0}'
}

# With MQCTL_E2E_USE_CURRENT=1 the tests run on the cluster of KUBECONFIG, and nothing here starts or ends anything.
uses_current() { [ "${MQCTL_E2E_USE_CURRENT:-}" = 1 ]; }

leave_current_alone() { # VERB : says so and ends, when the current cluster is to be used
  uses_current || return 0
  echo "MQCTL_E2E_USE_CURRENT=1: $1 does nothing; the tests use the cluster of KUBECONFIG=${KUBECONFIG:-~/.kube/config}" >&2
  exit 0
}
