//! What is refused, unless it is asked for. Pure.

use super::{Claim, Outlook, Plan, Step};
use crate::chart::Names;
use crate::cluster::{Observed, Target};
use crate::profile::Profile;

/// Ways out of what is refused otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Helm's own record is put right where it names an API that is not served.
    pub repair_record: bool,
    /// A StatefulSet is made anew around its pods, for what Kubernetes changes in none that exists.
    pub recreate: bool,
    /// Objects that are there, and are not helm's, become the release's.
    pub adopt: bool,
}

/// What has to be carried out before the rest of a change can be planned.
pub(super) fn beforehand(
    (profile, target): (&Profile, &Target),
    names: Names,
    observed: &Observed,
    (verb, about): (&'static str, &str),
    steps: Vec<Step>,
) -> Plan {
    Plan {
        verb,
        target: target.clone(),
        about: about.to_owned(),
        steps,
        warnings: Vec::new(),
        outlook: Outlook::default(),
        changes: Vec::new(),
        nothing: String::new(),
        farewell: Vec::new(),
        limit: profile.timeouts.install,
        protected: profile.protected,
        claim: Some(Claim::on(profile, observed)),
        names,
    }
}
