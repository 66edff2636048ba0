# shellcheck shell=bash
# A cgroup for each node (the kubelet wants its cgroupRoot to be there), on cgroup v1 with a hierarchy for each controller and on v2.

CGROUPS=/sys/fs/cgroup
V1_CONTROLLERS=(cpu cpuacct cpuset memory devices freezer blkio pids systemd)
V2_CONTROLLERS=(cpu cpuset memory pids io)

make_cgroups() { # NAME NODES STATE
  if [ -f "$CGROUPS/cgroup.controllers" ]; then make_cgroups_v2 "$@"; else make_cgroups_v1 "$@"; fi
}

make_cgroups_v1() {
  local controller n file
  for controller in "${V1_CONTROLLERS[@]}"; do
    [ -d "$CGROUPS/$controller" ] || continue
    for n in $(seq "$2"); do mkdir -p "$CGROUPS/$controller/mq-$1/n$n"; done
  done
  for n in "" $(seq -f /n%g "$2"); do # a new cpuset has no CPU and no memory, and nothing can run in it
    for file in cpuset.cpus cpuset.mems; do cat "$CGROUPS/cpuset/$file" >"$CGROUPS/cpuset/mq-$1$n/$file"; done
  done
}

make_cgroups_v2() { # controllers have to be passed down level by level; what the host's root passed before is kept for `down`
  local n
  cp "$CGROUPS/cgroup.subtree_control" "$3/subtree_control.before"
  pass_controllers_down "$CGROUPS"
  mkdir -p "$CGROUPS/mq-$1" && pass_controllers_down "$CGROUPS/mq-$1"
  for n in $(seq "$2"); do mkdir -p "$CGROUPS/mq-$1/n$n"; done
}

pass_controllers_down() { # CGROUP
  local controller
  for controller in "${V2_CONTROLLERS[@]}"; do
    grep -qw "$controller" "$1/cgroup.subtree_control" && continue
    echo "+$controller" >"$1/cgroup.subtree_control" || die "the cgroup controller \`$controller\` cannot be passed on below $1" \
      "in a container, move the processes of its root cgroup into a child first, as kind and k3s do"
  done
}

remove_cgroups() { # NAME STATE : fails when some are still busy after 10 s
  local cgroup try
  for try in $(seq 100); do
    for cgroup in "$CGROUPS/mq-$1" "$CGROUPS"/*/mq-"$1"; do
      [ ! -d "$cgroup" ] || find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    compgen -G "$CGROUPS/mq-$1" >/dev/null || compgen -G "$CGROUPS/*/mq-$1" >/dev/null || { restore_root_cgroup "$2"; return 0; }
    sleep 0.1 # the kernel takes a moment to let go of a cgroup whose last process has ended
  done
  return "$((try > 0))"
}

restore_root_cgroup() { # STATE : takes back what make_cgroups_v2 switched on, unless another cluster still needs it
  local controller
  [ -f "$1/subtree_control.before" ] || return 0
  ! compgen -G "$CGROUPS/mq-*" >/dev/null || return 0
  for controller in "${V2_CONTROLLERS[@]}"; do
    grep -qw "$controller" "$1/subtree_control.before" || echo "-$controller" >"$CGROUPS/cgroup.subtree_control" || true
  done
}
