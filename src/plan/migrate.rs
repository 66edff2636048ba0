//! All messages of a release into a new one of another chart, side by side: the new one is installed, is given the old
//! one's definitions, and its shovels empty the old one's queues. Pure.

use std::path::PathBuf;
use std::time::Duration;

use super::init::{self, Files};
use super::moving::{Move, Side, Stage, named, show_clients};
use super::queues::{show_messages, show_queues};
use super::{Action, Beside, Claim, Danger, Outlook, Plan, Step};
use crate::chart::exodus::Row;
use crate::cluster::{Migration, Target};
use crate::definitions::Definitions;
use crate::kubectl;
use crate::profile::Profile;
use crate::rabbitmq::census::{Census, Queue};
use crate::rabbitmq::{self, shovels};
use crate::units::{show_duration, show_nodes};

/// Everything that the planner decides from.
pub struct Given<'a> {
    /// What the old side has been marked with.
    pub mark: Option<&'a Migration>,
    pub old: Side,
    pub new: Side,
    /// Of the new side.
    pub profile: &'a Profile,
    /// The Service by which clients outside reach the old side.
    pub external: Option<&'a str>,
    /// Nobody may change the old side while its messages move.
    pub lease: Beside,
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
    /// The limit of each wait.
    pub limit: Duration,
}

impl Given<'_> {
    /// Messages move, or may come; or what moved them is not taken away yet.
    fn moves(&self) -> bool {
        !self.census.is_left() || is_at_work(self.census, self.there)
    }

    fn look(&self, stage: Stage) -> Action {
        Action::Move(Box::new(Move { old: self.old.clone(), new: self.new.clone(), stage }))
    }

    fn retire(&self) -> String {
        format!("mqctl migrate {} --retire", self.old.name)
    }
}

