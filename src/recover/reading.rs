//! What was read of one node: its files, and its VM where one answers. Pure: the probe's text in, facts out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::last_run::LastRun;
use super::moment::Moment;
use crate::secret::Fingerprint;

/// Which metadata store a node's files belong to; never told from its version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Store {
    Mnesia,
    Khepri,
    /// Files of both: a migration was cut short.
    Both,
    /// The node has never booted on this volume, or the volume was lost.
    #[default]
    Blank,
}

impl Store {
    pub fn word(self) -> &'static str {
        match self {
            Self::Mnesia => "Mnesia",
            Self::Khepri => "Khepri",
            Self::Both => "both",
            Self::Blank => "blank",
        }
    }
}

/// A node has seen a peer go down, or come up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    pub peer: String,
    pub down: bool,
    pub at: Moment,
}

/// How far a node's copy of the Khepri log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Raft {
    pub term: u64,
    #[serde(alias = "last_index")]
    pub last_index: u64,
    #[serde(alias = "commit_index")]
    pub commit_index: u64,
}

/// What the node's VM says of itself, running or waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Vm {
    pub version: Option<String>,
    pub running: Option<bool>,
    pub khepri: Option<bool>,
    /// Peers that Mnesia itself believes to have stopped earlier.
    pub downs: Option<Vec<String>>,
    /// Peers whose Mnesia runs now.
    pub up: Option<Vec<String>>,
    /// Mnesia's tables: five are left where a refused step to 4.3 took the metadata away.
    pub tables: Option<u64>,
    /// The members that the Khepri store knows.
    pub members: Option<Vec<String>>,
    pub raft: Option<Raft>,
}

/// One look at one node. Nodes are named by their pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reading {
    pub pod: String,
    /// `rabbit@…`; empty on a blank volume.
    pub node: String,
    pub taken: Moment,
    pub store: Store,
    /// The feature flags that are enabled, as the file beside its data lists them: what its VM knows may be older.
    #[serde(skip)]
    pub flags: Vec<String>,
    /// Mnesia's list of members.
    pub members: Vec<String>,
    /// The members that it believed to run when it last saw one come or go. Its own stop is not recorded.
    pub running_at_shutdown: Option<Vec<String>>,
    /// Where a file of some node is, on a volume where this one has no folder; or why what is there cannot be read.
    #[serde(skip)]
    pub elsewhere: Option<String>,
    /// From Mnesia's own log, oldest first; empty where it cannot be read.
    pub sights: Vec<Sight>,
    /// When files were last written, by their names.
    pub written: BTreeMap<String, Moment>,
    /// Mnesia's tables on the volume, but for its own: none is left where a refused step to 4.3 took the metadata away.
    pub tables: Option<u64>,
    pub clean_stop: bool,
    /// A switch that makes the next start load its own copy, whatever it is.
    pub force_load: bool,
    /// What is stored of queues, by folder.
    pub bytes: BTreeMap<String, u64>,
    /// Fingerprint of the Erlang cookie.
    pub cookie: Option<String>,
    pub vm: Option<Vm>,
    /// Why the VM did not answer, in the words of its CLI.
    pub silent: Option<String>,
    /// What its log says of the run before the stop.
    pub last_run: Option<LastRun>,
}

impl Reading {
    /// A pod without a volume, or with one that nobody has ever written to.
    pub fn blank(pod: &str, taken: Moment) -> Self {
        Self { pod: pod.to_owned(), taken, ..Self::default() }
    }

    /// Understands what the probe printed.
    ///
    /// # Errors
    /// It was cut short before the files had been looked at.
    pub fn parse(text: &str) -> Result<Self, String> {
        let sections = sections(text);
        let (Some(id), Some(times)) = (sections.get("id"), sections.get("times")) else {
            return Err(first_line(text).unwrap_or("it said nothing").to_owned());
        };
        let get = |name: &str| sections.get(name).map(String::as_str).unwrap_or_default();
        let written = written(times);
        let vm = get("vm").lines().find_map(|line| line.strip_prefix("mqctl "));
        Ok(Self {
            pod: word_of(id, "pod").to_owned(),
            node: word_of(id, "node").to_owned(),
            taken: Moment(word_of(id, "now").parse().unwrap_or_default()),
            store: store(get("flags"), &written),
            flags: flags(get("flags")).unwrap_or_default(),
            members: get("cluster_nodes.config").split(']').next().map(pods_in).unwrap_or_default(),
            running_at_shutdown: sections.get("nodes_running_at_shutdown").and_then(|text| list(text)),
            elsewhere: first_line(get("elsewhere")).map(str::to_owned),
            sights: sights(get("peers")),
            tables: get("tables").trim().parse().ok(),
            clean_stop: !get("clean").trim().is_empty(),
            force_load: written.contains_key("force_load"),
            bytes: get("sizes").lines().filter_map(size).collect(),
            cookie: first_line(get("cookie")).and_then(Fingerprint::from_hex).map(|print| print.long()),
            vm: vm.and_then(|json| serde_json::from_str(json).ok()).map(Vm::by_pods),
            silent: get("vm").lines().find_map(|line| line.strip_prefix("silent ")).map(str::to_owned),
            last_run: None,
            written,
        })
    }

