//! `mqctl credentials rotate NAME [--cookie]`

use anyhow::Result;

use crate::chart;
use crate::cli::credentials::Rotate;
use crate::cluster::observe::{INSTALL_RIGHTS, Question, observe, require_lasting_namespace, require_rights};
use crate::cluster::{Observed, Standing};
use crate::context::Context;
use crate::credentials::{self, Origin, rotation};
use crate::error::Failure;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::rotate::{Given, before_boot, rotate};
use crate::profile::Profile;
use crate::secret::{self, Name};

pub(crate) fn run(args: &Rotate, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let mut found = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &INSTALL_RIGHTS };
    let look = || observe(&cx.tools, &question);
    let mut observed = lock::in_turn(cx, &profile, &target, &names.lease, look)?;
    require_lasting_namespace(&observed, &target)?;
    require_rights(&observed, &target)?;
    let what = if args.cookie { Name::ErlangCookie } else { Name::Password };
    let cluster = observed.secret.take().unwrap_or_default();
    let untold = what == Name::Password && !runs(&observed) && cluster.get(what.next()).is_some();
    if !untold {
        require_running(&profile, &observed, what)?;
    }
    let next = rotation::prepare(&mut found, cluster, what, &profile.name)?;
    let file = (!matches!(found.origin(what), Origin::Profile(_))).then(|| found.file.clone());
    let aside = if untold { file.as_deref().and_then(secret::aside) } else { None };
    let limit = cx.within(profile.timeouts.boot);
    let given = Given { profile: &profile, target: &target, observed: &observed, what, next, file, aside, limit };
    if untold {
        // No broker has to be asked with the old one any more: the new one takes its place at once.
        drop(found.vault.take(what));
        return cx.carry_out(&before_boot(&given), &mut found.vault);
    }
    cx.carry_out(&rotate(&given), &mut found.vault)
}

fn runs(observed: &Observed) -> bool {
    observed.pods.iter().any(|pod| pod.standing == Standing::Ready)
}

/// A password is changed by a broker; for a cookie there must at least be nodes to stop or to start.
fn require_running(profile: &Profile, observed: &Observed, what: Name) -> Result<()> {
    if observed.set.is_some() && (runs(observed) || what == Name::ErlangCookie) {
        return Ok(());
    }
    let text = format!(
        "no node of `{}` is ready, and a broker has to change the {what}; nothing was changed",
        profile.release
    );
    Err(Failure::new(Outcome::Contradiction, text).hint(format!("mqctl install {}", profile.name)).into())
}
