//! What one cluster holds before and after its messages are moved, and who is connected to it. All names travel as base64: a
//! queue's name may be any bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::shovels::{PREFIX, USER};
use crate::cluster::Target;
use crate::kubectl;
use crate::process::{Call, Part, Reply};

/// Counts of a quorum queue are asked of its leader: what other nodes know of them is seconds old. Classic queues answer
/// themselves. Connections are those of all protocols, of every node; shovels of a migration are none, nor is what runs
/// inside a broker. A node that does not answer makes the list of clients unknown.
const ASK: [&str; 4] = [
    concat!(
        r#"T = fun(F) -> try F() catch _:_ -> null end end, "#,
        r#"E = fun(F, G) -> case T(F) of null -> T(G); V -> V end end, "#,
        r#"B = fun(X) -> base64:encode(X) end, "#,
        r#"Led = fun(Q, F) -> {ok, {_, N}, _} = ra:leader_query(amqqueue:get_pid(Q), F), N end, "#,
        r#"Noted = fun(Q) -> {_, Node} = amqqueue:get_pid(Q), "#,
        r#"[{_, R, U, _, _}] = rpc:call(Node, ets, lookup, [queue_coarse_metrics, amqqueue:get_name(Q)], 5000), {R, U} end, "#,
        r#"Held = fun(Q) -> case amqqueue:get_type(Q) of rabbit_stream_queue -> {0, 0}; "#,
        r#"rabbit_quorum_queue -> E(fun() -> {Led(Q, fun rabbit_fifo:query_messages_ready/1), "#,
        r#"Led(Q, fun rabbit_fifo:query_messages_checked_out/1)} end, fun() -> Noted(Q) end); "#,
        r#"_ -> T(fun() -> [{_, R}, {_, U}] = rabbit_amqqueue:info(Q, [messages_ready, messages_unacknowledged]), {R, U} end) end end, "#,
        r#"Type = fun(Q) -> case amqqueue:get_type(Q) of rabbit_quorum_queue -> <<"quorum">>; "#,
        r#"rabbit_stream_queue -> <<"stream">>; _ -> <<"classic">> end end, "#,
        r#"Stays = fun(Q) -> amqqueue:is_durable(Q) andalso amqqueue:get_exclusive_owner(Q) =:= none end, "#,
        r#"Queue = fun(Q) -> {resource, V, queue, N} = amqqueue:get_name(Q), "#,
        r#"{R, U} = case Held(Q) of {A, C} -> {A, C}; _ -> {null, null} end, "#,
        r#"#{vhost => B(V), name => B(N), type => Type(Q), ready => R, unacked => U} end, "#,
        r#"All = rabbit_amqqueue:list(), "#,
        r#"Passing = [R || Q <- All, not Stays(Q), {R, _} <- [Held(Q)], is_integer(R)], "#,
        r#"Nodes = E(fun() -> rabbit_nodes:list_running() end, fun() -> rabbit_nodes:all_running() end), "#,
        r#"Tables = [T(fun() -> rpc:call(N, ets, tab2list, [connection_created], 5000) end) || N <- Nodes], "#,
        r#"Of = fun(K, I) -> proplists:get_value(K, I, null) end, "#,
        r#"Called = fun(I) -> case lists:keyfind(<<"connection_name">>, 1, case Of(client_properties, I) of L when is_list(L) -> L; _ -> [] end) of "#,
        r#"{_, _, C} when is_binary(C) -> C; _ -> <<>> end end, "#,
        r#"Ours = fun(I) -> binary:match(Called(I), <<"Shovel "#
    ),
    concat!(
        r#"">>) =/= nomatch end, "#,
        r#"Text = fun(X) when is_binary(X) -> X; (X) -> list_to_binary(io_lib:format("~p", [X])) end, "#,
        r#"Peer = fun(I) -> case T(fun() -> list_to_binary(rabbit_misc:ntoa(Of(peer_host, I))) end) of null -> Text(Of(peer_host, I)); H -> H end end, "#,
        r#"Port = fun(I) -> case Of(peer_port, I) of N when is_integer(N) -> N; _ -> null end end, "#,
        r#"Client = fun(I) -> #{host => B(Peer(I)), port => Port(I), user => B(Text(Of(user, I)))} end, "#,
        r#"Clients = case lists:all(fun erlang:is_list/1, Tables) of false -> null; "#,
        r#"true -> [Client(I) || L <- Tables, {_, I} <- L, Of(type, I) =/= direct, not Ours(I)] end, "#,
        r#"Listed = fun(C) -> case T(fun() -> rabbit_runtime_parameters:list_component(C) end) of L when is_list(L) -> L; _ -> [] end end, "#,
        r#"Mine = fun(P) -> binary:match(Of(name, P), <<""#
    ),
    concat!(
        r#"">>) =/= nomatch end, "#,
        r#"Shovels = Listed(<<"shovel">>), "#,
        r#"Mover = T(fun() -> case rabbit_auth_backend_internal:lookup_user(<<""#
    ),
    concat!(
        r#"">>) of {ok, _} -> true; _ -> false end end), "#,
        r#"Active = case T(fun() -> rabbit_plugins:active() end) of null -> []; Plugins -> [atom_to_binary(P, utf8) || P <- Plugins] end, "#,
        r#"io:format("mqctl ~s~n", [rabbit_json:encode(#{version => list_to_binary(rabbit_misc:version()), "#,
        r#"queues => [Queue(Q) || Q <- All, Stays(Q)], passing => lists:sum(Passing), clients => Clients, plugins => Active, mover => Mover =:= true, "#,
        r#"shovels => [B(Of(name, P)) || P <- Shovels, Mine(P)], "#,
        r#"links => length([P || P <- Shovels, not Mine(P)]) + length(Listed(<<"federation-upstream">>))})])."#
    ),
];

