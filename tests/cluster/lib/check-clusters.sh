# shellcheck shell=bash disable=SC2154  # `here` is the folder of the command that reads this
# Clusters that come and go, also by force, and what they leave behind: nothing.

KILL_MOMENTS=8 # of a full check, spread over the time that `up` takes

check_clusters_quickly() {
  local before
  before=$(host_snapshot mqcheck)
  expect "up: 3 nodes in seconds: at most $(up_limit)" up_in_time mqcheck
  expect "a second up finds it up" is_up_already
  expect "a pod starts from each image by its official name" pods_start mqcheck
  expect "down leaves nothing" down_leaves_nothing mqcheck "$before"
  expect "down after kill -9 of up leaves nothing" killed_up_leaves_nothing $((RANDOM % 6000)) "$before"
}

check_clusters() {
  local before moment
  check_clusters_quickly
  before=$(host_snapshot mqcheck)
  for moment in $(seq "$KILL_MOMENTS"); do
    moment=$((moment * 1600 - 1500 + RANDOM % 1500))
    expect "down after kill -9 of up after $moment ms leaves nothing" killed_up_leaves_nothing "$moment" "$before"
  done
  expect "down while nothing is up does no harm" "$here/down" --name mqcheck
  expect "two ups of one name wait for each other" two_ups_wait
  expect "another name beside it, which its down leaves alone" side_by_side
  expect "both down leave nothing" down_leaves_nothing mqcheck "$before"
}

up_limit() { # seconds: 20 on a machine that is free, 60 on one that is busy with something else
  awk -v cores="$(nproc)" '{print (($1 > cores) ? "60 (not 20: the machine is busy, load " $1 ")" : 20)}' /proc/loadavg
}

up_in_time() { # NAME
  local started=$SECONDS limit
  limit=$(up_limit)
  "$here/up" --name "$1" && [ $((SECONDS - started)) -le "${limit%% *}" ]
}

is_up_already() { "$here/up" --name mqcheck 2>&1 | grep "is up already"; }

in_cluster() { # NAME COMMAND...
  (eval "$("$here/env" --name "$1")" && "${@:2}")
}

pods_start() { # NAME
  local version
  for version in $(rabbitmq_versions); do
    in_cluster "$1" kubectl run "v${version//./-}" --image="rabbitmq:$version-management" --restart=Never -- cat /opt/rabbitmq/plugins/README ||
      return 1
  done
  for version in $(rabbitmq_versions); do
    in_cluster "$1" kubectl wait --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s "pod/v${version//./-}" || return 1
  done
}

down_leaves_nothing() { # NAME BEFORE
  "$here/down" --name "$1" && same_host "$1" "$2"
}

same_host() { # NAME BEFORE
  local after
  after=$(host_snapshot "$1")
  [ ! -e "$STATES/$1" ] && [ ! -e "$STATES/$1.lock" ] && diff <(echo "$2") <(echo "$after")
}

killed_up_leaves_nothing() { # MILLISECONDS BEFORE
  local pid
  "$here/up" --name mqcheck &
  pid=$!
  sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" # the moment is the test
  kill -9 "$pid" 2>/dev/null || echo "up had ended"
  wait "$pid" || true
  down_leaves_nothing mqcheck "$2"
}

two_ups_wait() {
  local first second
  "$here/up" --name mqcheck >"$WORK/first" 2>&1 &
  first=$!
  "$here/up" --name mqcheck >"$WORK/second" 2>&1 &
  second=$!
  wait "$first" && wait "$second" || return 1
  cat "$WORK/first" "$WORK/second"
  [ "$(cat "$WORK/first" "$WORK/second" | grep -c "waiting for it to end")" = 1 ] &&
    [ "$(cat "$WORK/first" "$WORK/second" | grep -c "is up already")" = 1 ]
}

side_by_side() { # mqcheck is up
  "$here/up" --name mqcheck2 --nodes 1 && pods_start mqcheck2 && "$here/down" --name mqcheck2 &&
    pods_start mqcheck && [ -z "$(processes_of mqcheck2)" ]
}
