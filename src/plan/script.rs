//! A plan as a script of kubectl commands, for people who may not run it themselves and hand it to somebody who may. Pure.

use super::{Action, Condition, Plan, Step};
use crate::process::Call;

/// The script, without a line break at its end.
pub(crate) fn script(plan: &Plan) -> String {
    let mut lines = vec![
        "#!/bin/sh".to_owned(),
        format!("# {}: {}", plan.target.path(), plan.about),
        "# Made for what was seen at that moment: run it soon, from top to bottom, and stop where a command fails."
            .to_owned(),
        "set -eu".to_owned(),
    ];
    for (n, step) in plan.steps.iter().enumerate() {
        lines.push(String::new());
        lines.extend(in_script(plan, n + 1, step));
    }
    lines.join("\n")
}

fn in_script(plan: &Plan, number: usize, step: &Step) -> Vec<String> {
    let detail = if step.detail.is_empty() { String::new() } else { format!(": {}", step.detail) };
    let mut lines = vec![format!("# {number}. {} {}{detail}", step.word(), step.title)];
    lines.extend(step.actions.iter().map(|action| command(plan, action)));
    lines
}

fn command(plan: &Plan, action: &Action) -> String {
    match action {
        Action::Run(call) => fed(call),
        Action::Try(call) => format!("{} || true   # whatever comes of it", fed(call)),
        Action::Wait(condition) => wait(plan, condition),
        Action::Verify(wished) => {
            let asks = wished.pods.iter().map(|pod| inside(plan, pod, "rabbitmqctl cluster_status"));
            asks.collect::<Vec<_>>().join("\n")
        }
        Action::Count(pod) | Action::AllLed(pod) => {
            inside(plan, pod, "rabbitmqctl list_queues name state leader messages")
        }
        _ => "# a step of mqctl's own".to_owned(),
    }
}

/// With what is fed to it as a here-document: nothing in it is secret.
fn fed(call: &Call) -> String {
    if call.stdin.0.is_empty() { call.to_string() } else { format!("{call} <<'END'\n{}\nEND", call.stdin) }
}

fn wait(plan: &Plan, condition: &Condition) -> String {
    let seconds = plan.limit.as_secs();
    let kubectl = kubectl(plan);
    let pods = |pods: &[String]| pods.iter().map(|pod| format!("pod/{pod}")).collect::<Vec<_>>().join(" ");
    let ready = |list: &[String]| {
        let objects = pods(list);
        format!(
            "until {kubectl} get {objects} >/dev/null 2>&1; do sleep 1; done\n{kubectl} wait --for=condition=Ready {objects} --timeout={seconds}s"
        )
    };
    match condition {
        Condition::AllReady => ready(&plan.names.pods),
        Condition::Ready(list) => ready(list),
        Condition::Gone(list) => format!("{kubectl} wait --for=delete {} --timeout={seconds}s", pods(list)),
        Condition::Waiting(list) => until_logged(plan, list, "Waiting for Mnesia tables|startup complete"),
        Condition::Booted(list) => until_logged(plan, list, "startup complete"),
        Condition::Completed(pod, limit) => {
            let seconds = limit.as_secs();
            format!("{kubectl} wait --for=jsonpath={{.status.phase}}=Succeeded pod/{pod} --timeout={seconds}s")
        }
        Condition::Succeeds(call) | Condition::Takes(call) if call.stdin.0.is_empty() => {
            format!("until {call}; do sleep 1; done")
        }
        Condition::Succeeds(call) | Condition::Takes(call) => {
            format!("until {call} <<'END'\n{}\nEND\ndo sleep 1; done", call.stdin)
        }
    }
}

fn until_logged(plan: &Plan, list: &[String], words: &str) -> String {
    let (kubectl, container) = (kubectl(plan), &plan.target.container);
    let one = |pod: &String| {
        format!("until {kubectl} logs {pod} --container {container} --tail 400 | grep -qE '{words}'; do sleep 1; done")
    };
    list.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn inside(plan: &Plan, pod: &str, words: &str) -> String {
    format!("{} exec {pod} --container {} -- timeout -k 2 60 {words}", kubectl(plan), plan.target.container)
}

fn kubectl(plan: &Plan) -> String {
    let context = plan.target.context.iter().map(|name| format!(" --context {}", shell_words::quote(name)));
    format!("kubectl{} --namespace {}", context.collect::<String>(), plan.target.namespace)
}
