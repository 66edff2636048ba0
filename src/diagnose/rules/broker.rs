//! Brokers that run, and let nobody publish, or miss queues.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::unready::finished;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::{Picture, Seen};
use crate::diagnose::probe::Process;
use crate::explain::Code;
use crate::rabbitmq::Answer;
use crate::recover::reading::{pattern, pod_of};
use crate::report;
use crate::units::Quantity;

/// An end that long ago is history.
const RECENT: i64 = 3600;
/// No call of a CLI takes as long; mqctl's own are ended before.
const HANGS: u64 = 120;
/// So many names are told; the rest is counted.
const NAMED: usize = 5;

static ALARM: LazyLock<Regex> = LazyLock::new(|| pattern(r"resource_limit,(?<what>memory|disk),'?(?<node>[^'}]+)"));

/// Symptom: publishers hang, in the whole cluster. Cause: one node has too little memory or free disk left.
/// Source: RabbitMQ documentation, Memory and Disk Alarms.
pub(super) fn alarms(picture: &Picture) -> Vec<Finding> {
    let said = picture.running().filter_map(|seen| seen.answer.as_ref()?.alarms.as_ref()).flatten();
    let alarm = |text: &String| ALARM.captures(text).map(|found| (found["what"].to_owned(), pod_of(&found["node"])));
    let mut pods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (what, pod) in said.filter_map(alarm) {
        pods.entry(what).or_default().insert(pod);
    }
    pods.into_iter().map(|(what, pods)| alarm_of(picture, &what, pods.into_iter().collect())).collect()
}

fn alarm_of(picture: &Picture, what: &str, pods: Vec<String>) -> Finding {
    let of = pods.join(", ");
    let answers = picture.nodes.iter().filter(|seen| pods.iter().any(|pod| pod == seen.name()));
    let answers = answers.filter_map(|seen| Some((seen.name(), seen.answer.as_ref()?)));
    let disk = what == "disk";
    let figure = |(pod, answer): (&str, &Answer)| {
        let bytes = if disk { answer.disk_free } else { answer.memory };
        bytes.map(|count| format!("{pod}: {} {}", report::bytes(count), if disk { "free" } else { "used" }))
    };
    let proofs: Vec<String> = answers.filter_map(figure).collect();
    let finding = if disk {
        Finding::error(Code::DiskAlarm, format!("disk alarm at {of}: nobody can publish"))
            .fix("let consumers drain queues; then enlarge the claim, if its StorageClass allows it")
            .risk("none; a lower limit on a full disk can make the next boot fail")
    } else {
        Finding::error(Code::Mem, format!("memory alarm at {of}: nobody can publish"))
            .fix(format!(
                "let consumers drain queues; then more `resources.limits.memory`: mqctl upgrade {}",
                picture.name
            ))
            .risk("none; a watermark above 0.8 of the limit has the broker killed instead")
    };
    proofs.into_iter().fold(finding, Finding::proof).of(pods)
}

fn limit(seen: &Seen) -> Option<u64> {
    let text = seen.container().pointer("/resources/limits/memory").and_then(Value::as_str)?;
    text.parse::<Quantity>().ok().map(|quantity| quantity.bytes())
}

/// CLIs that hang beside the broker.
fn hanging(seen: &Seen) -> Vec<&Process> {
    seen.vms.iter().skip(1).filter(|vm| vm.age > HANGS).collect()
}

/// Symptom: the container ends with `OOMKilled`. Cause: too small a limit, or commands that hang in its container and take
/// its memory (CLI-HUNG), or a broker that counts the machine's memory as its own.
/// Source: RabbitMQ documentation, Memory Threshold; Kubernetes documentation, Resource Management.
pub(super) fn memory(picture: &Picture) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut unaware: Vec<(&str, u64, u64)> = Vec::new();
    for seen in &picture.nodes {
        let one = hung(picture, seen).or_else(|| killed(picture, seen));
        unaware.extend(if one.is_none() { counts_on_more(seen) } else { None });
        found.extend(one);
    }
    found.extend(unaware_of_limit(&unaware));
    found
}

fn was_killed(picture: &Picture, seen: &Seen) -> bool {
    let end = seen.last_end();
    end["reason"] == "OOMKilled" && finished(end).is_none_or(|at| picture.now.0 - at.0 < RECENT)
}

fn hung(picture: &Picture, seen: &Seen) -> Option<Finding> {
    let hanging = Some(hanging(seen)).filter(|hanging| !hanging.is_empty())?;
    let title = format!(
        "{} {} in the container of {} and {} its memory",
        hanging.len(),
        plural(hanging.len(), "command hangs", "commands hang"),
        seen.name(),
        plural(hanging.len(), "takes", "take")
    );
    let killed = was_killed(picture, seen);
    let finding = if killed { Finding::error(Code::CliHung, title) } else { Finding::warning(Code::CliHung, title) };
    let ages: Vec<String> = hanging.iter().map(|vm| report::age(vm.age)).collect();
    let pids: Vec<String> = hanging.iter().map(|vm| vm.pid.to_string()).collect();
    let finding =
        finding.of([seen.name()]).proof(format!("Erlang VMs beside the broker's, by age: {}", ages.join(", ")));
    let finding = if killed { finding.proof("it was OOMKilled before") } else { finding };
    let fix =
        picture.kubectl(&format!("exec {} --container {} -- kill {}", seen.name(), picture.container, pids.join(" ")));
    Some(finding.fix(fix).risk("none; about seven of them have the broker OOM-killed"))
}

