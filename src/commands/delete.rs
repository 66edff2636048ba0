//! `mqctl delete NAME [--purge]`

use anyhow::Result;

use super::migrate;
use crate::chart;
use crate::cli::Delete;
use crate::cluster::observe::{DELETE_RIGHTS, PURGE_RIGHTS, Question, observe_all, require_rights};
use crate::cluster::{Observed, Target, records};
use crate::context::Context;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::{Plan, delete, pending, record};
use crate::profile::Profile;
use crate::secret::Vault;

pub(crate) fn run(args: &Delete, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let (mut plan, observed) = planned(cx, (&profile, &target), args)?;
    let first = migrate::first_of_delete(cx, (&profile, &target), &observed, args.purge)?;
    plan.steps.splice(0..0, first);
    cx.carry_out(&plan, &mut Vault::default())
}

/// Observe, plan.
pub(super) fn planned(cx: &Context, (profile, target): (&Profile, &Target), args: &Delete) -> Result<(Plan, Observed)> {
    let names = chart::names(profile);
    let rights = if args.purge { [&DELETE_RIGHTS[..], &PURGE_RIGHTS].concat() } else { DELETE_RIGHTS.to_vec() };
    let question = Question { target, names: &names, storage_class: None, rights: &rights };
    let observed = lock::in_turn(cx, profile, &question, observe_all)?;
    require_rights(&observed, target)?;
    let records = match &observed.release {
        Some(_) => records::look(&cx.tools, profile, target, &names)?,
        None => records::Records::default(),
    };
    match record::refusal(target, &records, &format!("mqctl delete {}", profile.name)) {
        Some(refusal) if !cx.offers(args.repair_record) => return Err(refusal.into()),
        // An uninstall that has failed on the record is at work no more.
        Some(_) => {}
        None => pending::require_settled(profile, target, &observed, cx.now())?,
    }
    let mut plan = delete::delete(profile, target, &observed, args.purge, cx.within(profile.timeouts.boot));
    plan.steps.splice(0..0, record::steps(&records));
    Ok((plan, observed))
}
