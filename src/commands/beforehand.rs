//! What has to be done before a change can be planned: helm's record put right, objects of others taken over.

use anyhow::Result;
use serde_json::Value;

use super::ahead::{self, Ahead};
use crate::changes::What;
use crate::chart;
use crate::cluster::{Existence, Observed, Target, ownership, records};
use crate::context::Context;
use crate::helm;
use crate::plan::install::{Given, Offers, Verb};
use crate::plan::{self, Plan, record};
use crate::profile::Profile;

/// What the look at the next revision came to.
pub(super) enum Beforehand {
    /// A plan of its own; the rest can be planned when it has been carried out.
    First(Box<Plan>),
    Next(Box<Ahead>),
}

/// A record that helm cannot use is put right before anything else, or is what the change is refused for.
pub(super) fn repair(
    cx: &Context,
    (profile, target): (&Profile, &Target),
    observed: &Observed,
    offers: Offers,
) -> Result<Option<Plan>> {
    if observed.release.is_none() {
        return Ok(None);
    }
    let names = chart::names(profile);
    let records = records::look(&cx.tools, profile, target, &names)?;
    match record::refusal(target, &records, &format!("mqctl upgrade {}", profile.name)) {
        None => Ok(None),
        Some(_) if offers.repair_record => Ok(Some(record::first(profile, target, names, observed, &records))),
        Some(refusal) => Err(refusal.into()),
    }
}

/// Objects that helm would not import are found before it is run: of a first install by a look at all that the chart makes,
/// later at what would be new.
pub(super) fn adoption(cx: &Context, given: &Given<'_>, look: impl Fn() -> Result<Ahead>) -> Result<Beforehand> {
    let (wished, ahead) = match look() {
        Ok(ahead) => (new_objects(given, &ahead), Ok(ahead)),
        Err(error) if helm::is_about_ownership(&error) => (ahead::apart(cx, given)?, Err(error)),
        Err(error) => return Err(error),
    };
    let strangers = ownership::look(&cx.tools, given.target, &wished)?;
    let verb = if given.verb == Verb::Install { "install" } else { "upgrade" };
    match plan::ownership::refusal(given.profile, verb, &strangers) {
        None => Ok(Beforehand::Next(Box::new(ahead?))),
        Some(_) if given.offers.adopt && plan::ownership::may_be(&strangers) => {
            let names = chart::names(given.profile);
            let plan = plan::ownership::first((given.profile, given.target), names, given.observed, verb, &strangers);
            Ok(Beforehand::First(Box::new(plan)))
        }
        Some(refusal) => Err(refusal.into()),
    }
}

/// Without a release all objects are new, and in a namespace that is not there nobody has made any.
fn new_objects(given: &Given<'_>, ahead: &Ahead) -> Vec<Value> {
    let new = |object: &&Value| match ahead.next.as_ref().and_then(|next| next.preview.as_ref()) {
        None => given.observed.release.is_none() && given.observed.namespace != Existence::Missing,
        Some(preview) => preview
            .changes
            .objects
            .iter()
            .any(|change| change.what == What::Created && change.object == ownership::in_words(object)),
    };
    ahead.objects.iter().filter(new).cloned().collect()
}
