//! What `recover` says of a stop: who outlived whom, drawn small, what was read, and what could not be. Pure.

use serde_json::{Value, json};

use super::evidence::{Evidence, Node, Origin, Quorum, Verdict};
use super::moment::Moment;
use super::order::{Confidence, Order};
use super::reading::{Reading, Store};
use super::why::Why;
use crate::cluster::Target;
use crate::report::table;

/// Everything that the page is made from.
pub(crate) struct Page<'a> {
    pub(crate) target: &'a Target,
    /// Chart and version.
    pub(crate) about: String,
    pub(crate) evidence: &'a Evidence,
    /// Where the first readings are kept.
    pub(crate) kept_in: &'a str,
    /// Why no log could be read.
    pub(crate) unread_logs: Option<&'a str>,
    /// Pods that were made to read volumes, and removed.
    pub(crate) readers: &'a [String],
}

impl Page<'_> {
    pub(crate) fn to_text(&self) -> String {
        let head = self.target.headline();
        if self.evidence.healthy() {
            return format!("{head}     all {} nodes run: nothing stopped", self.evidence.nodes.len());
        }
        let mut lines = vec![format!("{head}     {}", self.about()), String::new(), self.source(), String::new()];
        let indented = |line: String| format!("  {line}").trim_end().to_owned();
        if let Verdict::Mnesia(order) = &self.evidence.verdict {
            lines.extend(drawing(order).into_iter().map(indented));
            lines.push(String::new());
        }
        lines.extend(self.nodes().into_iter().map(indented));
        lines.push(String::new());
        lines.extend(table(&self.facts()).into_iter().map(indented));
        lines.join("\n")
    }

    fn about(&self) -> String {
        let nodes = &self.evidence.nodes;
        let stores = nodes.iter().filter_map(Node::store).filter(|store| *store != Store::Blank);
        let store = stores.map(Store::word).next().map(|word| format!(" · {word}")).unwrap_or_default();
        let read = nodes.iter().filter(|node| node.reading.is_some()).count();
        let state = match &self.evidence.verdict {
            Verdict::Running(running) => format!("{} of {} nodes run", running.len(), nodes.len()),
            _ => "down".to_owned(),
        };
        format!("{state} · {}{store} · {read} of {} nodes read", self.about, nodes.len())
    }

    /// Whose word the rest is.
    fn source(&self) -> String {
        let first = self.evidence.nodes.iter().filter(|node| node.origin != Origin::Now);
        let first = first.filter_map(|node| node.reading.as_ref()).map(|reading| reading.taken).min();
        let kept = first.map(|at| format!("; first reading {at}, kept in ConfigMap {}", self.kept_in));
        format!("who stopped last (read from the nodes{})", kept.unwrap_or_default())
    }

    fn nodes(&self) -> Vec<String> {
        let khepri = matches!(self.evidence.verdict, Verdict::Khepri(_));
        let column = if khepri { "its log ends at" } else { "saw running" };
        let head = ["node", "state", "store", "last change", column, "read"].map(str::to_owned).to_vec();
        let rows = self.evidence.nodes.iter().map(row);
        table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    }

    fn facts(&self) -> Vec<Vec<String>> {
        let row = |(what, words): (&str, String)| vec![what.to_owned(), words];
        let damaged: Vec<&str> = self.evidence.without_metadata().map(|node| node.pod.as_str()).collect();
        let why = Why::of(self.evidence).message(self.evidence);
        let verdict = match &self.evidence.verdict {
            Verdict::Running(_) | Verdict::Mixed if !damaged.is_empty() => of_damaged(&damaged, &why),
            Verdict::Running(running) => vec![("newest", format!("{}: {why}", running.join(", ")))],
            Verdict::Mnesia(order) => of_order(order, why, &self.evidence.nodes),
            Verdict::Khepri(quorum) => of_quorum(quorum, why),
            Verdict::Blank => vec![("newest", format!("none: {why}"))],
            Verdict::Mixed => vec![("newest", format!("not told: {why}"))],
            Verdict::Unread => vec![("newest", format!("not known: {why}"))],
        };
        verdict.into_iter().chain(self.warnings()).map(row).collect()
    }

    fn warnings(&self) -> Vec<(&'static str, String)> {
        let readings = || self.evidence.nodes.iter().filter_map(|node| node.reading.as_ref());
        let pods = |has: fn(&Reading) -> bool| {
            let pods: Vec<&str> = readings().filter(|r| has(r)).map(|reading| reading.pod.as_str()).collect();
            (!pods.is_empty()).then(|| pods.join(", "))
        };
        let mut warnings = Vec::new();
        let known = readings().any(|reading| reading.store != Store::Blank);
        let blank = self.evidence.nodes.iter().filter(|node| known && node.store() == Some(Store::Blank));
        warnings.extend(
            blank.map(|node| ("blank", blank_words(&node.pod, self.evidence.counted_by(&node.pod).as_deref()))),
        );
        if let Some(pods) = pods(|reading| reading.force_load) {
            warnings.push(("switch", format!("{pods}: a file force_load makes its next start load its own copy")));
        }
        let mut cookies: Vec<&String> = readings().filter_map(|reading| reading.cookie.as_ref()).collect();
        cookies.sort();
        cookies.dedup();
        if cookies.len() > 1 {
            warnings.push(("cookies", "the nodes' Erlang cookies differ: they cannot meet".to_owned()));
        }
        if !self.readers.is_empty() {
            warnings.push(("helper pods", format!("{}: made to read volumes, removed again", self.readers.join(", "))));
        }
        let unread = self.evidence.nodes.iter().filter_map(|node| Some((node, node.unread.as_ref()?)));
        warnings.extend(unread.map(|(node, why)| ("not read", format!("{}: {why}", node.pod))));
        warnings.extend(self.unread_logs.iter().map(|why| ("not read", format!("logs: {why}"))));
        warnings
    }

    pub(crate) fn to_json(&self) -> Value {
        let nodes: Vec<Value> = self.evidence.nodes.iter().map(|node| node_json(node, self.evidence)).collect();
        let mut page = json!({
            "apiVersion": "mqctl/v1", "kind": "Evidence", "target": self.target, "taken": self.evidence.taken,
            "healthy": self.evidence.healthy(), "nodes": nodes,
            "keptIn": self.kept_in, "helperPods": self.readers, "warnings": in_words(self.warnings()),
            "message": self.facts().first().map(|row| row.join(": ")),
        });
        page["verdict"] = match &self.evidence.verdict {
            Verdict::Running(nodes) => json!({"kind": "running", "nodes": nodes}),
            Verdict::Mnesia(order) => order_json(order),
            Verdict::Khepri(quorum) => quorum_json(quorum),
            Verdict::Blank => json!({"kind": "blank"}),
            Verdict::Mixed => json!({"kind": "mixed"}),
            Verdict::Unread => json!({"kind": "unread"}),
        };
        let why = Why::of(self.evidence);
        page["verdict"]["why"] = json!({"code": why.code(), "message": why.message(self.evidence)});
        page
    }
}

