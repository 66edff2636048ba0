//! Waits until every queue has a leader: the list of queues shows the last one that was recorded, not an election.

use std::time::Duration;

use anyhow::Result;

use super::execute::Run;
use super::wait;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::rabbitmq::queues::{self, Queues};

/// Elections take seconds; many queues take longer to be asked.
const LIMIT: Duration = Duration::from_secs(120);

/// Asks one node until no queue is without a leader.
///
/// # Errors
/// Queues that nobody leads, by name.
pub(super) fn until_led(run: &Run<'_>, pod: &str) -> Result<()> {
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
    let words =
        if seen.queues == 1 { "1 queue, with".to_owned() } else { format!("{} queues, each with", seen.queues) };
    run.progress.note(&format!("{words} a leader"));
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
