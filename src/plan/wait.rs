//! The one place that waits: it asks the cluster again and again, and says what each pod stands at.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde_json::Value;

use super::Condition;
use super::execute::Run;
use crate::cluster::{Pod, Standing, StatefulSet};
use crate::error::{self, Failure};
use crate::explain::Code;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::Call;
use crate::rabbitmq;
use crate::secret::Vault;
use crate::units::show_duration;

/// Between two looks, at least. A look costs a kubectl or two, each a tenth of a second of a core.
const PAUSE: Duration = Duration::from_secs(1);
/// So many times as long as a look took: where it takes long the machine is short of time, and the nodes need it to boot.
const REST: u32 = 3;
const LONGEST: Duration = Duration::from_secs(5);
/// Lines of a log that are shown for a pod that did not come up.
const LAST_LINES: usize = 5;

/// Waits until the condition holds.
///
/// # Errors
/// The limit (exit 75, with where each pod stands), Ctrl-C, an API server that stays away until then (exit 69).
pub(crate) fn until(run: &Run<'_>, condition: &Condition) -> Result<()> {
    match condition {
        Condition::AllReady => until_ready(run),
        Condition::Gone(pods) => until_gone(run, pods),
        Condition::Waiting(pods) => until_each(run, pods, waits_or_serves),
        Condition::Booted(pods) => until_each(run, pods, has_booted),
        Condition::Ready(pods) => until_each(run, pods, |standing| *standing == Standing::Ready),
        Condition::Succeeds(call) => until_succeeds(run, call),
        Condition::Takes(call) => until_taken(run, call),
        Condition::Completed(pod, limit) => until_completed(run, pod, *limit),
    }
}

/// One look at the pods.
struct Look {
    set: Option<StatefulSet>,
    pods: Vec<Pod>,
    logs: Vec<(String, String)>,
}

fn until_ready(run: &Run<'_>) -> Result<()> {
    let limit = run.plan.limit;
    let mut last = None;
    let reached = poll(run, limit, || {
        let Some(look) = look(run, last.as_ref())? else { return Ok(None) };
        for pod in &look.pods {
            run.progress.pod(&pod.name, &pod.standing);
        }
        let ready = look.set.as_ref().is_some_and(StatefulSet::all_ready);
        last = Some(look);
        Ok(Some(ready))
    })?;
    run.progress.clear_pods();
    if reached { Ok(()) } else { Err(not_ready(run, last.as_ref(), limit)) }
}

/// A node that waits says so in its log; one that need not wait is on its way, or there.
fn waits_or_serves(standing: &Standing) -> bool {
    use rabbitmq::Phase::{RecoveringQueues, StartupComplete, WaitingForTables};
    let told = |phase: &rabbitmq::Phase| matches!(phase, WaitingForTables { .. } | RecoveringQueues | StartupComplete);
    *standing == Standing::Ready || matches!(standing, Standing::Booting(phase) if told(phase))
}

fn has_booted(standing: &Standing) -> bool {
    matches!(standing, Standing::Ready | Standing::Booting(rabbitmq::Phase::StartupComplete))
}

/// Looks until each of these pods has come so far.
fn until_each(run: &Run<'_>, pods: &[String], come: impl Fn(&Standing) -> bool) -> Result<()> {
    let mut last = None;
    let reached = poll(run, run.plan.limit, || {
        let Some(look) = look(run, last.as_ref())? else { return Ok(None) };
        let mine = |pod: &&Pod| pods.contains(&pod.name);
        look.pods.iter().filter(mine).for_each(|pod| run.progress.pod(&pod.name, &pod.standing));
        let all = look.pods.iter().filter(mine).all(|pod| come(&pod.standing));
        last = Some(look);
        Ok(Some(all))
    })?;
    run.progress.clear_pods();
    if reached { Ok(()) } else { Err(not_ready(run, last.as_ref(), run.plan.limit)) }
}

/// Tries until it succeeds; how often that took is told where once was not enough.
fn until_succeeds(run: &Run<'_>, call: &Call) -> Result<()> {
    let (mut tries, mut words) = (0, String::new());
    let reached = poll(run, run.plan.limit, || {
        let reply = run.cx.tools.run(call, run.vault)?;
        tries += 1;
        words = kubectl::failure("kubectl exec", &reply).text;
        Ok(Some(reply.ok()))
    })?;
    if !reached {
        let text = format!("no success in {tries} tries: {words}");
        return Err(Failure::new(Outcome::TimedOut, text).hint("run the same command again: it goes on").into());
    }
    if tries > 1 {
        run.progress.note(&format!("succeeded at try {tries}"));
    }
    Ok(())
}

