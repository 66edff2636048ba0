//! What can be done about a stop of Khepri nodes: any majority of volumes boots by itself. Pure.

use super::super::evidence::{Evidence, Node, Quorum};
use super::super::reading::Store;
use super::{Judged, NOTHING, Strategy, Way, instead, nothing_damaged, way};

/// Blank volumes of nodes that Khepri's members count: they join again by themselves.
pub(super) fn blank_on_khepri(evidence: &Evidence) -> Vec<String> {
    let readings = evidence.nodes.iter().filter_map(|node| node.reading.as_ref());
    let members: Vec<&String> = readings.filter_map(|r| r.vm.as_ref()?.members.as_ref()).flatten().collect();
    let counted = |pod: &String| members.is_empty() || members.contains(&pod);
    let on_khepri = evidence.nodes.iter().any(|node| node.store() == Some(Store::Khepri));
    let blank = |node: &&Node| on_khepri && is_blank(node) && counted(&node.pod);
    evidence.nodes.iter().filter(blank).map(|node| node.pod.clone()).collect()
}

fn is_blank(node: &Node) -> bool {
    !node.runs && node.store() == Some(Store::Blank)
}

/// What a member that joins anew does not bring back: queues are known to the others, messages of classic ones are not.
/// Source: RabbitMQ documentation, Clustering Guide, "What is Replicated?"; seen with 4.0.5 and 4.3.6.
pub(super) fn joins_anew(blank: &[String]) -> String {
    if blank.is_empty() {
        NOTHING.to_owned()
    } else {
        format!("classic queues of {} come back empty", blank.join(", "))
    }
}

pub(super) fn on_khepri(strategy: Strategy, evidence: &Evidence, quorum: &Quorum, node: Option<&str>) -> Judged {
    match strategy {
        Strategy::Together if quorum.majority() => Ok(majority(evidence, quorum)),
        Strategy::Together => {
            Err("no majority of volumes is left: blank nodes would form an empty broker of their own".to_owned())
        }
        Strategy::NewestFirst => Err("on Khepri any majority decides, whoever stopped last".to_owned()),
        Strategy::Forget => Err("on Khepri a blank member joins again by itself".to_owned()),
        Strategy::ForceBoot => Err(instead::on_khepri(evidence, quorum)),
        Strategy::KhepriStandalone => standalone(evidence, quorum, node),
        Strategy::Repair => Err(nothing_damaged()),
    }
}

/// A blank node that boots before the others makes a cluster of its own, as the first of a new release does: it waits until
/// the majority serves clients, and joins that, also where no member counts it. Seen with 4.3.6, where the first pod's
/// volume was blank.
fn majority(evidence: &Evidence, quorum: &Quorum) -> (Way, String) {
    let first = if evidence.nodes.iter().any(is_blank) { quorum.there.clone() } else { Vec::new() };
    (Way { first, ..Way::default() }, joins_anew(&blank_on_khepri(evidence)))
}

pub(super) fn standalone(evidence: &Evidence, quorum: &Quorum, node: Option<&str>) -> Judged {
    if quorum.majority() {
        return Err("a majority of volumes is left, and boots by itself: take `together`".to_owned());
    }
    if let Some(unread) = evidence.unknown().next() {
        return Err(format!("the volume of {} could not be read: it may make a majority", unread.pod));
    }
    let [only] = quorum.there.as_slice() else {
        let old = quorum.there.join(", ");
        return Err(format!("{old} have old volumes: a second one would crash the metadata store of the first"));
    };
    if let Some(node) = node.filter(|node| node != only) {
        return Err(format!("the volume of {node} is blank: only {only} has data"));
    }
    let lost: Vec<String> = quorum.members.iter().filter(|pod| *pod != only).cloned().collect();
    let risk = format!("{}; what only they knew is lost", joins_anew(&lost));
    Ok((way(evidence, vec![only.clone()], &lost), risk))
}
