//! What an install refuses before anything is changed, each with the reason. Pure.

use anyhow::Result;

use super::anew;
use super::install::{Given, Verb};
use super::version_step::version;
use crate::chart;
use crate::cluster::{Claim, Existence};
use crate::error::Failure;
use crate::explain::Code;
use crate::forecast::Forecast;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::secret::Name;
use crate::units::Quantity;

/// Checks what was seen against what is wished, as far as one look goes.
///
/// # Errors
/// The first contradiction: exit 78, nothing changed.
pub(crate) fn at_once(given: &Given<'_>) -> Result<()> {
    let version = if given.verb == Verb::Install { version(given) } else { None };
    first([
        under_way(given),
        not_installed(given),
        storage_class(given),
        volumes(given),
        other_chart(given),
        drifted(given).filter(|_| chart::takes_policy(given.profile)),
        username(given),
        password(given),
        version,
        fewer_nodes(given),
    ])
}

/// The same with what helm, the API server and the brokers say of the next revision.
///
/// # Errors
/// As `at_once`.
pub(super) fn check(given: &Given<'_>) -> Result<()> {
    at_once(given)?;
    first([
        version(given),
        foretold(given),
        anew::refused(given),
        drifted(given).filter(|_| !anew::makes_anew(given)),
        not_whole(given),
    ])
}

fn first<const N: usize>(refusals: [Option<Failure>; N]) -> Result<()> {
    refusals.into_iter().flatten().next().map_or(Ok(()), |failure| Err(failure.into()))
}

pub(super) fn refusal(code: Code, text: &str) -> Failure {
    Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed")).code(code)
}

/// It would start nodes that are held back, and undo what has to be put back in turn.
fn under_way(given: &Given<'_>) -> Option<Failure> {
    let word = given.observed.recovery()?;
    let text = format!("a recovery ({word}) of `{}` was cut short", given.target.release);
    Some(refusal(Code::Recovery, &text).hint(format!("mqctl recover {}   # finishes it", given.profile.name)))
}

fn storage_class(given: &Given<'_>) -> Option<Failure> {
    let observed = given.observed;
    if observed.storage_class != Existence::Missing || !observed.claims.is_empty() {
        return None;
    }
    let wished = given.profile.storage.class.as_deref().unwrap_or_default();
    let there = &observed.storage_classes;
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    let text = format!("`storage.class`: the cluster has no StorageClass `{wished}`");
    Some(refusal(Code::StorageClass, &text).hint(format!("those that exist: {there}")))
}

/// After a delete the volumes are used again as they are: neither size nor class of them is changed by an install.
fn volumes(given: &Given<'_>) -> Option<Failure> {
    let observed = given.observed;
    if observed.set.is_some() {
        return None;
    }
    let wished = &given.profile.storage;
    let other_class = |claim: &&Claim| wished.class.as_ref().is_some_and(|class| *class != claim.class);
    if let Some(claim) = observed.claims.iter().find(other_class) {
        let text =
            format!("`storage.class`: {}", kept(claim, &claim.class, wished.class.as_deref().unwrap_or_default()));
        let hint = format!("storage: {{class: {}}}   # in the profile", claim.class);
        return Some(refusal(Code::Volumes, &text).hint(hint));
    }
    let bytes = |claim: &Claim| claim.size.parse().map(|size: Quantity| size.bytes());
    let other_size = |claim: &&Claim| bytes(claim).is_ok_and(|bytes| bytes != wished.size.bytes());
    let claim = observed.claims.iter().find(other_size)?;
    let larger = bytes(claim).is_ok_and(|bytes| bytes < wished.size.bytes());
    let shrinks = if larger { "" } else { ", and no volume shrinks" };
    let text = format!("`storage.size`: {}{shrinks}", kept(claim, &claim.size, wished.size.as_str()));
    let refusal = refusal(Code::Volumes, &text).hint(format!("storage: {{size: {}}}   # in the profile", claim.size));
    Some(if larger { refusal.hint(let_grow(given)) } else { refusal })
}

fn kept(claim: &Claim, there: &str, wished: &str) -> String {
    format!("the volumes of an earlier install are used again, and `{}` is {there}, not {wished}", claim.name)
}

/// The way to larger volumes; the class has to allow it.
fn let_grow(given: &Given<'_>) -> String {
    let claims: Vec<&str> = given.observed.claims.iter().map(|claim| claim.name.as_str()).collect();
    kubectl::grow(given.target, &claims, given.profile.storage.size.as_str(), false).to_string()
}