/// Shovels, or the user that they log in as.
fn is_at_work(old: &Census, new: Option<&Census>) -> bool {
    old.mover || new.is_some_and(|new| !new.shovels.is_empty())
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
    let beside = Some(Box::new(given.lease.clone()));
    let told = if steps.is_empty() { Vec::new() } else { told(&given) };
    Plan {
        verb: "migrate",
        about: format!("takes over from {}, side by side: {}", old.name, given.install.about),
        outlook: Outlook { told, ..given.install.outlook.clone() },
        steps,
        warnings: warnings(&given),
        nothing: format!("nothing to move: {} has no message and no client.   {retire}", old.name),
        farewell: vec![
            format!("{} has every message of {}.   {}", new.name, old.name, new.address()),
            format!("stops the old one, whose volumes stay: {retire}"),
        ],
        limit: given.limit,
        claim: given.install.claim.clone().map(|claim| Claim { beside, ..claim }),
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

/// Why not in place, what it costs, what becomes of clients, and the way back.
fn told(given: &Given<'_>) -> Vec<(&'static str, String)> {
    let (name, to) = (&given.old.name, &given.new.name);
    let misfit = |row: &Row| format!("{} {} would be {}", row.what, row.old, row.new);
    let misfits: Vec<String> = given.rows.iter().filter(|row| !row.fits()).map(misfit).collect();
    let why = match misfits.as_slice() {
        [] => "it was asked for, and in place clients would have to wait".to_owned(),
        all => format!("the volumes of {name} are of no use to the new chart: {}", all.join(", ")),
    };
    let (nodes, size) = (show_nodes(given.profile.replicas), &given.profile.storage.size);
    let clients = format!(
        "stay with {name} and are served; point them to {} when all is moved, consumers first",
        given.new.address()
    );
    let outside = given.external.map(|service| {
        format!("reach {name} by Service {service}, and only that; mqctl expose {to} gives the new one an address")
    });
    let back = format!(
        "{name} runs until --retire, and its volumes stay (mqctl install {name}); what has moved is in {to} alone"
    );
    let lines = [
        ("side by side", Some(why)),
        ("costs", Some(format!("room for {nodes} more, each with a volume of {size}, until {name} is retired"))),
        ("clients", Some(clients)),
        ("from outside", outside),
        ("way back", Some(back)),
    ];
    lines.into_iter().filter_map(|(head, line)| Some((head, line?))).collect()
}

fn count(given: &Given<'_>) -> Step {
    let census = given.census;
    let (queues, messages) = (show_queues(census.queues.len()), show_messages(census.messages()));
    let clients = show_clients(census.clients.as_ref().map_or(0, Vec::len));
    let detail = format!("{}: {queues}, {messages}, {clients}", given.old.name);
    let both = given.there.is_some();
    Step::new(Danger::Reads, "count both sides", detail)
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
    let Given { old, new, census, .. } = given;
    let there = given.there.map_or(&[][..], |census| &census.shovels);
    let all: Vec<&Queue> = census.movable().collect();
    let queues: Vec<&Queue> = all.iter().copied().filter(|queue| !there.contains(&shovels::name(queue))).collect();
    if census.is_left() || (queues.is_empty() && census.mover) {
        return None;
    }
    let user = format!("they log in to {} as {}, who may read queues and nothing else", old.name, shovels::USER);
    let admit = Action::Run(kubectl::exec_eval(&old.target, &old.pod, shovels::admit(&all)));
    if queues.is_empty() {
        let title = "user of the shovels";
        return Some(Step::new(Danger::Changes, title, user).action(admit).done("user of the shovels made"));
    }
    let title = if queues.len() == 1 { "1 shovel".to_owned() } else { format!("{} shovels", queues.len()) };
    let detail = format!("one a queue, on {}; each message leaves {} when it is confirmed", new.name, old.name);
    let make = kubectl::exec_eval_within(120, &new.target, &new.pod, shovels::make(&old.host, &queues));
    let step = Step::new(Danger::Changes, title.clone(), detail).notes(vec![user]).action(admit);
    Some(step.action(Action::Run(make)).done(format!("{title} set")))
}

fn arrive(given: &Given<'_>) -> Step {
    let detail = format!("up to {}; then both sides are counted", show_duration(given.limit));
    let step = Step::new(Danger::Reads, "messages moved", detail);
    let step = if given.moves() { step.action(given.look(Stage::Empty)) } else { step };
    step.action(given.look(Stage::Compare)).done(format!("nothing is left in {}", given.old.name))
}

fn let_go(given: &Given<'_>) -> Step {
    let detail = format!("with their user; only when no client is connected to {} any more", given.old.name);
    let step = Step::new(Danger::Changes, "take the shovels away", detail).action(given.look(Stage::Deserted));
    take_away(step, &given.old, &given.new)
}

/// The shovels first: whoever is killed in between sees by their user that something is left to be done.
fn take_away(step: Step, old: &Side, new: &Side) -> Step {
    step.action(Action::Run(kubectl::exec_eval(&new.target, &new.pod, shovels::take_away())))
        .action(Action::Run(kubectl::exec_eval(&old.target, &old.pod, shovels::dismiss())))
        .done("shovels taken away")
}

/// What a retirement has seen of both sides.
pub struct Seen<'a> {
    pub look: Move,
    pub old: &'a Census,
    pub new: &'a Census,
}

/// The old side goes: both are counted once more, it is stopped and uninstalled. `deletion` is what that takes.
pub fn retire(deletion: Plan, profile: &Profile, seen: Option<&Seen<'_>>) -> Plan {
    let about = "retire; volumes, Secret and profile stay".to_owned();
    let mut plan = Plan { verb: "migrate", about, ..deletion };
    let name = &profile.name;
    plan.farewell.truncate(1);
    plan.farewell.push(format!("{name} is retired.   gone for good: mqctl delete {name} --purge"));
    if let Some(Seen { look, old, new }) = seen {
        let check = Step::new(Danger::Reads, "count both sides", "no message and no client may be left")
            .action(Action::Move(Box::new(Move { stage: Stage::Settled, ..look.clone() })))
            .done("nothing is left");
        let shovels = Step::new(Danger::Changes, "take the shovels away", "with their user");
        let shovels = is_at_work(old, Some(new)).then(|| take_away(shovels, &look.old, &look.new));
        let mark = being_stopped(name, &look.old.target, &look.new.name);
        plan.steps.splice(0..0, std::iter::once(check).chain(shovels).chain([mark]));
        let streams = old.streams();
        let streams =
            (!streams.is_empty()).then(|| format!("streams stay behind, on the volumes: {}", named(&streams)));
        plan.warnings.extend(streams);
    }
    plan
}

/// Noted before the first node stops: those that are left cannot say any more what was in the others.
pub fn being_stopped(name: &str, target: &Target, to: &str) -> Step {
    let retired = Migration { to: to.to_owned(), retired: true };
    Step::new(Danger::Changes, format!("mark {name}"), "it is being stopped")
        .action(Action::Run(kubectl::mark_migration(target, &retired)))
        .done(format!("{name} marked"))
}
