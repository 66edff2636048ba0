# Part of the stand-in for kubectl: what a recovery changes, with a controller that has done its work by the next look.
# shellcheck shell=sh
# shellcheck disable=SC2154 # cluster, world, line, stdin, text and found are the stand-in's

# Every pod is there and ready, as the StatefulSet says.
all_come_up() {
    ready=0
    for pod in "$world"/chart/pod.*; do
        cp "$pod" "$cluster"
        ready=$((ready + 1))
    done
    sed -i "s/\"readyReplicas\":[0-9]*/\"readyReplicas\":$ready/" "$cluster"/statefulset.*
}

# The note of what is under way is one key of the ConfigMap, the readings are another: each manager has its own.
apply_recovery_note() {
    between "$stdin" '"name":"' '"'
    file=$cluster/configmap.$found
    text='{"apiVersion":"v1","data":{},"kind":"ConfigMap","metadata":{"name":"'$found'"}}'
    if [ -f "$file" ]; then text_of "$file"; fi
    case $text in *'"recovery.json":'*)
        between "$text" '"recovery.json":' '},"kind":"ConfigMap"'
        replace "$text" "\"recovery.json\":$found" ''
        replace "$text" '",}' '"}' ;;
    esac
    case $stdin in *'"recovery.json":'*)
        between "$stdin" '"data":{' '},"kind":"ConfigMap"'
        comma=,
        case $text in *'"data":{}'*) comma= ;; esac
        replace "$text" '},"kind":"ConfigMap"' "$comma$found},\"kind\":\"ConfigMap\"" ;;
    esac
    printf '%s' "$text" >"$file"
}

apply_hold() {
    between "$stdin" '"name":"' '"'
    printf '%s' "$stdin" >"$cluster/configmap.$found"
}

# As it was sent, with the status of one whose pods have come up.
apply_stateful_set() {
    printf '%s' "${stdin%\}},\"status\":{\"observedGeneration\":1,\"updatedReplicas\":3,\"readyReplicas\":0}}" >"$cluster/statefulset.prodmq"
    case $stdin in
        *'"replicas":0'*) ;;
        *) all_come_up ;;
    esac
}

# A StatefulSet makes it anew, unless it wants none; a node that does not run says nothing.
delete_pod() {
    case $(cat "$cluster"/statefulset.* 2>/dev/null) in
        *'"ordinals"'* | '') cp "$world/chart/pod.$1" "$cluster" ;;
        *'"replicas":0'*)
            rm -f "$cluster/pod.$1"
            sed -i '/^mqctl {/d' "$cluster/probe.$1" ;;
        *) cp "$world/chart/pod.$1" "$cluster" ;;
    esac
}

# The feature flags of a node, as a broker's shell or a pod on its volume is told to write them.
lay_flags() {
    between "$stdin" "<<'FLAGS'" FLAGS
    flags=$(printf '%b' "$found") awk '
        /^@@ flags$/ { print; print ENVIRON["flags"]; skip = 1; next }
        /^@@ / { skip = 0 }
        !skip' "$cluster/probe.$1" >"$world/probe"
    mv "$world/probe" "$cluster/probe.$1"
}

mark() {
    [ -f "$cluster/statefulset.$3" ] || return 1
    case $5 in mqctl/migration=*)
        mark_migration "$@"
        return ;;
    esac
    case $5 in
        *-) sed -i 's/"mqctl\/recovery":"[^"]*",*//g' "$cluster/statefulset.$3" ;;
        *) sed -i "s/\"annotations\":{/&\"mqctl\/recovery\":\"${5#*=}\",/" "$cluster/statefulset.$3" ;;
    esac
}

# The Service names pods that are not ready, too.
publish() {
    case $line in *publishNotReadyAddresses*) sed -i 's/"spec":{/&"publishNotReadyAddresses":true,/' "$cluster/service.$1" ;; esac
}

# What an upgrade keeps of a StatefulSet until there is one again.
keep_stateful_set() {
    between "$stdin" '"name":"' '"'
    case $stdin in
        *'"stateful-set.json"'*) printf '%s' "$stdin" >"$cluster/configmap.$found" ;;
        *) rm -f "$cluster/configmap.$found" ;;
    esac
}

# Claims get the size that is asked for, unless it is only tried.
grow() {
    case " $* " in *' --dry-run=server '*) return ;; esac
    between "$line" '"storage":"' '"'
    for word in "$@"; do
        if [ -f "$cluster/persistentvolumeclaim.$word" ]; then
            sed -i "s/\"storage\":\"[^\"]*\"/\"storage\":\"$found\"/" "$cluster/persistentvolumeclaim.$word"
        fi
    done
}
