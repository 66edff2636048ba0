//! Names: without an address for its peers a node waits as if they were down.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::cluster::Standing;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::recover::reading::pattern;

static NO_NAME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"epmd error for host (?<host>[^:]+): (?<why>nxdomain|timeout|address)|no_epmd_port"));

/// Symptom: a node that starts finds no peer, and waits as if they were down. Cause: the headless Service was deleted, or
/// selects other pods than these; nodes that run go on. Source: Kubernetes documentation, `StatefulSet`, "Stable Network ID";
/// Service, "Headless Services".
pub(super) fn no_headless_service(picture: &Picture) -> Vec<Finding> {
    if picture.set.is_null() {
        return Vec::new();
    }
    if picture.headless.is_null() {
        // To its own revision: helm makes what is missing, and changes nothing else.
        let revision = picture.observed.release.as_ref().map(|release| &release.revision);
        let fix = revision.map_or_else(
            || format!("mqctl upgrade {}", picture.name),
            |revision| format!("helm rollback {} {revision} --namespace {}", picture.release, picture.namespace),
        );
        return vec![nameless(picture, "is missing").fix(fix)];
    }
    // A helm that applies server-side leaves alone what somebody else has set: mqctl takes it back first.
    let fix = format!("mqctl upgrade {}", picture.name);
    let selector = selects_nobody(picture);
    selector.map(|labels| nameless(picture, "selects none of its pods").proof(labels).fix(fix)).into_iter().collect()
}

fn nameless(picture: &Picture, what: &str) -> Finding {
    let down: Vec<&str> = picture.nodes.iter().filter(|seen| !seen.node.runs).map(Seen::name).collect();
    let title = format!("the headless Service {what}: no node finds an address for another");
    let finding = if down.is_empty() { Finding::warning(Code::Dns, title) } else { Finding::error(Code::Dns, title) };
    finding.of(down)
}

/// The labels that it selects by, where no pod has them. One without a selector has its addresses from somebody else.
fn selects_nobody(picture: &Picture) -> Option<String> {
    let selector = picture.headless.pointer("/spec/selector")?.as_object().filter(|selector| !selector.is_empty())?;
    let mut pods = picture.nodes.iter().filter(|seen| !seen.object.is_null()).peekable();
    pods.peek()?;
    let has = |seen: &Seen, key: &String, value: &Value| seen.object["metadata"]["labels"][key] == *value;
    let selected = |seen: &Seen| selector.iter().all(|(key, value)| has(seen, key, value));
    let label = |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
    let labels: Vec<String> = selector.iter().map(label).collect();
    (!pods.any(selected)).then(|| format!("its selector: {}", labels.join(", ")))
}

/// The name server's answers are kept for half a minute; a Service names a pod at once.
const NAMES_TAKE: i64 = 60;

/// Symptom: a node waits for peers that are there, as if they were down. Cause: its name server does not answer, or does
/// not know them. Source: RabbitMQ documentation, Clustering Guide, "Hostname Resolution Requirements".
pub(super) fn no_address(picture: &Picture) -> Vec<Finding> {
    if picture.headless.is_null() || selects_nobody(picture).is_some() {
        return Vec::new();
    }
    let without: Vec<(&Seen, &Seen)> =
        picture.nodes.iter().filter_map(|seen| Some((seen, unfound(picture, seen)?))).collect();
    if without.is_empty() {
        return Vec::new();
    }
    let nodes: Vec<&str> = without.iter().map(|(seen, _)| seen.name()).collect();
    let title = format!("{} {} no address for its peers", nodes.join(", "), plural(nodes.len(), "finds", "find"));
    let title = if nodes.len() > 1 { title.replace("its peers", "their peers") } else { title };
    let finding = Finding::error(Code::Dns, title).of(nodes);
    let proof = |(seen, peer): &(&Seen, &Seen)| {
        format!("{} cannot turn the name of {} into {}, which its pod has", seen.name(), peer.name(), address(peer))
    };
    let finding = without.iter().map(proof).fold(finding, Finding::proof);
    let fix = "kubectl --namespace kube-system get pods --selector k8s-app=kube-dns --output wide";
    vec![finding.fix(fix).risk("none: nodes go on by themselves once they find each other")]
}

/// A peer that has an address for a while, and whose name this node cannot find.
fn unfound<'a>(picture: &'a Picture, seen: &Seen) -> Option<&'a Seen> {
    let waits = !seen.node.runs && seen.runs_for(picture) > NAMES_TAKE;
    let named = |peer: &Seen| hides_waiting(picture).is_none() || peer.pod.standing == Standing::Ready;
    let there = |peer: &Seen| !address(peer).is_empty() && peer.runs_for(picture) > NAMES_TAKE && named(peer);
    let host = |peer: &Seen| format!("{}.", peer.name());
    let nameless = |peer: &&Seen| seen.nameless.iter().any(|name| name.starts_with(&host(peer)));
    picture.nodes.iter().filter(|_| waits).filter(nameless).find(|peer| peer.name() != seen.name() && there(peer))
}

fn address(seen: &Seen) -> &str {
    seen.object.pointer("/status/podIP").and_then(Value::as_str).unwrap_or_default()
}

/// Symptom: `epmd error for host …: nxdomain`. Cause: the headless Service publishes ready pods only, or the cluster's domain
/// is another. Answers that a name server keeps heal within a few restarts.
/// Source: RabbitMQ documentation, Clustering Guide, "Hostname Resolution Requirements".
pub(super) fn dns(picture: &Picture) -> Vec<Finding> {
    let one = |seen: &Seen| {
        let old = !seen.node.runs && !seen.is_young(picture) && seen.pod.restarts != 1;
        let said = NO_NAME.captures(&seen.log).or_else(|| NO_NAME.captures(&seen.previous)).filter(|_| old)?;
        let host = said.name("host").map_or("a peer", |host| host.as_str());
        let finding =
            Finding::error(Code::Dns, format!("{} finds no address for {host}", seen.name())).of([seen.name()]);
        let finding = finding.proof(format!("log of {}: {}", seen.name(), &said[0]));
        let finding = hides_waiting(picture).into_iter().fold(finding, Finding::proof);
        let fix = picture.kubectl("get services,endpointslices");
        Some(finding.fix(fix).risk("none; another `clusterDomain` on old volumes would rename the nodes"))
    };
    picture.nodes.iter().filter_map(one).collect()
}

fn hides_waiting(picture: &Picture) -> Option<&'static str> {
    let published = picture.headless.pointer("/spec/publishNotReadyAddresses").is_some_and(|yes| *yes == true);
    (!picture.headless.is_null() && !published).then_some("the headless Service publishes no pod that is not ready")
}