    /// What was looked for where it is, and read.
    ///
    /// # Errors
    /// A volume that seems blank because the node is looked for in the wrong place, or may not be looked at: whoever took
    /// it for blank would destroy what is on it.
    pub fn in_its_place(self) -> Result<Self, String> {
        match &self.elsewhere {
            None => Ok(self),
            Some(file) if file.starts_with('/') => {
                Err(format!("no node of this pod is where the chart has them, and the volume is not blank: {file}"))
            }
            Some(why) => Err(format!("what is on the volume cannot all be read, and is not taken for blank: {why}")),
        }
    }

    /// It serves clients now.
    pub fn runs(&self) -> bool {
        self.vm.as_ref().is_some_and(|vm| vm.running == Some(true))
    }

    /// When it last came through a whole boot: this file is written behind the wait for peers, and never by a wait.
    pub fn booted(&self) -> Option<Moment> {
        self.written.get("rabbit_serial").copied()
    }

    /// When its metadata last changed, or it last saw a peer come or go; each start writes it too.
    pub fn changed(&self) -> Option<Moment> {
        self.written.get("LATEST.LOG").copied()
    }

    /// When its list of running members was written.
    pub fn listed(&self) -> Option<Moment> {
        self.written.get("nodes_running_at_shutdown").copied()
    }

    /// A node that waits together with others may rewrite its list, and forgets itself in it.
    pub fn forgot_itself(&self) -> bool {
        self.running_at_shutdown.as_ref().is_some_and(|list| !list.contains(&self.pod))
    }

    pub fn raft(&self) -> Option<Raft> {
        self.vm.as_ref().and_then(|vm| vm.raft)
    }
}

impl Vm {
    fn by_pods(mut self) -> Self {
        for list in [&mut self.downs, &mut self.up, &mut self.members] {
            *list = list.take().map(|nodes| nodes.iter().map(|node| pod_of(node)).collect());
        }
        self
    }
}

/// The pod of `rabbit@q-0.q-headless.n.svc…`.
pub(crate) fn pod_of(node: &str) -> String {
    let host = node.split_once('@').map_or(node, |(_, host)| host);
    host.split('.').next().unwrap_or(host).to_owned()
}

pub(crate) fn sections(text: &str) -> BTreeMap<&str, String> {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    let mut name = None;
    for line in text.lines() {
        match (line.strip_prefix("@@ "), name) {
            (Some(next), _) => {
                name = Some(next);
                sections.entry(next).or_default();
            }
            (None, Some(name)) => sections.entry(name).or_default().extend([line, "\n"]),
            (None, None) => {}
        }
    }
    sections
}

fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}

/// `pod=q-0 node=rabbit@q-0 now=1795358459`
fn word_of<'a>(line: &'a str, key: &str) -> &'a str {
    let mut words = line.split_whitespace().filter_map(|word| word.split_once('='));
    words.find(|(name, _)| *name == key).map_or("", |(_, value)| value)
}

fn store(flags: &str, written: &BTreeMap<String, Moment>) -> Store {
    static KHEPRI: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?-u:\b)khepri_db(?-u:\b)"));
    match (KHEPRI.is_match(flags), written.contains_key("schema.DAT")) {
        (true, true) => Store::Both,
        (true, false) => Store::Khepri,
        (false, true) => Store::Mnesia,
        (false, false) => Store::Blank,
    }
}

/// `[khepri_db,\n 'rabbitmq_4.0.0'].`, each as it is written there; nothing where it is no such list.
fn flags(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix("].")?;
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "_.@'".contains(c);
    let flags: Vec<String> = inside.split(',').map(|flag| flag.trim().to_owned()).collect();
    flags.iter().all(|flag| !flag.is_empty() && flag.chars().all(is_atom)).then_some(flags)
}

/// `1795358244 schema.DAT`, a line a file
fn written(times: &str) -> BTreeMap<String, Moment> {
    let one = |line: &str| {
        let (seconds, file) = line.split_once(' ')?;
        Some((file.to_owned(), Moment(seconds.parse().ok()?)))
    };
    times.lines().filter_map(one).collect()
}

/// `60 msg_stores`, in units of 1024 bytes
fn size(line: &str) -> Option<(String, u64)> {
    let (count, folder) = line.split_once(' ')?;
    Some((folder.to_owned(), count.parse::<u64>().ok()? << 10))
}