/// Whoever is counted as a member by others may not start blank on Mnesia.
fn blank_words(pod: &str, counted_by: Option<&[&str]>) -> String {
    let count = match counted_by {
        None => String::new(),
        Some([]) => "; no node that was read counts it as a member".to_owned(),
        Some([one]) => format!("; {one} still counts it as a member"),
        Some(more) => format!("; {} still count it as a member", more.join(", ")),
    };
    format!("{pod}: nothing on the volume{count}")
}

fn in_words(facts: Vec<(&str, String)>) -> Vec<String> {
    facts.into_iter().map(|(what, words)| format!("{what}: {words}")).collect()
}

/// One line where the nodes fell group after group; else a line for each pair of which something is known.
fn drawing(order: &Order) -> Vec<String> {
    let outlived = |pod: &String| order.before.iter().filter(|(first, _)| first == pod).count();
    let mut oldest_first: Vec<&String> = order.rank.iter().collect();
    oldest_first.sort_by_key(|pod| (std::cmp::Reverse(outlived(pod)), pod.as_str()));
    let groups: Vec<Vec<&String>> =
        oldest_first.chunk_by(|a, b| outlived(a) == outlived(b)).map(<[&String]>::to_vec).collect();
    let follow = |pair: &[Vec<&String>]| pair[0].iter().all(|a| pair[1].iter().all(|b| order.is_before(a, b)));
    let together = |group: &Vec<&String>| group.iter().map(|pod| pod.as_str()).collect::<Vec<_>>().join(" ··· ");
    if groups.windows(2).all(follow) {
        return vec![groups.iter().map(together).collect::<Vec<_>>().join(" ──► ")];
    }
    let mut lines: Vec<String> = order.before.iter().map(|(first, then)| format!("{first} ──► {then}")).collect();
    let alone = |pod: &&String| !order.before.iter().any(|(first, then)| first == *pod || then == *pod);
    lines.extend(order.rank.iter().filter(alone).map(|pod| format!("{pod} ···     nothing is known of its stop")));
    lines
}

