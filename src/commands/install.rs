//! `mqctl install NAME`

use anyhow::Result;
use serde_json::Value;

use super::ahead::Ahead;
use super::beforehand::{self, Beforehand};
use crate::chart::{self, Names, look::Asking};
use crate::cli::Install;
use crate::cluster::observe::{
    self, ANEW_RIGHTS, EXPOSE_RIGHTS, INSTALL_RIGHTS, Question, look_for_note, observe, require_fit_to_change,
    require_rights_for,
};
use crate::cluster::{Observed, Target, described};
use crate::context::Context;
use crate::credentials::{self, Found};
use crate::definitions::{Content, Definitions};
use crate::drift::{Compared, Difference};
use crate::forecast;
use crate::helm::Release;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::definitions::Import;
use crate::plan::install::{self, Given, Offers, Verb};
use crate::plan::{Plan, expose, pending, preconditions};
use crate::profile::Profile;

pub(crate) fn run(args: &Install, cx: &Context) -> Result<Outcome> {
    let offers = Offers { adopt: cx.offers(args.adopt_objects), ..Offers::default() };
    carry_out(cx, || planned(args.name.as_deref(), Some(Verb::Install), offers, cx))
}

/// Kinds of what may have to be done first: more than one of each is none.
const FIRST: usize = 2;

/// Whatever has to be done first is agreed to and done for itself; then the rest is planned.
pub(super) fn carry_out(cx: &Context, planned: impl Fn() -> Result<Planned>) -> Result<Outcome> {
    let mut next = planned()?;
    for _ in 0..FIRST {
        if !next.first || cx.globals.dry_run {
            break;
        }
        let outcome = cx.carry_out_beside(&next.plan, &mut next.found.vault)?;
        if outcome != Outcome::Done {
            return Ok(outcome);
        }
        next = planned()?;
    }
    cx.carry_out(&next.plan, &mut next.found.vault)
}

/// A plan, and the secrets that it is carried out with.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) found: Found,
    /// The rest can be planned only when this has been carried out.
    pub(super) first: bool,
}

/// Load, observe, prove, look ahead, plan: also what `upgrade` does, and `plan`, which leaves the verb to what is there.
pub(super) fn planned(name: Option<&str>, verb: Option<Verb>, offers: Offers, cx: &Context) -> Result<Planned> {
    let (profile, target) = cx.load_for(name, Asking::Always)?;
    cx.require_tools()?;
    let local = credentials::local(cx, &profile)?;
    planned_of(cx, (&profile, &target), local, verb, offers)
}

/// The same of a profile that need not be a file yet, with what is known of its secrets on this side of the cluster.
pub(super) fn planned_of(
    cx: &Context,
    (profile, target): (&Profile, &Target),
    local: Found,
    verb: Option<Verb>,
    offers: Offers,
) -> Result<Planned> {
    let mut observed = observed(cx, (profile, target), verb.is_none(), offers)?;
    if let Some(plan) = beforehand::repair(cx, (profile, target), &observed, offers)? {
        return Ok(Planned { plan, found: local, first: true });
    }
    pending::require_settled(profile, target, &observed, cx.now())?;
    if observed.release.as_ref().is_some_and(Release::cut_short_in_upgrade) {
        observed.evidence = observe::evidence(&cx.tools, target, &chart::names(profile))?;
    }
    let found = credentials::prove(local, profile, &mut observed)?;
    let upgrade = Verb::Upgrade { enable_feature_flags: false };
    let wanted = verb.unwrap_or(if observed.release.is_some() { upgrade } else { Verb::Install });
    let given = Given {
        profile,
        target,
        observed: &observed,
        found: &found,
        chart: chart::located(profile, &cx.cache()),
        limit: cx.within(profile.timeouts.boot),
        address_limit: cx.within(expose::LIMIT),
        next: None,
        import: None,
        forecast: &[],
        drift: &[],
        verb: wanted,
        offers,
    };
    preconditions::at_once(&given)?;
    let import = to_import(profile, &observed)?;
    let definitions = Definitions::readable(profile);
    let look = || Ahead::look(cx, &given, verb.is_none(), definitions.as_ref());
    let ahead = match beforehand::adoption(cx, &given, look)? {
        Beforehand::First(plan) => return Ok(Planned { plan: *plan, found, first: true }),
        Beforehand::Next(ahead) => ahead,
    };
    let names = chart::names(profile);
    let live = observed.set.as_ref().map_or(&Value::Null, |set| &set.manifest);
    described::require(profile, &names, live, rendered_set(&names, &ahead.objects))?;
    let given = Given { next: ahead.next.as_ref(), import: import.as_ref(), ..given };
    let forecast = forecast::of_profile(profile, &ahead.objects);
    let drift = drifted(&given, definitions);
    let plan = install::install(&Given { forecast: &forecast, drift: &drift, ..given })?;
    require_rights_for(plan.calls(), &observed, target)?;
    Ok(Planned { plan, found, first: false })
}

/// The StatefulSet as the chart makes it; null where helm was not asked, or makes none of this name.
fn rendered_set<'a>(names: &Names, objects: &'a [Value]) -> &'a Value {
    let name = names.stateful_set.as_str();
    let mine = |object: &&Value| object["kind"] == "StatefulSet" && object["metadata"]["name"] == name;
    objects.iter().find(mine).unwrap_or(&Value::Null)
}

/// What is there, as far as it may be changed; whoever only looks does it whoever is at work.
fn observed(cx: &Context, (profile, target): (&Profile, &Target), looks: bool, offers: Offers) -> Result<Observed> {
    let names = chart::names(profile);
    let storage_class = profile.storage.class.as_deref();
    let exposing = profile.expose.as_ref().map_or(&[][..], |_| &EXPOSE_RIGHTS);
    let anew = if offers.recreate { &ANEW_RIGHTS[..] } else { &[] };
    let rights = [&INSTALL_RIGHTS, exposing, anew].concat();
    let question = Question { target, names: &names, storage_class, rights: &rights };
    let mut observed =
        if looks { observe(&cx.tools, &question)? } else { lock::in_turn(cx, profile, &question, observe)? };
    look_for_note(&cx.tools, &question, &mut observed);
    require_fit_to_change(&observed, target)?;
    Ok(observed)
}

/// As far as brokers were asked, with what they say.
fn drifted(given: &Given<'_>, definitions: Option<Content>) -> Vec<Difference> {
    let Given { profile, target, observed, .. } = *given;
    let answers = given.answers().filter_map(|(pod, answer)| Some((pod.as_str(), answer.as_ref().ok()?))).collect();
    Compared { profile, target, observed, answers, definitions }.differences()
}

/// The profile's definitions, as long as nothing has booted on the volumes.
fn to_import(profile: &Profile, observed: &Observed) -> Result<Option<Import>> {
    let Some(definitions) = Definitions::of(profile).filter(|_| observed.noted.booted.is_none()) else {
        return Ok(None);
    };
    let summary = definitions.read()?.summary();
    Ok(Some(Import { definitions, summary }))
}
