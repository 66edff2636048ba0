# shellcheck shell=bash
# What the cluster sees of the machine.

hide_host_folders() { # the components use their usual paths, and nothing of it reaches the host
  local folder
  for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$folder"; done
}

show_kernel_settings() { # settings of the whole machine on which the kubelet insists: shown as it wants them, not changed
  local setting shown
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    shown=$STATE/settings/${setting//\//.}
    echo "${setting#*=}" >"${shown%=*}"
    mount --bind "${shown%=*}" "/proc/sys/${setting%=*}"
  done
}

make_small_volumes() { # for disks that become full: what the StorageClass `small` has to give, before the nodes take their view of it
  local n
  for n in 0 1; do
    mkdir -p "$STATE/small/$n"
    mount -t tmpfs -o size=128m,mode=0777 tmpfs "$STATE/small/$n"
  done
}

make_network() { # one network namespace for all: a bridge for each node's pods, and n0 for the control plane
  local n
  hostname "$NAME"
  ip link set lo up
  ip addr add "10.$SLOT.255.2/30" dev uplink
  ip link set uplink up
  for n in $(seq 0 "$NODES"); do
    ip link add "n$n" type bridge
    ip addr add "10.$SLOT.$n.1/24" dev "n$n"
    ip link set "n$n" up
  done
  echo 1 >/proc/sys/net/ipv4/ip_forward # of this network namespace only
}
