//! `mqctl unlock NAME`

use anyhow::Result;

use crate::chart;
use crate::cli::Unlock;
use crate::cluster::observe::{Question, UNLOCK_RIGHTS, observe, require_rights};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::plan::unlock;
use crate::secret::Vault;

pub(crate) fn run(args: &Unlock, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &UNLOCK_RIGHTS };
    let observed = observe(&cx.tools, &question)?;
    require_rights(&observed, &target)?;
    cx.carry_out(&unlock::unlock(&profile, &target, &observed), &mut Vault::default())
}
