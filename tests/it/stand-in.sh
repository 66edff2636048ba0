#!/bin/sh
# Plays helm and kubectl for one test, under whichever of the two names it was started. Its world is a folder:
#   calls/N/          what it was started with: program, args (one a line), stdin; N is taken by an atomic mkdir
#   rules/N/          pattern, code, stdout, stderr: the first whose pattern fits the call answers for the cluster; with
#                     a file `times`, only so many times
#   cluster/KIND.NAME one object each; helm's record is `release`, a broker's answer is `answer.POD`, its log `log.POD`, that of
#                     the container before `previous.POD`; what a probe finds in a pod or on its volume is `probe.POD`
#   chart/            what `helm upgrade` puts into the cluster
#   kill/before, kill/after   a pattern: the caller is killed at that call, before or after the cluster has changed
# A call that nobody foresaw fails loudly, and leaves a file `unforeseen`.
set -u
PATH=/usr/bin:/bin
world=${0%/*/*}
program=${0##*/}
cluster=$world/cluster
line="$program $*"
# A caller that was killed, or a person's Ctrl-C, is no reason to leave a call half recorded.
trap '' PIPE INT

# shellcheck source=tests/it/helm.sh
. "$world/helm.sh"
# shellcheck source=tests/it/lease.sh
. "$world/lease.sh"
# shellcheck source=tests/it/pod-log.sh
. "$world/pod-log.sh"
# shellcheck source=tests/it/recovery.sh
. "$world/recovery.sh"
# shellcheck source=tests/it/migrate.sh
. "$world/migrate.sh"
# shellcheck source=tests/it/broker.sh
. "$world/broker.sh"

record() {
    number=1
    until ! [ -d "$world/calls/$number" ] && mkdir "$world/calls/$number" 2>/dev/null; do number=$((number + 1)); done
    call=$world/calls/$number
    printf '%s\n' "$program" >"$call/program"
    printf '%s\n' "$@" >"$call/args"
    stdin=$(cat)
    printf '%s' "$stdin" >"$call/stdin"
}

# The pattern in this file fits the call, or the call and what is fed to it behind ` < `. It is unquoted on purpose: a pattern, not a text.
fits() {
    [ -f "$1" ] || return 1
    IFS= read -r pattern <"$1"
    # shellcheck disable=SC2254
    case $line in $pattern) return 0 ;; esac
    # shellcheck disable=SC2254
    case "$line < $stdin" in $pattern) return 0 ;; esac
    return 1
}

# SIGKILL to mqctl itself, as a machine that loses power would: nothing of it can run on.
kill_caller() {
    if fits "$world/kill/$1"; then
        rm "$world/kill/$1"
        kill -9 "$PPID"
        exit 137
    fi
}

# Once less, of the times that this rule holds; without a number it holds for ever.
holds() {
    [ -f "$1/times" ] || return 0
    IFS= read -r times <"$1/times"
    [ "$times" -gt 0 ] || return 1
    echo $((times - 1)) >"$1/times"
}

follow_rules() {
    for rule in "$world"/rules/*; do
        if fits "$rule/pattern" && holds "$rule"; then
            cat "$rule/stdout"
            cat "$rule/stderr" >&2
            exit "$(cat "$rule/code")"
        fi
    done
}

# Objects are files of one line, and are read without starting a program: there are thousands of calls.
text_of() {
    IFS= read -r text <"$1" || [ -n "$text" ]
}

item() {
    [ -f "$1" ] || return 0
    text_of "$1"
    printf '%s%s' "$comma" "$text"
    comma=,
}

# Objects by name, or all of some kinds, always as a List.
get() {
    comma=
    printf '{"apiVersion":"v1","kind":"List","items":['
    for word in "$@"; do
        case $word in
            -* | json | *=*) ;;
            */*) item "$cluster/${word%%/*}.${word#*/}" ;;
            *) all_of "$word" ;;
        esac
    done
    printf ']}\n'
}

all_of() {
    IFS=,
    # shellcheck disable=SC2086 # a list with commas becomes words
    set -- $1
    unset IFS
    for kind in "$@"; do
        case $kind in
            storageclasses) kind=storageclass ;;
            *) kind=${kind%s} ;;
        esac
        for file in "$cluster/$kind".*; do
            if belongs "${file##*/}"; then item "$file"; fi
        done
    done
}

