//! A new password while the broker runs, or a new Erlang cookie through a full stop. Pure.
//!
//! The new secret is kept beside the old one in mqctl's Secret until everybody has it: whoever finds it there knows that
//! a rotation was cut short, and goes on with the same one.

use std::path::PathBuf;
use std::time::Duration;

use super::{Action, Claim, Condition, Danger, Outlook, Plan, Step, Wished, delete, secret_object};
use crate::chart::{self, Names};
use crate::cluster::probes::{self, LogsIn, Shown};
use crate::cluster::{Observed, Target};
use crate::kubectl;
use crate::process::{Call, Part};
use crate::profile::Profile;
use crate::rabbitmq;
use crate::secret::Name;
use crate::units::{show_duration, show_nodes};

mod probed;

/// Everything that the planner decides from.
pub struct Given<'a> {
    pub profile: &'a Profile,
    pub target: &'a Target,
    pub observed: &'a Observed,
    /// Which secret.
    pub what: Name,
    /// Where the new one comes from.
    pub next: Next,
    /// The secrets file, where the secret has its home there.
    pub file: Option<PathBuf>,
    /// Where the file is kept as it was, if it is to be.
    pub aside: Option<PathBuf>,
    /// The limit of the boot.
    pub limit: Duration,
}

/// Where the new secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Generated,
    /// The profile's side has another one than the cluster: that is the new one.
    Profile,
    /// A rotation that was cut short kept it in the Secret.
    Kept,
    /// The same, and no broker runs that could be told a password: the next install tells them.
    Untold,
}

/// Plans a rotation, or the rest of one.
pub fn rotate(given: &Given<'_>) -> Plan {
    let names = chart::names(given.profile);
    let steps = match (given.next, given.what) {
        (Next::Untold, _) => before_boot(given, &names),
        (_, Name::Password) => new_password(given, &names),
        _ => new_cookie(given, &names),
    };
    plan(given, names, steps)
}

fn before_boot(given: &Given<'_>, names: &Names) -> Vec<Step> {
    let detail = "the new password in the place of the old one; the brokers are told when they have booted";
    let note = Step::new(Danger::Changes, format!("Secret {}", names.secret), detail)
        .action(Action::Preset(given.what))
        .action(Action::Run(kubectl::apply(given.target, object(given, names, Some(given.what.next()), None))))
        .done(format!("Secret {} written", names.secret));
    vec![note, promote(given)]
}

/// While the broker runs: it is told first, unless that would have probes fail.
pub(super) fn new_password(given: &Given<'_>, names: &Names) -> Vec<Step> {
    if let Some(shown) = probed(given) {
        return probed::new_password(given, names, &shown);
    }
    let tell = tell_broker(given.target, given.observed, &given.profile.credentials.username);
    let steps = [tell, promote(given), finish(given, names), verify(given, names)];
    keep_next(given, names).into_iter().chain(steps).collect()
}

/// The password that the pods' probes log in with.
pub(crate) fn probes_log_in(profile: &Profile, observed: &Observed) -> Option<LogsIn> {
    let names = chart::names(profile);
    let keys = chart::password_keys(profile);
    probes::logs_in(&observed.set.as_ref()?.pod_spec, &names.container, &keys, &names.secret)
}

/// How the pods have it, as long as they have it from mqctl's Secret.
fn probed(given: &Given<'_>) -> Option<Shown> {
    let own = chart::names(given.profile).secret;
    probes_log_in(given.profile, given.observed).filter(|found| found.secret == own).map(|found| found.shown)
}

/// Where no broker runs: it is written down, to be told after the next boot.
pub(super) fn note_password(given: &Given<'_>, names: &Names) -> Vec<Step> {
    keep_next(given, names).into_iter().chain([promote(given)]).collect()
}

fn new_cookie(given: &Given<'_>, names: &Names) -> Vec<Step> {
    let mut steps: Vec<Step> = keep_next(given, names).into_iter().collect();
    steps.extend(delete::stop(given.target, given.observed));
    steps.extend([promote(given), finish(given, names), start(given), verify(given, names)]);
    steps
}

