# shellcheck shell=bash
# What the machine must have. Each thing that is missing is said in one sentence, before anything was changed.

ELSEWHERE="or use any cluster you have: KUBECONFIG=... MQCTL_E2E_USE_CURRENT=1 tests/run"

declare -A PACKAGES=([gcc]=gcc [python3]=python3 [jq]=jq [openssl]=openssl [curl]=curl [ip]=iproute2 [unshare]=util-linux
  [nsenter]=util-linux [flock]=util-linux [setpriv]=util-linux [perl]=perl [setsid]=util-linux [apt-get]=apt [dpkg]=dpkg)

need_linux() {
  [ "$(uname -s)" = Linux ] || die "this is $(uname -s): the test cluster needs Linux" "$ELSEWHERE"
}

need_root() {
  [ "$(id -u)" = 0 ] || die "not root: the test cluster needs namespaces, cgroups and mounts of its own" "sudo -E $0" "$ELSEWHERE"
}

need_debian() {
  local id
  id=$(os_release ID)
  [ "$id" = debian ] || die "this is \`${id:-an unknown system}\`, not Debian: parts of the cluster come from Debian's packages" "$ELSEWHERE"
}

need_tools() { # TOOL...
  local tool absent=() packages=()
  for tool; do
    command -v "$tool" >/dev/null || { absent+=("$tool"); packages+=("${PACKAGES[$tool]:-$tool}"); }
  done
  [ ${#absent[@]} = 0 ] || die "missing: ${absent[*]}" "apt-get install ${packages[*]}" "$ELSEWHERE"
}

need_go() { # the newest module asks for 1.26; an older Go that may fetch a newer toolchain will do so by itself
  command -v go >/dev/null || die "Go is missing: Kubernetes and Helm are built here" "install Go 1.26 or later" "$ELSEWHERE"
  local minor
  minor=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  [ "${minor:-0}" -ge 26 ] && return
  [ "${minor:-0}" -ge 21 ] && [ "$(go env GOTOOLCHAIN)" != local ] && return
  die "$(go env GOVERSION) is too old: Go 1.26 is needed" "install Go 1.26 or later, or set GOTOOLCHAIN=auto" "$ELSEWHERE"
}

existing_folder() { # PATH : it, or its nearest parent that exists
  local path=$1
  while [ ! -d "$path" ]; do path=$(dirname "$path"); done
  echo "$path"
}

need_disk() { # FOLDER MEGABYTES WHAT
  local free
  free=$(df --output=avail -m "$(existing_folder "$1")" | tail -1)
  [ "$free" -ge "$2" ] || die "too little disk for $3: $1 has ${free// /} MB free, $2 MB are needed" \
    "set MQCTL_E2E_CACHE (and MQCTL_E2E_STATE) to folders on a larger disk" "$ELSEWHERE"
}

need_visible() { # FOLDER VARIABLE : /run, /var/lib and /var/log are replaced inside the cluster; overlayfs cannot lie on overlayfs
  case $(realpath -m "$1")/ in
    /run/* | /var/lib/* | /var/log/*) die "$1 would be hidden inside the cluster" "set $2 to a folder outside /run, /var/lib and /var/log" ;;
  esac
  [ "$(stat -f -c %T "$(existing_folder "$1")")" != overlayfs ] || die "$1 lies on overlayfs, where containers cannot have their layers" \
    "set $2 to a folder on ext4, xfs or tmpfs (in a container: a volume)" "$ELSEWHERE"
}

preflight_up() {
  need_linux && need_root
  need_tools python3 jq openssl curl ip unshare nsenter setsid setpriv flock
  need_visible "$CACHE" MQCTL_E2E_CACHE && need_visible "$STATES" MQCTL_E2E_STATE
  need_disk "$STATES" 2000 "a cluster"
}

preflight_prepare() { # PART... : the parts to be made
  need_linux && need_debian && need_tools apt-get dpkg flock
  [ "$*" = shellcheck ] && return
  need_root && need_tools gcc python3 perl jq curl unshare setpriv && need_go && need_visible "$CACHE" MQCTL_E2E_CACHE
  case " $* " in
    *" kube "*) need_disk "$CACHE" 10000 "building Kubernetes" ;;
    *) need_disk "$CACHE" 4000 "the missing parts" ;;
  esac
}
