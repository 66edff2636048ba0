//! Counts messages, and waits until every queue has a leader: the list of queues shows the last one that was recorded,
//! not an election.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::execute::Run;
use super::wait;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::rabbitmq::queues::{self, Queues};

/// Elections take seconds; many queues take longer to be asked.
const LIMIT: Duration = Duration::from_secs(120);

/// Queues and messages at the beginning, where somebody could be asked, and at the end.
#[derive(Default)]
pub(crate) struct Counted {
    before: Option<Queues>,
    after: Option<Queues>,
}

impl Counted {
    /// Nothing where nothing was counted.
    pub(crate) fn to_json(&self) -> Option<Value> {
        let of = |queues: &Queues| json!({"queues": queues.queues, "messages": queues.messages});
        let after = of(self.after.as_ref()?);
        Some(json!({"before": self.before.as_ref().map(of), "after": after}))
    }
}

/// Asks a node that serves clients; one that does not answer is no obstacle to a recovery.
pub(super) fn count(run: &mut Run<'_>, pod: &str) -> Result<()> {
    let reply = run.cx.tools.run(&queues::question(&run.plan.target, pod), run.vault)?;
    run.counted.before = queues::read(&reply);
    let words = match &run.counted.before {
        Some(queues) => format!("{}, {}", show_queues(queues.queues), show_messages(queues.messages)),
        None => format!("{pod} did not say which messages it has"),
    };
    run.progress.note(&words);
    Ok(())
}

fn show_queues(n: u64) -> String {
    if n == 1 { "1 queue".to_owned() } else { format!("{n} queues") }
}

fn show_messages(n: u64) -> String {
    if n == 1 { "1 message".to_owned() } else { format!("{n} messages") }
}

/// Asks one node until no queue is without a leader.
///
/// # Errors
/// Queues that nobody leads, by name.
pub(super) fn until_led(run: &mut Run<'_>, pod: &str) -> Result<()> {
    let question = queues::question(&run.plan.target, pod);
    let mut seen = Queues::default();
    let led = wait::poll(run, LIMIT.min(run.plan.limit), || {
        let reply = run.cx.tools.run(&question, run.vault)?;
        let Some(answer) = queues::read(&reply) else { return Ok(Some(false)) };
        let all = answer.leaderless.is_empty();
        seen = answer;
        Ok(Some(all))
    })?;
    if !led {
        return Err(leaderless(pod, &seen).into());
    }
    let before = run.counted.before.as_ref().map(|before| format!("; before: {}", show_messages(before.messages)));
    let (queues, messages) = (show_queues(seen.queues), show_messages(seen.messages));
    run.progress.note(&format!("{queues}, each with a leader, {messages}{}", before.unwrap_or_default()));
    run.counted.after = Some(seen);
    Ok(())
}

fn leaderless(pod: &str, seen: &Queues) -> Failure {
    let names: Vec<String> = seen.leaderless.iter().take(5).map(|name| format!("`{name}`")).collect();
    let text = if names.is_empty() {
        format!("`{pod}` did not say which queues run")
    } else {
        format!("{} of {} queues have no leader: {}", seen.leaderless.len(), seen.queues, names.join(", "))
    };
    Failure::new(Outcome::Failed, text).hint("run the same command again: elections may need a moment")
}
