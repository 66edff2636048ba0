# shellcheck shell=bash
# The cluster lives in its own pid, network, mount, host name and IPC namespaces. A `pause` program, called with the cluster's state
# folder as its argument, is process 1 there and holds them: when it ends, the kernel ends every process of the cluster.

holders() { # STATE : process ids of the holder and of the `unshare` that started it; found by their arguments, so nothing can be stale
  local process words
  for process in /proc/[0-9]*; do
    words=()
    { mapfile -d '' -t words <"$process/cmdline"; } 2>/dev/null || continue
    [ ${#words[@]} -gt 1 ] || continue
    [[ ${words[-2]} != */pause || ${words[-1]} != "$1" ]] || echo "${process#/proc/}"
  done
}

holder_of() { # STATE : process id of the holder itself
  local process
  for process in $(holders "$1"); do
    [[ $(readlink "/proc/$process/exe") == */pause ]] && echo "$process" && return
  done
  return 1
}

start_holder() { # STATE PAUSE : prints its process id; it must not inherit the locks, nor end with the terminal
  setsid unshare --net --mount --uts --ipc --pid --fork --kill-child --mount-proc --propagation private \
    "$2" "$1" >"$1/log/holder.log" 2>&1 </dev/null 8>&- 9>&- &
  for _ in $(seq 250); do
    holder_of "$1" && return
    sleep 0.02
  done
  die "the namespaces could not be made: $(tail -1 "$1/log/holder.log")"
}

connect_host() { # STATE NAME HOLDER : sets SLOT; addresses are 10.SLOT.x.y, and the name of the host's end of the link is the lock
  for SLOT in $(seq 200 249); do
    slot_is_free "$SLOT" || continue
    ip link add "mqe2e$SLOT" type veth peer name uplink netns "$3" 2>/dev/null || continue
    ip link set "mqe2e$SLOT" alias "mqctl-e2e $2"
    ip addr add "10.$SLOT.255.1/30" dev "mqe2e$SLOT"
    ip link set "mqe2e$SLOT" up
    ip route add "10.$SLOT.0.0/16" via "10.$SLOT.255.2"
    echo "$SLOT" >"$1/slot"
    return
  done
  die "none of the networks 10.200.0.0/16 to 10.249.0.0/16 is free on this machine" "$ELSEWHERE"
}

slot_is_free() { # SLOT : no link of that name, and no route of the host's own in or around that network
  [ ! -e "/sys/class/net/mqe2e$1" ] && [ -z "$(ip -4 route show root "10.$1.0.0/16")" ] &&
    ! ip -4 route show match "10.$1.0.0/16" | grep -qv ^default
}

end_holders() { # STATE : the link is deleted first, as the kernel removes that of a dead namespace only some time later
  local process pids
  for _ in $(seq 100); do
    pids=$(holders "$1")
    [ -n "$pids" ] || return 0
    if process=$(holder_of "$1"); then nsenter -t "$process" -n ip link del uplink 2>/dev/null || true; fi
    for process in $pids; do kill -9 "$process" 2>/dev/null || true; done
    for process in $pids; do wait_until_gone "$process" || true; done
  done
  die "processes of the cluster do not end: $(holders "$1" | tr '\n' ' ')"
}

wait_until_gone() { # PID : it goes last, when the kernel has ended all others of its namespace
  for _ in $(seq 600); do
    grep -q '^State:[[:space:]]*[^Z]' "/proc/$1/status" 2>/dev/null || return 0
    sleep 0.02
  done
  return 1
}
