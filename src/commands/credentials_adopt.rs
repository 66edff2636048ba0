//! `mqctl credentials adopt NAME [--new-password]`

use anyhow::Result;
use serde_json::Value;

use crate::chart;
use crate::cli::adopt::Adopt;
use crate::cluster::observe::{
    INSTALL_RIGHTS, Question, RESTART_RIGHTS, observe, require_fit_to_rotate, require_rights_for,
};
use crate::cluster::{Observed, Standing, Target};
use crate::context::Context;
use crate::credentials::adoption::{self, decide};
use crate::credentials::hearing::{Knower, Who, hear};
use crate::credentials::{self, Found, Origin};
use crate::error::Failure;
use crate::kubectl::Right;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::plan::adopt::{Given, adopt};
use crate::profile::{ChartRef, Profile};
use crate::release;
use crate::secret::{self, Name, Vault};

pub(crate) fn run(args: &Adopt, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let found = credentials::local(cx, &profile)?;
    let restarts = if args.new_password { &RESTART_RIGHTS[..] } else { &[] };
    let observed = look(cx, &profile, &target, &[&INSTALL_RIGHTS, restarts].concat())?;
    let others = other_knowers(cx, &profile, &target, &observed)?;
    let asked = Asked { profile: &profile, target: &target, new_password: args.new_password, written: true };
    let (plan, mut vault, observed) = asked.planned(cx, found, observed, others)?;
    require_rights_for(plan.calls(), &observed, &target)?;
    cx.carry_out(&plan, &mut vault)
}

/// Looks at the release, when nobody else changes it.
pub(super) fn look(cx: &Context, profile: &Profile, target: &Target, rights: &[Right]) -> Result<Observed> {
    let names = chart::names(profile);
    let question = Question { target, names: &names, storage_class: None, rights };
    let observed = lock::in_turn(cx, profile, &question, observe)?;
    require_fit_to_rotate(&observed, target)?;
    Ok(observed)
}

/// Charts of others may have made a Secret of their own.
fn other_knowers(cx: &Context, profile: &Profile, target: &Target, observed: &Observed) -> Result<Vec<Knower>> {
    if profile.chart == ChartRef::Builtin {
        return Ok(Vec::new());
    }
    let template = observed.set.as_ref().map_or(&Value::Null, |set| &set.pod_spec);
    let chart = release::secret_of_chart(&cx.tools, target, &chart::names(profile).secret, template)?;
    Ok(chart.into_iter().collect())
}

/// Whose secrets are adopted.
pub(super) struct Asked<'a> {
    pub(super) profile: &'a Profile,
    pub(super) target: &'a Target,
    pub(super) new_password: bool,
    /// The profile is on disk already.
    pub(super) written: bool,
}

impl Asked<'_> {
    /// The brokers judge; what is true is planned to go into both homes. With what was seen, for more plans.
    pub(super) fn planned(
        &self,
        cx: &Context,
        mut found: Found,
        mut observed: Observed,
        others: Vec<Knower>,
    ) -> Result<(Plan, Vault, Observed)> {
        let Self { profile, target, new_password, written } = *self;
        let mut knowers = knowers(profile, &mut observed, &mut found, new_password, !others.is_empty())?;
        // Where no broker judges, what the pods would start with comes before a file of another life.
        let local = knowers.pop();
        knowers.extend(others.into_iter().chain(local));
        let heard = hear(cx, target, &profile.credentials.username, &observed, knowers)?;
        let unheard = unheard(&observed);
        let given = adoption::Given { profile, found: &found, new_password, unheard, written };
        let (adopted, vault) = decide(&given, heard)?;
        require_writable(&vault, &found)?;
        let aside = if adopted.replaces { secret::aside(&found.file) } else { None };
        let limit = cx.within(profile.timeouts.boot);
        let (file, seen) = (&found.file, &observed);
        let plan = adopt(&Given { profile, target, observed: seen, adopted: &adopted, file, aside, limit });
        Ok((plan, vault, observed))
    }
}

/// A secrets file with such a secret could not be read again.
fn require_writable(vault: &Vault, found: &Found) -> Result<()> {
    for name in Name::BOTH {
        if let Some(flaw) = vault.get(name).and_then(|secret| secret.flaw(name)) {
            let text = format!("{} cannot hold the {name}: {flaw}; nothing was changed", found.file_name());
            return Err(Failure::new(Outcome::Contradiction, text).into());
        }
    }
    Ok(())
}

/// mqctl's Secret, then this side; where the one or the other can be believed at all.
fn knowers(
    profile: &Profile,
    observed: &mut Observed,
    found: &mut Found,
    new_password: bool,
    others: bool,
) -> Result<Vec<Knower>> {
    let cluster = observed.secret.take();
    if cluster.is_none() && !others && !observed.has_past() {
        let text = format!("`{}` has neither volumes nor a Secret: there is nothing to adopt", profile.release);
        let failure = Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"));
        return Err(failure.hint(format!("mqctl install {}", profile.name)).into());
    }
    let cut_short = cluster.as_ref().and_then(|vault| credentials::cut_short(vault, &observed.noted));
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
