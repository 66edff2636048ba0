//! What an install refuses before anything is changed, each with the reason. Pure.

use anyhow::Result;

use super::install::Given;
use crate::cluster::Existence;
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;

/// Checks what was seen against what is wished.
///
/// # Errors
/// The first contradiction: exit 78, nothing changed.
pub(super) fn check(given: &Given<'_>) -> Result<()> {
    let refusals = [storage_class(given), other_chart(given), username(given), version(given), fewer_nodes(given)];
    refusals.into_iter().flatten().next().map_or(Ok(()), |failure| Err(failure.into()))
}

fn refusal(code: Code, text: &str) -> Failure {
    Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed")).code(code)
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

fn other_chart(given: &Given<'_>) -> Option<Failure> {
    let release = given.observed.release.as_ref().filter(|r| !r.chart.starts_with("mqctl-rabbitmq-"))?;
    let text = format!("the release name `{}` is taken by chart `{}`", given.target.release, release.chart);
    Some(refusal(Code::ReleaseTaken, &text).hint("choose another `release` in the profile"))
}

/// The broker makes its first user on blank volumes only.
fn username(given: &Given<'_>) -> Option<Failure> {
    let wished = &given.profile.credentials.username;
    let there = given.observed.noted.username.as_ref().filter(|there| *there != wished)?;
    let text =
        format!("`credentials.username`: `{}` was installed with `{there}`, not `{wished}`", given.target.release);
    Some(refusal(Code::Username, &text).hint(format!("credentials: {{username: {there}}}   # in the profile")))
}

/// Volumes of one minor version may not simply be given to another: 4.3 destroys the metadata of a 4.0 cluster on
/// Mnesia while every pod stays green. A patch release of the same series is harmless.
fn version(given: &Given<'_>) -> Option<Failure> {
    let wished = &given.profile.image.tag;
    let there = given.observed.image_of_volumes().filter(|there| there != wished)?;
    if series(there).is_some() && series(there) == series(wished) {
        return None;
    }
    let text = format!("`image.tag`: the volumes of `{}` were written by {there}, not {wished}", given.target.release);
    let refusal = refusal(Code::VersionStep, &text)
        .hint(format!("image: {{tag: {there}}}   # in the profile; a step to another version is not an install"));
    let unsure = given.observed.noted.booted.is_none();
    let name = &given.profile.name;
    Some(if unsure { refusal.hint(format!("if {there} never ran: mqctl delete {name} --purge")) } else { refusal })
}

/// `4.0` of `4.0.5-management`.
fn series(tag: &str) -> Option<(u64, u64)> {
    let version = tag.split(['-', '@']).next()?;
    let version = semver::Version::parse(version).ok()?;
    Some((version.major, version.minor))
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

#[cfg(test)]
mod tests {
    use super::series;

    #[test]
    fn patch_releases_are_of_one_series() {
        assert_eq!(series("4.0.5-management"), series("4.0.9"));
        assert_ne!(series("4.0.5"), series("4.3.6"));
        assert_eq!(series("latest"), None);
    }
}
