%% Evaluated in the broker by pre-stop.sh, which binds Limit (seconds). One call, one CLI VM: six of
%% them beside the broker are enough to have it killed for want of memory.
%%
%% The peers read this flag, so that nodes that all stop at once do not wait for each other.
persistent_term:put(mqctl_stopping, true),
Begin = erlang:monotonic_time(millisecond),
Elapsed = fun() -> erlang:monotonic_time(millisecond) - Begin end,
%% Outside of the guards below: min/2 is refused there by the Erlang of 3.10.
Settled = min(Limit, 10) * 1000,

%% `kubectl annotate pod mqctl/stopping=true`, as the kubelet shows it here.
Told = fun() -> file:read_file("/mqctl/pod/stopping") =:= {ok, <<"true">>} end,

%% Members that run and are not stopping.
Staying = fun() ->
    Peers = rabbit_nodes:all_running() -- [node()],
    Flags = erpc:multicall(Peers, persistent_term, get, [mqctl_stopping, false], 2000),
    [Peer || {Peer, {ok, false}} <- lists:zip(Peers, Flags)]
end,

%% true when no quorum queue, stream or Raft component of this node needs it for its majority.
Dispensable = fun() -> rabbit_upgrade_preparation:await_online_quorum_plus_one(1000) end,

Verdict = fun() ->
    Members = length(rabbit_nodes:all()),
    Stay = length(Staying()),
    Majority = Members div 2 + 1,
    case {Told(), Stay} of
        {true, _} -> told_to_stop;
        {_, 0} -> nobody_stays;
        _ when Members < 3 -> no_majority_to_keep;
        _ ->
            case Stay >= Majority andalso Dispensable() of
                true -> dispensable;
                %% All run: what is critical still (a queue with a single member) stays so.
                false when Stay =:= Members - 1 -> settling;
                false -> critical
            end
    end
end,

Wait = fun Wait() ->
    case {Verdict(), Elapsed()} of
        {critical, Ms} when Ms < Limit * 1000 -> timer:sleep(500), Wait();
        {settling, Ms} when Ms < Settled -> timer:sleep(500), Wait();
        {Reason, Ms} ->
            logger:notice("pre-stop: ~ts after ~b ms", [Reason, Ms]),
            Reason
    end
end,

case rabbit:is_running() of
    true -> Wait();
    false -> not_running
end.