/// Ten thousand quorum queues take a minute.
const LIMIT: u32 = 120;

/// A durable queue that is no client's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Queue {
    pub vhost: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// To be delivered; `None` where its leader did not say.
    pub ready: Option<u64>,
    /// Delivered, and not acknowledged yet.
    pub unacked: Option<u64>,
}

/// Who is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Client {
    host: String,
    port: Option<u16>,
    user: String,
}

/// All queues and clients of a cluster, as one node learned them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Census {
    pub version: String,
    pub queues: Vec<Queue>,
    /// Messages in queues that do not outlive a restart or their client.
    pub passing: u64,
    /// `None` where a node did not say.
    pub clients: Option<Vec<Client>>,
    pub plugins: Vec<String>,
    /// The user that shovels of a migration log in as is there.
    pub mover: bool,
    /// Those of a migration, by name as base64.
    pub shovels: Vec<String>,
    /// Shovels and federation upstreams of somebody else.
    pub links: u64,
}

/// Asks one node.
pub fn question(target: &Target, pod: &str) -> Call {
    let [whose, listed, known, said] = ASK;
    let code = format!("{whose}{PREFIX}{listed}{PREFIX}{known}{USER}{said}");
    kubectl::exec_eval_within(LIMIT, target, pod, vec![Part::Text(code)])
}

/// What it answered; nothing where it did not.
pub fn read(reply: &Reply) -> Option<Census> {
    serde_json::from_str(super::marked(reply)?).ok()
}

