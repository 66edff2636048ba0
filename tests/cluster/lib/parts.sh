# shellcheck shell=bash disable=SC2034
# The parts that a cluster is made of. Each lies in the cache under a hash of what it was made from, so a changed version or source
# file gives a new folder, and a folder that is there is whole (it is built as FOLDER.new and renamed at its end).

PARTS=(debian kube coredns helm4 helm3 pause rabbitmq-trixie rabbitmq-sid rabbitmq-bookworm images shellcheck)
SOURCES=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
declare -A KEYS=()

part_files() { # PART : the files (or folders) that it is made from, besides its own script parts/PART
  case $1 in
    debian | shellcheck) echo lib/debian-packages.sh ;;
    kube | coredns) echo "$1/main.go $1/go.mod $1/go.sum lib/go-build.sh" ;;
    helm3 | helm4) echo "lib/go-build.sh" ;;
    pause) echo image/pause.c image/docker-archive.py ;;
    rabbitmq-*) echo lib/rabbitmq-image.sh lib/debian-packages.sh image/rootfs image/docker-archive.py ;;
    images) echo image/import-images ;;
  esac
}

part_needs() { # PART : the parts that it takes something out of
  case $1 in
    rabbitmq-*) echo debian ;;
    images) echo debian pause rabbitmq-trixie rabbitmq-sid rabbitmq-bookworm ;;
  esac
}

part_key() { # PART : sets KEYS[PART]; the key of `images` holds those of its parts
  [ -z "${KEYS[$1]:-}" ] || return 0
  local part needed=
  if [ "$1" = images ]; then
    for part in $(part_needs images); do part_key "$part"; needed+=" ${KEYS[$part]}"; done
  fi
  # shellcheck disable=SC2046  # a list of names without blanks
  KEYS[$1]=$(cd "$SOURCES" && {
    echo "$1 $needed $(uname -m) $(os_release VERSION_CODENAME)"
    find "parts/$1" $(part_files "$1") -type f -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum | cut -c1-12)
}

keep_parts_of() { # STATE : which parts a cluster runs on, so that a source file that changes meanwhile does not confuse its commands
  local part
  for part in "${PARTS[@]}"; do part_key "$part" && echo "$part ${KEYS[$part]}"; done >"$1/parts"
}

use_parts_of() { # STATE
  local part key
  [ ! -f "$1/parts" ] || while read -r part key; do KEYS[$part]=$key; done <"$1/parts"
}

part_path() { # PART : its folder in the cache, whether there or not
  part_key "$1"
  echo "$CACHE/$1-${KEYS[$1]}"
}

missing_parts() { # PART... : those that are not in the cache yet; those that are, are marked as used
  local part
  for part; do
    part_key "$part"
    touch -c "$CACHE/$part-${KEYS[$part]}" 2>/dev/null || true
    [ -d "$CACHE/$part-${KEYS[$part]}" ] || echo "$part"
  done
}

rabbitmq_versions() { # the versions that the images in the cache really have, oldest first
  cat "$(part_path images)/versions"
}
