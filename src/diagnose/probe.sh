# shellcheck shell=sh disable=SC2154  # mqctl puts assignments before it: `pod`, the broker's pod; `place`, the folder of the nodes' folders as the chart has it; `volume`, where its volume is; `pods`, those whose names it should find; `vm`, whether a broker's VM is near: no, yes, or one that waits; `question`, what else it is asked
# Says what a node knows of its own stop and of its peers': sections of plain text, behind `@@ NAME` each.
# Read-only, for any sh. Files come first, because they need no VM; no secret is printed, a cookie leaves as its hash.
base=
for folder in "${RABBITMQ_MNESIA_BASE:-}" "${RABBITMQ_MNESIA_DIR%/*}" "$place"; do
  if [ -n "$folder" ] && [ -d "$folder" ]; then base=$folder && break; fi
done
# A pod that only reads has no RABBITMQ_NODENAME: the node's name is that of its folder.
node=
for folder in "$base/${RABBITMQ_NODENAME:-rabbit@$pod}" "$base/rabbit@$pod".* "$base"/*"@$pod" "$base"/*"@$pod".*; do
  case $folder in *-plugins-expand | *-feature_flags | *.pid | */mqctl-copy-of-*) continue ;; esac
  if [ -d "$folder" ]; then node=${folder##*/} && break; fi
done
dir=$base/$node

section() { printf '\n@@ %s\n' "$1"; }

section id
echo "pod=$pod node=$node now=$(date -u +%s)"
# Where no node is found somebody's files may be there all the same: such a volume is not blank, nor is one that cannot be read.
# It is tried: `[ -r ]` of some shells says yes to any root, also to one that has no capabilities.
flags=$base/$node-feature_flags
section elsewhere
if [ -n "$node" ]; then
  { ls "$dir/." && if [ -e "$flags" ]; then cat "$flags"; fi; } 2>&1 >/dev/null | head -n 1
elif [ -d "$volume" ]; then
  find "$volume/" -maxdepth 8 -name lost+found -prune -o \( -name schema.DAT -o -name msg_stores -o -name coordination \) -print 2>&1 | head -n 1
else
  echo "$volume is not there"
fi
section flags
if [ -n "$node" ]; then cat "$flags" 2>/dev/null; fi
for file in nodes_running_at_shutdown cluster_nodes.config; do
  if [ -n "$node" ] && [ -f "$dir/$file" ]; then
    section "$file"
    cat "$dir/$file"
  fi
done
section times
for file in schema.DAT LATEST.LOG DECISION_TAB.LOG nodes_running_at_shutdown rabbit_serial force_load; do
  if [ -n "$node" ] && [ -e "$dir/$file" ]; then echo "$(stat -c '%Y' "$dir/$file") $file"; fi
done
section tables
if [ -n "$node" ]; then find "$dir" -maxdepth 1 -name 'rabbit_*.DCD' | wc -l; fi
section clean
find "$dir/msg_stores" -name clean.dot 2>/dev/null | head -n 1
section sizes
for folder in msg_stores quorum stream; do
  if [ -n "$node" ] && [ -d "$dir/$folder" ]; then echo "$(du -sk "$dir/$folder" | cut -f1) $folder"; fi
done
section cookie
for file in "${HOME:-}/.erlang.cookie" /var/lib/rabbitmq/.erlang.cookie; do
  if [ -r "$file" ]; then tr -d '\r\n' <"$file" | sha256sum | cut -d' ' -f1 && break; fi
done
section cookie-mode
for file in "${HOME:-}/.erlang.cookie" /var/lib/rabbitmq/.erlang.cookie; do
  if [ -e "$file" ]; then stat -c '%a' "$file" && break; fi
done
# For how many seconds each Erlang VM of this container runs, and its process: the broker's own, and CLIs that hang.
section vms
read -r up _ </proc/uptime
for stat in /proc/[0-9]*/stat; do
  { read -r line <"$stat"; } 2>/dev/null || continue
  # shellcheck disable=SC2086  # fields; the twentieth behind the name is the start, in hundredths of a second
  case $line in *'(beam.smp)'*) set -- ${line##*) } && echo "$((${up%.*} - ${20} / 100)) ${line%% *}" ;; esac
done

# Each question is a fun, so that neither sees the other's variables.
ask='
T = fun(F) -> try F() catch _:_ -> null end end,
K = T(fun() -> rabbit_khepri:is_enabled() end),
M = fun(F) -> case K of true -> null; _ -> T(F) end end,
X = fun(F) -> case K of true -> T(F); _ -> null end end,
N = fun(L) -> case L of null -> null; _ -> [atom_to_binary(A, utf8) || A <- L] end end,
io:format("mqctl ~s~n", [rabbit_json:encode(#{
 version => T(fun() -> list_to_binary(rabbit_misc:version()) end),
 running => T(fun() -> rabbit:is_running() end),
 khepri => K,
 downs => N(M(fun() -> mnesia_recover:get_mnesia_downs() end)),
 up => N(M(fun() -> mnesia:system_info(running_db_nodes) end)),
 tables => M(fun() -> length(mnesia:system_info(tables)) end),
 members => N(X(fun() -> [A || {_, A} <- rabbit_khepri:locally_known_members()] end)),
 raft => X(fun() -> maps:with([term, last_index, commit_index], ra:key_metrics({rabbitmq_metadata, node()})) end)})])'

