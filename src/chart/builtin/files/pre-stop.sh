#!/bin/sh
# pre-stop.sh LIMIT: waits at most LIMIT seconds for a moment at which this node can go without
# costing a queue its majority. Always succeeds: a failed hook would only add an event, never stop the stop.
set -u
limit=$1

# Process 1 ignores a SIGTERM for which it has no handler. In the first second of a container that is the server's script:
# the signal would be lost, and the node would boot and run on until the grace period ends.
tries=0
while [ "$tries" -lt 100 ]; do
  # The fourth digit from the right of the mask of caught signals holds SIGTERM, the 15th, as its 4.
  case $(sed -n 's/^SigCgt:.*\(.\)...$/\1/p' /proc/1/status) in
    [4-7c-f]) break ;;
  esac
  tries=$((tries + 1))
  sleep 0.2
done

# No Erlang VM needed where the whole set is being stopped in order.
if [ "$(cat /mqctl/pod/stopping 2>/dev/null)" = true ]; then exit 0; fi

# The time limit is inside the container: a hung CLI outlives the kubelet's own.
timeout -k 2 "$((limit + 10))" rabbitmqctl eval "Limit = $limit, $(cat /mqctl/scripts/pre-stop.erl)" >/dev/null 2>&1
exit 0
