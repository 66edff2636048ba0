//! `mqctl delete NAME [--purge]`

use anyhow::Result;

use crate::chart;
use crate::cli::Delete;
use crate::cluster::observe::{DELETE_RIGHTS, PURGE_RIGHTS, Question, observe_all, require_rights};
use crate::context::Context;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::{delete, pending};
use crate::secret::Vault;

pub(crate) fn run(args: &Delete, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let names = chart::names(&profile);
    let rights = if args.purge { [&DELETE_RIGHTS[..], &PURGE_RIGHTS].concat() } else { DELETE_RIGHTS.to_vec() };
    let question = Question { target: &target, names: &names, storage_class: None, rights: &rights };
    let observed = lock::in_turn(cx, &profile, &question, observe_all)?;
    require_rights(&observed, &target)?;
    pending::require_settled(&profile, &target, &observed, cx.now())?;
    let plan = delete::delete(&profile, &target, &observed, args.purge, cx.within(profile.timeouts.boot));
    cx.carry_out(&plan, &mut Vault::default())
}