# What stands between two marks of a text; what follows the first where there is no second.
between() {
    found=${1#*"$2"}
    found=${found%%"$3"*}
}

# mqctl's own Secret, as it came.
apply_secret() {
    secret=${stdin##*'{"apiVersion":"v1","kind":"Secret"'}
    between "$secret" '"name":"' '"'
    # What another field manager noted stays.
    noted=$(sed -n 's/.*\("mqctl\/booted-tag":"[^"]*",\).*/\1/p' "$cluster/secret.$found" 2>/dev/null)
    printf '%s' "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"${secret%]*}" >"$cluster/secret.$found"
    if [ "$noted" ]; then sed -i "s|\"annotations\":{|&$noted|" "$cluster/secret.$found"; fi
}

# An object, unless it is there already; what was made is printed.
create_one() {
    if (set -C && printf '%s' "$3" >"$cluster/$2") 2>/dev/null; then
        printf '%s\n' "$3"
    else
        echo "Error from server (AlreadyExists): error when creating \"STDIN\": $1 \"${2#*.}\" already exists" >&2
        failed=1
    fi
}

# Namespace, Lease and Secret, in this order; access reviews are answered, and kept nowhere.
create() {
    failed=0
    release_of
    case $stdin in
        *'"kind":"SelfSubjectAccessReview"'*) review ;;
        *'"mqctl/reader"'*) make_readers ;;
        *'-mqctl-record-v'*)
            between "$stdin" '-mqctl-record-v' '"'
            create_one secrets "secret.prodmq-mqctl-record-v$found" "$stdin"
            return "$failed"
            ;;
        *'"kind":"Namespace"'*) create_one namespaces namespace.rabbitmq '{"kind":"Namespace","metadata":{"name":"rabbitmq"}}' ;;
    esac
    case $stdin in *'"kind":"Lease"'*)
        between "$stdin" '{"apiVersion":"coordination.k8s.io/v1"' '}}'
        replace "$found}}" '"metadata":{' '"metadata":{"resourceVersion":"1","uid":"u1",'
        create_one leases.coordination.k8s.io "lease.$of-mqctl" "{\"apiVersion\":\"coordination.k8s.io/v1\"$text" ;;
    esac
    case $stdin in *'"kind":"Secret"'*)
        secret=${stdin##*'{"apiVersion":"v1","kind":"Secret"'}
        create_one secrets "secret.$of-mqctl-credentials" "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"${secret%]*}" ;;
    esac
    return "$failed"
}

# Namespace and Secret out of what mqctl applies, or its Service outside, as they came.
apply() {
    case $stdin in
        '{"apiVersion":"v1","kind":"Service"'*)
            expose
            return
            ;;
    esac
    case " $* " in *' --dry-run=server '*)
        if [ -f "$cluster/conflicts" ]; then
            cat "$cluster/conflicts" >&2
            exit 1
        fi
        return ;;
    *' --field-manager mqctl-upgrade '*)
        keep_stateful_set
        return ;;
    *' --field-manager mqctl-recovery '*)
        case $stdin in *'"kind":"ConfigMap"'*) apply_recovery_note ;; esac
        return ;;
    *' --force-conflicts --field-manager helm '*)
        case $stdin in *'"kind":"StatefulSet"'*)
            apply_stateful_set
            return ;;
        esac
        if [ -f "$cluster/conflicts" ]; then rm "$cluster/conflicts"; else adopt_objects; fi
        return ;;
    esac
    case $stdin in
        *'"mqctl/reader"'*) make_readers ;;
        *'-hold"'*) apply_hold ;;
        *'"evidence.json"'*)
            between "$stdin" '"name":"' '"'
            printf '%s' "$stdin" >"$cluster/configmap.$found"
            ;;
        *'"kind":"Secret"'*) apply_secret ;;
    esac
    case $stdin in
        *'"kind":"Namespace"'*) echo '{"kind":"Namespace","metadata":{"name":"rabbitmq"}}' >"$cluster/namespace.rabbitmq" ;;
    esac
}

# Pods that read or write a volume and have ended by the next look.
make_readers() {
    rest=$stdin
    while :; do
        case $rest in *'-mqctl-reader-'*) ;; *) return ;; esac
        rest=${rest#*-mqctl-reader-}
        name=prodmq-mqctl-reader-${rest%%\"*}
        printf '%s' "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"$name\"},\"status\":{\"phase\":\"Succeeded\"}}" >"$cluster/pod.$name"
        case $stdin in *FLAGS*) lay_flags "prodmq-${name##*-}" ;; esac
    done
}

# The Service gets the address in `balancer` and the node port in `nodeport`, where a test has written one.
expose() {
    between "$stdin" '"name":"' '"'
    service=$cluster/service.$found
    printf '%s' "$stdin" >"$service"
    if [ -f "$world/balancer" ]; then
        text_of "$world/balancer"
        sed -i "s/}$/,\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"$text\"}]}}}/" "$service"
    fi
    if [ -f "$world/nodeport" ]; then
        text_of "$world/nodeport"
        sed -i "s/\"targetPort\"/\"nodePort\":$text,&/g" "$service"
    fi
}

# The first of these words in the text becomes the other; the result is `text`.
replace() {
    text=$1
    case $1 in *"$2"*) text=${1%%"$2"*}$3${1#*"$2"} ;; esac
}

# A note on a Secret comes, or goes.
annotate_secret() {
    case $4 in *-) key=${4%-} ;; *) key=${5%%=*} ;; esac
    sed -i "s|\"$key\":\"[^\"]*\",||g" "$cluster/secret.$3"
    case $4 in *-) ;; *) sed -i "s|\"annotations\":{|&\"$key\":\"${5#*=}\",|" "$cluster/secret.$3" ;; esac
}

