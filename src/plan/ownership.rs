//! Objects that the chart would make, and that are there without being helm's, become those of the release. Pure.

use super::offers::beforehand;
use super::{Action, Danger, Plan, Step};
use crate::chart::Names;
use crate::cluster::ownership::{Owner, Stranger, Strangers};
use crate::cluster::{Observed, Target};
use crate::error::Failure;
use crate::explain::Code;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::Part;
use crate::profile::Profile;

/// Why helm would not take these objects, and whether it can be let.
pub(crate) fn refusal(profile: &Profile, verb: &str, strangers: &Strangers) -> Option<Failure> {
    let first = strangers.all.iter().find(|one| lives(one)).or(strangers.all.first())?;
    let more = strangers.all.len() - 1;
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    let text = format!("`{}`{more} is there already, {}", first.object, in_words(first));
    let failure = |text: String| {
        Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed")).code(Code::Ownership)
    };
    let other_names = "another `release` in the profile, or `fullnameOverride` under its `values`";
    if let Some(words) = strangers.unlike.as_ref().filter(|_| !cannot_be(strangers)) {
        return Some(failure(format!("{text}, and the chart's does not fit in its place: {words}")).hint(other_names));
    }
    if cannot_be(strangers) {
        return Some(failure(text).hint(other_names));
    }
    let way = format!("mqctl {verb} {} --adopt-objects", profile.name);
    Some(failure(text).hint(format!("{way}   # it becomes the release's, with the chart's content")).hint(other_names))
}

fn lives(stranger: &Stranger) -> bool {
    matches!(stranger.owner, Owner::Lives(_))
}

/// Of another release that is there.
fn cannot_be(strangers: &Strangers) -> bool {
    strangers.all.iter().any(lives)
}

/// It is asked for, and nothing speaks against it.
pub(crate) fn may_be(strangers: &Strangers) -> bool {
    !cannot_be(strangers) && strangers.unlike.is_none()
}

fn in_words(stranger: &Stranger) -> String {
    match &stranger.owner {
        Owner::Nobody => "and helm did not make it".to_owned(),
        Owner::Gone(release) => format!("left behind by a release `{release}` that is gone"),
        Owner::Lives(release) => format!("of the release `{release}`"),
    }
}

/// The adoption before a change that helm would refuse without it.
pub(crate) fn first(
    (profile, target): (&Profile, &Target),
    names: Names,
    observed: &Observed,
    verb: &'static str,
    strangers: &Strangers,
) -> Plan {
    let count = strangers.all.len();
    let title = format!("take over {count} object{}", if count == 1 { "" } else { "s" });
    let notes = strangers.all.iter().map(|one| format!("{}, {}", one.object, in_words(one))).collect();
    let call = kubectl::take_back(target, vec![Part::Text(strangers.wished.clone())]);
    let step = Step::new(Danger::Changes, title, "they get the chart's content, and helm's marks of this release")
        .notes(notes)
        .action(Action::Run(call))
        .done(format!("{count} object{} taken over", if count == 1 { "" } else { "s" }));
    let about = "objects that are there become the release's; what is to change is planned after that";
    beforehand((profile, target), names, observed, (verb, about), vec![step])
}
