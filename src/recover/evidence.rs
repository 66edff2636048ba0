//! What is known of a release that stopped: its nodes, and what follows from them for each store. Pure.

use std::collections::BTreeSet;

use super::moment::Moment;
use super::order::{Confidence, Order};
use super::reading::{Raft, Reading, Store};
use crate::rabbitmq::Phase;

/// A whole store of Mnesia has more than twenty tables; these are left where the others were taken away.
pub const TABLES_LEFT: u64 = 5;

/// Whose word a node's reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Read now.
    Now,
    /// The first reading of this stop, kept in the cluster; what is read now says the same, or cannot be read.
    Kept,
    /// The same, and a start has rewritten the files since.
    Rewritten,
}

/// One node: where it stands, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub pod: String,
    /// In Kubernetes' words or the broker's.
    pub standing: String,
    /// It serves clients.
    pub runs: bool,
    /// It has started on a blank volume as a broker of its own, beside the cluster that counts it as a member: nothing of
    /// that cluster is in it.
    pub stranger: bool,
    /// Its container ends again and again.
    pub crashes: bool,
    /// How far its boot has come, as its log says.
    pub phase: Option<Phase>,
    /// When its container began that has not come to serve: a start may rewrite the evidence.
    pub started: Option<Moment>,
    pub reading: Option<Reading>,
    pub origin: Origin,
    /// Why it could not be read now.
    pub unread: Option<String>,
}

impl Node {
    /// Nothing where it could not be read.
    pub fn store(&self) -> Option<Store> {
        self.reading.as_ref().map(|reading| reading.store)
    }

    /// For the tables of its peers.
    pub fn waits(&self) -> bool {
        matches!(self.phase, Some(Phase::WaitingForTables { .. }))
    }

    /// It serves clients, and a refused step to 4.3 has taken its metadata away.
    pub fn is_damaged(&self) -> bool {
        let vm = self.reading.as_ref().and_then(|reading| reading.vm.as_ref());
        self.runs && vm.is_some_and(|vm| vm.khepri != Some(true) && vm.tables.is_some_and(|n| n <= TABLES_LEFT))
    }

    /// It did so, and has stopped since: its volume has Mnesia's schema, and none of the tables.
    pub fn was_damaged(&self) -> bool {
        !self.runs && self.reading.as_ref().is_some_and(|r| r.store == Store::Mnesia && r.tables == Some(0))
    }
}

/// What follows from the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// These serve clients: whoever starts copies from them.
    Running(Vec<String>),
    /// The order of stopping decides.
    Mnesia(Order),
    /// Any majority of volumes decides.
    Khepri(Quorum),
    /// No volume has anything on it.
    Blank,
    /// Nodes, or the files of one, belong to different stores: nothing may be concluded.
    Mixed,
    /// No node could be read.
    Unread,
}

/// Volumes of a Khepri cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    pub members: BTreeSet<String>,
    /// The members whose volumes are there, the most advanced copy first as far as it is known.
    pub there: Vec<String>,
    /// Term and index decide the rank.
    pub ranked: bool,
}

impl Quorum {
    fn of(nodes: &[Node]) -> Self {
        let readings = || nodes.iter().filter_map(|node| node.reading.as_ref());
        let members = |reading: &Reading| reading.vm.as_ref()?.members.clone();
        let known: BTreeSet<String> = readings().filter_map(members).flatten().collect();
        let mut there: Vec<(&Reading, Option<Raft>)> =
            readings().filter(|reading| reading.store == Store::Khepri).map(|r| (r, r.raft())).collect();
        // How far a log goes is its term and its last index; what is committed follows from a majority.
        let reach = |raft: Option<Raft>| raft.map(|raft| (raft.term, raft.last_index));
        there.sort_by(|(a, a_raft), (b, b_raft)| reach(*b_raft).cmp(&reach(*a_raft)).then(a.pod.cmp(&b.pod)));
        Self {
            members: if known.is_empty() { nodes.iter().map(|node| node.pod.clone()).collect() } else { known },
            ranked: there.iter().all(|(_, raft)| raft.is_some()),
            there: there.into_iter().map(|(reading, _)| reading.pod.clone()).collect(),
        }
    }

    /// These volumes boot by themselves, whoever stopped last.
    pub fn majority(&self) -> bool {
        self.there.len() * 2 > self.members.len()
    }

