//! Init: the profile, the rule that keeps secrets out of version control, the secrets, the namespace. Pure.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::homes::keep_secrets;
use super::install::about;
use super::{Action, Danger, Outlook, Plan, Step};
use crate::chart;
use crate::cluster::offer::{Class, Offer};
use crate::cluster::{Existence, Observed, Target};
use crate::credentials::Found;
use crate::error::Failure;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::Part;
use crate::profile::draft::Draft;
use crate::profile::keep::There;
use crate::profile::{Namesake, Profile};

/// What is written, and what stands there.
pub struct Files<'a> {
    pub draft: &'a Draft,
    pub there: &'a There,
    /// The whole `.gitignore`, where its rule is missing.
    pub ignore: Option<String>,
    /// A profile that says something else may be replaced: somebody is asked, or said so.
    pub may_replace: bool,
}

/// Everything that the planner decides from.
pub struct Given<'a> {
    pub files: Files<'a>,
    pub target: &'a Target,
    pub found: &'a Found,
    pub offer: &'a Offer,
    pub observed: &'a Observed,
    pub files_only: bool,
    /// A profile of this name in another place that is looked at.
    pub namesake: Option<Namesake>,
}

/// Plans an init; running it again with the same answers plans nothing.
///
/// # Errors
/// A profile that says something else, and nobody to ask: exit 64, nothing changed.
pub fn init(given: &Given<'_>) -> Result<Plan> {
    let profile = &given.files.draft.profile;
    let steps = [
        write_profile(&given.files)?,
        write_rule(&given.files),
        keep_secrets(given.found, given.found.to_generate()),
        create_namespace(given),
    ];
    let next = next(profile);
    Ok(Plan {
        verb: "init",
        target: given.target.clone(),
        names: chart::names(profile),
        about: about(profile),
        steps: steps.into_iter().flatten().collect(),
        outlook: Outlook::default(),
        changes: Vec::new(),
        warnings: warnings(given),
        nothing: format!("nothing to write: {} says this already", profile.path.display()),
        farewell: vec![format!("{} is written.   mqctl plan {next}     mqctl install {next}", profile.path.display())],
        limit: profile.timeouts.boot,
        protected: profile.protected,
        claim: None,
    })
}

/// What the verbs are given to find this profile.
pub(super) fn next(profile: &Profile) -> String {
    let path = &profile.path;
    if *path == PathBuf::from("profiles").join(format!("{}.yaml", profile.name)) {
        return profile.name.clone();
    }
    format!("--profile {}", shell_words::quote(&path.to_string_lossy()))
}

pub(super) fn write_profile(files: &Files<'_>) -> Result<Option<Step>> {
    let path = &files.draft.profile.path;
    let (detail, diff) = match files.there {
        There::Same => return Ok(None),
        There::Nothing => ("new: every field with a comment, defaults commented out", None),
        _ if !files.may_replace => return Err(refusal(files).into()),
        There::Other(diff) => ("replaced, comments and all; the difference is below", Some(diff.clone())),
        There::Mistaken => ("replaced: the one that is there has mistakes", None),
    };
    let title = path.display().to_string();
    let action = Action::WriteFile { path: path.clone(), text: files.draft.text.clone() };
    let step = Step::new(Danger::Changes, title.clone(), detail).action(action).done(format!("{title} written"));
    Ok(Some(Step { diff, ..step }))
}

fn refusal(files: &Files<'_>) -> Failure {
    let path = files.draft.profile.path.display();
    let (what, look, diff) = match files.there {
        There::Other(diff) => ("says something else", "see what it comes to", format!("\n{diff}")),
        _ => ("has mistakes", "see its mistakes", String::new()),
    };
    Failure::new(Outcome::Usage, format!("`{path}` is there and {what}; nothing was changed{diff}"))
        .hint("replace it: the same command with --force")
        .hint(format!("{look}: mqctl inspect {}", next(&files.draft.profile)))
}

