//! What is asked of a broker and how its answers and its log are read; nothing here runs anything.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cluster::Target;
use crate::definitions::Definitions;
use crate::kubectl;
use crate::process::{Call, Part, Reply};
use crate::secret::{Hole, Name, Vault};

pub mod census;
pub mod queues;
pub mod shovels;

/// One expression, many answers, as one line of JSON behind a mark: one start of the CLI's VM instead of eight.
/// Each answer is guarded: 3.10 has no Khepri, a waiting node has no queues. `all` and `all_running` are the names of 3.10.
const PREPARE: &str = concat!(
    r#"T = fun(F) -> try F() catch _:_ -> null end end, "#,
    r#"N = fun(L) -> case L of null -> null; _ -> lists:sort([atom_to_binary(X, utf8) || X <- L]) end end, "#,
    r#"E = fun(F, G) -> case T(F) of null -> T(G); V -> V end end, "#,
    r#"I = fun(F) -> case T(F) of V when is_integer(V) -> V; _ -> null end end, "#,
    r#"R = T(fun() -> rabbit:is_running() end), "#,
    r#"Q = case R of true -> T(fun() -> rabbit_amqqueue:list() end); _ -> null end, "#,
    r#"C = T(fun() -> [{A, B} || {_, A, B, _, _} <- ets:tab2list(queue_coarse_metrics)] end), "#,
);

/// What is asked of every broker.
const FIELDS: &str = concat!(
    r#"node => atom_to_binary(node(), utf8), running => R, "#,
    r#"version => T(fun() -> list_to_binary(rabbit_misc:version()) end), "#,
    r#"khepri => T(fun() -> rabbit_khepri:is_enabled() end), "#,
    r#"members => N(E(fun() -> rabbit_nodes:list_members() end, fun() -> rabbit_nodes:all() end)), "#,
    r#"up => N(E(fun() -> rabbit_nodes:list_running() end, fun() -> rabbit_nodes:all_running() end)), "#,
    r#"alarms => T(fun() -> [list_to_binary(io_lib:format("~0p", [A])) || A <- rabbit:alarms()] end), "#,
    r#"memory => I(fun() -> vm_memory_monitor:get_process_memory() end), "#,
    r#"memoryLimit => I(fun() -> vm_memory_monitor:get_total_memory() end), "#,
    r#"diskFree => I(fun() -> rabbit_disk_monitor:get_disk_free() end), "#,
    r#"uptime => T(fun() -> element(1, erlang:statistics(wall_clock)) div 1000 end), "#,
    r#"queues => case Q of null -> null; _ -> length(Q) end, "#,
    r#"leaders => case Q of null -> null; _ -> length([1 || X <- Q, T(fun() -> amqqueue:qnode(X) end) =:= node()]) end, "#,
    r#"ready => case C of null -> null; _ -> lists:sum([A || {A, _} <- C]) end, "#,
    r#"unacked => case C of null -> null; _ -> lists:sum([B || {_, B} <- C]) end, "#,
    r#"flagsOff => case R of true -> N(T(fun() -> maps:keys(rabbit_feature_flags:list(disabled, stable)) end)); _ -> null end, "#,
    r#"cookie => T(fun() -> binary:encode_hex(crypto:hash(sha256, atom_to_list(erlang:get_cookie()))) end), "#,
    r#"cookieFile => T(fun() -> {ok, [[H]]} = init:get_argument(home), {ok, F} = file:read_file(filename:join(H, ".erlang.cookie")), "#,
    r#"binary:encode_hex(crypto:hash(sha256, re:replace(F, "[\r\n]+$", "", [{return, binary}]))) end), "#,
);

/// Of all users, which may be many, the profile's and the one that everybody knows.
const USERS: [&str; 2] = [
    concat!(
        r#"users => case R of true -> T(fun() -> lists:append([case rabbit_auth_backend_internal:lookup_user(X) of "#,
        r#"{ok, U} -> [#{name => X, tags => N(internal_user:get_tags(U))}]; _ -> [] end || X <- [base64:decode(""#
    ),
    r#""), <<"guest">>]]) end); _ -> null end, "#,
];

/// The policies of all virtual hosts, for whoever has others to compare them with.
pub const POLICIES: &str = concat!(
    r#"policies => case R of true -> T(fun() -> [begin Policy = maps:from_list(P), D = maps:get(definition, Policy), "#,
    r#"Policy#{definition := case is_map(D) of true -> D; _ -> maps:from_list(D) end} end || P <- rabbit_policy:list()] end); "#,
    r#"_ -> null end, "#,
);