/// `down rabbit@q-0 1795337764`
fn sights(peers: &str) -> Vec<Sight> {
    let one = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [what @ ("down" | "up"), node, seconds] = words[..] else { return None };
        Some(Sight { peer: pod_of(node), down: what == "down", at: Moment(seconds.parse().ok()?) })
    };
    let mut sights: Vec<Sight> = peers.lines().filter_map(one).collect();
    sights.sort_by_key(|sight| sight.at);
    sights
}

/// `['rabbit@q-0',rabbit@q-1].`, also over several lines; nothing where it is no such list, as after a cut-off write.
fn list(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix("].")?;
    Some(pods_in(inside))
}

/// The node names among the atoms of an Erlang term, quoted or bare.
fn pods_in(term: &str) -> Vec<String> {
    static NODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"[a-z][0-9A-Za-z_]*@[0-9A-Za-z_.-]+"));
    NODE.find_iter(term).map(|node| pod_of(node.as_str())).collect()
}

/// A pattern of this program's own.
#[expect(clippy::expect_used, reason = "a pattern is a constant, and a test has compiled it")]
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: &str = "\n@@ id\npod=q-0 node=rabbit@q-0.h.svc now=1795358459\n\n@@ flags\n[quorum_queue,\n \
        stream_queue].\n\n@@ nodes_running_at_shutdown\n['rabbit@q-0.h.svc',\n 'rabbit@q-1.h.svc'].\n\n\
        @@ cluster_nodes.config\n{['rabbit@q-0.h.svc','rabbit@q-1.h.svc'],['rabbit@q-0.h.svc']}.\n\n@@ times\n\
        1795358244 schema.DAT\n1795358457 LATEST.LOG\n\n@@ sizes\n60 msg_stores\n\n@@ vm\n\
        mqctl {\"running\":false,\"version\":\"4.0.5\",\"khepri\":false,\"downs\":[\"rabbit@q-1.h.svc\"],\"raft\":null}\n\n\
        @@ peers\nup rabbit@q-1.h.svc 1795358300\ndown rabbit@q-1.h.svc 1795358200\n\n@@ end\n";

    #[test]
    fn a_waiting_node_is_read() {
        let reading = Reading::parse(WAITING).unwrap();
        assert_eq!((reading.store, reading.runs(), reading.forgot_itself()), (Store::Mnesia, false, false));
        assert_eq!(reading.members, ["q-0", "q-1"]);
        assert_eq!(reading.running_at_shutdown.as_deref(), Some(&["q-0".to_owned(), "q-1".to_owned()][..]));
        assert_eq!(reading.vm.unwrap().downs.unwrap(), ["q-1"]);
        assert!(reading.sights[0].down && !reading.sights[1].down, "{:?}", reading.sights);
        assert_eq!(reading.bytes["msg_stores"], 60 << 10);
    }

    #[test]
    fn the_store_is_told_from_files() {
        let store = |flags: &str, file: &str| {
            let text = format!("@@ id\npod=q-0\n@@ flags\n{flags}\n@@ times\n1 {file}\n");
            Reading::parse(&text).unwrap().store
        };
        assert_eq!(store("[a,\n khepri_db,\n b].", "rabbit_serial"), Store::Khepri);
        assert_eq!(store("[a,khepri_db_2].", "schema.DAT"), Store::Mnesia);
        assert_eq!(store("[khepri_db].", "schema.DAT"), Store::Both);
        assert_eq!(store("", "force_load"), Store::Blank);
    }

    #[test]
    fn feature_flags_are_read_from_a_wrapped_list() {
        assert_eq!(flags("[a,\n 'rabbitmq_4.0.0'].\n").unwrap(), ["a", "'rabbitmq_4.0.0'"]);
        for text in ["", "[].", "[a, b", "[a $(x)]."] {
            assert_eq!(flags(text), None, "{text}");
        }
    }

    #[test]
    fn raft_s_figures_are_read_as_the_store_names_them() {
        let vm: Vm = serde_json::from_str(r#"{"raft":{"term":2,"last_index":119,"commit_index":114}}"#).unwrap();
        assert_eq!(vm.raft, Some(Raft { term: 2, last_index: 119, commit_index: 114 }));
        assert_eq!(serde_json::from_str::<Vm>(&serde_json::to_string(&vm).unwrap()).unwrap(), vm);
    }

    #[test]
    fn a_probe_that_was_cut_short_says_why() {
        assert_eq!(Reading::parse("sh: not found\n").unwrap_err(), "sh: not found");
        assert!(Reading::parse("@@ id\npod=q-0\n").is_err());
    }

    #[test]
    fn a_list_that_was_cut_off_is_none() {
        assert_eq!(list("['rabbit@q-0','rab"), None);
        assert_eq!(list("[rabbit@q-0].\n"), Some(vec!["q-0".to_owned()]));
    }
}