fn until_taken(run: &Run<'_>, call: &Call) -> Result<()> {
    let (mut last, mut words) = (None, String::new());
    let reached = poll(run, run.plan.limit, || {
        let reply = run.cx.tools.run(call, run.vault)?;
        if reply.ok() {
            return Ok(Some(true));
        }
        words = kubectl::failure("kubectl exec", &reply).text;
        let Some(look) = look(run, last.as_ref())? else { return Ok(None) };
        look.pods.iter().for_each(|pod| run.progress.pod(&pod.name, &pod.standing));
        last = Some(look);
        Ok(Some(false))
    })?;
    run.progress.clear_pods();
    if reached { Ok(()) } else { Err(not_ready(run, last.as_ref(), run.plan.limit).context(words)) }
}

/// It says nothing else than by its end.
fn until_completed(run: &Run<'_>, pod: &str, limit: Duration) -> Result<()> {
    let logs = format!("kubectl --namespace {} logs {pod}   # what it said", run.plan.target.namespace);
    let reached = poll(run, limit, || {
        let reply = run.cx.tools.run(&kubectl::get(&run.plan.target, &[format!("pod/{pod}")]), &Vault::default())?;
        let status = kubectl::items(&reply).first().map(|object| object["status"].clone()).unwrap_or_default();
        match status["phase"].as_str() {
            Some("Failed") => {
                // One that its machine has no room for has no log.
                let why = status["message"].as_str().map(|words| format!(": {words}")).unwrap_or_default();
                let text = format!("the helper pod `{pod}` failed{why}");
                Err(Failure::new(Outcome::Failed, text).hint(logs.clone()).into())
            }
            phase => Ok(reply.ok().then_some(phase == Some("Succeeded"))),
        }
    })?;
    let text = format!("the helper pod `{pod}` did not come to its end");
    if reached { Ok(()) } else { Err(Failure::new(Outcome::TimedOut, text).hint("run the same command again").into()) }
}

fn until_gone(run: &Run<'_>, pods: &[String]) -> Result<()> {
    // A node that writes out much data may take its whole grace period.
    let limit = run.plan.limit.max(Duration::from_secs(600));
    if pods.is_empty() {
        return Ok(());
    }
    let (target, names) = (&run.plan.target, pods.iter().map(|p| format!("pod/{p}")).collect::<Vec<_>>());
    let reached = poll(run, limit, || {
        let reply = run.cx.tools.run(&kubectl::get(target, &names), &Vault::default())?;
        if !reply.ok() {
            return Ok(None);
        }
        run.progress.server_answers(true);
        let left = kubectl::items(&reply);
        for object in &left {
            run.progress.pod(&Pod::read(object, &target.container).name, &Standing::Stopping);
        }
        Ok(Some(left.is_empty()))
    })?;
    run.progress.clear_pods();
    let text = format!("{} did not stop within {} s", pods.join(", "), limit.as_secs());
    if reached { Ok(()) } else { Err(Failure::new(Outcome::TimedOut, text).hint("run the same command again").into()) }
}

/// Asks until yes or the limit. `None` is no answer: an API server that restarts ends no wait, which is told once, and
/// once more when it is back.
#[expect(clippy::disallowed_methods, reason = "door: the wait has a limit")]
pub(super) fn poll(run: &Run<'_>, limit: Duration, mut ask: impl FnMut() -> Result<Option<bool>>) -> Result<bool> {
    let end = Instant::now() + limit;
    loop {
        let begun = Instant::now();
        let answer = forgiving(ask(), run.progress.server_is_away())?;
        let took = begun.elapsed();
        run.progress.server_answers(answer.is_some());
        if answer == Some(true) {
            return Ok(true);
        }
        if Instant::now() >= end {
            return if answer.is_none() { Err(stayed_away(limit)) } else { Ok(false) };
        }
        pause(PAUSE.max(took * REST).min(LONGEST), &|| run.cx.interrupted());
        run.cx.stop_if_interrupted()?;
    }
}

/// An API server that has just come back permits nothing until it has read its rules.
fn forgiving(answer: Result<Option<bool>>, away: bool) -> Result<Option<bool>> {
    answer.or_else(|error| match error::outcome_of(&error) {
        Outcome::NotPermitted if away => Ok(None),
        _ => Err(error),
    })
}