pub(super) fn write_rule(files: &Files<'_>) -> Option<Step> {
    let text = files.ignore.clone()?;
    let path = ignore_file(&files.draft.profile.path);
    let title = path.display().to_string();
    let step = Step::new(Danger::Changes, title.clone(), "*.secrets.yaml stays out of version control");
    Some(step.action(Action::WriteFile { path, text }).done(format!("{title} written")))
}

/// `.gitignore` beside the profile.
pub fn ignore_file(profile: &Path) -> PathBuf {
    profile.with_file_name(".gitignore")
}

fn create_namespace(given: &Given<'_>) -> Option<Step> {
    if given.files_only || given.observed.namespace != Existence::Missing || !denied(given, true).is_empty() {
        return None;
    }
    let title = format!("namespace {}", given.target.namespace);
    let call = kubectl::apply(given.target, vec![Part::Text(kubectl::namespace(given.target).to_string())]);
    let step = Step::new(Danger::Changes, title.clone(), "is created");
    Some(step.action(Action::Run(call)).done(format!("{title} created")))
}

/// The rights that are denied: those on namespaces, which init alone needs, or all others.
fn denied<'a>(given: &Given<'a>, on_namespaces: bool) -> Vec<&'a str> {
    let denied = given.observed.denied.iter().map(String::as_str);
    denied.filter(|right| right.ends_with(" namespaces") == on_namespaces).collect()
}

fn warnings(given: &Given<'_>) -> Vec<String> {
    let own = given.files.draft.profile.warnings.iter().map(|w| format!("`{}`: {}", w.path, w.text));
    let missing = [
        other_profile(given),
        missing_class(given),
        missing_namespace(given),
        ending_namespace(given),
        missing_rights(given),
    ];
    given.offer.missing.iter().cloned().chain(missing.into_iter().flatten()).chain(own).collect()
}

/// Two profiles of one name: which of them a verb means depends on the folder that it is called in.
fn other_profile(given: &Given<'_>) -> Option<String> {
    let profile = &given.files.draft.profile;
    let (name, path) = (&profile.name, profile.path.display());
    Some(match given.namesake.as_ref()? {
        Namesake::HiddenBy(other) => {
            format!(
                "`{name}` alone means {}, which is looked for first; this one is {}",
                other.display(),
                next(profile)
            )
        }
        Namesake::Hides(other) => {
            format!("`{name}` means {path} in this folder, and {} in others", other.display())
        }
    })
}

fn missing_class(given: &Given<'_>) -> Option<String> {
    let classes = given.offer.classes.as_ref()?;
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let what = match &given.files.draft.profile.storage.class {
        Some(wished) if !names.contains(&wished.as_str()) => format!("no StorageClass `{wished}`"),
        None if !classes.iter().any(|class: &Class| class.default) => "no default StorageClass".to_owned(),
        _ => return None,
    };
    Some(format!("`storage.class`: the cluster has {what}; those that exist: {there}"))
}

fn missing_namespace(given: &Given<'_>) -> Option<String> {
    let missing = given.observed.namespace == Existence::Missing && !denied(given, true).is_empty();
    let name = &given.target.namespace;
    missing.then(|| format!("namespace `{name}` is missing, and you may not create it; have somebody do it: kubectl create namespace {name}"))
}

fn ending_namespace(given: &Given<'_>) -> Option<String> {
    let name = &given.target.namespace;
    let ends = given.observed.namespace_ends.is_some();
    ends.then(|| format!("namespace `{name}` is being deleted; an install has to wait until it is gone"))
}

fn missing_rights(given: &Given<'_>) -> Option<String> {
    let denied = denied(given, false);
    let namespace = &given.target.namespace;
    (!denied.is_empty())
        .then(|| format!("an install needs in namespace `{namespace}` what you may not: {}", denied.join(", ")))
}