# All pods are told that the whole set stops, or no longer; or a Secret notes the image that has booted.
annotate() {
    if [ "$2" = statefulset ]; then
        mark "$@"
        return
    fi
    if [ "$2" = secret ]; then
        annotate_secret "$@"
        return
    fi
    sed -i 's/"annotations":{"mqctl\/stopping":"true"},//' "$cluster"/pod.*
    case $line in
        *mqctl/stopping=true) sed -i 's/"metadata":{/&"annotations":{"mqctl\/stopping":"true"},/' "$cluster"/pod.* ;;
    esac
}

# Pods from this ordinal on stop, those below are there; the StatefulSet says how many.
scale() {
    replicas=$5
    case $(cat "$cluster/statefulset.$3") in *'"ordinals"'*)
        all_come_up
        return ;;
    esac
    for pod in "$cluster/pod.$3"-[0-9]*; do
        if [ -f "$pod" ] && [ "${pod##*-}" -ge "$replicas" ]; then rm "$pod"; fi
    done
    for pod in "$world"/chart/pod.*; do
        if [ "${pod##*-}" -lt "$replicas" ] && ! [ -f "$cluster/${pod##*/}" ]; then cp "$pod" "$cluster"; fi
    done
    sed -i "s/\"replicas\":[0-9]*/\"replicas\":$replicas/" "$cluster/statefulset.$3"
}

# The StatefulSet's controller makes a pod anew.
delete() {
    if [ "$2" = --raw ]; then
        remove_lease "$@"
        return
    fi
    if [ "$2" = statefulset ]; then
        rm -f "$cluster/statefulset.$3"
        return
    fi
    for word in "$@"; do
        case $word in
            pod/*-mqctl-reader-*) rm -f "$cluster/pod.${word#*/}" ;;
            configmap/*-hold)
                rm -f "$cluster/configmap.${word#*/}"
                all_come_up ;;
            pod/*) delete_pod "${word#*/}" ;;
            */*) rm -f "$cluster/${word%%/*}.${word#*/}" ;;
        esac
    done
}

# Every right is granted. What was created is printed object after object, not as a List.
review() {
    reviews=${stdin#*[}
    printf '%s\n' "${reviews%]*}" |
        sed 's/},{"apiVersion"/}\n{"apiVersion"/g; s/"kind":"SelfSubjectAccessReview"/&,"status":{"allowed":true}/g'
}

# What helm says of a chart: the files `shown.chart` and `shown.values`, where a test has written them.
show() {
    if [ -f "$world/shown.$1" ]; then
        cat "$world/shown.$1"
    else
        echo "Error: repo ${2%%/*} not found" >&2
        return 1
    fi
}

respond() {
    case $program-$1 in
        helm-list) helm_list ;;
        helm-version) echo v3.19.0 ;;
        helm-get) if [ -f "$cluster/manifest" ]; then cat "$cluster/manifest"; fi ;;
        helm-template) template "$@" ;;
        helm-show) show "$2" "$3" ;;
        helm-upgrade) upgrade "$@" ;;
        helm-uninstall) rm -f "$cluster"/release "$cluster/statefulset.$2" "$cluster/pod.$2"-[0-9]* "$cluster/service.$2" "$cluster/service.$2-headless" ;;
        helm-rollback) sed -i 's/"status":"[^"]*"/"status":"deployed"/' "$cluster/release" ;;
        kubectl-get) get "$@" ;;
        kubectl-create) create ;;
        kubectl-replace)
            case $stdin in
                *'"sh.helm.release.v1.'*) replace_record ;;
                *) replace_lease ;;
            esac
            ;;
        kubectl-apply) apply "$@" ;;
        kubectl-scale) scale "$@" ;;
        kubectl-annotate) annotate "$@" ;;
        kubectl-delete) delete "$@" ;;
        kubectl-exec) run_inside "$@" ;;
        kubectl-wait) ;;
        kubectl-patch)
            case $2 in
                lease) renew_lease "$@" ;;
                service) publish "$3" ;;
                persistentvolumeclaim) grow "$@" ;;
            esac
            ;;
        kubectl-logs)
            case $line in
                *mqctl/reader=*) logs_of_readers ;;
                *' --previous') cat "$cluster"/previous.* 2>/dev/null ;;
                *' --selector '*) cat "$cluster"/log.* 2>/dev/null ;;
                *) log_of "$@" ;;
            esac
            ;;
        kubectl-version) echo '{"clientVersion":{"gitVersion":"v1.34.0"},"serverVersion":{"gitVersion":"v1.34.1"}}' ;;
        *)
            echo "stand-in: nobody foresaw: $line" >&2
            printf '%s\n' "$line" >>"$world/unforeseen"
            exit 97
            ;;
    esac
}

record "$@"
kill_caller before
follow_rules
while [ $# -gt 1 ]; do
    case $1 in
        --kubeconfig | --context | --namespace) shift 2 ;;
        *) break ;;
    esac
done
respond "$@"
code=$?
kill_caller after
exit "$code"
