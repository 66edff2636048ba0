//! `mqctl install NAME`

use anyhow::Result;

use super::beforehand::{self, Beforehand};
use crate::backup;
use crate::chart;
use crate::cli::Install;
use crate::cluster::Observed;
use crate::cluster::observe::{
    self, ANEW_RIGHTS, EXPOSE_RIGHTS, INSTALL_RIGHTS, Question, observe, require_fit_to_change, require_rights_for,
};
use crate::cluster::preview::{Preview, preview};
use crate::context::Context;
use crate::credentials::{self, Found};
use crate::definitions::Definitions;
use crate::helm;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::definitions::Import;
use crate::plan::install::{self, Given, Next, Offers, Verb};
use crate::plan::{Plan, anew, expose, pending, preconditions};
use crate::process::{Call, Reply};
use crate::profile::{ChartRef, Profile};
use crate::rabbitmq;

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
    let (profile, target) = cx.load(name)?;
    cx.require_tools()?;
    let local = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let storage_class = profile.storage.class.as_deref();
    let exposing = profile.expose.as_ref().map_or(&[][..], |_| &EXPOSE_RIGHTS);
    let anew = if offers.recreate { &ANEW_RIGHTS[..] } else { &[] };
    let rights = [&INSTALL_RIGHTS, exposing, anew].concat();
    let question = Question { target: &target, names: &names, storage_class, rights: &rights };
    // `plan` looks whoever is at work.
    let mut observed = match verb {
        Some(_) => lock::in_turn(cx, &profile, &question, observe)?,
        None => observe(&cx.tools, &question)?,
    };
    require_fit_to_change(&observed, &target)?;
    if let Some(plan) = beforehand::repair(cx, (&profile, &target), &observed, offers)? {
        return Ok(Planned { plan, found: local, first: true });
    }
    pending::require_settled(&profile, &target, &observed, cx.now())?;
    if observed.release.as_ref().is_some_and(helm::Release::cut_short_in_upgrade) {
        observed.evidence = observe::evidence(&cx.tools, &target, &names)?;
    }
    let found = credentials::prove(local, &profile, &mut observed)?;
    let upgrade = Verb::Upgrade { enable_feature_flags: false };
    let verb = verb.unwrap_or(if observed.release.is_some() { upgrade } else { Verb::Install });
    let given = Given {
        profile: &profile,
        target: &target,
        observed: &observed,
        found: &found,
        chart: chart::folder(&profile, &cx.cache()),
        limit: cx.within(profile.timeouts.boot),
        address_limit: cx.within(expose::LIMIT),
        next: None,
        import: None,
        verb,
        offers,
    };
    preconditions::at_once(&given)?;
    let import = to_import(&profile, &observed)?;
    let next = match beforehand::adoption(cx, &given, look_ahead)? {
        Beforehand::First(plan) => return Ok(Planned { plan: *plan, found, first: true }),
        Beforehand::Next(next) => next,
    };
    let plan = install::install(&Given { next: next.as_ref(), import: import.as_ref(), ..given })?;
    require_rights_for(plan.calls(), &observed, &target)?;
    Ok(Planned { plan, found, first: false })
}

/// The profile's definitions, as long as nothing has booted on the volumes.
fn to_import(profile: &Profile, observed: &Observed) -> Result<Option<Import>> {
    let Some(definitions) = Definitions::of(profile).filter(|_| observed.noted.booted.is_none()) else {
        return Ok(None);
    };
    let summary = definitions.read()?.summary();
    Ok(Some(Import { definitions, summary }))
}

/// Only where something might change on a release whose brokers may run.
fn look_ahead(cx: &Context, given: &Given<'_>) -> Result<Option<Next>> {
    if !install::might_change(given) {
        return Ok(None);
    }
    let (vault, user) = (&given.found.vault, &given.profile.credentials.username);
    let asked: Vec<&str> = given.observed.running().collect();
    let calls = rabbitmq::questions(given.target, asked.iter().copied(), user, vault);
    let (preview, replies) = ahead(cx, given, calls)?;
    let cannot_grow = preview.as_ref().map(|preview| growth(cx, given, preview)).transpose()?.flatten();
    let named = |(&pod, reply): (&&str, &Reply)| (pod.to_owned(), rabbitmq::read(reply));
    let answers: Vec<_> = asked.iter().zip(&replies).map(named).collect();
    credentials::prove_broker(given.found, given.profile, &answers)?;
    let backup = backup::file(&cx.state(), &given.target.release, cx.now());
    Ok(Some(Next { preview, answers, cannot_grow, backup }))
}

/// Why the volumes cannot grow, where they would have to.
fn growth(cx: &Context, given: &Given<'_>, preview: &Preview) -> Result<Option<String>> {
    let Some(call) = anew::try_growth(given, &preview.changes) else { return Ok(None) };
    let reply = cx.tools.run(&call, &given.found.vault)?;
    Ok((!reply.ok()).then_some(reply.stderr))
}

/// The next revision where helm can compare with the last, and the brokers' replies in any case.
fn ahead(cx: &Context, given: &Given<'_>, brokers: Vec<Call>) -> Result<(Option<Preview>, Vec<Reply>)> {
    let vault = &given.found.vault;
    if !install::comparable(given) {
        let replies = cx.tools.run_all(&brokers, vault);
        return Ok((None, replies.into_iter().collect::<Result<_>>()?));
    }
    if given.profile.chart == ChartRef::Builtin {
        chart::lay(&given.chart)?;
    }
    let render = helm::render(given.target, &given.chart, &chart::values(given.profile));
    let (preview, replies) = preview(&cx.tools, given.target, given.observed.set.as_ref(), render, brokers, vault)?;
    Ok((Some(preview), replies))
}
