//! `mqctl install NAME`

use anyhow::Result;

use crate::chart;
use crate::cli::Install;
use crate::cluster::observe::{EXPOSE_RIGHTS, INSTALL_RIGHTS, Question, observe, require_rights};
use crate::context::Context;
use crate::credentials::{self, Found};
use crate::outcome::Outcome;
use crate::plan::install::{self, Given};
use crate::plan::{Plan, expose};

pub(crate) fn run(args: &Install, cx: &Context) -> Result<Outcome> {
    let (plan, mut found) = planned(args.name.as_deref(), cx)?;
    cx.carry_out(&plan, &mut found.vault)
}

/// Load, observe, prove, plan: also what `mqctl plan` does.
pub(super) fn planned(name: Option<&str>, cx: &Context) -> Result<(Plan, Found)> {
    let (profile, target) = cx.load(name)?;
    cx.require_tools()?;
    let local = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let storage_class = profile.storage.class.as_deref();
    let exposing = profile.expose.as_ref().map_or(&[][..], |_| &EXPOSE_RIGHTS);
    let rights = [&INSTALL_RIGHTS, exposing].concat();
    let question = Question { target: &target, names: &names, storage_class, rights: &rights };
    let mut observed = observe(&cx.tools, &question)?;
    require_rights(&observed, &target)?;
    let found = credentials::prove(local, &profile, &mut observed)?;
    let given = Given {
        profile: &profile,
        target: &target,
        observed: &observed,
        found: &found,
        chart: chart::folder(&cx.cache()),
        limit: cx.within(profile.timeouts.boot),
        address_limit: cx.within(expose::LIMIT),
    };
    Ok((install::install(&given)?, found))
}
