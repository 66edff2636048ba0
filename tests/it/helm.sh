# Part of the stand-in for helm: what a chart puts into the cluster, what it renders, what is listed; and helm's records.
# shellcheck shell=sh
# shellcheck disable=SC2154 # cluster, world, stdin, text and found are the stand-in's

# The chart's objects, with the digest that mqctl gave and helm's next revision.
upgrade() {
    case " $* " in *' --dry-run '* | *' --dry-run=server '*)
        if ! [ -f "$cluster/release" ]; then refuse_strangers || return; fi
        if [ -f "$cluster/next" ]; then cat "$cluster/next"; else echo '{"manifest":""}'; fi
        return ;;
    esac
    between "$stdin" '"mqctl/values":"' '"'
    digest=$found
    found=0
    release_of
    case $of in *-next) charts=$world/chart-next release=$cluster/release-next ;; *) charts=$world/chart release=$cluster/release ;; esac
    if [ -f "$release" ]; then
        text_of "$release"
        between "$text" '"revision":"' '"'
    fi
    for file in "$charts"/*; do
        # A claim that is there stays as it is.
        case $file in */persistentvolumeclaim.*) [ -f "$cluster/${file##*/}" ] && continue ;; esac
        text_of "$file"
        replace "$text" DIGEST "$digest"
        replace "$text" REVISION "$((found + 1))"
        printf '%s' "$text" >"$cluster/${file##*/}"
    done
}

# Helm installs over no object that is there without its marks of this release.
refuse_strangers() {
    for name in service.prodmq service.prodmq-headless configmap.prodmq-config poddisruptionbudget.prodmq serviceaccount.prodmq; do
        [ -f "$cluster/$name" ] || continue
        text_of "$cluster/$name"
        case $text in *'"meta.helm.sh/release-name":"prodmq"'*) continue ;; esac
        echo "Error: Unable to continue with install: ${name%%.*} \"${name#*.}\" in namespace \"rabbitmq\" exists and cannot be imported into the current release: invalid ownership metadata" >&2
        return 1
    done
}

# The objects of the built-in chart, by kind and name.
template() {
    for object in PodDisruptionBudget/ ServiceAccount/ ConfigMap/-config Service/ Service/-headless StatefulSet/; do
        printf -- '---\nkind: %s\nmetadata:\n  name: %s%s\n' "${object%/*}" "$2" "${object#*/}"
    done
}

helm_list() {
    # shellcheck disable=SC2034 # what prints an item goes by it
    comma=
    printf '['
    case $line in
        *'^prodmq-next$'*) item "$cluster/release-next" ;;
        *) item "$cluster/release" ;;
    esac
    printf ']\n'
}

# One of helm's records; where an uninstall had failed, what helm lists is read from it.
replace_record() {
    between "$stdin" '"name":"sh.helm.release.v1.' '"'
    printf '%s' "$stdin" >"$cluster/secret.sh.helm.release.v1.$found"
    between "$stdin" '"status":"' '"'
    sed -i "s/\"status\":\"uninstalling\"/\"status\":\"$found\"/" "$cluster/release"
}

# What is applied in helm's name carries its marks.
adopt_objects() {
    marks='"labels":{"app.kubernetes.io\/managed-by":"Helm"},"annotations":{"meta.helm.sh\/release-name":"prodmq","meta.helm.sh\/release-namespace":"rabbitmq"}'
    for file in "$cluster"/service.* "$cluster"/configmap.* "$cluster"/poddisruptionbudget.* "$cluster"/serviceaccount.*; do
        case $stdin in *"\"name\":\"${file##*.}\""*) sed -i "s/\"metadata\":{\(\"annotations\":{[^}]*},\)*/\"metadata\":{$marks,/" "$file" ;; esac
    done
}
