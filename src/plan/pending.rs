//! A release whose last helm never ended: killed, or still at work. Pure.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;

use super::{Action, Danger, Step};
use crate::cluster::{Observed, Target};
use crate::error::Failure;
use crate::explain::Code;
use crate::helm::{self, Release};
use crate::kubectl;
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::recover::under_way;

/// No helm is at work for longer, unless the profile lets it.
const LONGEST: Duration = Duration::from_secs(600);

/// A killed helm leaves `pending-…`, and every later helm refuses to work on it.
pub(super) fn clear(target: &Target, observed: &Observed) -> Option<Step> {
    let release = observed.release.as_ref().filter(|r| r.pending())?;
    let call = match release.status.as_str() {
        "pending-install" | "uninstalling" => helm::uninstall(target),
        // Back to the StatefulSet of before would be one of those changes that it was made anew for.
        _ if makes_anew(observed) => kubectl::delete(target, &[helm::record(target, &release.revision)]),
        _ => helm::rollback(target),
    };
    let title = format!("clear `{}`", release.status);
    let detail = format!("an earlier helm was cut short at revision {}; volumes are not touched", release.revision);
    Some(
        Step::new(Danger::Changes, title, detail).action(Action::Run(call)).done(format!("{} cleared", release.status)),
    )
}

/// An upgrade has taken the StatefulSet away from its pods, for helm to make it anew.
fn makes_anew(observed: &Observed) -> bool {
    observed.evidence.as_ref().is_some_and(|object| under_way::kept_set(object).is_some())
}

/// Refuses where a helm may still be at work. It is not where a mqctl died that had the Lease, or where it began too
/// long ago.
///
/// # Errors
/// Another mqctl, or a helm that nobody can look at: exit 75, nothing changed.
pub(crate) fn require_settled(profile: &Profile, target: &Target, observed: &Observed, now: Timestamp) -> Result<()> {
    let Some(release) = observed.release.as_ref().filter(|r| r.pending()) else { return Ok(()) };
    match &observed.lease {
        Some(lease) if lease.abandoned => Ok(()),
        Some(lease) => Err(lease.refusal(&target.release, &profile.name).into()),
        None if is_old(release, profile, now) => Ok(()),
        None => Err(may_run(release, profile, target).into()),
    }
}

/// What cannot be told is old: nobody may be kept out for ever.
fn is_old(release: &Release, profile: &Profile, now: Timestamp) -> bool {
    let longest = LONGEST.max(profile.timeouts.install);
    release
        .begun()
        .is_none_or(|begun| now.as_second() - begun.as_second() > i64::try_from(longest.as_secs()).unwrap_or(i64::MAX))
}

fn may_run(release: &Release, profile: &Profile, target: &Target) -> Failure {
    let begun = release.updated.get(..16).unwrap_or(&release.updated);
    let text = format!(
        "`{}` is {} since {begun} (revision {}): a helm that is none of mqctl's may be at work; nothing was changed",
        target.release, release.status, release.revision
    );
    Failure::new(Outcome::TimedOut, text)
        .hint("run the same command again when it has ended")
        .hint(format!("mqctl unlock {}   # if no helm runs any more", profile.name))
        .code(Code::HelmPending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_s_own_time_says_how_old_a_release_is() {
        let text = "format: 1\nnamespace: mq\ntimeouts: {install: 20m}\n";
        let profile = crate::profile::read(text, std::path::Path::new("profiles/q.yaml")).unwrap();
        let old = |now: &str, updated: &str| {
            let release =
                serde_json::json!({"revision": "1", "status": "pending-install", "chart": "c", "updated": updated});
            is_old(&serde_json::from_value(release).unwrap(), &profile, now.parse().unwrap())
        };
        let updated = "2026-11-22 12:03:00.157753461 +0100 CET";
        assert!(!old("2026-11-22T11:04:00Z", updated), "a minute");
        assert!(!old("2026-11-22T11:22:59Z", updated), "the profile lets helm work for 20 minutes");
        assert!(old("2026-11-22T11:23:01Z", updated));
        assert!(!old("2026-11-22T11:02:00Z", updated), "the clock of helm's machine is ahead");
        assert!(old("2026-11-22T11:04:00Z", "long ago"));
    }
}
