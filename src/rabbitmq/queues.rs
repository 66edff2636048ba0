//! Whether every queue runs, and what is in it, by an answer of its leader: a list of queues proves neither.

use serde::Deserialize;

use crate::cluster::Target;
use crate::kubectl;
use crate::process::{Call, Part, Reply};

/// A classic queue or a stream has a leader where its process lives, a quorum queue where a member names one.
const ASK: &str = concat!(
    r#"Nodes = fun(Q) -> case maps:get(nodes, amqqueue:get_type_state(Q), []) of M when is_map(M) -> maps:keys(M); L -> L end end, "#,
    r#"Led = fun(Q) -> try case amqqueue:get_pid(Q) of "#,
    r#"P when is_pid(P) -> rpc:call(node(P), erlang, is_process_alive, [P], 5000) =:= true; "#,
    r#"{S, N} -> lists:any(fun(M) -> case ra:members({S, M}, 2000) of {ok, _, {_, _}} -> true; _ -> false end end, [N | Nodes(Q)]); "#,
    r#"_ -> false end catch _:_ -> false end end, "#,
    r#"Name = fun(Q) -> {resource, V, queue, Q1} = amqqueue:get_name(Q), N = <<V/binary, " ", Q1/binary>>, "#,
    r#"case unicode:characters_to_list(N) of L when is_list(L) -> N; _ -> base64:encode(N) end end, "#,
    r#"Stays = fun(Q) -> try amqqueue:is_durable(Q) andalso not amqqueue:is_auto_delete(Q) "#,
    r#"andalso amqqueue:get_exclusive_owner(Q) =:= none catch _:_ -> true end end, "#,
    r#"All = rabbit_amqqueue:list(), "#,
    r#"Count = fun(Q) -> case catch rabbit_amqqueue:stat(Q) of {ok, N, _} -> N; _ -> 0 end end, "#,
    r#"io:format("mqctl ~s~n", [rabbit_json:encode(#{queues => [Name(Q) || Q <- All, Stays(Q)], leaderless => [Name(Q) || Q <- All, not Led(Q)], "#,
    r#"messages => lists:sum([Count(Q) || Q <- All])})])."#,
);

/// All queues of the cluster, as one node knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Queues {
    /// Virtual host and name of those that outlive their clients and a restart.
    pub queues: Vec<String>,
    /// The same of those that nobody leads, whatever they are.
    pub leaderless: Vec<String>,
    /// In all that answered, ready to be delivered.
    pub messages: u64,
}

/// Asks one node; each queue is asked itself.
pub fn question(target: &Target, pod: &str) -> Call {
    kubectl::exec_eval(target, pod, vec![Part::Text(ASK.to_owned())])
}

/// What it answered; nothing where it did not.
pub fn read(reply: &Reply) -> Option<Queues> {
    serde_json::from_str(super::marked(reply)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    #[test]
    fn queues_without_a_leader_are_named() {
        let said = "mqctl {\"queues\":[\"/ bills\",\"/ orders\"],\"leaderless\":[\"/ orders\"],\"messages\":7}\nok\n";
        let queues = read(&reply(0, said, "")).unwrap();
        assert_eq!((queues.queues.len(), queues.leaderless, queues.messages), (2, vec!["/ orders".to_owned()], 7));
        assert_eq!(read(&reply(69, "", "Error")), None);
    }
}
