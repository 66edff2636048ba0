# Part of the stand-in for kubectl: what is run inside a broker's container.
# shellcheck shell=sh
# shellcheck disable=SC2154 # cluster, line, stdin, text and found are the stand-in's

# What else is run inside a broker's container.
run_inside() {
    # shellcheck disable=SC2016 # a pattern, not a text
    case $line$stdin in
        *'rabbit_auth_backend_internal:add_user'*) come_and_go mover true ;;
        *change_password*) change_password ;;
        *connection_created*) census "$3" ;;
        *'rabbit_auth_backend_internal:delete_user'*) come_and_go mover false ;;
        *src-uri*)
            becomes moved
            echo ok ;;
        *rabbit_runtime_parameters:clear*)
            becomes free
            echo ok ;;
        *' sh -s'*'@@'*) cat "$cluster/probe.$3" ;;
        *default_pass*) disclose ;;
        *FLAGS*) lay_flags "$3" ;;
        *rabbit_table:force_load*)
            all_come_up
            echo ok ;;
        *leaderless*) queues ;;
        *force_standalone_khepri_boot* | *'kill -TERM 1'*) all_come_up ;;
        *forget_cluster_node* | *'try rabbit_nodes:list_members'* | *'touch /tmp/go'*) ;;
        *import_raw*) import_definitions ;;
        *export_definitions*) definitions "$3" ;;
        *enable_feature_flag*) ;;
        *'$dir/force_load'* | *force_all_queues_shrink* | *rabbitmq-queues*) ;;
        *) answer "$@" ;;
    esac
}

# Durable queues, each with a leader.
queues() {
    comma=
    printf 'mqctl {"queues":['
    for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37; do
        printf '%s"/ q%s"' "$comma" "$number"
        comma=,
    done
    echo '],"leaderless":[],"messages":1204}'
}

# The value of this key, as base64: in `runs-with`, where a test has written what the brokers have, or else in the Secret.
runs_with() {
    for file in "$cluster/runs-with" "$cluster"/secret.*-mqctl-credentials; do
        [ -f "$file" ] || continue
        text_of "$file"
        case $text in *"\"$1\":\""*)
            between "$text" "\"$1\":\"" '"'
            return ;;
        esac
    done
    found=-
}

# The brokers take the password that is fed to one of them.
change_password() {
    found=${stdin##*base64:decode(\"}
    if [ -f "$cluster/runs-with" ]; then
        sed -i "s|\"password\":\"[^\"]*\"|\"password\":\"${found%%\"*}\"|" "$cluster/runs-with"
    fi
}

# The cookie that a broker runs with, and the password that its pod was started with.
disclose() {
    runs_with erlang-cookie
    cookie=$found
    runs_with started-with
    printf 'mqctl %s %s\nok\n' "$cookie" "$found"
}

# A broker runs with the cookie of the Secret, and lets in whoever has its password.
answer() {
    pod=$3
    if ! [ -f "$cluster/pod.$pod" ]; then
        echo "Error from server (NotFound): pods \"$pod\" not found" >&2
        exit 1
    fi
    if ! [ -f "$cluster/answer.$pod" ]; then
        echo "Error: unable to perform an operation on node 'rabbit@$pod'. Please see diagnostics information" >&2
        exit 69
    fi
    runs_with password
    case $stdin in
        *"\"$found\""*) login=true ;;
        *check_user_pass_login*) login=false ;;
        *) login=null ;;
    esac
    runs_with erlang-cookie
    cookie=$(echo "$found" | base64 -d | sha256sum)
    text_of "$cluster/answer.$pod"
    replace "$text" COOKIE "${cookie%% *}"
    replace "$text" '"LOGIN"' "$login"
    printf 'mqctl %s\n' "$text"
}
