//! All messages of a release into a new one of another chart, side by side: the new one is installed, is given the old
//! one's definitions, and its shovels empty the old one's queues. Pure.

use std::path::PathBuf;
use std::time::Duration;

use super::init::{self, Files};
use super::moving::{Move, Side, Stage, named};
use super::queues::{show_messages, show_queues};
use super::{Action, Danger, Plan, Step};
use crate::chart::exodus::Row;
use crate::cluster::Migration;
use crate::definitions::Definitions;
use crate::kubectl;
use crate::profile::Profile;
use crate::rabbitmq::census::{Census, Queue};
use crate::rabbitmq::{self, shovels};
use crate::units::show_duration;

/// Everything that the planner decides from.
pub struct Given<'a> {
    /// What the old side has been marked with.
    pub mark: Option<&'a Migration>,
    pub old: Side,
    pub new: Side,
    /// Of the old side.
    pub census: &'a Census,
    /// Of the new side, where it is ready as its profile wants it.
    pub there: Option<&'a Census>,
    /// The new profile, where it has to be written.
    pub files: Option<Files<'a>>,
    /// What is left of the new side's install.
    pub install: Plan,
    /// How the two charts compare where one would take the other's volumes.
    pub rows: &'a [Row],
    /// Definitions that the new side does not have.
    pub missing: &'a [String],
    /// Where the old side's definitions are kept.
    pub backup: PathBuf,
    /// How the chart was named.
    pub chart: &'a str,
    /// The limit of each wait.
    pub limit: Duration,
}

impl Given<'_> {
    /// Messages move, or may come.
    fn moves(&self) -> bool {
        !self.census.is_left() || self.there.is_some_and(|there| !there.shovels.is_empty())
    }

    fn look(&self, stage: Stage) -> Action {
        Action::Move(Box::new(Move {
            old: self.old.clone(),
            new: self.new.clone(),
            stage,
            chart: self.chart.to_owned(),
        }))
    }

    fn retire(&self) -> String {
        let other = format!("{}-next", self.old.name) != self.new.name;
        let new = if other { format!(" --as {}", self.new.name) } else { String::new() };
        format!("mqctl migrate {} --to-chart {}{new} --retire", self.old.name, self.chart)
    }
}

/// Plans a migration, or the rest of one.
///
/// # Errors
/// A profile of the new name that says something else.
pub fn migrate(given: Given<'_>) -> anyhow::Result<Plan> {
    let written = match &given.files {
        // The rule first: whoever is killed in between drafts the profile again.
        Some(files) => [init::write_rule(files), init::write_profile(files)?],
        None => [None, None],
    };
    let mut steps: Vec<Step> = written.into_iter().flatten().collect();
    steps.extend(given.install.steps.clone());
    let import = import(&given);
    if given.moves() || !steps.is_empty() || import.is_some() {
        steps.insert(0, count(&given));
        steps.extend(mark(&given).into_iter().chain(import).chain(carry(&given)));
        steps.push(arrive(&given));
        steps.extend(given.moves().then(|| let_go(&given)));
    }
    Ok(plan(given, steps))
}

fn plan(given: Given<'_>, steps: Vec<Step>) -> Plan {
    let (old, new, retire) = (&given.old, &given.new, given.retire());
    Plan {
        verb: "migrate",
        about: format!("takes over from {}, side by side: {}", old.name, given.install.about),
        steps,
        warnings: warnings(&given),
        nothing: format!("nothing to move: {} has no message and no client.   {retire}", old.name),
        farewell: vec![
            format!("{} has every message of {}.   {}", new.name, old.name, new.address()),
            format!("stops the old one, whose volumes stay: {retire}"),
        ],
        limit: given.limit,
        ..given.install
    }
}

fn warnings(given: &Given<'_>) -> Vec<String> {
    let (name, census) = (&given.old.name, given.census);
    let streams = census.streams();
    let streams = (!streams.is_empty()).then(|| {
        let them = named(&streams);
        format!(
            "streams are not moved: {them}; have their readers read to the end in {name}, or publish anew to the same streams in {}",
            given.new.name
        )
    });
    let passing = (census.passing > 0).then(|| {
        format!("{} in queues that are not durable, or a client's own, are not moved", show_messages(census.passing))
    });
    let links = (census.links > 0).then(|| {
        format!(
            "shovels and federation upstreams of {name} ({}) are imported too, and run on both sides from then on",
            census.links
        )
    });
    streams.into_iter().chain(passing).chain(links).chain(given.install.warnings.iter().cloned()).collect()
}

/// With the reason why the volumes cannot simply be taken over.
fn count(given: &Given<'_>) -> Step {
    let (queues, messages) = (show_queues(given.census.queues.len()), show_messages(given.census.messages()));
    let detail = format!("{}: {queues}, {messages}; its clients stay where they are", given.old.name);
    let misfit = |row: &Row| format!("~ not in place: {} {} would be {}", row.what, row.old, row.new);
    let notes = given.rows.iter().filter(|row| !row.fits()).map(misfit).collect();
    let both = given.there.is_some();
    Step::new(Danger::Reads, "count both sides", detail)
        .notes(notes)
        .action(given.look(Stage::Count { both }))
        .done(format!("{} counted", given.old.name))
}

