//! `mqctl init NAME --from-release RELEASE`: read the release, make its profile, prove its secrets, plan

use std::cell::RefCell;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::{Files, credentials_adopt, draft, given, questions};
use crate::ask::Person;
use crate::chart::look::{Asking, Eyes};
use crate::chart::{self, Home, Unseen, Wanted};
use crate::cli::Init;
use crate::cluster::observe::INSTALL_RIGHTS;
use crate::cluster::{Observed, Target};
use crate::context::Context;
use crate::credentials;
use crate::credentials::hearing::{Knower, Who};
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::plan::init;
use crate::plan::take_over::{Given, take_over};
use crate::profile::draft::Draft;
use crate::profile::{beside, keep};
use crate::release::{self, Chart, Reading, Said};
use crate::secret::Vault;
use crate::units::ReleaseName;

pub(super) fn run(args: &Init, name: &str, path: &Path, cx: &Context) -> Result<Outcome> {
    cx.require_tools()?;
    let asking = cx.person == Person::There && !cx.globals.yes;
    let answers = questions::namespace(given(args, cx, path)?, asking)?;
    let target = Target { release: release_name(name)?, ..cx.target(&draft(&answers, path)?.profile)? };
    let reading = release::read(&cx.tools, &target)?;
    cx.stop_if_interrupted()?;
    let named = reference(args, &reading, asking)?;
    let reference = beside(path, &named);
    let own_secret = secret_of_chart(cx, &target, &reading)?;
    let eyes = Eyes { tools: &cx.tools, person: Person::Absent, asking: Asking::Always };
    // The profile says a path from its own folder, which need not be there yet.
    let from_here = (reference != named).then(|| Home::Here(named.into()));
    // Helm's refusal says more than that no profile can be made.
    let refused = RefCell::new(None);
    let look = |wanted: &Wanted| {
        let seen = eyes.look(&Wanted { home: from_here.clone().unwrap_or(wanted.home.clone()), ..wanted.clone() });
        seen.map_err(|unseen| match unseen {
            Unseen::Failed(error) => {
                refused.replace(Some(error));
                Unseen::Mistake("helm was asked in vain".to_owned())
            }
            other => other,
        })
    };
    let chart = Chart { reference: &reference, look: &look, profile: path };
    let known: Vec<&Vault> = own_secret.iter().map(|knower| &knower.vault).collect();
    let said = release::said(&reading, answers, &chart, &known);
    let Said { draft, vault, warnings } = said.map_err(|failure| refused.take().unwrap_or_else(|| failure.into()))?;
    let knowers = own_secret.into_iter().chain([Knower { who: Who::Values, vault }]).collect();
    adopted(args, cx, &draft, knowers, warnings, asking)
}

/// Observe, prove, plan.
fn adopted(
    args: &Init,
    cx: &Context,
    draft: &Draft,
    knowers: Vec<Knower>,
    mut warnings: Vec<String>,
    asking: bool,
) -> Result<Outcome> {
    let profile = &draft.profile;
    let target = cx.target(profile)?;
    let found = credentials::local(cx, profile)?;
    let observed = credentials_adopt::look(cx, profile, &target, &INSTALL_RIGHTS)?;
    same_user(draft, &observed)?;
    warnings.extend(grown(draft, &observed));
    let asked = credentials_adopt::Asked { profile, target: &target, new_password: false, written: false };
    let (adoption, mut vault, observed) = asked.planned(cx, found, observed, knowers)?;
    let there = keep::compare(draft)?;
    let ignore = keep::missing_rule(&init::ignore_file(&profile.path))?;
    let may_replace = asking || args.force || cx.globals.dry_run;
    let files = Files { draft, there: &there, ignore, may_replace };
    let plan = take_over(Given { files, adoption, observed: &observed, warnings })?;
    cx.carry_out(&plan, &mut vault)
}

fn release_name(name: &str) -> Result<String> {
    let wrong = |expected| {
        let text = format!("`--from-release`: {expected}, found `{}`; nothing was changed", crate::yaml::shown(name));
        Failure::new(Outcome::Usage, text).hint("helm list --all-namespaces")
    };
    Ok(name.parse::<ReleaseName>().map_err(wrong)?.to_string())
}

/// Of the chart, as it is given here.
fn reference(args: &Init, reading: &Reading, asking: bool) -> Result<String> {
    match &args.chart {
        Some(chart) => Ok(from_here(chart)),
        None if asking => questions::chart(reading).map(|chart| from_here(&chart)),
        None => {
            let chart = &reading.revision.chart;
            let text = format!("which chart? `{}` was made by {chart}, and --chart is not given", reading.release);
            Err(Failure::new(Outcome::Usage, format!("{text}; nothing was changed")).hint(reading.pull()).into())
        }
    }
}

/// A folder as a shell completes it, which helm would take for one too, before it looks for a repository of that name.
fn from_here(chart: &str) -> String {
    let is_path = ["./", "../", "/"].iter().any(|begins| chart.starts_with(begins));
    if !is_path && chart::describe(Path::new(chart)).is_ok() { format!("./{chart}") } else { chart.to_owned() }
}

/// The one that the chart made, or that its pods refer to.
fn secret_of_chart(cx: &Context, target: &Target, reading: &Reading) -> Result<Option<Knower>> {
    let set = reading.live["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let target = Target { stateful_set: set, ..target.clone() };
    let template = reading.live.pointer("/spec/template/spec").unwrap_or(&Value::Null);
    let own = format!("{}-mqctl-credentials", reading.release);
    release::secret_of_chart(&cx.tools, &target, &own, template)
}

/// mqctl's Secret may be there from before.
fn same_user(draft: &Draft, observed: &Observed) -> Result<()> {
    let user = &draft.profile.credentials.username;
    let Some(noted) = observed.noted.username.as_ref().filter(|noted| *noted != user) else { return Ok(()) };
    let text = format!(
        "`{}` has the user `{user}`, and mqctl's Secret is for `{noted}`; nothing was changed",
        draft.profile.release
    );
    let hint = format!(
        "kubectl get secret {}-mqctl-credentials --output yaml   # of which release is it?",
        draft.profile.release
    );
    Err(Failure::new(Outcome::Contradiction, text).hint(hint).code(Code::Username).into())
}

/// Volumes that somebody let grow: the StatefulSet keeps the size that it was made with.
fn grown(draft: &Draft, observed: &Observed) -> Option<String> {
    let size = &draft.profile.storage.size;
    let claim = observed.claims.iter().find(|claim| claim.size != size.as_str())?;
    Some(format!("`storage.size`: volume `{}` has {}, and the StatefulSet says {size}", claim.name, claim.size))
}
