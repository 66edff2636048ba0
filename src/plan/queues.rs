//! Counts messages, and waits until every queue has a leader: the list of queues shows the last one that was recorded,
//! not an election.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::execute::Run;
use super::{Danger, wait};
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::rabbitmq::queues::{self, Queues};

/// Elections take seconds; many queues take longer to be asked.
const LIMIT: Duration = Duration::from_secs(120);
/// So many names are told.
const NAMED: usize = 5;

/// Queues and messages at the beginning, where somebody could be asked, and at the end.
#[derive(Default)]
pub(crate) struct Counted {
    before: Option<Queues>,
    after: Option<Queues>,
    /// Queues on lost volumes go, as the plan said.
    agreed: bool,
}

impl Counted {
    /// Nothing where nothing was counted.
    pub(crate) fn to_json(&self) -> Option<Value> {
        let of = |queues: &Queues| json!({"queues": queues.queues.len(), "messages": queues.messages});
        let after = of(self.after.as_ref()?);
        let (missing, warnings) = (self.missing(), self.warnings());
        Some(json!({"before": self.before.as_ref().map(of), "after": after, "missing": missing, "warnings": warnings}))
    }

    /// Something is gone that nobody had agreed to.
    pub(crate) fn lacks(&self) -> bool {
        !self.agreed && !self.missing().is_empty()
    }

    /// Queues of before that are there no more.
    fn missing(&self) -> Vec<&String> {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return Vec::new() };
        before.queues.iter().filter(|queue| !after.queues.contains(queue)).collect()
    }

    /// What is less than before. Before is counted only where somebody serves clients, so messages may have been taken.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return Vec::new() };
        let missing = self.missing();
        let mut warnings = Vec::new();
        if !missing.is_empty() {
            let agreed = if self.agreed { ", as the plan said of queues on lost volumes" } else { "" };
            let (lost, all, is) = (missing.len(), before.queues.len(), if missing.len() == 1 { "is" } else { "are" });
            warnings.push(format!("{lost} of the {all} queues of before {is} missing{agreed}: {}", named(&missing)));
        }
        if after.messages < before.messages {
            let (then, now) = (show_messages(before.messages), after.messages);
            warnings.push(format!("{then} before, {now} now: clients were served meanwhile, and may have taken them"));
        }
        warnings
    }
}

/// Asks a node that serves clients; one that does not answer is no obstacle to a recovery.
pub(super) fn count(run: &mut Run<'_>, pod: &str) -> Result<()> {
    let reply = run.cx.tools.run(&queues::question(&run.plan.target, pod), run.vault)?;
    run.counted.before = queues::read(&reply);
    let words = match &run.counted.before {
        Some(queues) => format!("{}, {}", show_queues(queues.queues.len()), show_messages(queues.messages)),
        None => format!("{pod} did not say which messages it has"),
    };
    run.progress.note(&words);
    Ok(())
}

pub(super) fn show_queues(n: usize) -> String {
    if n == 1 { "1 queue".to_owned() } else { format!("{n} queues") }
}

pub(super) fn show_messages(n: u64) -> String {
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
    let (queues, messages) = (show_queues(seen.queues.len()), show_messages(seen.messages));
    run.progress.note(&format!("{queues}, each with a leader, {messages}{}", before.unwrap_or_default()));
    run.counted.agreed = run.plan.danger() == Danger::Destroys;
    run.counted.after = Some(seen);
    Ok(())
}

fn leaderless(pod: &str, seen: &Queues) -> Failure {
    let leaderless: Vec<&String> = seen.leaderless.iter().collect();
    let text = if leaderless.is_empty() {
        format!("`{pod}` did not say which queues run")
    } else {
        format!("{} without a leader: {}", show_queues(leaderless.len()), named(&leaderless))
    };
    Failure::new(Outcome::Failed, text).hint("run the same command again: elections may need a moment")
}

/// The first of them.
fn named(queues: &[&String]) -> String {
    let more = if queues.len() > NAMED { ", …" } else { "" };
    let names: Vec<String> = queues.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    names.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_less_than_before_is_told() {
        let queues = |names: &[&str], messages: u64| {
            Some(Queues { queues: names.iter().map(ToString::to_string).collect(), leaderless: Vec::new(), messages })
        };
        let counted = |before: Option<Queues>, after: Option<Queues>| Counted { before, after, agreed: false };
        let all = || queues(&["/ a", "/ b"], 9);
        let lacks = counted(all(), queues(&["/ a", "/ new"], 9));
        assert!(lacks.lacks(), "another queue is no consolation");
        assert_eq!(lacks.warnings(), ["1 of the 2 queues of before is missing: `/ b`"]);
        assert!(!Counted { agreed: true, ..lacks }.lacks());
        let taken = counted(all(), queues(&["/ a", "/ b"], 2));
        assert!(!taken.lacks() && taken.warnings().len() == 1);
        for equal in [counted(all(), all()), counted(None, all()), counted(all(), None)] {
            assert!(!equal.lacks() && equal.warnings().is_empty());
        }
    }
}
