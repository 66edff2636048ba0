//! `mqctl install NAME`

use anyhow::Result;
use serde_json::Value;

use crate::backup;
use crate::chart;
use crate::cli::Install;
use crate::cluster::Observed;
use crate::cluster::observe::{EXPOSE_RIGHTS, INSTALL_RIGHTS, Question, look_for_note, observe, require_fit_to_change};
use crate::cluster::preview::{Preview, preview};
use crate::context::Context;
use crate::credentials::{self, Found};
use crate::definitions::{Content, Definitions};
use crate::drift::{self, Compared, Difference};
use crate::forecast;
use crate::helm;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::definitions::Import;
use crate::plan::install::{self, Given, Next, Verb};
use crate::plan::{Plan, expose, pending, preconditions};
use crate::process::{Call, Reply};
use crate::profile::{ChartRef, Profile};
use crate::rabbitmq;
use crate::yaml;

pub(crate) fn run(args: &Install, cx: &Context) -> Result<Outcome> {
    let (plan, mut found) = planned(args.name.as_deref(), Some(Verb::Install), cx)?;
    cx.carry_out(&plan, &mut found.vault)
}

/// Load, observe, prove, look ahead, plan: also what `upgrade` does, and `plan`, which leaves the verb to what is there.
pub(super) fn planned(name: Option<&str>, verb: Option<Verb>, cx: &Context) -> Result<(Plan, Found)> {
    let (profile, target) = cx.load(name)?;
    cx.require_tools()?;
    let local = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let storage_class = profile.storage.class.as_deref();
    let exposing = profile.expose.as_ref().map_or(&[][..], |_| &EXPOSE_RIGHTS);
    let rights = [&INSTALL_RIGHTS, exposing].concat();
    let question = Question { target: &target, names: &names, storage_class, rights: &rights };
    // `plan` looks whoever is at work.
    let mut observed = match verb {
        Some(_) => lock::in_turn(cx, &profile, &question, observe)?,
        None => observe(&cx.tools, &question)?,
    };
    look_for_note(&cx.tools, &question, &mut observed)?;
    require_fit_to_change(&observed, &target)?;
    pending::require_settled(&profile, &target, &observed, cx.now())?;
    let found = credentials::prove(local, &profile, &mut observed)?;
    let upgrade = Verb::Upgrade { enable_feature_flags: false };
    let wanted = verb.unwrap_or(if observed.release.is_some() { upgrade } else { Verb::Install });
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
        forecast: &[],
        drift: &[],
        verb: wanted,
    };
    preconditions::at_once(&given)?;
    let import = to_import(&profile, &observed)?;
    let definitions = Definitions::readable(&profile);
    let next = look_ahead(cx, &given, verb.is_none(), definitions.as_ref())?;
    let given = Given { next: next.as_ref(), import: import.as_ref(), ..given };
    let forecast = forecast::of_profile(&profile, &rendered(cx, &given, verb.is_none())?);
    let drift = drifted(&given, definitions);
    Ok((install::install(&Given { forecast: &forecast, drift: &drift, ..given })?, found))
}

/// As far as brokers were asked, with what they say.
fn drifted(given: &Given<'_>, definitions: Option<Content>) -> Vec<Difference> {
    let Given { profile, target, observed, .. } = *given;
    let answers = given.answers().filter_map(|(pod, answer)| Some((pod.as_str(), answer.as_ref().ok()?))).collect();
    Compared { profile, target, observed, answers, definitions }.differences()
}

/// The release's objects as helm renders them for the next revision. Before the first one it is asked for no more than
/// that, and only where it can tell something: the built-in chart has nothing to forecast that no value of the profile
/// asks for, and whoever installs it does not wait for that.
fn rendered(cx: &Context, given: &Given<'_>, looks: bool) -> Result<Vec<Value>> {
    let plain = given.profile.chart == ChartRef::Builtin && (given.profile.values.is_empty() || !looks);
    match given.preview() {
        Some(preview) => Ok(preview.items()),
        None if plain || given.observed.release.is_some() => Ok(Vec::new()),
        None => Ok(yaml::stream(&helm::read_rendered(&cx.tools.run(&render(given)?, &given.found.vault)?)?)),
    }
}

fn render(given: &Given<'_>) -> Result<Call> {
    if given.profile.chart == ChartRef::Builtin {
        chart::lay(&given.chart)?;
    }
    Ok(helm::render(given.target, &given.chart, &given.values()))
}

/// The profile's definitions, as long as nothing has booted on the volumes.
fn to_import(profile: &Profile, observed: &Observed) -> Result<Option<Import>> {
    let Some(definitions) = Definitions::of(profile).filter(|_| observed.noted.booted.is_none()) else {
        return Ok(None);
    };
    let summary = definitions.read()?.summary();
    Ok(Some(Import { definitions, summary }))
}

/// Where something might change on a release whose brokers may run; and the brokers alone where somebody only looks.
fn look_ahead(cx: &Context, given: &Given<'_>, looks: bool, definitions: Option<&Content>) -> Result<Option<Next>> {
    let changes = install::might_change(given);
    let looks = looks && given.observed.release.is_some();
    if !changes && !looks {
        return Ok(None);
    }
    let (vault, user) = (&given.found.vault, &given.profile.credentials.username);
    let asked: Vec<&str> = given.observed.running().collect();
    let more = drift::questions(definitions);
    let calls = rabbitmq::questions_and(given.target, asked.iter().copied(), user, vault, more);
    let (preview, replies) = ahead(cx, given, changes && install::comparable(given), calls)?;
    let named = |(&pod, reply): (&&str, &Reply)| (pod.to_owned(), rabbitmq::read(reply));
    let answers: Vec<_> = asked.iter().zip(&replies).map(named).collect();
    credentials::prove_broker(given.found, given.profile, &answers)?;
    let backup = backup::file(&cx.state(), &given.target.release, cx.now());
    Ok(Some(Next { preview, answers, backup }))
}

/// The next revision where helm can compare with the last, and the brokers' replies in any case.
fn ahead(
    cx: &Context,
    given: &Given<'_>,
    comparable: bool,
    brokers: Vec<Call>,
) -> Result<(Option<Preview>, Vec<Reply>)> {
    let vault = &given.found.vault;
    if !comparable {
        let replies = cx.tools.run_all(&brokers, vault);
        return Ok((None, replies.into_iter().collect::<Result<_>>()?));
    }
    let render = render(given)?;
    let (preview, replies) = preview(&cx.tools, given.target, given.observed.set.as_ref(), render, brokers, vault)?;
    Ok((Some(preview), replies))
}
