//! What is looked at before a change is planned: the next revision as helm renders it, and what the brokers say.

use std::path::Path;

use anyhow::{Error, Result};
use serde_json::Value;

use crate::backup;
use crate::chart;
use crate::cluster::preview::{Preview, preview};
use crate::context::Context;
use crate::credentials;
use crate::definitions::Content;
use crate::drift;
use crate::error::Failure;
use crate::explain::Code;
use crate::helm;
use crate::plan::anew;
use crate::plan::install::{self, Given, Next};
use crate::process::{Call, Part, Reply};
use crate::profile::ChartRef;
use crate::rabbitmq;
use crate::yaml;

/// What the look comes to.
pub(super) struct Ahead {
    pub(super) next: Option<Next>,
    /// All that the release would consist of, as far as helm was asked.
    pub(super) objects: Vec<Value>,
}

impl Ahead {
    /// Looks; `looks` where that is all that somebody wants.
    ///
    /// # Errors
    /// A chart that does not render with these values, objects that the API server or helm would refuse.
    pub(super) fn look(cx: &Context, given: &Given<'_>, looks: bool, definitions: Option<&Content>) -> Result<Self> {
        let next =
            look_ahead(cx, given, looks, definitions).map_err(|error| with_the_way(error, &given.profile.name))?;
        let objects = match next.as_ref().and_then(|next| next.preview.as_ref()) {
            Some(preview) => preview.rendered.clone(),
            None => first_objects(cx, given, looks)?,
        };
        Ok(Self { next, objects })
    }
}

/// What the first revision would make. Helm is asked only where it can tell something: the built-in chart has nothing to
/// forecast that no value of the profile asks for, and where its StatefulSet and Services are not there, nobody has
/// installed by hand; whoever installs it does not wait for that.
fn first_objects(cx: &Context, given: &Given<'_>, looks: bool) -> Result<Vec<Value>> {
    let Given { profile, observed, .. } = *given;
    let anything = observed.set.is_some() || !observed.services.is_empty();
    let plain = profile.chart == ChartRef::Builtin && !anything && (profile.values.is_empty() || !looks);
    if plain || observed.release.is_some() {
        return Ok(Vec::new());
    }
    lay(given)?;
    let call = helm::render(given.target, &given.chart, without_secrets(given));
    Ok(yaml::stream(&helm::read_rendered(&cx.tools.run(&call, &given.found.vault)?)?))
}

/// All that the chart makes, where helm refuses to say what becomes of it in this cluster.
///
/// # Errors
/// Helm cannot be started. What the chart does not render helm will complain of itself.
pub(super) fn apart(cx: &Context, given: &Given<'_>) -> Result<Vec<Value>> {
    lay(given)?;
    let call = helm::template(given.target, &given.chart, without_secrets(given));
    let reply = cx.tools.run(&call, &given.found.vault)?;
    Ok(if reply.ok() { yaml::stream(&reply.stdout) } else { Vec::new() })
}

/// With `(password)` where the chart is told the password: it may not be there yet, and nothing of it is needed.
fn without_secrets(given: &Given<'_>) -> Vec<Part> {
    vec![Part::Text(given.values().to_string())]
}

/// Where the chart has looked for mqctl's Secret in vain: the brokers know what was in it.
fn with_the_way(error: Error, profile: &str) -> Error {
    match error.downcast::<Failure>() {
        Ok(failure) if failure.code == Some(Code::HelmPasswords) => failure
            .hint(format!("mqctl credentials adopt {profile}   # puts them there, as the brokers have them"))
            .into(),
        Ok(failure) => failure.into(),
        Err(error) => error,
    }
}

fn render(given: &Given<'_>) -> Result<Call> {
    lay(given)?;
    Ok(helm::render(given.target, &given.chart, chart::fed(given.profile, &given.values())))
}

fn lay(given: &Given<'_>) -> Result<()> {
    if given.profile.chart == ChartRef::Builtin { chart::lay(Path::new(&given.chart.at)) } else { Ok(()) }
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
    let (preview, replies) = next_revision(cx, given, changes && install::comparable(given), calls)?;
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
fn next_revision(
    cx: &Context,
    given: &Given<'_>,
    comparable: bool,
    brokers: Vec<Call>,
) -> Result<(Option<Preview>, Vec<Reply>)> {
    let vault = &given.found.vault;
    // A chart that takes a secret as a value renders as the last revision with it only.
    let renders = given.profile.chart.texts().iter().all(|name| vault.get(*name).is_some());
    if !(comparable && renders) {
        let replies = cx.tools.run_all(&brokers, vault);
        return Ok((None, replies.into_iter().collect::<Result<_>>()?));
    }
    let render = render(given)?;
    let (preview, replies) = preview(&cx.tools, given.target, given.observed.set.as_ref(), render, brokers, vault)?;
    Ok((Some(preview), replies))
}