fn stayed_away(limit: Duration) -> anyhow::Error {
    let limit = show_duration(limit);
    Failure::new(Outcome::Unreachable, format!("the API server did not come back within {limit}; nothing was undone"))
        .hint("run the same command again when it is there: it goes on where it stands")
        .code(Code::Unreachable)
        .into()
}

/// Waits for this long, or until somebody wants it to stop.
#[expect(clippy::disallowed_methods, reason = "door: the one place that waits")]
pub(crate) fn pause(length: Duration, stops: &dyn Fn() -> bool) {
    let end = Instant::now() + length;
    while !stops() && Instant::now() < end {
        std::thread::sleep(length.min(Duration::from_millis(50)));
    }
}

fn look(run: &Run<'_>, last: Option<&Look>) -> Result<Option<Look>> {
    let target = &run.plan.target;
    let reply = run.cx.tools.run(&kubectl::list(target, "statefulsets,pods"), &Vault::default())?;
    if !reply.ok() {
        let failure = kubectl::failure("kubectl get", &reply);
        return if failure.outcome == Outcome::NotPermitted { Err(failure.into()) } else { Ok(None) };
    }
    run.progress.server_answers(true);
    let objects = kubectl::items(&reply);
    let kind = |wanted: &'static str| objects.iter().filter(move |o| o["kind"] == wanted);
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let set = kind("StatefulSet").find(|set| name(set) == run.plan.names.stateful_set).map(StatefulSet::read);
    let nodes = kind("Pod").filter(|pod| run.plan.names.is_a_node(&name(pod)));
    let mut pods: Vec<Pod> = nodes.map(|pod| Pod::read(pod, &target.container)).collect();
    for name in &run.plan.names.pods {
        if !pods.iter().any(|p| p.name == *name) {
            pods.push(Pod::absent(name));
        }
    }
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    let logs = read_logs(run, &mut pods)?;
    if last.is_some_and(|last| last.pods.iter().any(is_to_come)) {
        explain_creating(run, &mut pods)?;
    }
    Ok(Some(Look { set, pods, logs }))
}

/// The broker's own words for the pods that boot.
fn read_logs(run: &Run<'_>, pods: &mut [Pod]) -> Result<Vec<(String, String)>> {
    let booting = |p: &&mut Pod| matches!(p.standing, Standing::Booting(_) | Standing::Crashed(_));
    let booting: Vec<&mut Pod> = pods.iter_mut().filter(booting).collect();
    if booting.is_empty() {
        return Ok(Vec::new());
    }
    let reply = run.cx.tools.run(&kubectl::logs(&run.plan.target, 400), &Vault::default())?;
    let mut logs = Vec::new();
    for pod in booting {
        let log = kubectl::lines_of(&reply.stdout, &pod.name, &run.plan.target.container);
        if let Standing::Booting(phase) = &mut pod.standing {
            *phase = rabbitmq::phase(&log, &pod.name);
        }
        logs.push((pod.name.clone(), log));
    }
    Ok(logs)
}

/// Most pods have passed this between two looks, and need no explanation.
fn is_to_come(pod: &Pod) -> bool {
    matches!(pod.standing, Standing::Creating(_) | Standing::Refused(_) | Standing::Absent)
}

/// The newest event for the pods whose container is not there yet: an image being pulled, a volume missing; and for
/// those that the API server does not let the StatefulSet create: a quota, a policy.
fn explain_creating(run: &Run<'_>, pods: &mut [Pod]) -> Result<()> {
    if !pods.iter().any(is_to_come) {
        return Ok(());
    }
    let reply = run.cx.tools.run(&kubectl::list_all(&run.plan.target, "events"), &Vault::default())?;
    let events = kubectl::items(&reply);
    for pod in pods {
        let standing = match pod.standing {
            Standing::Creating(_) => newest_event(&events, &pod.uid).map(Standing::Creating),
            Standing::Absent => refusal(&events, &pod.name).map(Standing::Refused),
            _ => None,
        };
        if let Some(standing) = standing {
            pod.standing = standing;
        }
    }
    Ok(())
}

pub(super) fn newest_event(events: &[Value], uid: &str) -> Option<String> {
    let of_pod = events.iter().filter(|e| e.pointer("/involvedObject/uid").is_some_and(|u| u == uid));
    let newest = of_pod.max_by_key(|e| time_of(e).to_owned())?;
    let message = newest["message"].as_str()?.lines().next()?;
    let quiet =
        matches!(newest["reason"].as_str()?, "Scheduled" | "Created" | "Started" | "Killing" | "Pulled" | "Unhealthy");
    (!quiet).then(|| lower_first(message))
}

