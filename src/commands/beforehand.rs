//! What has to be done before a change can be planned: helm's record put right, objects of others taken over.

use anyhow::Result;
use serde_json::Value;

use crate::changes::What;
use crate::chart;
use crate::cluster::{Existence, Observed, Target, ownership, records};
use crate::context::Context;
use crate::helm;
use crate::plan::install::{Given, Next, Offers, Verb};
use crate::plan::{Plan, record, take_over};
use crate::profile::{ChartRef, Profile};
use crate::yaml;

/// What the look at the next revision came to.
pub(super) enum Beforehand {
    /// A plan of its own; the rest can be planned when it has been carried out.
    First(Box<Plan>),
    Next(Option<Next>),
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
pub(super) fn adoption(
    cx: &Context,
    given: &Given<'_>,
    look_ahead: impl Fn(&Context, &Given<'_>) -> Result<Option<Next>>,
) -> Result<Beforehand> {
    let (wished, next) = match look_ahead(cx, given) {
        Ok(next) => (new_objects(cx, given, next.as_ref())?, Ok(next)),
        Err(error) if helm::is_about_ownership(&error) => (rendered(cx, given)?, Err(error)),
        Err(error) => return Err(error),
    };
    let strangers = ownership::look(&cx.tools, given.target, &wished)?;
    let verb = if given.verb == Verb::Install { "install" } else { "upgrade" };
    match take_over::refusal(given.profile, verb, &strangers) {
        None => Ok(Beforehand::Next(next?)),
        Some(_) if given.offers.adopt && take_over::may_be(&strangers) => {
            let names = chart::names(given.profile);
            let plan = take_over::first((given.profile, given.target), names, given.observed, verb, &strangers);
            Ok(Beforehand::First(Box::new(plan)))
        }
        Some(refusal) => Err(refusal.into()),
    }
}

/// Without a release all objects are new. The built-in chart is not rendered for it: where its StatefulSet and Services are
/// not there, nobody has installed by hand.
fn new_objects(cx: &Context, given: &Given<'_>, next: Option<&Next>) -> Result<Vec<Value>> {
    let observed = given.observed;
    if observed.release.is_none() {
        let anything = observed.set.is_some() || !observed.services.is_empty();
        let look = anything || given.profile.chart != ChartRef::Builtin;
        return if look && observed.namespace != Existence::Missing { rendered(cx, given) } else { Ok(Vec::new()) };
    }
    let Some(preview) = next.and_then(|next| next.preview.as_ref()) else { return Ok(Vec::new()) };
    let created = |object: &Value| {
        let changes = &preview.changes.objects;
        changes.iter().any(|change| change.what == What::Created && change.object == ownership::in_words(object))
    };
    let list: Value = serde_json::from_str(&preview.objects).unwrap_or_default();
    Ok(list["items"].as_array().into_iter().flatten().filter(|object| created(object)).cloned().collect())
}

/// All that the chart makes. What it does not render helm will complain of itself.
fn rendered(cx: &Context, given: &Given<'_>) -> Result<Vec<Value>> {
    if given.profile.chart == ChartRef::Builtin {
        chart::lay(&given.chart)?;
    }
    let call = helm::template(given.target, &given.chart, &chart::values(given.profile));
    let reply = cx.tools.run(&call, &given.found.vault)?;
    Ok(if reply.ok() { yaml::stream(&reply.stdout) } else { Vec::new() })
}
