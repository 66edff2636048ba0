# Part of the stand-in: a second release beside prodmq, prodmq-next, and what moves between the two.
# shellcheck shell=sh
# shellcheck disable=SC2154 # cluster, world, line, stdin and found are the stand-in's

# An object is of the release whose label was asked for.
belongs() {
    [ -d "$world/chart-next" ] || return 0
    case $line in
        *=prodmq-next\ *) case $1 in *prodmq-next*) ;; *) return 1 ;; esac ;;
        *=prodmq\ *) case $1 in *prodmq-next*) return 1 ;; esac ;;
    esac
}

# The release that a call is about: by its names, or by what it is fed.
release_of() {
    # shellcheck disable=SC2034 # the other parts of the stand-in read it
    case $line$stdin in *prodmq-next*) of=prodmq-next ;; *) of=prodmq ;; esac
}

# Both sides as they are when something has been done: files `SIDE.WHEN` take the place of `census.SIDE`.
becomes() {
    for side in prodmq prodmq-next; do
        if [ -f "$cluster/$side.$1" ]; then cp "$cluster/$side.$1" "$cluster/census.$side"; fi
    done
}

# The user of the shovels, on the old side.
come_and_go() {
    for file in "$cluster"/census.prodmq "$cluster"/prodmq.*; do
        if [ -f "$file" ]; then sed -i "s/\"$1\":[a-z]*/\"$1\":$2/" "$file"; fi
    done
    echo ok
}

# Queues, messages and clients of the cluster that this pod is of.
census() {
    printf 'mqctl '
    cat "$cluster/census.${1%-*}"
}

# What the side of this pod exports: the new one what it has imported.
definitions() {
    case $1 in
        prodmq-next-*) cat "$cluster/imported.json" 2>/dev/null || echo '{"users":[{"name":"user"}]}' ;;
        *) cat "$cluster/definitions.json" 2>/dev/null || echo '{"users":[{"name":"user"}]}' ;;
    esac
}

import_definitions() {
    if [ -d "$world/chart-next" ]; then
        definitions prodmq-0 >"$cluster/imported.json"
        becomes imported
    fi
    echo ok
}

# The StatefulSet of the old side says where its messages go.
mark_migration() {
    sed -i 's/"mqctl\/migration":"[^"]*",//g' "$cluster/statefulset.$3"
    # Its own annotations, not those of its pods.
    case $(cat "$cluster/statefulset.$3") in
        *'"metadata":{"annotations":{'*'"spec":'*) ;;
        *) sed -i 's/"metadata":{/&"annotations":{"a":"b"},/' "$cluster/statefulset.$3" ;;
    esac
    sed -i "s|\"annotations\":{|&\"mqctl/migration\":\"${5#*=}\",|" "$cluster/statefulset.$3"
}