fn row(node: &Node) -> Vec<String> {
    let dash = || "-".to_owned();
    let (store, changed, seen) = node.reading.as_ref().map_or_else(
        || (dash(), None, None),
        |reading| (reading.store.word().to_owned(), reading.changed().or(reading.booted()), seen(reading)),
    );
    let first = node.reading.as_ref().map(|reading| reading.taken).unwrap_or_default();
    let origin = match node.origin {
        Origin::Now if node.reading.is_none() => "no".to_owned(),
        Origin::Now => "now".to_owned(),
        Origin::Kept => format!("first at {first}"),
        Origin::Rewritten => format!("first at {first}; rewritten since"),
    };
    let changed = changed.map_or_else(dash, |at: Moment| at.to_string());
    vec![node.pod.clone(), node.standing.clone(), store, changed, seen.unwrap_or_else(dash), origin]
}

/// What decides: the list of a Mnesia node, the log of a Khepri node.
fn seen(reading: &Reading) -> Option<String> {
    let list = || reading.running_at_shutdown.as_ref().map(|pods| pods.join(", "));
    reading.raft().map(|raft| format!("term {}, index {}", raft.term, raft.last_index)).or_else(list)
}

fn of_order(order: &Order, why: String, nodes: &[Node]) -> Vec<(&'static str, String)> {
    let mut facts = match order.confidence {
        _ if order.newest.is_empty() => vec![("newest", "not known".to_owned())],
        Confidence::Tie => vec![("newest", format!("{}: a tie", order.newest.join(" or ")))],
        sure => vec![("newest", format!("{}: {}", order.newest.join(", "), sure.word()))],
    };
    facts.push(("why", why));
    if !order.contradictions.is_empty() {
        let pairs: Vec<String> = order.contradictions.iter().map(|(a, b)| format!("{a} before {b}")).collect();
        facts.push(("contradiction", pairs.join(", ")));
    }
    facts.push(("all at once", together(order, nodes)));
    facts
}

/// What starting all nodes together would do.
fn together(order: &Order, nodes: &[Node]) -> String {
    let lowest = &order.lowest;
    let lost = |node: &&Node| node.store() == Some(Store::Blank) && order.rank.contains(&node.pod);
    if nodes.iter().any(|node| lost(&node)) {
        return "not before the lost member is forgotten: its blank node may start as a broker of its own".to_owned();
    }
    if order.together_is_safe() {
        let one = if order.newest.len() == 1 { "the newest copy" } else { "one of the newest copies" };
        return format!("starting all nodes together loads {one}");
    }
    format!("starting all nodes together loads the copy of {lowest}: what was declared after it stopped would be lost")
}

fn of_damaged(damaged: &[&str], why: &str) -> Vec<(&'static str, String)> {
    vec![
        ("no metadata", format!("{}: {why}", damaged.join(", "))),
        ("where it is", "in the Khepri stores of the volumes".to_owned()),
    ]
}

fn of_quorum(quorum: &Quorum, why: String) -> Vec<(&'static str, String)> {
    if quorum.majority() {
        return vec![("newest", why)];
    }
    let first = quorum.there.first().cloned().unwrap_or_default();
    let rank = match (quorum.there.len(), quorum.ranked) {
        (1, _) => format!("{first}, the only volume left"),
        (_, true) => format!("{first}, whose log goes furthest"),
        (_, false) => format!("{}: their logs can be compared while they wait", quorum.there.join(" or ")),
    };
    vec![("newest", rank), ("why", why)]
}

fn order_json(order: &Order) -> Value {
    let pair = |(first, then): &(String, String)| json!({"first": first, "then": then});
    json!({
        "kind": "mnesia", "confidence": order.confidence.word(), "winner": order.newest.first(),
        "runnerUp": order.runner_up(), "newest": order.newest, "lowestName": order.lowest,
        "lowestMayBeNewest": order.newest.contains(&order.lowest), "togetherIsSafe": order.together_is_safe(),
        "stoppedBefore": order.before.iter().map(pair).collect::<Vec<_>>(),
        "contradictions": order.contradictions.iter().map(pair).collect::<Vec<_>>(),
    })
}

fn quorum_json(quorum: &Quorum) -> Value {
    json!({
        "kind": "khepri", "members": quorum.members, "there": quorum.there, "majority": quorum.majority(),
        "confidence": quorum.confidence().word(), "winner": quorum.there.first(), "runnerUp": quorum.there.get(1),
    })
}

fn node_json(node: &Node, evidence: &Evidence) -> Value {
    let origin = match node.origin {
        Origin::Now => "now",
        Origin::Kept => "kept",
        Origin::Rewritten => "rewritten",
    };
    json!({
        "pod": node.pod, "state": node.standing, "running": node.runs, "startedAt": node.started,
        "origin": origin, "reading": node.reading, "unread": node.unread, "countedBy": evidence.counted_by(&node.pod),
    })
}
