//! Who stopped before whom, from what each node saw: the graph, who may be newest, and how sure that is. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Node;
use super::moment::Moment;
use super::reading::{Reading, Sight, Store};

/// How sure a rank is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// One node outlived all others, and nothing is missing.
    Certain,
    /// One node is left, and something of another is missing.
    Likely,
    /// Nobody knows which of several stopped last.
    Tie,
}

impl Confidence {
    pub fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Tie => "tie",
        }
    }
}

/// What is known of a full stop of Mnesia nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Every pair of which the first stopped before the second.
    pub before: BTreeSet<(String, String)>,
    /// Pairs of which each says that it outlived the other: a split network, or files that were rewritten.
    pub contradictions: BTreeSet<(String, String)>,
    /// The nodes that nobody is known to have outlived, and whose volumes are not blank.
    pub newest: Vec<String>,
    /// All members, the likeliest to be newest first.
    pub rank: Vec<String>,
    /// The node whose copy is loaded where all start together and none knows that it was last.
    pub lowest: String,
    /// Members without any evidence: each may be newer than all others.
    pub unread: BTreeSet<String>,
    pub confidence: Confidence,
}

/// Clocks of different machines agree to this, and a start takes as long.
const CLOCKS: i64 = 30;

impl Order {
    /// Of nodes of which none runs. Members that no node here stands for count as unread.
    pub fn of(nodes: &[Node]) -> Self {
        let read: Vec<&Reading> = nodes.iter().filter_map(mnesia).collect();
        let members = members(nodes, &read);
        let before = closed(saw(nodes, &read, &members));
        let both = |(a, b): &&(String, String)| before.contains(&(b.clone(), a.clone()));
        let contradictions: BTreeSet<_> = before.iter().filter(both).cloned().collect();
        let before: BTreeSet<_> = before.difference(&contradictions).cloned().collect();
        let has_data =
            |pod: &&String| !nodes.iter().any(|node| node.pod == **pod && node.store() == Some(Store::Blank));
        let outlived = |pod: &String| before.iter().filter(|(first, _)| first == pod).count();
        let newest: Vec<&String> = members.iter().filter(|pod| outlived(pod) == 0).collect();
        let with_data: Vec<String> = newest.iter().copied().filter(has_data).cloned().collect();
        let mut rank: Vec<String> = members.iter().cloned().collect();
        let key = |pod: &String| rank_of(pod, outlived(pod), &read, earliest_start(nodes));
        rank.sort_by_cached_key(key);
        Self {
            confidence: confidence(&newest, &with_data, &before, members.len()),
            lowest: members.first().cloned().unwrap_or_default(),
            newest: rank.iter().filter(|pod| with_data.contains(pod)).cloned().collect(),
            unread: members
                .iter()
                .filter(|pod| !nodes.iter().any(|n| n.pod == **pod && n.reading.is_some()))
                .cloned()
                .collect(),
            rank,
            contradictions,
            before,
        }
    }

    /// Who comes next after the newest.
    pub fn runner_up(&self) -> Option<&String> {
        self.rank.iter().find(|pod| self.newest.first() != Some(*pod))
    }

    /// Whether the first is known to have stopped before the second.
    pub fn is_before(&self, first: &str, then: &str) -> bool {
        self.before.contains(&(first.to_owned(), then.to_owned()))
    }

    /// Starting all together loads a copy that may be newest: the only newest loads at once, else the lowest does.
    pub fn together_is_safe(&self) -> bool {
        let all_read = self.newest.iter().all(|pod| !self.unread.contains(pod));
        self.confidence == Confidence::Certain || (all_read && self.newest.contains(&self.lowest))
    }
}

fn mnesia(node: &Node) -> Option<&Reading> {
    node.reading.as_ref().filter(|reading| reading.store == Store::Mnesia)
}

/// Of Mnesia's own lists, also those whose volumes are lost; a pod that never joined is in none. Without a list, all pods.
fn members(nodes: &[Node], read: &[&Reading]) -> BTreeSet<String> {
    let listed: BTreeSet<String> = read.iter().flat_map(|reading| reading.members.iter().cloned()).collect();
    if listed.is_empty() { nodes.iter().map(|node| node.pod.clone()).collect() } else { listed }
}

