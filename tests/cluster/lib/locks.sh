# shellcheck shell=bash
# Two at once wait for each other. The lock of a cluster is a file beside its folder; `down` removes it, so whoever got it
# looks whether it still is the file of that name. Daemons must be started with 9>&- (and 8>&-), or they would keep the lock.

lock_cluster() { # NAME WHAT : holds file descriptor 9 until this process and its short-lived children end
  local file=$STATES/$1.lock
  while :; do
    mkdir -p "$STATES"
    command exec 9>>"$file" || continue
    if ! flock -n 9; then
      say "$2: another up or down of \`$1\` is at work; waiting for it to end"
      flock 9
    fi
    [ "$file" -ef /proc/self/fd/9 ] && return
  done
}

unlock_and_forget() { # NAME : the lock's file goes while the lock is held, so nobody can hold the old one unnoticed
  rm -f "$STATES/$1.lock"
  exec 9>&-
  rmdir "$STATES" 2>/dev/null || true
}

lock_cache() { # holds file descriptor 8
  mkdir -p "$CACHE/log"
  exec 8>>"$CACHE/lock"
  flock -n 8 && return
  say "another prepare is filling $CACHE; waiting for it"
  flock 8
}