# Asks the broker's VM as `rabbitmqctl eval` does, in a third of its time: in a VM without the CLI, which no broker takes for
# a node. Where that cannot come near (encrypted distribution, another cookie, a VM that hangs) the CLI asks, or says
# why it cannot. Each has a time limit here in the container: one that hangs outlives kubectl, and takes the broker's memory.
# The code goes over stdin, as a question may hold a password.
evaluate() {
  evaluate_without_cli || printf '%s' "$code" | timeout -k 2 25 rabbitmqctl eval
}

evaluate_without_cli() {
  case ${node#*@} in *.*) names=-name ;; *) names=-sname ;; esac
  [ -n "$node" ] && [ -r "${HOME:-}/.erlang.cookie" ] || return 1
  printf '%s' "$code" | ERL_CRASH_DUMP_SECONDS=0 timeout -k 2 10 erl -noshell -boot start_clean +S 1:1 +sbwt none \
    -hidden -connect_all false -dist_listen false -start_epmd false "$names" "mqctl-$$@${node#*@}" -eval '
Read = fun(Self, Lines) -> case io:get_line("") of eof -> lists:append(lists:reverse(Lines)); Line -> Self(Self, [Line | Lines]) end end,
{ok, Tokens, _} = erl_scan:string(Read(Read, [])),
{ok, Code} = erl_parse:parse_exprs(Tokens),
[Node] = init:get_plain_arguments(),
case rpc:call(list_to_atom(Node), erl_eval, exprs, [Code, []], 8000) of {badrpc, _} -> halt(1); _ -> halt(0) end.' -extra "$node"
}

# Mnesia's own log says when the node saw which peer go.
peers() {
  if [ -z "$node" ] || ! [ -f "$dir/LATEST.LOG" ]; then return; fi
  section peers
  HOME=/tmp ERL_CRASH_DUMP_SECONDS=0 timeout -k 2 15 erl -noinput -boot start_clean +S 1:1 +sbwt none -eval '
[Dir | _] = init:get_plain_arguments(),
Say = fun(What, Node, Day, Time) ->
  Seconds = calendar:datetime_to_gregorian_seconds(erlang:localtime_to_universaltime({Day, Time})) - 62167219200,
  io:format("~s ~s ~b~n", [What, Node, Seconds]) end,
One = fun ({mnesia_down, N, D, T}, _) -> Say(down, N, D, T);
          ({mnesia_up, N, D, T}, _) -> Say(up, N, D, T);
          ({decision_list, L}, Self) -> [Self(X, Self) || X <- L];
          (_, _) -> ok end,
All = fun(Log, From, Self) -> case disk_log:chunk(Log, From) of
  {Next, Terms} -> [One(X, One) || X <- Terms], Self(Log, Next, Self);
  {Next, Terms, _} -> [One(X, One) || X <- Terms], Self(Log, Next, Self);
  _ -> ok end end,
[case disk_log:open([{name, F}, {file, filename:join(Dir, F)}, {mode, read_only}]) of
  {ok, Log} -> All(Log, start, All);
  Error -> io:format("unread ~s ~0p~n", [F, Error]) end || F <- ["DECISION_TAB.LOG", "LATEST.LOG"], filelib:is_file(filename:join(Dir, F))],
halt().' -extra "$dir" </dev/null 2>&1
}

# Peers whose names this node cannot turn into addresses. Where there is no such command nobody knows.
# Their hosts differ from its own by the pod; only Mnesia keeps a list of them in a file.
names() {
  [ -n "$node" ] && [ -n "$pods" ] || return 0
  section names
  host=${node#*@}
  domain=${host#"${host%%.*}"}
  for peer in $pods; do
    { timeout -k 1 3 getent hosts "$peer$domain" >/dev/null 2>&1; case $? in 2 | 124) echo "$peer$domain" ;; esac; } &
  done
  wait
}

# A broker that runs has nothing to prove; beside one that is known to wait both VMs start at once.
case $vm in waits) peers & ;; esac
answer=
if [ "$vm" != no ]; then
  code=$(printf '(fun() -> %s end)()%s.' "$ask" "${question:+, (fun() -> $question end)()}" | tr '\n' ' ')
  answer=$(evaluate 2>&1)
  wait
  section vm
  printf '%s\n' "$answer" | grep '^asked '
  printf '%s\n' "$answer" | grep '^mqctl ' || printf 'silent %s\n' "$(printf '%s\n' "$answer" | grep -v -e '^$' -e 'support is deprecated' | head -n 1)"
fi
case $vm$answer in waits* | *'"running":true'*) ;; *) peers ;; esac
case $answer in *'"running":true'*) ;; *) names ;; esac
section end
