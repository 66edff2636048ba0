# shellcheck shell=bash disable=SC2154  # `here` is the folder of the command that reads this
# Building that is interrupted. It happens in a copy of the cache (hard links, so at no cost) from which quick parts were taken.

check_prepare() {
  export MQCTL_E2E_CACHE=$WORK/cache
  cp -al "$CACHE" "$WORK/cache"
  expect "prepare killed at work leaves no process and no mount" killed_prepare_leaves_nothing
  expect "the next prepare makes what is missing" interrupted_prepare_is_redone
  expect "two prepares at once: the second waits and makes nothing twice" two_prepares_wait
  expect "up killed while it prepares leaves no process" killed_up_ends_prepare
  expect "free removes the cache and says its size" frees
  unset MQCTL_E2E_CACHE
}

take_away() { # PART... : out of the copy of the cache
  local part
  for part; do part_key "$part" && rm -rf "$WORK/cache/$part-${KEYS[$part]}"; done
}

at_work() { compgen -G "$WORK/cache/*.new/containerd" >/dev/null; }

kill_at_work() { # PID
  for _ in $(seq 300); do
    at_work && break
    sleep 0.1
  done
  at_work && kill -9 "$1" || return 1
  wait "$1" || true
}

processes_of_cache() { grep -lsaF -f <(echo "$WORK/cache/") /proc/[0-9]*/cmdline | grep -v "/proc/$$/" || true; }

nothing_at_work() { # the kernel ends a killed namespace a moment later
  for _ in $(seq 50); do
    [ -n "$(processes_of_cache)" ] || break
    sleep 0.1
  done
  [ -z "$(processes_of_cache)" ] && ! grep -q "$WORK/cache" /proc/self/mountinfo
}

killed_prepare_leaves_nothing() {
  take_away images
  "$here/prepare" &
  kill_at_work $! && nothing_at_work && at_work # what it left is there, and named .new
}

interrupted_prepare_is_redone() {
  "$here/prepare" && ! at_work && [ -s "$(CACHE=$WORK/cache part_path images)/versions" ]
}

two_prepares_wait() {
  local first second
  take_away pause images
  "$here/prepare" >"$WORK/first" 2>&1 &
  first=$!
  "$here/prepare" >"$WORK/second" 2>&1 &
  second=$!
  wait "$first" && wait "$second" || return 1
  cat "$WORK/first" "$WORK/second"
  [ "$(cat "$WORK/first" "$WORK/second" | grep -c "another prepare is filling")" = 1 ] &&
    [ "$(cat "$WORK/first" "$WORK/second" | grep -c "of 2] ")" = 2 ]
}

killed_up_ends_prepare() {
  take_away images
  "$here/up" --name mqcheck &
  kill_at_work $! && nothing_at_work && "$here/down" --name mqcheck
}

frees() { "$here/free" 2>&1 | grep "freed [0-9]* MB" && [ ! -e "$WORK/cache" ] && [ -d "$CACHE" ]; }
