#!/bin/sh
# pre-stop.sh LIMIT: waits at most LIMIT seconds for a moment at which this node can go without
# costing a queue its majority. Always succeeds: a failed hook would only add an event, never stop the stop.
set -u
limit=$1

# No Erlang VM needed where the whole set is being stopped in order.
if [ "$(cat /mqctl/pod/stopping 2>/dev/null)" = true ]; then exit 0; fi

# The time limit is inside the container: a hung CLI outlives the kubelet's own.
timeout -k 2 "$((limit + 10))" rabbitmqctl eval "Limit = $limit, $(cat /mqctl/scripts/pre-stop.erl)" >/dev/null 2>&1
exit 0