fn other_chart(given: &Given<'_>) -> Option<Failure> {
    let release = given.observed.release.as_ref().filter(|r| !chart::made(given.profile, &r.chart))?;
    let text = format!("the release name `{}` is taken by chart `{}`", given.target.release, release.chart);
    let take_over = format!(
        "or take it over: mqctl init NAME --from-release {} --namespace {} --chart PATH",
        given.target.release, given.target.namespace
    );
    Some(refusal(Code::ReleaseTaken, &text).hint("choose another `release` in the profile").hint(take_over))
}

/// The broker makes its first user on blank volumes only.
fn username(given: &Given<'_>) -> Option<Failure> {
    let wished = &given.profile.credentials.username;
    let there = given.observed.noted.username.as_ref().filter(|there| *there != wished)?;
    let text =
        format!("`credentials.username`: `{}` was installed with `{there}`, not `{wished}`", given.target.release);
    Some(refusal(Code::Username, &text).hint(format!("credentials: {{username: {there}}}   # in the profile")))
}

/// Only where nothing is there yet: nobody is kept from a release that has such a password.
fn password(given: &Given<'_>) -> Option<Failure> {
    let flaw = flaw(given).filter(|_| !given.observed.has_past())?;
    let failure = Failure::new(Outcome::BadProfile, format!("`credentials.password`: {flaw}; nothing was changed"));
    Some(failure.hint("where no source and no secrets file has one, letters and digits are generated"))
}

/// The same, where it is not refused.
pub(super) fn doubtful_password(given: &Given<'_>) -> Option<String> {
    flaw(given).filter(|_| given.observed.has_past()).map(|flaw| format!("`credentials.password`: {flaw}"))
}

fn flaw(given: &Given<'_>) -> Option<&'static str> {
    chart::password_flaw(given.profile, given.found.vault.get(Name::Password)?)
}

/// What no plan may begin with, of what the forecast tells.
fn foretold(given: &Given<'_>) -> Option<Failure> {
    let stops = |one: &&Forecast| match one.code {
        Code::CredMismatch => true,
        Code::ConfNotRolled => given.restarts(),
        _ => false,
    };
    let Forecast { code, subject, message, fix } = given.forecast.iter().find(stops)?;
    Some(refusal(*code, &format!("`{subject}`: {message}")).hint(fix))
}

fn not_installed(given: &Given<'_>) -> Option<Failure> {
    if given.verb == Verb::Install || given.observed.release.is_some() {
        return None;
    }
    let text = format!("there is no release `{}` in namespace `{}`", given.target.release, given.target.namespace);
    let failure = Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"));
    Some(failure.hint(format!("mqctl install {}", given.profile.name)))
}

/// As a recovery has left it: the profile does not say so yet. Where the chart can be told nothing of it, what it renders
/// decides first.
fn drifted(given: &Given<'_>) -> Option<Failure> {
    let set = &given.target.stateful_set;
    let parallel = given.observed.set.as_ref()?.parallel;
    let text = format!(
        "StatefulSet `{set}` is Parallel, and the profile wants OrderedReady: Kubernetes keeps this field for ever"
    );
    let line = format!("{}   # in the profile", chart::parallel_line(given.profile));
    (parallel && !chart::is_parallel(given.profile)).then(|| refusal(Code::Immutable, &text).hint(line))
}

/// A rolling restart takes one node away at a time: with another one missing already that is one too many.
fn not_whole(given: &Given<'_>) -> Option<Failure> {
    let size = given.observed.set.as_ref()?.replicas as usize;
    let complaint = given.answers().find_map(|(pod, answer)| match answer {
        Err(words) => Some(format!("`{pod}` does not answer: {words}")),
        Ok(answer) if answer.running != Some(true) => Some(format!("`{pod}` has not booted")),
        Ok(answer) if answer.up.as_ref().map_or(0, Vec::len) != size => {
            Some(format!("`{pod}` sees {} of {size} members", answer.up.as_ref().map_or(0, Vec::len)))
        }
        Ok(answer) => answer.alarms.as_ref()?.first().map(|alarm| format!("`{pod}` has an alarm: {alarm}")),
    })?;
    // Where pods cannot run as they are, the change is the cure, and there is nothing to restart.
    if !given.restarts() || given.observed.pods.iter().any(|pod| pod.standing.stuck()) {
        return None;
    }
    let text = format!("{complaint}; an upgrade restarts node after node, and needs all the others");
    Some(refusal(Code::NotWhole, &text).hint(format!("mqctl status {}", given.profile.name)))
}

/// A member that is scaled away stays a member, and its queues stay on its volume.
fn fewer_nodes(given: &Given<'_>) -> Option<Failure> {
    let (wished, there) = (given.profile.replicas, given.observed.set.as_ref()?.replicas);
    if wished >= there {
        return None;
    }
    let text =
        format!("`replicas`: `{}` runs with {there}, and taking members away is not an install", given.target.release);
    Some(refusal(Code::FewerNodes, &text).hint(format!("replicas: {there}   # in the profile")))
}
