# Part of the stand-in for kubectl: what `kubectl logs` prints of one pod.
# shellcheck shell=sh
# shellcheck disable=SC2154 # world, cluster and line are the stand-in's

# One pod's log: the first start prints `said.POD.1`, the next `said.POD.2`, as a container does that has restarted. The
# last one stays where it is followed, and tells its process; nothing to print is a pod that is not there.
log_of() {
    number=1
    while [ -f "$world/read.$2.$number" ]; do number=$((number + 1)); done
    said=$cluster/said.$2
    if ! [ -f "$said.$number" ]; then
        echo "Error from server (NotFound): pods \"$2\" not found" >&2
        exit 1
    fi
    case $line in *--follow*) : >"$world/read.$2.$number" ;; esac
    cat "$said.$number"
    case $line in
        *--follow*)
            if ! [ -f "$said.$((number + 1))" ]; then
                echo $$ >>"$world/followers"
                exec sleep 600
            fi
            ;;
    esac
}

# What each pod that reads a volume has found on it.
logs_of_readers() {
    for file in "$cluster"/pod.*-mqctl-reader-*; do
        number=${file##*-}
        if [ -f "$cluster/probe.prodmq-$number" ]; then sed "s|^|[pod/${file##*/pod.}/reader] |" "$cluster/probe.prodmq-$number"; fi
    done
}
