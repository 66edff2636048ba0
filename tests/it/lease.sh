# Part of the stand-in for kubectl: the Lease, whose version and holder the API server compares.
# shellcheck shell=sh
# shellcheck disable=SC2154 # cluster, stdin, text and found are the stand-in's

# The version of the Lease that is there; a complaint where there is none.
version_of_lease() {
    if ! [ -f "$lease" ]; then
        echo "Error from server (NotFound): leases.coordination.k8s.io \"${lease##*.}\" not found" >&2
        return 1
    fi
    text_of "$lease"
    between "$text" '"resourceVersion":"' '"'
    version=$found
}

# The same, and it is the one that the caller has seen.
is_as_seen() {
    version_of_lease || return 1
    between "$stdin" '"resourceVersion":"' '"'
    [ "$found" = "$version" ] && return
    echo "Error from server (Conflict): Operation cannot be fulfilled on leases.coordination.k8s.io \"${lease##*.}\": the object has been modified" >&2
    return 1
}

replace_lease() {
    release_of
    lease=$cluster/lease.$of-mqctl
    is_as_seen || return 1
    replace "$stdin" "\"resourceVersion\":\"$version\"" "\"resourceVersion\":\"$((version + 1))\",\"uid\":\"u1\""
    printf '%s\n' "$text" | tee "$lease"
}

# A JSON patch by which its holder renews it.
renew_lease() {
    lease=$cluster/lease.$3
    version_of_lease || return 1
    between "$7" '/spec/holderIdentity","value":"' '"'
    case $text in
        *"\"holderIdentity\":\"$found\""*) ;;
        *)
            echo "The request is invalid: the server rejected our request due to an error in our request" >&2
            return 1
            ;;
    esac
    replace "$text" "\"resourceVersion\":\"$version\"" "\"resourceVersion\":\"$((version + 1))\""
    printf '%s\n' "$text" | tee "$lease"
}

# With the preconditions that a plain delete has not.
remove_lease() {
    lease=$cluster/lease.${3##*/}
    is_as_seen && rm "$lease"
}
