//! `mqctl unlock NAME`

use anyhow::Result;

use crate::chart;
use crate::cli::Unlock;
use crate::cluster::observe::{Question, UNLOCK_RIGHTS, evidence, observe, require_rights};
use crate::cluster::records;
use crate::context::Context;
use crate::helm::Release;
use crate::outcome::Outcome;
use crate::plan::{record, unlock};
use crate::secret::Vault;

pub(crate) fn run(args: &Unlock, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &UNLOCK_RIGHTS };
    let mut observed = observe(&cx.tools, &question)?;
    require_rights(&observed, &target)?;
    if observed.release.as_ref().is_some_and(Release::pending) {
        // What clears a release makes it worse on such a record.
        let records = records::look(&cx.tools, &profile, &target, &names)?;
        let refusal = record::refusal(&target, &records, &format!("mqctl upgrade {}", profile.name));
        refusal.map_or(Ok(()), Err)?;
    }
    if observed.release.as_ref().is_some_and(Release::cut_short_in_upgrade) {
        observed.evidence = evidence(&cx.tools, &target, &names)?;
    }
    cx.carry_out(&unlock::unlock(&profile, &target, &observed), &mut Vault::default())
}