/// For people.
fn shown(word: &str) -> String {
    STANDARD.decode(word).map_or_else(|_| word.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

impl Queue {
    /// Virtual host and name, for people.
    pub fn shown(&self) -> String {
        format!("{} {}", shown(&self.vhost), shown(&self.name))
    }

    pub fn is_stream(&self) -> bool {
        self.kind == "stream"
    }

    /// Nothing is in it, by its leader's word.
    fn is_empty(&self) -> bool {
        (self.ready, self.unacked) == (Some(0), Some(0))
    }

    fn is(&self, other: &Self) -> bool {
        (&self.vhost, &self.name) == (&other.vhost, &other.name)
    }
}

impl Client {
    /// `10.1.2.3:4711 (user shop)`
    pub fn shown(&self) -> String {
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{}{port} (user {})", shown(&self.host), shown(&self.user))
    }
}

impl Census {
    /// Those that a shovel can empty.
    pub fn movable(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter().filter(|queue| !queue.is_stream())
    }

    /// Which no shovel empties, as nothing is ever taken out of them.
    pub fn streams(&self) -> Vec<String> {
        self.queues.iter().filter(|queue| queue.is_stream()).map(Queue::shown).collect()
    }

    /// Queues whose leader did not say what is in them.
    pub fn silent(&self) -> Vec<String> {
        self.movable().filter(|queue| queue.ready.is_none() || queue.unacked.is_none()).map(Queue::shown).collect()
    }

    /// Queues in which something is, or may be.
    pub fn filled(&self) -> Vec<String> {
        self.movable().filter(|queue| !queue.is_empty()).map(Queue::shown).collect()
    }

    /// Ready and unacknowledged, in all that a shovel can empty.
    pub fn messages(&self) -> u64 {
        self.movable().map(|queue| queue.ready.unwrap_or(0) + queue.unacked.unwrap_or(0)).sum()
    }

    /// Those that nobody has been given: of the others some may be on the other side already.
    pub fn ready(&self) -> u64 {
        self.movable().filter_map(|queue| queue.ready).sum()
    }

    /// Nothing is in it and nobody is connected, as far as everybody has said so.
    pub fn is_left(&self) -> bool {
        self.filled().is_empty() && self.clients.as_ref().is_some_and(Vec::is_empty)
    }

    /// Its queues that the other one does not have.
    pub fn lacking_in(&self, other: &Self) -> Vec<String> {
        let missing = self.queues.iter().filter(|queue| !other.queues.iter().any(|there| there.is(queue)));
        missing.map(Queue::shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;
    use serde_json::{Value, json};

    fn census(queues: &Value, clients: &Value) -> Census {
        let said = json!({"version": "4.0.5", "queues": queues, "clients": clients});
        read(&reply(0, &format!("deprecated\nmqctl {said}\nok\n"), "")).unwrap()
    }

    /// The virtual host `/`, and queues `a`, `b`.
    fn queue(name: &str, kind: &str, counts: &Value) -> Value {
        json!({"vhost": "Lw==", "name": STANDARD.encode(name), "type": kind, "ready": counts[0], "unacked": counts[1]})
    }

    #[test]
    fn what_is_in_it_and_what_is_not_known() {
        let queues = json!([
            queue("a", "quorum", &json!([3, 2])),
            queue("b", "classic", &json!([null, null])),
            queue("log", "stream", &json!([0, 0])),
        ]);
        let census = census(&queues, &json!([]));
        assert_eq!((census.messages(), census.ready()), (5, 3));
        assert_eq!(
            (census.filled(), census.silent()),
            (vec!["/ a".to_owned(), "/ b".to_owned()], vec!["/ b".to_owned()])
        );
        assert_eq!(census.streams(), ["/ log"]);
        assert!(!census.is_left());
    }

    #[test]
    fn it_is_left_only_when_everybody_has_said_so() {
        let queues = json!([queue("a", "quorum", &json!([0, 0]))]);
        assert!(census(&queues, &json!([])).is_left());
        assert!(!census(&queues, &Value::Null).is_left(), "a node did not say who is connected");
        let client = json!({"host": STANDARD.encode("10.1.2.3"), "port": 4711, "user": STANDARD.encode("shop")});
        let connected = census(&queues, &json!([client]));
        assert!(!connected.is_left());
        assert_eq!(connected.clients.unwrap()[0].shown(), "10.1.2.3:4711 (user shop)");
        assert_eq!(read(&reply(69, "", "Error")), None);
    }

    #[test]
    fn queues_are_told_apart_by_host_and_name() {
        let here =
            census(&json!([queue("a", "quorum", &json!([0, 0])), queue("b", "quorum", &json!([0, 0]))]), &json!([]));
        let there = census(&json!([queue("b", "quorum", &json!([0, 0]))]), &json!([]));
        assert_eq!(here.lacking_in(&there), ["/ a"]);
        let elsewhere = Queue { vhost: STANDARD.encode("shop"), ..there.queues[0].clone() };
        assert_eq!(there.lacking_in(&Census { queues: vec![elsewhere], ..here }), ["/ b"]);
    }
}
