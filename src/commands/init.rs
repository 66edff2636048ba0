//! `mqctl init [NAME]`

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::ask::Person;
use crate::chart;
use crate::cli::Init;
use crate::cluster::observe::{INIT_RIGHTS, INSTALL_RIGHTS, Question, observe};
use crate::cluster::offer::{self, Offer};
use crate::cluster::{Observed, Target};
use crate::context::Context;
use crate::credentials::{self, Found};
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::plan::init::{self, Files, Given};
use crate::profile::draft::{Answers, Draft, Field};
use crate::profile::{self, Profile, ProfileError, keep};
use crate::units::ReleaseName;

use super::credentials_adopt;

mod from_release;
mod questions;

pub(crate) fn run(args: &Init, cx: &Context) -> Result<Outcome> {
    let asking = cx.person == Person::There && !cx.globals.yes;
    let path = path(args, cx, asking)?;
    if let Some(release) = &args.from_release {
        return from_release::run(args, release, &path, cx);
    }
    let answers = questions::context(given(args, cx, &path)?, cx, asking)?;
    let target = cx.target(&draft(&answers, &path)?.profile)?;
    let mut offer = offer::look(&cx.tools, &target);
    cx.stop_if_interrupted()?;
    let answers = questions::others(answers, &mut offer, asking)?;
    let draft = draft(&answers, &path)?;
    let target = Target { namespace: draft.profile.namespace.to_string(), ..target };
    let (plan, mut found) = planned(args, cx, &draft, &target, offer, asking)?;
    cx.carry_out(&plan, &mut found.vault)
}

/// Observe, prove, plan.
fn planned(
    args: &Init,
    cx: &Context,
    draft: &Draft,
    target: &Target,
    mut offer: Offer,
    asking: bool,
) -> Result<(Plan, Found)> {
    let profile = &draft.profile;
    let mut observed = observed(cx, profile, target, &mut offer)?;
    let found = credentials::prove(credentials::local(cx, profile)?, profile, &mut observed)?;
    let ignore = keep::missing_rule(&init::ignore_file(&profile.path))?;
    let may_replace = asking || args.force || cx.globals.dry_run;
    let given = Given {
        files: Files { draft, there: &keep::compare(draft)?, ignore, may_replace },
        target,
        found: &found,
        offer: &offer,
        observed: &observed,
        files_only: args.files_only,
        namesake: profile::namesake(&profile.name, &profile.path, &cx.places()),
    };
    Ok((init::init(&given)?, found))
}

/// Where the profile is written; its name is the release's, so it must be able to be one.
fn path(args: &Init, cx: &Context, asking: bool) -> Result<PathBuf> {
    let explicit = cx.globals.profile.as_deref();
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = match (explicit.map(stem), &args.name) {
        (Some(name), _) => name,
        (None, Some(name)) => name.clone(),
        (None, None) if asking => questions::name()?,
        (None, None) => {
            let text = "which profile? no NAME was given, and there is nobody to ask";
            return Err(Failure::new(Outcome::Usage, text).hint("mqctl init prodmq --yes").into());
        }
    };
    if let Err(expected) = name.parse::<ReleaseName>() {
        let text = format!("`{}` cannot be the name of a profile: {expected}", crate::yaml::shown(&name));
        return Err(Failure::new(Outcome::Usage, text).hint("mqctl init prodmq").into());
    }
    Ok(explicit.map_or_else(|| PathBuf::from(format!("profiles/{name}.yaml")), Path::to_owned))
}

/// What the flags say; a mistake in them is told before anything is asked.
fn given(args: &Init, cx: &Context, path: &Path) -> Result<Answers> {
    let flag = |field| match field {
        Field::Namespace => cx.globals.namespace.clone(),
        Field::Context => args.kube_context.clone(),
        Field::Repository => args.image_repository.clone(),
        Field::Tag => args.image_tag.clone(),
        Field::Replicas => args.replicas.map(|count| count.to_string()),
        Field::Class => args.storage_class.clone(),
        Field::Size => args.size.clone(),
        Field::Username => args.username.clone(),
    };
    let given = Field::ALL.into_iter().filter_map(|field| Some((field, flag(field)?)));
    let answers = given.fold(Answers::default(), |answers, (field, text)| answers.with(field, text));
    draft(&answers, path).map(|_| answers)
}

/// What the answers make.
fn draft(answers: &Answers, path: &Path) -> Result<Draft> {
    answers.draft(path, &chart::look::look_here).map_err(|error| mistaken(&error).into())
}

/// A flag's mistakes are told by the flag's name: there is no file yet that has lines.
fn mistaken(error: &ProfileError) -> Failure {
    let flag =
        |path: &str| Field::ALL.into_iter().find(|field| field.path() == path).map_or("the answers", Field::flag);
    let lines: Vec<String> = error.mistakes.iter().map(|m| format!("`{}`: {}", flag(&m.path), m.text)).collect();
    Failure::new(Outcome::Usage, format!("{}; nothing was changed", lines.join("\n  ")))
        .hint("mqctl init --help   # what each flag takes")
}

/// The release as it stands, with the rights that an install needs. Init writes its files without that, too.
fn observed(cx: &Context, profile: &Profile, target: &Target, offer: &mut Offer) -> Result<Observed> {
    if !offer.complete {
        return Ok(Observed::default());
    }
    let names = chart::names(profile);
    let rights = [&INSTALL_RIGHTS[..], &INIT_RIGHTS].concat();
    let question = Question { target, names: &names, storage_class: None, rights: &rights };
    let observed = observe(&cx.tools, &question).unwrap_or_else(|error| {
        offer.missing.push(format!("the release was not looked at: {error:#}"));
        Observed::default()
    });
    cx.stop_if_interrupted()?;
    Ok(observed)
}
