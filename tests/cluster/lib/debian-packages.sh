# shellcheck shell=bash
# Debian's packages, fetched and unpacked without installing them: no service starts, and apt's and dpkg's state on this machine stay as
# they are, because apt works in a folder of its own. Mirror and proxy are those that this machine's apt uses.

machine_targets() { # REPOSITORY SUITE of everything in the machine's own apt sources
  # shellcheck disable=SC2016  # apt fills these in
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | awk '$3 == "main" {print $1, $2}' | sort -u
}

machine_suites() { # those of them that are this Debian's own: its suite, updates and security
  machine_targets | grep -E " ($(os_release VERSION_CODENAME)|stable|oldstable)(-updates|-security)?\$"
}

mirror() { # the repository of this Debian's suite: a mirror has all the other suites too
  machine_suites | awk '$2 !~ /-/ {print $1; exit}'
}

machine_acquire_settings() { # proxies, time-outs, certificates: whatever the machine needs to reach its mirror
  apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' || true
}

private_apt() { # FOLDER : an apt that knows the machine's mirror and keeps all its state in FOLDER; no hooks of the machine's apt run
  mkdir -p "$1"/state/lists/partial "$1"/cache/archives/partial "$1/none"
  : >"$1/status"
  machine_suites | sed 's#\(.*\) \(.*\)#deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \1 \2 main#' >"$1/sources.list"
  [ -s "$1/sources.list" ] || { echo "no suite of this Debian found in the machine's apt sources" >&2; return 1; }
  {
    machine_acquire_settings
    printf 'Dir::%s;\n' "State \"$1/state\"" "State::status \"$1/status\"" "Cache \"$1/cache\"" "Etc::SourceList \"$1/sources.list\"" \
      "Etc::SourceParts \"$1/none\"" "Etc::Parts \"$1/none\"" "Etc::Main \"/dev/null\"" "Etc::Preferences \"/dev/null\"" "Etc::PreferencesParts \"$1/none\""
    echo 'APT::Sandbox::User "root"; Acquire::Languages "none";'
  } >"$1/apt.conf"
}

unpack_packages() { # INTO PACKAGE... : needs no root
  local into=$1 work
  shift
  work=$(mktemp -d "$into.apt.XXXXXX")
  private_apt "$work"
  APT_CONFIG=$work/apt.conf apt-get update -q
  (cd "$work" && APT_CONFIG=$work/apt.conf apt-get download -q "$@")
  mkdir -p "$into"
  for package in "$work"/*.deb; do dpkg -x "$package" "$into"; done
  rm -rf "$work"
}

multiarch() { # FOLDER : the library folder's name below usr/lib, such as x86_64-linux-gnu
  basename "$(dirname "$(find "$1/usr/lib" "$1/lib" -path '*-linux-gnu*' -name '*.so*' -print -quit)")"
}
