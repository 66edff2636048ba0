//! The script that is run beside a broker or on its volume, and what it says beyond the evidence of a stop. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::chart::Names;
use crate::cluster::{Pod, Standing};
use crate::process::Part;
use crate::rabbitmq::{self, Answer};
use crate::recover::reading::sections;

const PROBE: &str = include_str!("probe.sh");

/// Queues that nobody can use, beside `rabbitmq::question`, whose funs it takes. Lists of queues show the leader of last
/// time: the one of now is asked of Raft itself, on a member. Queues whose node is away are in no list but their own.
const QUEUES: &str = concat!(
    r#"trouble => T(fun() -> O = E(fun() -> rabbit_nodes:list_running() end, fun() -> rabbit_nodes:all_running() end), "#,
    r#"Z = fun(A) -> element(4, amqqueue:get_name(A)) end, "#,
    r#"G = fun(A) -> case maps:get(nodes, amqqueue:get_type_state(A)) of W when is_map(W) -> maps:keys(W); W -> W end end, "#,
    r#"H = fun(A) -> length([1 || B <- G(A), lists:member(B, O)]) end, "#,
    r#"L = [A || A <- Q, amqqueue:get_type(A) =:= rabbit_quorum_queue], "#,
    r#"D = fun() -> [{Z(A), atom_to_binary(amqqueue:qnode(A), utf8)} || V <- rabbit_vhost:list_names(), "#,
    r#"A <- rabbit_amqqueue:list_down(V), amqqueue:get_type(A) =:= rabbit_classic_queue] end, "#,
    r#"#{minority => [Z(A) || A <- L, H(A) * 2 =< length(G(A))], "#,
    r#"unled => maps:from_list([{Z(A), H(A)} || A <- L, lists:member(node(), G(A)), "#,
    r#"ra_leaderboard:lookup_leader(element(1, amqqueue:get_pid(A))) =:= undefined]), "#,
    r#"down => case T(D) of null -> null; F -> maps:from_list(F) end} end), "#,
);

/// What a broker says of such queues. `None` where it cannot say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Queues {
    /// Quorum queues with half of their members away, or more.
    pub minority: Vec<String>,
    /// Quorum queues of this node of which it knows no leader, and how many of their members' nodes run.
    pub unled: BTreeMap<String, usize>,
    /// Classic queues that are down, and the nodes that they live on.
    pub down: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    trouble: Option<Queues>,
}

/// A process inside a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Seconds.
    pub age: u64,
    pub pid: u32,
}

/// `187 4711`
fn process(line: &str) -> Option<Process> {
    let (age, pid) = line.trim().split_once(' ')?;
    Some(Process { age: age.parse().ok()?, pid: pid.parse().ok()? })
}

/// What the probe found beyond the evidence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inside {
    pub answer: Option<Answer>,
    pub queues: Queues,
    /// In octal digits, as `600`.
    pub cookie_mode: Option<String>,
    /// The Erlang VMs of the container, the broker's own first.
    pub vms: Vec<Process>,
    /// Hosts of peers that it finds no address for.
    pub nameless: Vec<String>,
}

impl Inside {
    pub fn read(text: &str) -> Self {
        let sections = sections(text);
        let get = |name: &str| sections.get(name).map(String::as_str).unwrap_or_default();
        let asked = get("vm").lines().find_map(|line| line.strip_prefix("asked "));
        let mut vms: Vec<Process> = get("vms").lines().filter_map(process).collect();
        vms.sort_by_key(|vm| std::cmp::Reverse(vm.age));
        Self {
            answer: asked.and_then(|json| serde_json::from_str(json).ok()),
            queues: asked.and_then(|json| serde_json::from_str::<Asked>(json).ok()?.trouble).unwrap_or_default(),
            cookie_mode: get("cookie-mode").split_whitespace().next().map(str::to_owned),
            vms,
            nameless: get("names").lines().filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        }
    }
}

/// Whose files, and where they are.
fn place(pod: &str, names: &Names) -> String {
    let quoted = |path| shell_words::quote(path);
    format!("pod={pod}\nplace={}\nvolume={}\n", quoted(&names.base), quoted(&names.volume))
}

/// The probe, for a volume without a broker.
pub(super) fn script(pod: &str, names: &Names) -> String {
    format!("{}pods=\nvm=no\nquestion=\n{PROBE}", place(pod, names))
}

/// The probe beside a broker, which is asked for the evidence of a stop.
pub(super) fn script_for_vm(pod: &Pod, names: &Names) -> Vec<Part> {
    let vm = if pod.standing == Standing::Ready { "yes" } else { "waits" };
    vec![Part::Text(format!("{}pods=\nvm={vm}\nquestion=\n{PROBE}", place(&pod.name, names)))]
}

/// The same with everything that the doctor wants to know, in one start of a VM; and by name which of all pods it finds.
pub(super) fn script_of_doctor(pod: &str, names: &Names, username: &str, with_login: bool) -> Vec<Part> {
    let all = names.pods.join(" ");
    let mut parts = vec![Part::Text(format!("{}pods='{all}'\nvm=yes\nquestion='", place(pod, names)))];
    parts.extend(rabbitmq::question("asked", QUEUES, username, with_login));
    parts.push(Part::Text(format!("'\n{PROBE}")));
    parts
}
