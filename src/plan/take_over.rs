//! A release that plain helm made becomes mqctl's: its profile is written, and its secrets go into both homes. No pod is
//! touched. Pure.

use anyhow::Result;

use super::Plan;
use super::init::{self, Files};
use super::install::about;
use crate::cluster::{Observed, pod_secrets};

/// Everything that the planner decides from.
pub struct Given<'a> {
    pub files: Files<'a>,
    /// The secrets into their homes.
    pub adoption: Plan,
    pub observed: &'a Observed,
    pub warnings: Vec<String>,
}

/// Plans to take a release over, or the rest of that.
///
/// # Errors
/// A profile that says something else, and nobody to ask: exit 64, nothing changed.
pub fn take_over(given: Given<'_>) -> Result<Plan> {
    let Given { files, adoption, observed, warnings } = given;
    let profile = &files.draft.profile;
    let next = init::next(profile);
    let written = [init::write_profile(&files)?, init::write_rule(&files)];
    let own = profile.warnings.iter().map(|w| format!("`{}`: {}", w.path, w.text));
    let path = profile.path.display();
    let farewell = format!("{path} is written.   mqctl plan {next}     mqctl upgrade {next}");
    Ok(Plan {
        verb: "init",
        about: about(profile),
        steps: written.into_iter().flatten().chain(adoption.steps).collect(),
        warnings: own.chain(warnings).chain(adoption.warnings).collect(),
        nothing: format!("nothing to write: {path} says what the release is, and both homes have its secrets"),
        farewell: std::iter::once(farewell).chain(handed_over(&adoption.names.secret, observed)).collect(),
        ..adoption
    })
}

/// What the first upgrade does beside what the profile's next change asks for.
fn handed_over(secret: &str, observed: &Observed) -> Option<String> {
    let referred = pod_secrets::referred(&observed.set.as_ref()?.pod_spec);
    (!referred.iter().any(|name| name == secret)).then(|| {
        format!("no pod was touched; the first upgrade lets the pods take cookie and password from Secret {secret}, and restarts them for that")
    })
}