fn plan(given: &Given<'_>, names: Names, steps: Vec<Step>) -> Plan {
    let name = &given.profile.name;
    let reach = if given.what == Name::Password { "while the broker runs" } else { "by a full stop of all nodes" };
    let probed = probed(given).filter(|_| given.what == Name::Password && given.next != Next::Untold);
    Plan {
        verb: "credentials rotate",
        target: given.target.clone(),
        names,
        about: format!("a new {} {reach}{}", given.what, probed.as_ref().map_or("", probed::about)),
        steps,
        warnings: Vec::new(),
        outlook: Outlook::default(),
        changes: Vec::new(),
        nothing: String::new(),
        farewell: vec![match given.next {
            Next::Untold => format!("boot the nodes, and they are told: mqctl install {name}"),
            _ => format!("the {} is rotated.     mqctl credentials show {name} --reveal", given.what),
        }],
        limit: given.limit,
        protected: given.profile.protected,
        claim: Some(Claim::on(given.profile, given.observed)),
    }
}

fn keep_next(given: &Given<'_>, names: &Names) -> Option<Step> {
    if matches!(given.next, Next::Kept | Next::Untold) {
        return None;
    }
    let detail = format!("{}; beside the old one until it is everywhere", new_secret(given));
    let step = generated(given, Step::new(Danger::Changes, format!("Secret {}", names.secret), detail))
        .done(format!("new {} kept in the Secret", given.what));
    Some(step.action(Action::Run(kubectl::apply(given.target, object(given, names, Some(given.what.next()), None)))))
}

fn new_secret(given: &Given<'_>) -> String {
    let from = match given.next {
        Next::Generated => "generated, 32 characters",
        Next::Profile => "the profile's",
        Next::Kept | Next::Untold => "the one that was kept",
    };
    format!("new {}: {from}", given.what)
}

fn generated(given: &Given<'_>, step: Step) -> Step {
    if given.next != Next::Generated {
        return step;
    }
    // The chart wants a present one, also where nobody knows it.
    step.action(Action::Generate(given.what.next())).action(Action::Preset(given.what))
}

/// `ahead`: see [`secret_object::Object::ahead`].
fn object(given: &Given<'_>, names: &Names, next: Option<Name>, ahead: Option<&[String]>) -> Vec<Part> {
    let tag = given.observed.tag().unwrap_or(&given.profile.image.tag);
    secret_object::Object { profile: given.profile, target: given.target, names, tag, next, ahead }.manifest()
}

pub(super) fn tell_broker(target: &Target, observed: &Observed, user: &str) -> Step {
    let (call, step) = telling(target, observed, user);
    step.action(Action::Run(call))
}

/// Connections that are open stay open: RabbitMQ asks for the password at the start of one only.
pub(super) fn telling(target: &Target, observed: &Observed, user: &str) -> (Call, Step) {
    let pod = observed.ready().next().map_or_else(|| format!("{}-0", target.stateful_set), str::to_owned);
    let call = kubectl::exec_eval(target, &pod, rabbitmq::change_password(user));
    let detail = format!("in the broker, through {pod}; open connections stay open");
    let step = Step::new(Danger::Changes, format!("password of {user}"), detail);
    (call, step.done(format!("the broker has the new password of {user}")))
}

fn promote(given: &Given<'_>) -> Step {
    let action = Action::Promote { name: given.what, file: given.file.clone() };
    match &given.file {
        Some(file) => {
            let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let step = Step::new(Danger::Changes, &file, format!("the new {} in the place of the old one", given.what))
                .done(format!("{file} rewritten"));
            step.set_aside(given.file.as_ref(), given.aside.as_ref()).action(action)
        }
        None => {
            Step::new(Danger::Reads, format!("the {} of the profile", given.what), "its source has the new one already")
                .action(action)
        }
    }
}

fn finish(given: &Given<'_>, names: &Names) -> Step {
    Step::new(Danger::Changes, format!("Secret {}", names.secret), format!("the new {} alone", given.what))
        .action(Action::Run(kubectl::apply(given.target, object(given, names, None, None))))
        .done(format!("Secret {} written", names.secret))
}

fn start(given: &Given<'_>) -> Step {
    let count = given.profile.replicas;
    Step::new(Danger::Changes, "start all nodes", format!("with the new cookie, up to {}", show_duration(given.limit)))
        .action(Action::Run(kubectl::scale(given.target, count)))
        .action(Action::Wait(Condition::AllReady))
        .done(format!("{} ready", show_nodes(count)))
}

fn verify(given: &Given<'_>, names: &Names) -> Step {
    let wished = Wished { pods: names.pods.clone(), username: given.profile.credentials.username.clone() };
    let user = &wished.username;
    Step::new(Danger::Reads, format!("login as {user}"), "members, alarms, cookie, by the brokers' own word")
        .done(format!("all nodes agree, logged in as {user}"))
        .action(Action::Verify(wished))
}
