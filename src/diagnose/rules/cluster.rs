//! Nodes that run, and are not one cluster.

use std::collections::BTreeSet;

use crate::cluster::Standing;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::{Picture, Seen, USUAL_START};
use crate::explain::Code;
use crate::rabbitmq::Phase;
use crate::recover::evidence::TABLES_LEFT;
use crate::recover::reading::pod_of;
use crate::recover::repair::Repair;

/// Symptom: every pod is ready, and there are no users, vhosts or queues any more. Cause: a pod of RabbitMQ 4.3 migrated
/// the metadata of a Mnesia cluster before it refused to start; they went with it from the nodes that still run.
/// Source: RabbitMQ documentation, Metadata Store; seen with 4.0.5 and 4.3.6.
pub(super) fn metadata_lost(picture: &Picture) -> Vec<Finding> {
    let pods: Vec<&str> = picture.evidence.damaged().map(|node| node.pod.as_str()).collect();
    if pods.is_empty() {
        return Vec::new();
    }
    let title = format!(
        "{} {} without metadata: a refused step to 4.3 took users, vhosts and queues away",
        pods.join(", "),
        plural(pods.len(), "runs", "run")
    );
    let finding = Finding::error(Code::MetadataLost, title)
        .proof(format!("Mnesia has {TABLES_LEFT} tables left, of more than 20"));
    let all = "all is still in the Khepri stores of the volumes: a deleted volume or a forgotten node loses it";
    let risk = if Repair::of(&picture.evidence).is_ok() { format!("none this way; {all}") } else { all.to_owned() };
    vec![finding.of(pods).fix(format!("mqctl recover {}", picture.name)).risk(risk)]
}

/// The members that it knows, from its own answer or from its files.
fn known_members(seen: &Seen) -> Vec<String> {
    let reading = seen.node.reading.as_ref();
    let of_vm = || reading.and_then(|reading| reading.vm.as_ref()?.members.clone());
    let of_files = || reading.map(|reading| reading.members.clone());
    seen.members().or_else(of_vm).or_else(of_files).unwrap_or_default()
}

/// A cluster of its own without a single queue, beside nodes that know a larger one.
pub(super) fn is_empty_broker(picture: &Picture, seen: &Seen) -> bool {
    let alone = seen.members().is_some_and(|members| members == [seen.name()]);
    let empty = seen.answer.as_ref().is_some_and(|answer| answer.queues == Some(0));
    let beside = |other: &Seen| {
        let counts = if other.node.runs { has_come(other) } else { !other.is_young(picture) && !joins(other) };
        other.name() != seen.name() && counts && known_members(other).len() > 1
    };
    alone && empty && picture.nodes.iter().any(beside)
}

/// Symptom: some clients find no queues, or the node lists change from look to look. Cause: several clusters behind one
/// Service: a pod that lost its volume began anew (EMPTY-BROKER), or nodes formed or left clusters of their own (SPLIT).
/// Source: RabbitMQ documentation, Cluster Formation and Peer Discovery.
pub(super) fn split(picture: &Picture) -> Vec<Finding> {
    let (empty, rest): (Vec<&Seen>, Vec<&Seen>) = picture.running().partition(|seen| is_empty_broker(picture, seen));
    let mut found: Vec<Finding> = empty.iter().map(|seen| empty_broker(picture, seen)).collect();
    let rest: Vec<&Seen> = rest.into_iter().filter(|seen| has_come(seen)).collect();
    let views: BTreeSet<Vec<String>> = rest.iter().filter_map(|seen| seen.members()).collect();
    if views.len() > 1 {
        let pods = rest.iter().map(|seen| seen.name());
        let finding =
            Finding::error(Code::Split, format!("{} clusters stand behind one Service", views.len())).of(pods);
        let told = |finding: Finding, view: &Vec<String>| finding.proof(format!("a cluster of {}", view.join(", ")));
        found.push(with_remedy(picture, views.iter().fold(finding, told)));
    } else {
        found.extend(unseen(picture, &rest));
    }
    found
}

/// It had booted before anybody was asked: one that joins meanwhile is unknown to those that were asked before it.
fn has_come(seen: &Seen) -> bool {
    seen.pod.standing == Standing::Ready || seen.node.phase == Some(Phase::StartupComplete)
}

/// What it knows of a cluster it knows since this start.
fn joins(seen: &Seen) -> bool {
    matches!(seen.node.phase, Some(Phase::Discovery | Phase::Joining(_) | Phase::RecoveringQueues))
}

/// Members of one cluster that do not see each other, for longer than a start or a short cut of the network takes. Where only
/// one does not see the other, that one has come or gone while all were asked: a connection of Erlang's has two ends.
fn unseen(picture: &Picture, nodes: &[&Seen]) -> Option<Finding> {
    let old = |seen: &Seen| seen.runs_for(picture) > USUAL_START;
    let sees = |one: &Seen, other: &Seen| {
        let up = one.answer.as_ref().and_then(|answer| answer.up.as_ref());
        up.is_none_or(|up| up.iter().any(|node| pod_of(node) == other.name()))
    };
    let pairs = nodes.iter().flat_map(|one| nodes.iter().map(move |other| (*one, *other)));
    let blind = |(one, other): &(&Seen, &Seen)| old(one) && old(other) && !sees(one, other) && !sees(other, one);
    let (one, other) = pairs.filter(|(one, other)| one.name() < other.name()).find(blind)?;
    let title = format!("{} and {} run, and do not see each other", one.name(), other.name());
    Some(with_remedy(picture, Finding::error(Code::Split, title).of([one.name(), other.name()])))
}

fn with_remedy(picture: &Picture, finding: Finding) -> Finding {
    finding
        .fix(format!("mqctl recover {} --evidence-only", picture.name))
        .risk("to reset a node loses its messages: look which side has queues first")
}

fn empty_broker(picture: &Picture, seen: &Seen) -> Finding {
    let pod = seen.name();
    let title = format!("{pod} serves clients as an empty broker beside the cluster");
    let finding = Finding::error(Code::EmptyBroker, title).of([pod]);
    let created = seen.claim.pointer("/metadata/creationTimestamp").and_then(serde_json::Value::as_str);
    let finding =
        created.into_iter().fold(finding, |finding, time| finding.proof(format!("its claim was made at {time}")));
    finding
        .proof("it knows no member but itself, and no queue")
        .fix(format!("mqctl recover {}", picture.name))
        .risk("what clients publish to it meanwhile is lost when it joins again")
}
