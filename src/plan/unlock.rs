//! Unlock: what somebody holds, or left behind, is taken away. Pure.

use super::{Claim, Danger, Outlook, Plan, Step, pending};
use crate::chart;
use crate::cluster::{Lease, Observed, Target};
use crate::profile::Profile;

/// Plans an unlock; empty where nobody holds the release and no helm was cut short.
///
/// The Lease is taken over, whoever has it, and given back at the end, as that of every other change: nobody comes in
/// between.
pub(crate) fn unlock(profile: &Profile, target: &Target, observed: &Observed) -> Plan {
    let (names, name) = (chart::names(profile), &profile.name);
    let lease = observed.lease.as_ref();
    let steps = lease.map(|lease| take_away(lease, &names.lease)).into_iter().chain(pending::clear(target, observed));
    Plan {
        verb: "unlock",
        target: target.clone(),
        about: "unlock".to_owned(),
        steps: steps.collect(),
        warnings: lease.and_then(warning).into_iter().chain(helm_may_run(observed)).collect(),
        outlook: Outlook::default(),
        changes: Vec::new(),
        nothing: "nothing to unlock: nobody is at work on it".to_owned(),
        farewell: vec![format!("unlocked.   mqctl status {name}     mqctl install {name}")],
        limit: profile.timeouts.boot,
        protected: profile.protected,
        claim: Some(Claim { profile: name.clone(), from: observed.lease.clone(), beside: None }),
        names,
    }
}

fn take_away(lease: &Lease, name: &str) -> Step {
    let dead = if lease.abandoned { "; that process is dead" } else { "" };
    let title = format!("Lease {name}");
    Step::new(Danger::Changes, title.clone(), format!("taken away from {}{dead}", lease.in_words()))
        .done(format!("{title} taken away"))
}

fn warning(lease: &Lease) -> Option<String> {
    let text = "its holder may be at work: it stops before its next step, and the step that it is in goes on";
    (!lease.abandoned).then(|| text.to_owned())
}

/// Nobody can look at another machine's processes.
fn helm_may_run(observed: &Observed) -> Option<String> {
    let release = observed.release.as_ref().filter(|release| release.pending())?;
    let dead = observed.lease.as_ref().is_some_and(|lease| lease.abandoned);
    (!dead).then(|| format!("make sure that no helm is at work: the release is `{}`", release.status))
}
