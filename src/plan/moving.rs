//! Messages on their way from one cluster to another: counted on both sides, waited for, and counted again.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::execute::Run;
use super::queues::{show_messages, show_queues};
use super::wait;
use crate::cluster::Target;
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::rabbitmq::census::{self, Census, Client};
use crate::units::show_duration;

/// So many names are told.
const NAMED: usize = 5;
/// A queue whose leader does not say what is in it may be electing one.
const ELECTION: Duration = Duration::from_secs(60);

/// Whom to ask on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The profile's name.
    pub name: String,
    pub target: Target,
    pub pod: String,
    pub user: String,
    /// The Service for clients inside the cluster.
    pub host: String,
}

impl Side {
    /// Without the password.
    pub fn address(&self) -> String {
        format!("amqp://{}@{}:5672", self.user, self.host)
    }
}

/// One look at both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub old: Side,
    pub new: Side,
    pub stage: Stage,
}

/// What the look is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// How much there is; the new side may not be there yet.
    Count { both: bool },
    /// Until nothing is in a queue of the old side.
    Empty,
    /// Whether the new side has it all.
    Compare,
    /// Nobody may be connected to the old side.
    Deserted,
    /// Nothing may be left on the old side, and nothing be missing on the new one.
    Settled,
}

/// Queues and messages of both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    old: (usize, u64),
    new: (usize, u64),
}

/// What a migration counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    before: Option<Sums>,
    after: Option<Sums>,
    /// What was there for certain at the beginning, on either side.
    certain: u64,
    /// Queues of the old side that the new one does not have.
    missing: Vec<String>,
    /// Somebody may have taken messages meanwhile.
    served: bool,
}

impl Moved {
    /// Queues or messages are gone, and nobody was there who could have taken them.
    pub(crate) fn lacks(&self) -> bool {
        !self.missing.is_empty() || (self.fewer() && !self.served)
    }

    fn fewer(&self) -> bool {
        self.after.is_some_and(|after| after.old.1 + after.new.1 < self.certain)
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let missing = (!self.missing.is_empty())
            .then(|| format!("{} missing on the new side: {}", show_queues(self.missing.len()), named(&self.missing)));
        let after = self.after.filter(|_| self.fewer());
        let fewer = after.map(|after| {
            let why = if self.served { ": clients were served meanwhile, and may have taken them" } else { "" };
            format!("{} before, {} now{why}", show_messages(self.certain), after.old.1 + after.new.1)
        });
        missing.into_iter().chain(fewer).collect()
    }

    /// Nothing where nothing was counted.
    pub(crate) fn to_json(&self) -> Option<Value> {
        let of = |(queues, messages): (usize, u64)| json!({"queues": queues, "messages": messages});
        let both = |sums: Sums| json!({"old": of(sums.old), "new": of(sums.new)});
        let (before, after) = (self.before?, self.after.map(both));
        Some(json!({"before": both(before), "after": after, "missing": self.missing, "warnings": self.warnings()}))
    }
}

fn sums(old: &Census, new: Option<&Census>) -> Sums {
    let of = |census: &Census| (census.queues.len(), census.messages());
    Sums { old: of(old), new: new.map(of).unwrap_or_default() }
}

/// Looks, or waits.
///
/// # Errors
/// A side that does not answer; the limit; whoever is still connected; what is left or missing.
pub(super) fn carry_out(run: &mut Run<'_>, it: &Move) -> Result<()> {
    match it.stage {
        Stage::Count { both } => count(run, it, both),
        Stage::Empty => until_empty(run, it),
        Stage::Compare => compare(run, it),
        Stage::Deserted => deserted(run, it),
        Stage::Settled => settled(run, it),
    }
}

fn look(run: &Run<'_>, side: &Side) -> Result<Option<Census>> {
    let call = census::question(&side.target, &side.pod);
    Ok(census::read(&run.cx.tools.run(&call, run.vault)?))
}

