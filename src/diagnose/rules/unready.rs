//! Nodes that are killed while they boot, and those of which no other rule knows why they are not ready.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::Standing;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::kill::Kill;
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::rabbitmq::Phase;
use crate::recover::moment::Moment;
use crate::report;

/// Symptom: restarts at a steady rhythm, the log before ends in the middle of a boot. Cause: a liveness or startup probe
/// gives up before the boot, or the wait for peers, is over. The kubelet says so; the exit code alone does not: 0 where the
/// broker obeys, 137 or 143 after many another end.
/// Source: RabbitMQ documentation, Monitoring, "Health Checks"; Kubernetes documentation, Configure Probes.
pub(super) fn probe_kill(picture: &Picture) -> Vec<Finding> {
    let one = |seen: &Seen| {
        let end = seen.last_end();
        let kill = seen.kill.as_ref().filter(|kill| kill.ended(end))?;
        let booted = seen.previous.contains("Server startup complete");
        if seen.node.runs || booted || seen.pod.restarts == 0 || end["reason"] == "OOMKilled" {
            return None;
        }
        let Kill { probe, words, .. } = kill;
        let at = |key: &str| end[key].as_str().and_then(Moment::read);
        let lived = at("finishedAt").zip(at("startedAt")).map_or(0, |(end, start)| end.0 - start.0);
        let lived = report::age(u64::try_from(lived).unwrap_or_default());
        let title = format!("{} is killed by its {probe} before it has booted", seen.name());
        let proof = format!("exit code {} after {lived}, {} restarts", end["exitCode"], seen.pod.restarts);
        let finding = Finding::error(Code::ProbeKill, title).of([seen.name()]).proof(format!("kubelet: {words}"));
        let fix = format!("give the {probe} longer than the boot takes, then: mqctl upgrade {}", picture.name);
        Some(finding.proof(proof).fix(fix).risk("none; each kill makes the next boot longer"))
    };
    picture.nodes.iter().filter_map(one).collect()
}

/// What no other finding explains: a node that is not ready for longer than a start takes.
pub(super) fn unexplained(picture: &Picture, explained: &[&Finding]) -> Vec<Finding> {
    let known =
        |seen: &Seen| explained.iter().any(|finding| finding.subjects.iter().any(|subject| subject == seen.name()));
    let whole = explained.iter().any(|finding| matches!(finding.code, Code::NotInstalled | Code::Namespace));
    let unready = |seen: &&Seen| !seen.node.runs && !seen.is_young(picture) && !known(seen);
    let unready = picture.nodes.iter().filter(unready).filter(|seen| beyond_doubt(picture, seen));
    let mut groups: BTreeMap<String, Vec<&Seen>> = BTreeMap::new();
    for seen in unready.filter(|_| !whole) {
        groups.entry(standing(seen)).or_default().push(seen);
    }
    groups.iter().map(|(words, nodes)| not_ready(picture, words, nodes)).collect()
}

fn not_ready(picture: &Picture, words: &str, nodes: &[&Seen]) -> Finding {
    let pods: Vec<&str> = nodes.iter().map(|seen| seen.name()).collect();
    let title = format!("{} {} not become ready: {words}", pods.join(", "), plural(pods.len(), "does", "do"));
    let last = nodes.iter().find_map(|seen| last_words(&seen.log).or_else(|| last_words(&seen.previous)));
    let finding = Finding::error(Code::NotReady, title).of(pods);
    let finding = last.into_iter().fold(finding, |finding, line| finding.proof(format!("log: {line}")));
    let fix = format!("mqctl logs {} --tail 100", picture.name);
    finding.fix(fix).risk("none by waiting; never delete a volume to get it going")
}

/// It failed, or is older than a long boot; a pod that is missing is so for longer than its set needs to make it.
fn beyond_doubt(picture: &Picture, seen: &Seen) -> bool {
    let set = picture.observed.set.as_ref().and_then(|set| picture.age(&set.created));
    match seen.pod.standing {
        Standing::Absent => {
            let others = picture.nodes.iter().all(|other| !other.is_young(picture));
            seen.pod.ordinal().is_some_and(|n| picture.ordinals().contains(&n))
                && others
                && set.is_some_and(|age| age > 60)
        }
        Standing::Crashed(_) => true,
        Standing::Booting(_) if seen.phase() == Phase::RecoveringQueues => false,
        _ => seen.pod.restarts > 1 || seen.runs_for(picture) > 300,
    }
}

/// In the broker's words where it boots, else in those of Kubernetes.
pub(crate) fn standing(seen: &Seen) -> String {
    match seen.pod.standing {
        Standing::Booting(_) => seen.phase().to_string(),
        ref other => other.to_string(),
    }
}

/// Of what failed, or else the last line.
fn last_words(log: &str) -> Option<&str> {
    let telling = |line: &&str| {
        [
            "Error during startup",
            "Exception during startup",
            "unsupported; aborting",
            "required feature flag not enabled",
        ]
        .iter()
        .any(|words| line.contains(words))
    };
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
    lines().find(telling).or_else(|| lines().next_back()).map(|line| line.get(..200).unwrap_or(line))
}

/// A pod's last status is of no use where Kubernetes has none.
pub(crate) fn finished(end: &Value) -> Option<Moment> {
    end["finishedAt"].as_str().and_then(Moment::read)
}