    /// Of what the first of `there` stands for.
    pub fn confidence(&self) -> Confidence {
        match (self.majority(), self.ranked || self.there.len() == 1) {
            (true, _) => Confidence::Certain,
            (false, true) => Confidence::Likely,
            (false, false) => Confidence::Tie,
        }
    }
}

/// Everything about a stop at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub taken: Moment,
    pub nodes: Vec<Node>,
    pub verdict: Verdict,
}

impl Evidence {
    pub fn weigh(taken: Moment, mut nodes: Vec<Node>) -> Self {
        mark_strangers(taken, &mut nodes);
        let verdict = verdict(&nodes);
        Self { taken, nodes, verdict }
    }

    /// Every node serves clients, and has what they ask for.
    pub fn healthy(&self) -> bool {
        self.nodes.iter().all(|node| node.runs && !node.is_damaged())
    }

    /// Nodes that serve clients without their metadata.
    pub fn damaged(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_damaged())
    }

    /// Nodes whose metadata a refused step to 4.3 took away, whether they run or not.
    pub fn without_metadata(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_damaged() || node.was_damaged())
    }

    /// `rabbit@q-1.q-headless…`, as its peers call it.
    pub fn name_of(&self, pod: &str) -> String {
        let readings = self.nodes.iter().filter_map(|node| node.reading.as_ref());
        let mut known = readings.filter(|reading| !reading.node.is_empty());
        let renamed = known.next().map(|r| r.node.replacen(&format!("@{}", r.pod), &format!("@{pod}"), 1));
        renamed.unwrap_or_else(|| format!("rabbit@{pod}"))
    }

    /// Which others know this pod's node as a member of their cluster; nothing where none says whom it knows, as the files of
    /// Khepri do not.
    pub fn counted_by(&self, pod: &str) -> Option<Vec<&str>> {
        let known = self.nodes.iter().filter(|node| node.pod != pod).map(|node| (node.pod.as_str(), peers(node)));
        let known: Vec<(&str, Vec<String>)> = known.filter(|(_, peers)| !peers.is_empty()).collect();
        let counts = |(_, peers): &&(&str, Vec<String>)| peers.iter().any(|peer| peer == pod);
        (!known.is_empty()).then(|| known.iter().filter(counts).map(|(by, _)| *by).collect())
    }

    /// Nodes of which nothing is known.
    pub fn unknown(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.reading.is_none() && !node.runs)
    }
}

fn mark_strangers(taken: Moment, nodes: &mut [Node]) {
    let peers: Vec<(String, Vec<String>)> = nodes.iter().map(|node| (node.pod.clone(), peers(node))).collect();
    let counts = |of: &[String], pod: &String| of.contains(pod);
    for node in nodes.iter_mut().filter(|node| node.runs) {
        let own = peers.iter().find(|(pod, _)| *pod == node.pod).map(|(_, own)| own.clone()).unwrap_or_default();
        let missed = |(pod, of): &(String, Vec<String>)| counts(of, &node.pod) && !counts(&own, pod);
        if own == [node.pod.clone()] && peers.iter().any(missed) {
            node.stranger = true;
            node.runs = false;
            "runs as a broker of its own".clone_into(&mut node.standing);
            node.reading = Some(Reading::blank(&node.pod, taken));
        }
    }
}

/// The members that a node itself knows of.
fn peers(node: &Node) -> Vec<String> {
    let Some(reading) = &node.reading else { return Vec::new() };
    let of_khepri = reading.vm.as_ref().and_then(|vm| vm.members.clone());
    of_khepri.filter(|members| !members.is_empty()).unwrap_or_else(|| reading.members.clone())
}

fn verdict(nodes: &[Node]) -> Verdict {
    let running: Vec<String> = nodes.iter().filter(|node| node.runs).map(|node| node.pod.clone()).collect();
    if !running.is_empty() {
        return Verdict::Running(running);
    }
    let stores: Vec<Store> = nodes.iter().filter_map(Node::store).collect();
    let has = |store| stores.contains(&store);
    match (has(Store::Mnesia), has(Store::Khepri), has(Store::Both)) {
        (true, false, false) => Verdict::Mnesia(Order::of(nodes)),
        (false, true, false) => Verdict::Khepri(Quorum::of(nodes)),
        (false, false, false) if stores.is_empty() => Verdict::Unread,
        (false, false, false) => Verdict::Blank,
        _ => Verdict::Mixed,
    }
}