/// Every leader has said what is in its queue.
fn answered(run: &Run<'_>, side: &Side) -> Result<Census> {
    let mut seen = None;
    let complete = wait::poll(run, ELECTION.min(run.plan.limit), || {
        seen = look(run, side)?;
        Ok(Some(seen.as_ref().is_some_and(|census| census.silent().is_empty() && census.clients.is_some())))
    })?;
    match seen {
        Some(census) if complete => Ok(census),
        seen => Err(silent(side, seen.as_ref()).into()),
    }
}

pub(crate) fn silent(side: &Side, seen: Option<&Census>) -> Failure {
    let queues = seen.map(Census::silent).unwrap_or_default();
    let text = match seen {
        None => format!("`{}` did not say what is in its queues", side.pod),
        Some(_) if queues.is_empty() => format!("a node of `{}` did not say who is connected to it", side.name),
        Some(_) => {
            format!("nobody said what is in {} of `{}`: {}", show_queues(queues.len()), side.name, named(&queues))
        }
    };
    Failure::new(Outcome::TimedOut, text).hint(format!("mqctl doctor {}", side.name))
}

/// The new side first: what moves between the two looks is not counted twice.
fn count(run: &mut Run<'_>, it: &Move, both: bool) -> Result<()> {
    let new = both.then(|| answered(run, &it.new)).transpose()?;
    let old = answered(run, &it.old)?;
    let before = sums(&old, new.as_ref());
    let under_way = new.as_ref().is_some_and(|census| !census.shovels.is_empty());
    let certain = if under_way { old.ready() } else { old.messages() };
    run.progress.note(&format!("before: {}", in_words(it, before)));
    let served = is_served(&old) || new.as_ref().is_some_and(is_served);
    run.moved = Moved { before: Some(before), certain: certain + before.new.1, served, ..Moved::default() };
    Ok(())
}

fn is_served(census: &Census) -> bool {
    census.clients.as_ref().is_none_or(|clients| !clients.is_empty())
}

fn in_words(it: &Move, Sums { old, new }: Sums) -> String {
    let of = |side: &Side, (queues, messages): (usize, u64)| {
        format!("{} has {} with {}", side.name, show_queues(queues), show_messages(messages))
    };
    format!("{}, {}", of(&it.old, old), of(&it.new, new))
}

fn until_empty(run: &mut Run<'_>, it: &Move) -> Result<()> {
    let limit = run.plan.limit;
    let all = run.moved.before.map_or(0, |before| before.old.1);
    let (mut last, mut seen) = (None, None);
    let empty = wait::poll(run, limit, || {
        let Some(census) = look(run, &it.old)? else { return Ok(Some(false)) };
        let left = census.messages();
        if last.replace(left) != Some(left) {
            run.progress.note(&format!("{} left of {all}", show_messages(left)));
        }
        let empty = census.filled().is_empty();
        seen = Some(census);
        Ok(Some(empty))
    })?;
    run.moved.served |= seen.as_ref().is_none_or(is_served);
    if empty { Ok(()) } else { Err(not_empty(it, seen.as_ref(), limit).into()) }
}

fn not_empty(it: &Move, seen: Option<&Census>, limit: Duration) -> Failure {
    let Some(census) = seen else { return silent(&it.old, None) };
    let (left, queues) = (show_messages(census.messages()), census.filled());
    let text = format!(
        "{left} left in `{}` after {}: {}; the shovels go on, and nothing was undone",
        it.old.name,
        show_duration(limit),
        named(&queues)
    );
    let status = format!(
        "kubectl --namespace {} exec {} -- rabbitmqctl shovel_status   # whether each shovel runs",
        it.new.target.namespace, it.new.pod
    );
    Failure::new(Outcome::TimedOut, text).hint("run the same command again: it goes on where it stands").hint(status)
}

/// What is missing is told at the end, with everything else that was counted.
fn compare(run: &mut Run<'_>, it: &Move) -> Result<()> {
    let new = answered(run, &it.new)?;
    let old = answered(run, &it.old)?;
    let after = sums(&old, Some(&new));
    run.progress.note(&format!("now: {}", in_words(it, after)));
    run.moved.after = Some(after);
    run.moved.missing = missing(&old, &new);
    run.moved.served |= is_served(&old) || is_served(&new);
    Ok(())
}