/// Cookie and password of the first user as base64 words behind a mark; `-` for what the node does not know.
///
/// The cookie is the one that it runs with. The password is what it was started with, which a broker forgets in its
/// database only: in its configuration, or in the file that the built-in chart laid for it.
const DISCLOSE: &str = concat!(
    r#"T = fun(F) -> try base64:encode(iolist_to_binary(F())) catch _:_ -> <<"-">> end end, "#,
    r#"C = T(fun() -> atom_to_list(erlang:get_cookie()) end), "#,
    r#"P = case T(fun() -> {ok, V} = application:get_env(rabbit, default_pass), V end) of "#,
    r#"<<"-">> -> T(fun() -> {ok, [[H]]} = init:get_argument(home), "#,
    r#"{ok, [[{rabbit, L}]]} = file:consult(filename:join(H, "default-user.config")), "#,
    r#"proplists:get_value(default_pass, L) end); V -> V end, "#,
    r#"io:format("mqctl ~s ~s~n", [C, P])."#,
);

/// The expression, which answers behind this mark, and more fields if they are wished; with a login check where the
/// password is known.
///
/// The login is the broker's own check, fed over stdin: the CLI's `authenticate_user` hangs on 4.x or shows the password.
pub fn question(mark: &str, more: &str, username: &str, with_login: bool) -> Vec<Part> {
    let user = STANDARD.encode(username);
    let users = USERS.join(&user);
    let mut parts =
        vec![Part::Text(format!(r#"{PREPARE}io:format("{mark} ~s~n", [rabbit_json:encode(#{{{FIELDS}{users}{more}"#))];
    if with_login {
        parts.push(Part::Text(format!(
            r#"login => T(fun() -> case rabbit_access_control:check_user_pass_login(base64:decode("{user}"), base64:decode(""#
        )));
        parts.push(Part::Hole(Hole(Name::Password)));
        parts.push(Part::Text(r#"")) of {ok, _} -> true; _ -> false end end)})])"#.to_owned()));
    } else {
        parts.push(Part::Text("login => null})])".to_owned()));
    }
    parts
}

/// The question to each of these pods; with a login check where the vault has the password.
pub fn questions<'a>(
    target: &Target,
    pods: impl IntoIterator<Item = &'a str>,
    username: &str,
    vault: &Vault,
) -> Vec<Call> {
    questions_and(target, pods, username, vault, "")
}

/// The same, and one thing more, such as `POLICIES`.
pub fn questions_and<'a>(
    target: &Target,
    pods: impl IntoIterator<Item = &'a str>,
    username: &str,
    vault: &Vault,
    more: &str,
) -> Vec<Call> {
    let with_login = vault.get(Name::Password).is_some();
    let question = |pod| {
        let mut parts = question("mqctl", more, username, with_login);
        parts.push(Part::Text(".".to_owned()));
        kubectl::exec_eval(target, pod, parts)
    };
    pods.into_iter().map(question).collect()
}

/// Asks one pod for the secrets that it holds: the reply goes to `secret::from_broker` and nowhere else.
pub fn disclosure(target: &Target, pod: &str) -> Call {
    kubectl::exec_eval(target, pod, vec![Part::Text(DISCLOSE.to_owned())])
}

/// Gives a user the new password: fed over stdin, as every other way shows it or hangs.
pub fn change_password(username: &str) -> Vec<Part> {
    let user = STANDARD.encode(username);
    vec![
        Part::Text(format!(
            r#"ok = rabbit_auth_backend_internal:change_password(base64:decode("{user}"), base64:decode(""#
        )),
        Part::Hole(Hole(Name::NextPassword)),
        Part::Text(r#""), <<"mqctl">>)."#.to_owned()),
    ]
}

/// Imports definitions; fails with RabbitMQ's own reason.
pub fn import(definitions: &Definitions) -> Vec<Part> {
    vec![
        Part::Text(r#"case rabbit_definitions:import_raw(base64:decode(""#.to_owned()),
        Part::Definitions(definitions.clone()),
        Part::Text(r#"")) of ok -> ok; {error, Reason} -> exit(Reason) end."#.to_owned()),
    ]
}

/// What one broker answered. `None` where it could not say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Answer {
    pub node: String,
    pub running: Option<bool>,
    pub version: Option<String>,
    pub khepri: Option<bool>,
    pub members: Option<Vec<String>>,
    pub up: Option<Vec<String>>,
    pub alarms: Option<Vec<String>>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Bytes that the broker believes it may use at all.
    pub memory_limit: Option<u64>,
    /// Bytes.
    pub disk_free: Option<u64>,
    /// Seconds.
    pub uptime: Option<u64>,
    /// Queues of the whole cluster.
    pub queues: Option<u64>,
    /// Queues whose leader is on this node.
    pub leaders: Option<u64>,
    /// Messages ready in the queues led here.
    pub ready: Option<u64>,
    pub unacked: Option<u64>,
    /// Stable feature flags that are not enabled.
    pub flags_off: Option<Vec<String>>,
    /// SHA-256 of the node's own cookie in hexadecimal; never printed whole.
    #[serde(skip_serializing)]
    pub cookie: Option<String>,
    /// The same of the file from which its next start would read the cookie.
    #[serde(skip_serializing)]
    pub cookie_file: Option<String>,
    pub login: Option<bool>,
    /// The profile's user and `guest`, as far as they are there.
    #[serde(skip_serializing)]
    pub users: Option<Vec<User>>,
    /// Every policy, as an export has them; only where they were asked for.
    #[serde(skip_serializing)]
    pub policies: Option<Vec<Value>>,
}

/// A user of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    pub name: String,
    pub tags: Vec<String>,
}

impl Answer {
    pub fn store(&self) -> &'static str {
        if self.khepri == Some(true) { "Khepri" } else { "Mnesia" }
    }
}

/// The answer in what the CLI printed, or the CLI's own words.
///
/// # Errors
/// The line with the mark is missing: the VM did not answer.
pub fn read(reply: &Reply) -> Result<Answer, String> {
    match marked(reply) {
        Some(json) => serde_json::from_str(json).map_err(|e| format!("the broker's answer is not JSON: {e}")),
        None if reply.timed_out || reply.code == Some(124) => Err("the broker did not answer in 25 s".to_owned()),
        None => Err(first_words(&reply.stderr)),
    }
}

/// The line behind the mark, among whatever else the CLI printed.
pub(crate) fn marked(reply: &Reply) -> Option<&str> {
    reply.stdout.lines().find_map(|line| line.trim().strip_prefix("mqctl "))
}

fn first_words(stderr: &str) -> String {
    let line = stderr.lines().find(|l| !l.trim().is_empty()).unwrap_or("the broker did not answer");
    line.trim().trim_start_matches("Error: ").to_owned()
}

/// Where a booting broker stands, by the last telling line of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    Starting,
    /// Khepri logs nothing while it waits; the last line is the start of its Ra system.
    MetadataStore,
    Discovery,
    Joining(String),
    /// Mnesia waits for its tables, that is, for the nodes that stopped later.
    WaitingForTables {
        retries_left: u32,
    },
    RecoveringQueues,
    StartupComplete,
    BootFailed,
}

impl Phase {
    pub fn tenths(&self) -> u64 {
        match self {
            Self::Starting | Self::BootFailed => 4,
            Self::MetadataStore => 5,
            Self::Discovery => 6,
            Self::WaitingForTables { .. } | Self::Joining(_) => 7,
            Self::RecoveringQueues => 8,
            Self::StartupComplete => 9,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::MetadataStore => f.write_str("metadata store: waiting for a leader"),
            Self::Discovery => f.write_str("peer discovery"),
            Self::Joining(node) => write!(f, "joining the cluster of {node}"),
            Self::WaitingForTables { retries_left } => {
                write!(f, "waiting for tables of its peers ({retries_left} tries left)")
            }
            Self::RecoveringQueues => f.write_str("recovering queues"),
            Self::StartupComplete => f.write_str("startup complete"),
            Self::BootFailed => f.write_str("boot failed"),
        }
    }
}

/// The phase of a log's end. Lines are matched anywhere: the console interleaves banner and log.
///
/// The node that all others join logs that it selected itself; that is no joining.
pub fn phase(log: &str, pod: &str) -> Phase {
    log.lines().rev().find_map(|line| phase_at(line, pod)).unwrap_or(Phase::Starting)
}

/// The phase that this line of a log tells of, if it does.
pub fn phase_at(line: &str, pod: &str) -> Option<Phase> {
    match phase_of_line(line)? {
        Phase::Joining(node) if node == pod => Some(Phase::Discovery),
        phase => Some(phase),
    }
}

fn phase_of_line(line: &str) -> Option<Phase> {
    const MARKS: [(&str, Phase); 10] = [
        ("configured log handlers are now ACTIVE", Phase::Starting),
        ("starting Ra system: coordination", Phase::MetadataStore),
        ("RabbitMQ metadata store: candidate -> leader", Phase::Starting),
        ("RabbitMQ metadata store: detected a new leader", Phase::Starting),
        ("Peer discovery: configured backend", Phase::Discovery),
        ("uccessfully synced tables from a peer", Phase::Starting),
        ("Recovering ", Phase::RecoveringQueues),
        ("rebuilding indices from scratch", Phase::RecoveringQueues),
        ("Server startup complete", Phase::StartupComplete),
        ("BOOT FAILED", Phase::BootFailed),
    ];
    if let Some((_, rest)) = line.split_once("Waiting for Mnesia tables for ") {
        return Some(Phase::WaitingForTables { retries_left: retries_left(rest) });
    }
    if line.contains("selected for auto-clustering") {
        return Some(Phase::Joining(quoted(line).unwrap_or("a peer").to_owned()));
    }
    MARKS.iter().find(|(mark, _)| line.contains(mark)).map(|(_, phase)| phase.clone())
}

fn retries_left(rest: &str) -> u32 {
    let number = rest.split_once("ms, ").and_then(|(_, r)| r.split(' ').next());
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// `rabbit@q-0.q-headless…` is shown as `q-0`.
fn quoted(line: &str) -> Option<&str> {
    let node = line.split('\'').nth(1)?;
    node.split('@').nth(1)?.split('.').next()
}

/// The JSON of exported definitions: the CLI of 3.10 prints a warning before it. Empty where there is none.
pub fn exported(answer: &str) -> &str {
    answer.find('{').map_or("", |at| &answer[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    #[test]
    fn the_last_telling_line_decides() {
        let cases = [
            ("", "starting"),
            ("… starting Ra system: coordination in directory: /x", "metadata store: waiting for a leader"),
            ("x\nPeer discovery: configured backend: rabbit_peer_discovery_classic_config\ny", "peer discovery"),
            (
                "Node 'rabbit@q-0.q-headless.n.svc.cluster.local' selected for auto-clustering",
                "joining the cluster of q-0",
            ),
            (
                "Waiting for Mnesia tables for 30000 ms, 7 retries left",
                "waiting for tables of its peers (7 tries left)",
            ),
            (
                "Waiting for Mnesia tables for 30000 ms, 9 retries left\nSuccessfully synced tables from a peer",
                "starting",
            ),
            ("Recovering 3 queues of type rabbit_classic_queue took 12ms", "recovering queues"),
            ("Server startup complete; 5 plugins started.", "startup complete"),
            ("BOOT FAILED", "boot failed"),
        ];
        for (log, words) in cases {
            assert_eq!(phase(log, "q-1").to_string(), words, "{log}");
        }
        assert_eq!(phase("Node 'rabbit@q-0.q' selected for auto-clustering", "q-0"), Phase::Discovery);
    }

    #[test]
    fn an_answer_is_found_among_warnings() {
        let stdout = "RABBITMQ_ERLANG_COOKIE env variable support is deprecated\nmqctl {\"node\":\"rabbit@q-0\",\"running\":true,\"login\":true}\nok\n";
        let answer = read(&reply(0, stdout, "")).unwrap();
        assert_eq!(
            (answer.node.as_str(), answer.running, answer.login, answer.queues),
            ("rabbit@q-0", Some(true), Some(true), None)
        );
    }

    #[test]
    fn definitions_begin_behind_the_warning_of_3_10() {
        let warning =
            "RABBITMQ_ERLANG_COOKIE env variable support is deprecated and will be REMOVED in a future version.\n";
        assert_eq!(exported(&format!("{warning}{{\"users\":[]}}\n")), "{\"users\":[]}\n");
        assert_eq!((exported("{}"), exported(warning)), ("{}", ""));
    }

    #[test]
    fn a_silent_broker_is_told_in_its_cli_s_words() {
        assert_eq!(
            read(&reply(69, "", "\nError: unable to perform an operation on node\nmore")).unwrap_err(),
            "unable to perform an operation on node"
        );
        assert!(read(&reply(124, "", "")).unwrap_err().contains("25 s"));
    }
}
