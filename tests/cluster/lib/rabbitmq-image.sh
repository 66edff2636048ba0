# shellcheck shell=bash
# A RabbitMQ image out of Debian's packages, laid out and named like the official one: a pod that asks for rabbitmq:VERSION or
# rabbitmq:VERSION-management gets it, and the same chart runs the official image elsewhere.

UNWANTED=(doc man locale info bash-completion lintian) # below /usr/share

make_rabbitmq_image() { # SUITE EXPECTED_VERSION OUT
  local version work=$3/work
  mkdir "$work"
  install_rabbitmq "$1" "$work"
  version=$(tar tf "$work/root.tar" | sed -n 's#^\./usr/lib/rabbitmq/lib/rabbitmq_server-\([0-9.]*\)/$#\1#p')
  [ -n "$version" ] || { echo "no RabbitMQ in Debian $1" >&2; return 1; }
  add_official_layout "$version" "$work"
  describe_images "$version" >"$work/image.json"
  python3 image/docker-archive.py "$work/image.json" "$3/image.tar"
  rm -rf "$work"
  echo "$version" >"$3/version"
  echo "RabbitMQ $version (Debian $1)$([ "$version" = "$2" ] || echo "; NOTE: $2 was expected, the suite has moved on")" >"$3/what"
}

install_rabbitmq() { # SUITE WORK : WORK/root.tar
  local exclude=() name
  for name in "${UNWANTED[@]}"; do exclude+=("--dpkgopt=path-exclude=/usr/share/$name/*"); done
  machine_acquire_settings | grep -v '^Acquire::cdrom' >"$2/acquire.conf"
  # The user has the official image's ids. The cookie that the package makes must go: all containers would share it, and no entry
  # point could replace it (mode 0400). sid's index may be past its Valid-Until on a mirror that stands still.
  # shellcheck disable=SC2016  # $1 is for the hooks
  TMPDIR=$2 PATH=$(part_path debian)/root/usr/bin:$PATH mmdebstrap --mode=root --variant=essential --quiet --include=rabbitmq-server \
    --aptopt="$2/acquire.conf" --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
    --aptopt='APT::Sandbox::User "root"' "${exclude[@]}" \
    --essential-hook='echo rabbitmq:x:999: >>"$1/etc/group"; echo "rabbitmq:x:999:999:RabbitMQ:/var/lib/rabbitmq:/usr/sbin/nologin" >>"$1/etc/passwd"' \
    --customize-hook='rm -rf "$1"/var/lib/rabbitmq/.erlang.cookie "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*.log "$1"/var/log/apt' \
    "$1" "$2/root.tar" "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $1 main"
}

add_official_layout() { # VERSION WORK : WORK/layout.tar, and WORK/management.tar with what the -management image has besides
  local layout=$2/layout management=$2/management
  cp -r image/rootfs "$layout"
  mkdir -p "$layout"/{opt,var/lib/rabbitmq,var/log/rabbitmq} "$management/etc/rabbitmq"
  ln -s "/usr/lib/rabbitmq/lib/rabbitmq_server-$1" "$layout/opt/rabbitmq"
  echo '[rabbitmq_management,rabbitmq_prometheus].' >"$management/etc/rabbitmq/enabled_plugins"
  chmod 755 "$layout/usr/local/bin/docker-entrypoint.sh"
  chmod 777 "$layout"/etc/rabbitmq{,/conf.d} "$layout"/var/{lib,log}/rabbitmq # a pod may run it as any user
  chown -R 999:999 "$layout"/etc/rabbitmq "$layout"/var/{lib,log}/rabbitmq "$management/etc/rabbitmq/enabled_plugins"
  tar -C "$layout" -cf "$2/layout.tar" --no-recursion usr/local/bin/docker-entrypoint.sh etc/rabbitmq etc/rabbitmq/conf.d \
    etc/rabbitmq/conf.d/10-defaults.conf etc/rabbitmq/enabled_plugins opt/rabbitmq var/lib/rabbitmq var/log/rabbitmq
  tar -C "$management" -cf "$2/management.tar" etc/rabbitmq/enabled_plugins
}

describe_images() { # VERSION : for docker-archive.py
  cat <<JSON
[{"names": ["rabbitmq:$1"], "layers": ["root.tar", "layout.tar"], "config": $(image_config "$1" '"15691/tcp": {}, "15692/tcp": {}')},
 {"names": ["rabbitmq:$1-management"], "layers": ["root.tar", "layout.tar", "management.tar"],
  "config": $(image_config "$1" '"15671/tcp": {}, "15672/tcp": {}, "15691/tcp": {}, "15692/tcp": {}')}]
JSON
}

image_config() { # VERSION PORTS
  cat <<JSON
{"Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["rabbitmq-server"], "Volumes": {"/var/lib/rabbitmq": {}},
  "Env": ["PATH=/opt/rabbitmq/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "RABBITMQ_VERSION=$1",
   "RABBITMQ_DATA_DIR=/var/lib/rabbitmq", "RABBITMQ_HOME=/opt/rabbitmq", "RABBITMQ_LOGS=-", "HOME=/var/lib/rabbitmq",
   "LANG=C.UTF-8", "LANGUAGE=C.UTF-8", "LC_ALL=C.UTF-8"],
  "ExposedPorts": {"4369/tcp": {}, "5671/tcp": {}, "5672/tcp": {}, "25672/tcp": {}, $2}}
JSON
}
