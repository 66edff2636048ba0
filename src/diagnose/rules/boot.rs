//! Nodes that start and do not come to serve: they wait for each other, or are not let in.

use std::sync::LazyLock;

use regex::Regex;

use super::cluster::is_empty_broker;
use crate::cluster::Standing;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::rabbitmq::{self, Phase};
use crate::recover::evidence::Verdict;
use crate::recover::last_run;
use crate::recover::reading::{Store, pattern, pod_of};
use crate::recover::strategy::{Rung, ladder, recommended};
use crate::report;

/// A healthy start prints the first line of a wait several times within milliseconds, and goes on.
const FIRST_LINE_MAY_STAND: i64 = 45;
/// Khepri says nothing while it waits for a leader, which takes seconds where a majority is there. The VM's own start, which
/// takes a minute on a machine that is busy, is not part of that.
const LEADER_TAKES: i64 = 60;

static INCONSISTENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"[Nn]ode '?(?<thinks>[^' ]+)'? thinks it's clustered with node '?(?<with>[^' ,]+)'?, but '?[^' ]+'? disagrees",
    )
});
static GAVE_UP_TABLES: LazyLock<Regex> = LazyLock::new(|| pattern("(timeout|failed)_waiting_for_(for_)?tables"));
static GAVE_UP_LEADER: LazyLock<Regex> = LazyLock::new(|| {
    pattern("timeout_waiting_for_leader|timeout_waiting_for_khepri_projections|Khepri cluster could be in minority")
});

const NEVER: &str = "none this way; a deleted volume or a forced boot loses queues, users and messages";

fn names(nodes: &[&Seen]) -> String {
    nodes.iter().map(|seen| seen.name()).collect::<Vec<_>>().join(", ")
}

/// It said so in this start or the one before, and does not serve now.
fn gave_up(seen: &Seen, what: &Regex) -> bool {
    !seen.node.runs && (what.is_match(&seen.log) || what.is_match(&seen.previous))
}

/// Seconds since the line of its log that tells how far it is; `None` where that has no time.
fn silent_for(picture: &Picture, seen: &Seen) -> Option<i64> {
    let line = seen.log.lines().rev().find(|line| rabbitmq::phase_at(line, seen.name()).is_some());
    line.and_then(last_run::time).map(|at| picture.now.0 - at.0)
}

fn waits_for_tables(picture: &Picture, seen: &Seen) -> bool {
    let old = || silent_for(picture, seen).is_some_and(|silent| silent > FIRST_LINE_MAY_STAND);
    let waits = match seen.phase() {
        Phase::WaitingForTables { retries_left } => retries_left <= 8 || old(),
        _ => false,
    };
    !seen.node.runs && (waits || gave_up(seen, &GAVE_UP_TABLES))
}

fn waits_for_leader(picture: &Picture, seen: &Seen) -> bool {
    let khepri = seen.node.reading.as_ref().is_some_and(|reading| {
        reading.store == Store::Khepri || reading.vm.as_ref().is_some_and(|vm| vm.khepri == Some(true))
    });
    let silent = silent_for(picture, seen).unwrap_or_else(|| seen.runs_for(picture));
    let waits = khepri && seen.phase() == Phase::MetadataStore && silent > LEADER_TAKES;
    !seen.node.runs && seen.pod.runs() && waits || gave_up(seen, &GAVE_UP_LEADER)
}

/// Peers that may still come: their pods are young, and do not wait themselves.
fn others_are_on_their_way(picture: &Picture, waiting: &[&Seen]) -> bool {
    let waits = |seen: &Seen| waiting.iter().any(|one| one.name() == seen.name());
    picture.nodes.iter().any(|seen| !seen.node.runs && !waits(seen) && seen.is_young(picture))
}

/// Pods that Kubernetes makes only when the waiting one is ready, which it will not be before.
fn held_back(picture: &Picture) -> Vec<&Seen> {
    let absent = picture.nodes.iter().filter(|seen| seen.pod.standing == Standing::Absent);
    if picture.is_parallel() { Vec::new() } else { absent.collect() }
}

/// Nodes whose volume is gone or was never written to, beside others that have data.
fn lost(picture: &Picture) -> Vec<&Seen> {
    let blank = |seen: &&Seen| !seen.node.runs && seen.node.store() == Some(Store::Blank);
    let data = picture.nodes.iter().any(|seen| matches!(seen.node.store(), Some(Store::Mnesia | Store::Khepri)));
    if data { picture.nodes.iter().filter(blank).collect() } else { Vec::new() }
}

