//! The release and its StatefulSet.

use serde_json::Value;

use crate::cluster::Standing;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;

/// Symptom: pods are held back or left out, a switch is on. Cause: a recovery was killed before it had put everything back.
/// Source: the note of `mqctl recover` in the cluster.
pub(super) fn recovery_cut_short(picture: &Picture) -> Vec<Finding> {
    let Some(word) = picture.observed.recovery().or_else(|| held_for_nobody(picture)) else { return Vec::new() };
    let fix = format!("mqctl recover {}", picture.name);
    if let Some(lease) = picture.observed.lease.as_ref().filter(|lease| !lease.abandoned) {
        let title = format!("a recovery ({word}) is under way: {} is at work on it", lease.in_words());
        return vec![Finding::information(Code::Recovery, title).fix(format!("{fix}     should it have ended"))];
    }
    let title = format!("a recovery ({word}) was cut short");
    let served = picture.nodes.iter().all(|seen| seen.node.runs);
    let finding = if served { Finding::warning(Code::Recovery, title) } else { Finding::error(Code::Recovery, title) };
    vec![finding.proof("its note in the cluster; it goes on where it stopped").fix(fix)]
}

/// Whoever deletes a release takes the note along, and the closed gate may stay.
fn held_for_nobody(picture: &Picture) -> Option<String> {
    let held = picture.observed.pods.iter().any(|pod| pod.standing == Standing::Held);
    (picture.observed.holds && held).then(|| "pods held back".to_owned())
}

/// Symptom: nothing answers. Cause: there is no StatefulSet: never installed, deleted, or orphaned and not made again.
/// Source: Kubernetes documentation, StatefulSet, "Deleting a StatefulSet".
pub(super) fn not_installed(picture: &Picture) -> Vec<Finding> {
    if !picture.set.is_null() || picture.under_way().is_some() {
        return Vec::new();
    }
    let kept: Vec<&str> = picture.observed.claims.iter().map(|claim| claim.name.as_str()).collect();
    let kept =
        if kept.is_empty() { "no volume either".to_owned() } else { format!("its volumes: {}", kept.join(", ")) };
    let title =
        if picture.observed.pods.is_empty() { "it is not installed" } else { "its pods run without a StatefulSet" };
    let finding = Finding::error(Code::NotInstalled, title).proof(format!("no StatefulSet; {kept}"));
    vec![finding.fix(format!("mqctl install {}", picture.name)).risk(risk_of_a_start(picture))]
}

/// An install starts all nodes together, and who stopped last is on the volumes: only a recovery reads them.
fn risk_of_a_start(picture: &Picture) -> String {
    if picture.observed.claims.len() < 2 {
        return "none: volumes that are there are used as they are".to_owned();
    }
    let reads = format!("mqctl recover {} --evidence-only", picture.name);
    format!("none after an ordered stop, as `mqctl delete` makes; after any other {reads} says who stopped last")
}

/// Symptom: objects vanish, nothing can be made. Cause: the namespace is being deleted.
/// Source: Kubernetes documentation, Namespaces.
pub(super) fn namespace(picture: &Picture) -> Vec<Finding> {
    let Some(words) = &picture.observed.namespace_ends else { return Vec::new() };
    let finding = Finding::error(Code::Namespace, format!("namespace `{}` is being deleted", picture.namespace));
    let finding = if words.is_empty() { finding } else { finding.proof(words) };
    vec![
        finding
            .fix(picture.kubectl("get persistentvolumes"))
            .risk("its claims go with it; a volume whose policy is Retain stays"),
    ]
}

/// Symptom: one node restarts and the other stops serving. Cause: half of an even number is no majority.
/// Source: RabbitMQ documentation, Clustering Guide, "Node Count and Quorum".
pub(super) fn two_nodes(picture: &Picture) -> Vec<Finding> {
    let ordinals = picture.ordinals();
    let nodes = ordinals.len();
    // With a later start the first ones are held back: somebody brings the newest up first.
    if nodes == 0 || nodes % 2 == 1 || ordinals.start > 0 {
        return Vec::new();
    }
    let title = format!("{nodes} nodes bear the loss of no more than {} do", nodes - 1);
    let finding = Finding::warning(Code::TwoNodes, title).proof(format!("StatefulSet: replicas {nodes}"));
    vec![finding.fix(format!("replicas: {}     in the profile, then: mqctl upgrade {}", nodes + 1, picture.name))]
}

/// Symptom: a value was changed, the broker behaves as before. Cause: pods still run the template before, and nothing
/// is under way that would change it (a partition, `OnDelete`, a roll that stopped).
/// Source: Kubernetes documentation, StatefulSet, "Update strategies".
pub(super) fn conf_not_rolled(picture: &Picture) -> Vec<Finding> {
    let revision = picture.set.pointer("/status/updateRevision").and_then(Value::as_str);
    let old = |seen: &&Seen| {
        let label = seen.object.pointer("/metadata/labels/controller-revision-hash").and_then(Value::as_str);
        label.is_some() && revision.is_some() && label != revision
    };
    let old: Vec<&str> = picture.nodes.iter().filter(old).map(Seen::name).collect();
    let calm = picture.nodes.iter().all(|seen| seen.pod.standing == Standing::Ready && seen.runs_for(picture) > 600);
    if old.is_empty() || !calm {
        return Vec::new();
    }
    let title = format!("{} {} without the last change", old.join(", "), plural(old.len(), "runs", "run"));
    let finding = Finding::warning(Code::ConfNotRolled, title).of(old.clone());
    let proof = format!("StatefulSet: revision {}; no pod was made anew for 10 minutes", revision.unwrap_or_default());
    let fix = picture.kubectl(&format!("delete pod {}", old[0]));
    vec![finding.proof(proof).fix(fix).risk("one node restarts; one after the other, while all others are ready")]
}

/// Symptom: an upgrade is refused. Cause: a recovery made the StatefulSet anew as Parallel, and the profile still wants
/// pods in order, which Kubernetes changes on no StatefulSet that exists.
/// Source: Kubernetes documentation, StatefulSet, "Pod Management Policies".
pub(super) fn drift(picture: &Picture) -> Vec<Finding> {
    if picture.parallel_wished || !picture.is_parallel() {
        return Vec::new();
    }
    let title = "the StatefulSet is Parallel, and the profile wants OrderedReady";
    let finding = Finding::warning(Code::Immutable, title).proof("StatefulSet: podManagementPolicy Parallel");
    vec![
        finding
            .fix(format!("{}     in the profile", picture.parallel_line))
            .risk("none: after a full stop it starts by itself"),
    ]
}