/// Streams do not move, and are told of in the plan.
fn missing(old: &Census, new: &Census) -> Vec<String> {
    let streams = old.streams();
    old.lacking_in(new).into_iter().filter(|queue| !streams.contains(queue)).collect()
}

fn deserted(run: &mut Run<'_>, it: &Move) -> Result<()> {
    let old = answered(run, &it.old)?;
    let clients = old.clients.as_deref().unwrap_or_default();
    if clients.is_empty() {
        return Ok(());
    }
    let text = format!(
        "every message of `{}` is in `{}`, and {} to the old one still: {}; the shovels stay, and move what is published there",
        it.old.name,
        it.new.name,
        are_connected(clients),
        first(clients)
    );
    Err(Failure::new(Outcome::TimedOut, text)
        .hint(format!("point them to {}, then run the same command again", it.new.address()))
        .code(Code::Migration)
        .into())
}

/// Counts both sides once more, before the old one is stopped.
fn settled(run: &mut Run<'_>, it: &Move) -> Result<()> {
    let new = answered(run, &it.new)?;
    let old = answered(run, &it.old)?;
    let both = sums(&old, Some(&new));
    run.progress.note(&format!("now: {}", in_words(it, both)));
    run.moved.before = Some(both);
    run.moved.after = Some(both);
    still_in_use(it, &old, &new).map_or(Ok(()), |failure| Err(failure.into()))
}

/// Why the old side cannot go.
pub(crate) fn still_in_use(it: &Move, old: &Census, new: &Census) -> Option<Failure> {
    let (name, missing) = (&it.old.name, missing(old, new));
    let clients = old.clients.as_deref().unwrap_or_default();
    let why = if !old.filled().is_empty() {
        format!("{} in `{name}`: {}", show_messages(old.messages()), named(&old.filled()))
    } else if !clients.is_empty() {
        format!("{} to `{name}`: {}", are_connected(clients), first(clients))
    } else if !missing.is_empty() {
        format!("`{}` does not have {} of `{name}`: {}", it.new.name, show_queues(missing.len()), named(&missing))
    } else {
        return None;
    };
    let text = format!("{why}; it stays, and nothing was changed");
    let hint = format!("point its clients to {}", it.new.address());
    let go_on = format!("mqctl migrate {name}   # moves what is left");
    Some(Failure::new(Outcome::Contradiction, text).hint(go_on).hint(hint).code(Code::Migration))
}

pub(super) fn show_clients(n: usize) -> String {
    if n == 1 { "1 client".to_owned() } else { format!("{n} clients") }
}

fn are_connected(clients: &[Client]) -> String {
    format!("{} {} connected", show_clients(clients.len()), if clients.len() == 1 { "is" } else { "are" })
}

fn first(clients: &[Client]) -> String {
    named(&clients.iter().map(Client::shown).collect::<Vec<_>>())
}

/// The first of them.
pub(super) fn named(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(certain: u64, after: u64, served: bool) -> Moved {
        let before = Some(Sums { old: (2, certain), new: (0, 0) });
        let after = Some(Sums { old: (2, 0), new: (2, after) });
        Moved { before, after, certain, served, missing: Vec::new() }
    }

    #[test]
    fn fewer_messages_are_a_loss_only_where_nobody_could_take_them() {
        assert!(!moved(9, 9, false).lacks() && moved(9, 9, false).warnings().is_empty());
        assert!(!moved(9, 12, false).lacks(), "somebody may publish");
        assert!(moved(9, 8, false).lacks());
        assert_eq!(moved(9, 8, false).warnings(), ["9 messages before, 8 now"]);
        assert!(!moved(9, 8, true).lacks() && moved(9, 8, true).warnings().len() == 1);
    }

    #[test]
    fn a_missing_queue_is_a_loss_whoever_is_connected() {
        let lacks = Moved { missing: vec!["/ a".to_owned()], ..moved(9, 9, true) };
        assert!(lacks.lacks());
        assert_eq!(lacks.warnings(), ["1 queue missing on the new side: / a"]);
        assert_eq!(lacks.to_json().unwrap()["missing"], json!(["/ a"]));
        assert_eq!(Moved::default().to_json(), None);
    }
}