/// Title and proof of a wait: which of its causes it is.
fn wait(picture: &Picture, waiting: &[&Seen]) -> (String, String) {
    let who = format!("{} {}", names(waiting), plural(waiting.len(), "waits", "wait"));
    let since = waiting.iter().map(|seen| seen.runs_for(picture)).max().unwrap_or_default();
    let since = format!("waiting since {}", report::age(u64::try_from(since).unwrap_or_default()));
    let (held, lost, up): (_, _, Vec<&Seen>) = (held_back(picture), lost(picture), picture.running().collect());
    let absent =
        picture.nodes.iter().filter(|seen| !seen.node.runs && !waiting.iter().any(|w| w.name() == seen.name()));
    if !held.is_empty() {
        let policy = "not created before it is ready (podManagementPolicy OrderedReady)";
        return (
            format!("{who} for nodes that Kubernetes will not start"),
            format!("{since} for {}; {policy}", names(&held)),
        );
    }
    if !lost.is_empty() {
        let proof = format!("{since}; nothing is on the volume of {}", names(&lost));
        return (format!("{who} for a member whose volume is lost"), proof);
    }
    if !up.is_empty() && up.iter().all(|seen| is_empty_broker(picture, seen)) {
        return (format!("{who} for members that began anew without it"), format!("{since}; empty: {}", names(&up)));
    }
    if !up.is_empty() {
        return (format!("{who} although {} {}", names(&up), plural(up.len(), "runs", "run")), since);
    }
    if waiting.len() == picture.nodes.len() {
        return (format!("{who} for each other"), format!("all pods are there; {since}"));
    }
    (format!("{who} for nodes that do not run"), format!("{since} for {}", names(&absent.collect::<Vec<_>>())))
}

fn finding(picture: &Picture, code: Code, waiting: &[&Seen]) -> Vec<Finding> {
    let in_vain = !waiting.is_empty() && (!held_back(picture).is_empty() || !others_are_on_their_way(picture, waiting));
    if !in_vain {
        return Vec::new();
    }
    let (title, proof) = wait(picture, waiting);
    let finding = Finding::error(code, title).proof(proof).of(waiting.iter().map(|seen| seen.name()));
    let restarts: u64 = waiting.iter().map(|seen| seen.pod.restarts).sum();
    let finding =
        if restarts > 0 { finding.proof(format!("{restarts} restarts, each into the same wait")) } else { finding };
    vec![finding.fix(format!("mqctl recover {}", picture.name)).risk(risk(picture))]
}

/// As `mqctl recover` will say before it acts.
fn risk(picture: &Picture) -> String {
    match recommended(&ladder(&picture.evidence, None)) {
        Some(rung) if rung.strategy.destroys() => asked_for(rung),
        _ => NEVER.to_owned(),
    }
}

fn asked_for(rung: &Rung) -> String {
    format!("{}; it asks before that", rung.risk)
}

/// The rung by which a member that lost its volume joins anew: none where it has other files, or data of its own.
fn rung_that_forgets(picture: &Picture, pod: &String) -> Option<Rung> {
    let rungs = ladder(&picture.evidence, None);
    recommended(&rungs).filter(|rung| rung.way.as_ref().is_ok_and(|way| way.lost.contains(pod))).cloned()
}

/// Symptom: `Waiting for Mnesia tables`, the counter falls, the pod restarts, for ever. Cause: a node waits for those that
/// stopped after it. Source: RabbitMQ documentation, Clustering Guide, "Restarting Cluster Nodes".
pub(super) fn mnesia(picture: &Picture) -> Vec<Finding> {
    let waiting: Vec<&Seen> = picture.nodes.iter().filter(|seen| waits_for_tables(picture, seen)).collect();
    finding(picture, Code::BootMnesia, &waiting)
}

/// Symptom: silence, then `timeout_waiting_for_leader`. Cause: no majority of members is there at the same time.
/// Source: RabbitMQ documentation, Metadata Store.
pub(super) fn khepri_leader(picture: &Picture) -> Vec<Finding> {
    let waiting: Vec<&Seen> = picture.nodes.iter().filter(|seen| waits_for_leader(picture, seen)).collect();
    let mut found = finding(picture, Code::KhepriLeader, &waiting);
    if let (Verdict::Khepri(quorum), Some(first)) = (&picture.evidence.verdict, found.first_mut()) {
        let (there, all) = (quorum.there.len(), quorum.members.len());
        first
            .proof
            .push(format!("volumes with a copy of the metadata: {there} of {all}, a majority is {}", all / 2 + 1));
    }
    found
}

/// Symptom: `inconsistent_cluster`, the node ends. Cause: one side was reset, replaced or restored, the other remembers.
/// Source: RabbitMQ documentation, Clustering Guide, "Forgetting a Node".
pub(super) fn inconsistent(picture: &Picture) -> Vec<Finding> {
    let one = |seen: &Seen| {
        let said = INCONSISTENT.captures(&seen.log).or_else(|| INCONSISTENT.captures(&seen.previous));
        let said = said.filter(|_| !seen.node.runs)?;
        let (thinks, with) = (pod_of(&said["thinks"]), pod_of(&said["with"]));
        let title = format!("{with} was reset or replaced, and {thinks} still counts it as a member");
        let finding = Finding::error(Code::Inconsistent, title).of([seen.name()]);
        let finding = finding.proof(format!("log of {}: {}", seen.name(), &said[0]));
        if let Some(rung) = rung_that_forgets(picture, &with) {
            return Some(finding.fix(format!("mqctl recover {}", picture.name)).risk(asked_for(&rung)));
        }
        let (container, with) = (&picture.container, &said["with"]);
        let forget = format!("exec {thinks} --container {container} -- rabbitmqctl forget_cluster_node {with}");
        let risk = "queues whose only copy was on it are gone already; look at `mqctl recover` first";
        Some(finding.fix(picture.kubectl(&forget)).risk(risk))
    };
    picture.nodes.iter().filter_map(one).collect()
}