/// The moment from which files may have been rewritten by nodes that only waited.
fn earliest_start(nodes: &[Node]) -> Option<Moment> {
    let forgot = |reading: &&Reading| reading.forgot_itself();
    let rewritten = nodes.iter().filter_map(mnesia).filter(forgot).filter_map(|r| Some(r.listed()?.plus(-CLOCKS)));
    nodes.iter().filter_map(|node| node.started).chain(rewritten).min()
}

/// Every `first stopped before then` that a node itself has seen.
fn saw(nodes: &[Node], read: &[&Reading], members: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    let start = earliest_start(nodes);
    let started = nodes.iter().filter(|node| node.started.is_some()).count();
    let booted = |pod: &String| read.iter().find(|reading| reading.pod == *pod).and_then(|reading| reading.booted());
    let mut before = BTreeSet::new();
    for reading in read {
        // A node that waits alone writes its list anew as it was.
        let alone = started == 1 && nodes.iter().any(|node| node.pod == reading.pod && node.started.is_some());
        let seen = outlived_by(reading, start, alone, members);
        // Who has booted after the other saw it go has lived since.
        let holds =
            |(pod, at): &(String, Option<Moment>)| booted(pod).zip(*at).is_none_or(|(b, at)| b <= at.plus(CLOCKS));
        before.extend(seen.into_iter().filter(holds).map(|(pod, _)| (pod, reading.pod.clone())));
    }
    before
}

/// The members that this node saw go and not come back, and when.
fn outlived_by(
    reading: &Reading,
    start: Option<Moment>,
    alone: bool,
    members: &BTreeSet<String>,
) -> Vec<(String, Option<Moment>)> {
    let untouched = |at: Option<Moment>| start.zip(at).is_none_or(|(start, at)| at < start);
    let mut gone = Vec::new();
    if let Some(list) = &reading.running_at_shutdown
        && !reading.forgot_itself()
        && (alone || untouched(reading.listed()))
    {
        gone.extend(members.iter().filter(|pod| !list.contains(pod)).map(|pod| (pod.clone(), reading.listed())));
    }
    let logged = reading.last_run.iter().flat_map(|run| &run.sights);
    let mut sights: Vec<&Sight> = reading.sights.iter().chain(logged).filter(|s| untouched(Some(s.at))).collect();
    sights.sort_by_key(|sight| sight.at);
    let last: BTreeMap<&String, &Sight> = sights.into_iter().map(|sight| (&sight.peer, sight)).collect();
    gone.extend(last.into_iter().filter(|(_, sight)| sight.down).map(|(pod, sight)| (pod.clone(), Some(sight.at))));
    // Without its log, what Mnesia decides by: it has no times, and is emptied where nodes wait together.
    if reading.sights.is_empty() && alone {
        let downs = reading.vm.as_ref().and_then(|vm| vm.downs.clone()).unwrap_or_default();
        gone.extend(downs.into_iter().map(|pod| (pod, None)));
    }
    gone.retain(|(pod, _)| members.contains(pod) && *pod != reading.pod);
    gone
}

/// Who stopped before one that stopped before a third has stopped before the third.
fn closed(mut before: BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    loop {
        let further: BTreeSet<(String, String)> = before
            .iter()
            .flat_map(|(a, b)| before.iter().filter(move |(c, _)| b == c).map(move |(_, d)| (a.clone(), d.clone())))
            .filter(|pair| pair.0 != pair.1 && !before.contains(pair))
            .collect();
        if further.is_empty() {
            return before;
        }
        before.extend(further);
    }
}

/// Smaller is newer: outlived by fewer, read, changed later.
type Rank = (usize, bool, std::cmp::Reverse<Option<Moment>>, String);

fn rank_of(pod: &str, outlived: usize, read: &[&Reading], start: Option<Moment>) -> Rank {
    let reading = read.iter().find(|reading| reading.pod == pod);
    let untouched = |at: &Moment| start.is_none_or(|start| *at < start);
    let lived = reading.and_then(|reading| reading.changed()).filter(untouched);
    let logged = reading.and_then(|reading| reading.last_run.as_ref()).map(|run| run.ended);
    (outlived, reading.is_none(), std::cmp::Reverse(lived.max(logged)), pod.to_owned())
}

fn confidence(
    newest: &[&String],
    with_data: &[String],
    before: &BTreeSet<(String, String)>,
    members: usize,
) -> Confidence {
    let [winner] = with_data else { return Confidence::Tie };
    let outlived = before.iter().filter(|(_, then)| then == winner).count();
    if newest.len() == 1 && outlived + 1 == members { Confidence::Certain } else { Confidence::Likely }
}