/// `create Pod q-0 in StatefulSet q failed error: …`: there is no pod yet that the event could be about.
pub(crate) fn refusal(events: &[Value], pod: &str) -> Option<String> {
    let begins = format!("create Pod {pod} in ");
    let message = |e: &Value| e["message"].as_str().filter(|m| m.starts_with(&begins)).map(str::to_owned);
    let refusals = events.iter().filter(|e| e["reason"] == "FailedCreate" && message(e).is_some());
    let newest = refusals.max_by_key(|e| time_of(e).to_owned())?;
    // Whole: what a policy's webhook wants is in its last lines.
    message(newest).map(|m| m.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// When it was last seen.
pub(crate) fn time_of(event: &Value) -> &str {
    event["lastTimestamp"].as_str().or_else(|| event["eventTime"].as_str()).unwrap_or_default()
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// The time-out that explains itself.
fn not_ready(run: &Run<'_>, look: Option<&Look>, limit: Duration) -> anyhow::Error {
    let Some(look) = look else { return anyhow!("the pods were never seen") };
    let ready = look.pods.iter().filter(|p| p.standing == Standing::Ready).count();
    let seconds = show_duration(limit);
    let mut text = format!("not ready after {seconds}: {ready} of {} nodes; nothing was undone", look.pods.len());
    for pod in &look.pods {
        write!(text, "\n  {}   {}", pod.name, pod.standing).ok();
        let log = look.logs.iter().find(|(name, _)| *name == pod.name);
        if let Some((_, log)) = log.filter(|_| pod.standing != Standing::Ready) {
            let tail: Vec<&str> = log.lines().rev().filter(|l| !l.trim().is_empty()).take(LAST_LINES).collect();
            for line in tail.iter().rev() {
                write!(text, "\n    | {line}").ok();
            }
        }
    }
    let (pod, target) = (&run.plan.names.stateful_set, &run.plan.target);
    let events =
        format!("kubectl --namespace {} get events --sort-by .lastTimestamp   # what {pod} ran into", target.namespace);
    Failure::new(Outcome::TimedOut, text)
        .hint("run the same command again: it goes on where it stands")
        .hint(events)
        .code(cause(&look.pods))
        .into()
}

/// The lowest layer that stands in the way.
fn cause(pods: &[Pod]) -> Code {
    let any = |hinders: fn(&Standing) -> bool| pods.iter().any(|pod| hinders(&pod.standing));
    if any(|standing| matches!(standing, Standing::Unscheduled(_))) {
        Code::Unschedulable
    } else if any(|standing| matches!(standing, Standing::Refused(_))) {
        Code::Admission
    } else if any(|standing| matches!(standing, Standing::ImageTrouble(_))) {
        Code::Img
    } else {
        Code::NotReady
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_newest_event_of_a_pod_explains_it() {
        let event = |time: &str, reason: &str, message: &str| json!({"involvedObject": {"uid": "q-0"}, "lastTimestamp": time, "reason": reason, "message": message});
        let events = [
            event("2026-01-01T00:00:02Z", "Pulling", "Pulling image \"rabbitmq:4\""),
            event("2026-01-01T00:00:01Z", "Scheduled", "Successfully assigned"),
        ];
        assert_eq!(newest_event(&events, "q-0").unwrap(), "pulling image \"rabbitmq:4\"");
        assert_eq!(newest_event(&events[1..], "q-0"), None);
        assert_eq!(newest_event(&events, "q-1"), None);
    }

    #[test]
    fn a_pod_that_may_not_be_created_is_explained_by_its_set_s_event() {
        let message = "create Pod q-1 in StatefulSet q failed error: pods \"q-1\" is forbidden: exceeded quota";
        let event = |message: &str| {
            [json!({"reason": "FailedCreate", "lastTimestamp": "2026-01-01T00:00:02Z", "message": message})]
        };
        let events = event(message);
        assert_eq!(refusal(&events, "q-1").unwrap(), message);
        let lines = event(&format!("{message}:\n\nteam-label:\n  a label `team` is wanted\n"));
        assert_eq!(refusal(&lines, "q-1").unwrap(), format!("{message}: team-label: a label `team` is wanted"));
        assert_eq!(refusal(&events, "q-10"), None);
    }
}