fn mark(given: &Given<'_>) -> Option<Step> {
    if given.mark.is_some_and(|mark| mark.to == given.new.name && !mark.retired) {
        return None;
    }
    let to = Migration { to: given.new.name.clone(), retired: false };
    let title = format!("mark {}", given.old.name);
    let detail = format!("its messages go to {}: a plain delete is refused until they have", given.new.name);
    let call = kubectl::mark_migration(&given.old.target, &to);
    Some(Step::new(Danger::Changes, title, detail).action(Action::Run(call)).done(format!("{} marked", given.old.name)))
}

fn import(given: &Given<'_>) -> Option<Step> {
    /// Ten thousand quorum queues take 261 seconds.
    const LIMIT: u32 = 600;
    let missing = given.missing;
    if given.there.is_some() && missing.is_empty() {
        return None;
    }
    let definitions = Definitions { file: given.backup.clone(), but: given.new.user.clone() };
    let save = kubectl::export_definitions(&given.old.target, &given.old.pod);
    let code = rabbitmq::import(&definitions);
    let call = kubectl::exec_eval_within(LIMIT, &given.new.target, &given.new.pod, code);
    let what = if missing.is_empty() { "users, queues, policies, bindings".to_owned() } else { named(missing) };
    let detail = format!("{what} of {}; kept in {}", given.old.name, given.backup.display());
    let step = Step::new(Danger::Changes, "import definitions", detail)
        .action(Action::Save { call: save, file: given.backup.clone() })
        .action(Action::Run(call))
        .action(Action::ReadBack { definitions, pod: given.new.pod.clone() });
    Some(step.done("definitions imported and read back"))
}

/// Those that are there already stay as they are.
fn carry(given: &Given<'_>) -> Option<Step> {
    let there = given.there.map_or(&[][..], |census| &census.shovels);
    let lacks = |queue: &&Queue| !there.contains(&shovels::name(queue));
    let queues: Vec<&Queue> = given.census.movable().filter(lacks).collect();
    if given.census.is_left() || queues.is_empty() {
        return None;
    }
    let code = shovels::make(&given.old.host, &given.old.user, &queues);
    let detail =
        format!("one a queue, on {}; each message leaves {} when it is confirmed", given.new.name, given.old.name);
    let call = kubectl::exec_eval_within(120, &given.new.target, &given.new.pod, code);
    let title = if queues.len() == 1 { "1 shovel".to_owned() } else { format!("{} shovels", queues.len()) };
    Some(Step::new(Danger::Changes, title.clone(), detail).action(Action::Run(call)).done(format!("{title} set")))
}

fn arrive(given: &Given<'_>) -> Step {
    let detail = format!("up to {}; then both sides are counted", show_duration(given.limit));
    let step = Step::new(Danger::Reads, "messages moved", detail);
    let step = if given.moves() { step.action(given.look(Stage::Empty)) } else { step };
    step.action(given.look(Stage::Compare)).done(format!("nothing is left in {}", given.old.name))
}

fn let_go(given: &Given<'_>) -> Step {
    let detail = format!("only when no client is connected to {} any more", given.old.name);
    let call = kubectl::exec_eval(&given.new.target, &given.new.pod, shovels::take_away());
    Step::new(Danger::Changes, "take the shovels away", detail)
        .action(given.look(Stage::Deserted))
        .action(Action::Run(call))
        .done("shovels taken away")
}

/// The old side goes: both are counted once more, it is stopped and uninstalled. `deletion` is what that takes.
pub fn retire(deletion: Plan, profile: &Profile, look: Option<&Move>, streams: &[String]) -> Plan {
    let about = "retire; volumes, Secret and profile stay".to_owned();
    let mut plan = Plan { verb: "migrate", about, ..deletion };
    let name = &profile.name;
    plan.farewell.truncate(1);
    plan.farewell.push(format!("{name} is retired.   gone for good: mqctl delete {name} --purge"));
    if let Some(it) = look {
        let settled = Move { stage: Stage::Settled, ..it.clone() };
        let retired = Migration { to: it.new.name.clone(), retired: true };
        let check = Step::new(Danger::Reads, "count both sides", "no message and no client may be left")
            .action(Action::Move(Box::new(settled)))
            .done("nothing is left");
        let mark = Step::new(Danger::Changes, format!("mark {}", it.old.name), "it is being stopped")
            .action(Action::Run(kubectl::mark_migration(&it.old.target, &retired)))
            .done(format!("{} marked", it.old.name));
        plan.steps.splice(0..0, [check, mark]);
    }
    if !streams.is_empty() {
        let text = format!("streams stay behind, on the volumes: {}", named(streams));
        plan.warnings.push(text);
    }
    plan
}
