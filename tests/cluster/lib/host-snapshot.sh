# shellcheck shell=bash
# What of the host a cluster could have changed, as text, to be compared before and after. What other clusters (of other names) have at
# that moment is left out, so that the comparison is about one cluster only.

host_snapshot() { # NAME
  local others
  others=$(links_of_others "$1")
  mounts
  network | without "$others"
  control_groups "$1"
  firewall
  kernel_settings | without "$others"
  package_state
  system_folders
  services
  processes_of "$1"
}

without() { # "WORD..." : the lines of stdin that have none of the words
  if [ -n "$1" ]; then grep -vwF -f <(tr ' ' '\n' <<<"$1") || true; else cat; fi
}

links_of_others() { # NAME : host ends of the links of clusters of other names
  local link
  for link in /sys/class/net/mqe2e*; do
    [ ! -e "$link" ] || [ "$(cat "$link/ifalias")" = "mqctl-e2e $1" ] || basename "$link"
  done | tr '\n' ' ' | sed 's/ $//'
}

mounts() { awk '{print "mount", $5, $9}' /proc/self/mountinfo | sort; }

network() {
  ip -o link | awk '{print "link", $2}' | sed 's/@.*//; s/:$//' | sort
  ip route show table all | sed 's/^/route /; s/ expires [0-9]*sec//' | sort
}

control_groups() { # NAME : its own, and any that the kubelet made outside them
  find /sys/fs/cgroup -type d \( -name "mq-$1" -o -name kubepods \) -not -path '*/mq-*/*' 2>/dev/null | sed 's/^/cgroup /' | sort
}

firewall() { "$(part_path debian)/bin/nft" list ruleset | sed 's/^/nft /'; }

kernel_settings() { # all but those that count or tell the time, and those of a cluster's link, which comes and goes with it
  sysctl -a 2>/dev/null | grep -vE '^(fs\.(dentry|file|inode|aio|quota)|kernel\.(random|ns_last|pty|perf_event_max|spl|sched_domain)|net\.netfilter\.nf_conntrack_count|vm\.(stat|drop))' |
    grep -vE '\.mqe2e[0-9]+\.' | sort
}

package_state() { find /var/lib/apt /var/lib/dpkg /var/cache/apt -printf 'apt %p %s %T@\n' 2>/dev/null | sort; }

system_folders() { # names only; places where Kubernetes and its parts like to leave something
  find /etc /opt /run /usr/libexec /usr/local /var/lib /var/log /var/run "$HOME/.kube" "$HOME/.config" -maxdepth 2 -xdev -printf 'file %p\n' 2>/dev/null | sort
}

services() {
  [ ! -d /run/systemd/system ] || systemctl list-units --type=service --state=running --no-legend --plain | awk '{print "service", $1}' | sort
}

processes_of() { # NAME : by their environment or arguments (the cluster's state folder) or their control group
  local patterns="$STATES/$1"$'\n'"/mq-$1" process
  for process in $(cd /proc && grep -lsaF -f <(echo "$patterns") [0-9]*/environ [0-9]*/cmdline [0-9]*/cgroup | cut -d/ -f1 | sort -u); do
    echo "process $process $(tr '\0' ' ' <"/proc/$process/cmdline" | cut -c1-100)"
  done 2>/dev/null
}