fn killed(picture: &Picture, seen: &Seen) -> Option<Finding> {
    if !was_killed(picture, seen) {
        return None;
    }
    let title = format!("{} was killed for want of memory", seen.name());
    let finding = if seen.node.runs { Finding::warning(Code::Mem, title) } else { Finding::error(Code::Mem, title) };
    let at = seen.last_end()["finishedAt"].as_str().unwrap_or("an unknown time");
    let limit = limit(seen).map_or_else(|| "none".to_owned(), report::bytes);
    let finding = finding.of([seen.name()]).proof(format!("OOMKilled at {at}; limit {limit}"));
    let fix = format!("more `resources.limits.memory` in the profile, then: mqctl upgrade {}", picture.name);
    Some(finding.fix(fix).risk("messages that were not confirmed are lost with each kill"))
}

/// Its name, the memory that it believes in, and its limit.
fn counts_on_more(seen: &Seen) -> Option<(&str, u64, u64)> {
    let (limit, believed) = (limit(seen)?, seen.answer.as_ref()?.memory_limit?);
    (believed > limit / 20 * 21).then_some((seen.name(), believed, limit))
}

/// One template makes all of them.
fn unaware_of_limit(nodes: &[(&str, u64, u64)]) -> Option<Finding> {
    let (_, believed, limit) = *nodes.first()?;
    let pods: Vec<&str> = nodes.iter().map(|(pod, ..)| *pod).collect();
    let title = format!(
        "{} {} on more memory than {} may use",
        pods.join(", "),
        plural(pods.len(), "counts", "count"),
        plural(pods.len(), "it", "they")
    );
    let proof = format!("believed: {}; limit: {}", report::bytes(believed), report::bytes(limit));
    let fix =
        format!("total_memory_available_override_value = {limit}     in rabbitmq.conf, by `values` of the profile");
    Some(Finding::warning(Code::Mem, title).of(pods).proof(proof).fix(fix).risk("none"))
}

fn named(queues: &BTreeSet<&str>) -> String {
    let first: Vec<&str> = queues.iter().take(NAMED).copied().collect();
    let more = queues.len().saturating_sub(NAMED);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

/// Symptom: `timed out consuming from quorum queue`, `process is stopped by supervisor`. Cause: half of a quorum queue's
/// members are away (QQ-LEADERLESS), or the one node of a classic queue is (STOPPED-Q). While a node starts, it passes.
/// Source: RabbitMQ documentation, Quorum Queues, "Leader Election"; Classic Queues.
pub(super) fn queues(picture: &Picture) -> Vec<Finding> {
    [leaderless(picture), stopped(picture)].into_iter().flatten().collect()
}

fn severe(picture: &Picture, code: Code, title: String) -> Finding {
    if picture.settling() { Finding::information(code, title) } else { Finding::error(code, title) }
}

fn leaderless(picture: &Picture) -> Option<Finding> {
    let mut queues: BTreeSet<&str> = BTreeSet::new();
    for seen in picture.running() {
        queues.extend(seen.queues.minority.iter().map(String::as_str));
        // Only where each member that runs says that it knows no leader.
        queues.extend(
            seen.queues
                .unled
                .iter()
                .filter(|(queue, members)| {
                    picture.running().filter(|other| other.queues.unled.contains_key(*queue)).count() >= **members
                })
                .map(|(queue, _)| queue.as_str()),
        );
    }
    if queues.is_empty() {
        return None;
    }
    let title = format!("{} quorum {} no leader", queues.len(), plural(queues.len(), "queue has", "queues have"));
    let finding = severe(picture, Code::QqLeaderless, title).of(queues.iter().copied()).proof(named(&queues));
    let fix = format!("bring the missing nodes back: mqctl status {}", picture.name);
    Some(finding.fix(fix).risk("none by waiting; to delete such a queue loses its messages"))
}

fn stopped(picture: &Picture) -> Option<Finding> {
    let down = picture.running().filter_map(|seen| seen.queues.down.as_ref()).flatten();
    let down: BTreeMap<&str, String> = down.map(|(queue, node)| (queue.as_str(), pod_of(node))).collect();
    let homes: BTreeSet<&str> = down.values().map(String::as_str).collect();
    let queues: BTreeSet<&str> = down.keys().copied().collect();
    if queues.is_empty() {
        return None;
    }
    let homes: Vec<&str> = homes.into_iter().collect();
    let title = format!(
        "{} classic {} down with {}",
        queues.len(),
        plural(queues.len(), "queue is", "queues are"),
        homes.join(", ")
    );
    let finding = severe(picture, Code::StoppedQ, title).of(queues.iter().copied()).proof(named(&queues));
    let fix = format!("bring {} back: mqctl status {}", homes.join(", "), picture.name);
    Some(finding.fix(fix).risk("to delete such a queue, or the volume of its node, loses its messages"))
}
