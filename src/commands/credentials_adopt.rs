//! `mqctl credentials adopt NAME [--new-password]`

use anyhow::Result;

use crate::chart;
use crate::cli::adopt::Adopt;
use crate::cluster::observe::{INSTALL_RIGHTS, Question, observe, require_fit_to_change};
use crate::cluster::{Observed, Standing};
use crate::context::Context;
use crate::credentials::adoption::{self, decide};
use crate::credentials::hearing::{Knower, Who, hear};
use crate::credentials::{self, Found, Origin};
use crate::error::Failure;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::adopt::{Given, adopt};
use crate::profile::Profile;
use crate::secret::{self, Name, Vault};

pub(crate) fn run(args: &Adopt, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let mut found = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &INSTALL_RIGHTS };
    let mut observed = lock::in_turn(cx, &profile, &question, observe)?;
    require_fit_to_change(&observed, &target)?;
    let knowers = knowers(&profile, &mut observed, &mut found, args.new_password)?;
    let heard = hear(cx, &target, &profile.credentials.username, &observed, knowers)?;
    let (new_password, unheard) = (args.new_password, unheard(&observed));
    let given = adoption::Given { profile: &profile, found: &found, new_password, unheard };
    let (adopted, mut vault) = decide(&given, heard)?;
    let aside = if adopted.replaces { secret::aside(&found.file) } else { None };
    let limit = cx.within(profile.timeouts.boot);
    let (profile, target, observed, file) = (&profile, &target, &observed, &found.file);
    let plan = adopt(&Given { profile, target, observed, adopted: &adopted, file, aside, limit });
    cx.carry_out(&plan, &mut vault)
}

/// mqctl's Secret, then this side; where the one or the other can be believed at all.
fn knowers(profile: &Profile, observed: &mut Observed, found: &mut Found, new_password: bool) -> Result<Vec<Knower>> {
    let cluster = observed.secret.take();
    if cluster.is_none() && !observed.has_past() {
        let text = format!("`{}` has neither volumes nor a Secret: there is nothing to adopt", profile.release);
        let failure = Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"));
        return Err(failure.hint(format!("mqctl install {}", profile.name)).into());
    }
    let cut_short = cluster.as_ref().and_then(credentials::cut_short);
    match cut_short {
        // A new password that was not told to the end: the same one is told again.
        Some(Name::Password) if new_password && !matches!(found.origin(Name::Password), Origin::Profile(_)) => {}
        Some(name) => return Err(credentials::unfinished(name, profile)),
        None => {}
    }
    let local: Vault = std::mem::take(&mut found.vault);
    let cluster = cluster.map(|vault| Knower { who: Who::Cluster, vault });
    Ok(cluster.into_iter().chain([Knower { who: Who::Local, vault: local }]).collect())
}

/// Its start gate or its broker has read a cookie, and it does not run now.
fn unheard(observed: &Observed) -> Option<&str> {
    let laid = |standing: &Standing| matches!(standing, Standing::Held | Standing::Crashed(_) | Standing::Stopping);
    observed.pods.iter().find(|pod| laid(&pod.standing)).map(|pod| pod.name.as_str())
}
