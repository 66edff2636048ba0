#!/bin/sh
# pre-stop.sh LIMIT: waits at most LIMIT seconds for a moment at which this node can go without
# costing a queue its majority. Always succeeds: a failed hook would only add an event, never stop the stop.
set -u
limit=$1

# A SIGTERM in a container's first seconds is lost: the server's script has no trap for it yet, and then the Erlang VM
# drops it until its signal server runs. The node would boot, and run on until the grace period ends. The port of
# Erlang distribution, 25672, is opened after both.
tries=0
until grep -qs ':6448 [0-9A-F]*:0000 0A ' /proc/net/tcp /proc/net/tcp6 || [ "$tries" -ge 300 ]; do
  tries=$((tries + 1))
  sleep 0.2
done

# No Erlang VM needed where the whole set is being stopped in order.
if [ "$(cat /mqctl/pod/stopping 2>/dev/null)" = true ]; then exit 0; fi

# The time limit is inside the container: a hung CLI outlives the kubelet's own.
timeout -k 2 "$((limit + 10))" rabbitmqctl eval "Limit = $limit, $(cat /mqctl/scripts/pre-stop.erl)" >/dev/null 2>&1
exit 0
