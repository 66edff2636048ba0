//! `mqctl credentials rotate NAME [--cookie]`

use anyhow::Result;

use crate::chart::{self, Names};
use crate::cli::credentials::Rotate;
use crate::cluster::Observed;
use crate::cluster::observe::{
    INSTALL_RIGHTS, Question, RESTART_RIGHTS, observe, require_fit_to_rotate, require_rights_for,
};
use crate::cluster::probes::Shown;
use crate::context::Context;
use crate::credentials::{self, Found, Origin, rotation};
use crate::error::Failure;
use crate::explain::Code;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::rotate::{Given, Next, probes_log_in, rotate};
use crate::profile::Profile;
use crate::secret::{self, Name};

pub(crate) fn run(args: &Rotate, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    let what = if args.cookie { Name::ErlangCookie } else { Name::Password };
    require_secret(&profile)?;
    require_reach(&profile, what)?;
    cx.require_tools()?;
    let mut found = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let rights = [&INSTALL_RIGHTS[..], &RESTART_RIGHTS].concat();
    let question = Question { target: &target, names: &names, storage_class: None, rights: &rights };
    let mut observed = lock::in_turn(cx, &profile, &question, observe)?;
    require_fit_to_rotate(&observed, &target)?;
    let cluster = observed.secret.take().unwrap_or_default();
    let next = rotation::prepare(&mut found, cluster, what, &profile.name, runs(&profile, &observed))?;
    require_fit(&profile, &found)?;
    if next != Next::Untold {
        require_running(&profile, &observed, what)?;
    }
    if what == Name::Password {
        require_restartable(&profile, &observed, next)?;
    }
    let file = (!matches!(found.origin(what), Origin::Profile(_))).then(|| found.file.clone());
    let aside = file.as_deref().filter(|_| next == Next::Untold).and_then(secret::aside);
    let limit = cx.within(profile.timeouts.boot);
    let given = Given { profile: &profile, target: &target, observed: &observed, what, next, file, aside, limit };
    let plan = rotate(&given);
    require_rights_for(plan.calls(), &observed, &target)?;
    cx.carry_out(&plan, &mut found.vault)
}

/// A chart that has a secret as a value has it in objects of its own, which a rotation does not reach.
fn require_secret(profile: &Profile) -> Result<()> {
    if profile.chart.texts().is_empty() {
        return Ok(());
    }
    let text = "the chart takes its secrets as values, and keeps them in objects of its own; nothing was changed";
    let hint = "name the values of an existing Secret under `chart.custom.keys`: passwordSecret, cookieSecret";
    Err(Failure::new(Outcome::Contradiction, text).hint(hint).into())
}

/// Where probes log in, pods that run are not ready in the middle of a rotation, or none is there for a moment.
fn runs(profile: &Profile, observed: &Observed) -> bool {
    let wanted = observed.set.as_ref().is_some_and(|set| set.replicas > 0);
    observed.ready().next().is_some() || (wanted && probes_log_in(profile, observed).is_some())
}

/// Where probes log in, pods need the new password from where mqctl puts it, and restart one after the other for it.
fn require_restartable(profile: &Profile, observed: &Observed, next: Next) -> Result<()> {
    let Some(found) = probes_log_in(profile, observed).filter(|_| next != Next::Untold) else { return Ok(()) };
    let names = chart::names(profile);
    if found.secret != names.secret {
        let text = format!(
            "the probes of `{}` log in with a password that is not from Secret `{}`; nothing was changed",
            profile.release, names.secret
        );
        let hint =
            format!("mqctl upgrade {}   # hands the pods that Secret; then the same command again", profile.name);
        return Err(Failure::new(Outcome::Contradiction, text).hint(hint).into());
    }
    if found.shown == Shown::Variable && matches!(next, Next::Generated | Next::Profile) {
        require_told_by_mqctl(profile, observed, &names)?;
        require_whole(profile, observed, &names)?;
    }
    Ok(())
}

/// The first pod that restarts must not change the broker's password before the others are ready for it.
fn require_told_by_mqctl(profile: &Profile, observed: &Observed, names: &Names) -> Result<()> {
    if !updates_by_itself(observed, &names.container) {
        return Ok(());
    }
    let text = "the containers give the broker their password when they start: the first that restarts would have the \
                probes of all others fail; nothing was changed";
    let name = &profile.name;
    let hint = format!("values: {{auth: {{updatePassword: false}}}}   # in the profile; then: mqctl upgrade {name}");
    Err(Failure::new(Outcome::Contradiction, text).hint(hint).into())
}

fn require_whole(profile: &Profile, observed: &Observed, names: &Names) -> Result<()> {
    let missing = names.pods.iter().find(|pod| !observed.ready().any(|ready| ready == *pod));
    let Some(pod) = missing.filter(|_| observed.ready().next().is_some()) else { return Ok(()) };
    let text = format!(
        "`{pod}` is not ready; a new password restarts node after node, and needs all the others; nothing was changed"
    );
    let failure = Failure::new(Outcome::Contradiction, text).code(Code::NotWhole);
    Err(failure.hint(format!("mqctl status {}", profile.name)).into())
}

/// Source: bitnami/rabbitmq 15.1.0, `auth.updatePassword`.
fn updates_by_itself(observed: &Observed, container: &str) -> bool {
    let containers = observed.set.as_ref().and_then(|set| set.pod_spec["containers"].as_array()).into_iter().flatten();
    let broker = containers.filter(|one| one["name"] == container);
    let mut variables = broker.flat_map(|broker| broker["env"].as_array().into_iter().flatten());
    variables.any(|variable| variable["name"] == "RABBITMQ_UPDATE_PASSWORD" && variable["value"] == "yes")
}

/// A chart may keep the nodes from ever hearing of a new cookie.
fn require_reach(profile: &Profile, what: Name) -> Result<()> {
    let Some(family) = chart::lays_cookie_once(profile).filter(|_| what == Name::ErlangCookie) else {
        return Ok(());
    };
    let text = format!(
        "a chart of `{family}` lays the Erlang cookie on a volume once: a new one reaches no node; nothing was changed"
    );
    let hint = format!("mqctl credentials rotate {}   # the password can be changed", profile.name);
    Err(Failure::new(Outcome::Usage, text).hint(hint).into())
}

/// The next start of a pod takes it through the chart.
fn require_fit(profile: &Profile, found: &Found) -> Result<()> {
    let next = found.vault.get(Name::NextPassword);
    let Some(flaw) = next.and_then(|password| chart::password_flaw(profile, password)) else { return Ok(()) };
    let text = format!("`credentials.password`: {flaw}; nothing was changed");
    Err(Failure::new(Outcome::BadProfile, text).into())
}

/// A password is changed by a broker; for a cookie there must at least be nodes to stop or to start.
fn require_running(profile: &Profile, observed: &Observed, what: Name) -> Result<()> {
    if observed.set.is_some() && (runs(profile, observed) || what == Name::ErlangCookie) {
        return Ok(());
    }
    let text = format!(
        "no node of `{}` is ready, and a broker has to change the {what}; nothing was changed",
        profile.release
    );
    Err(Failure::new(Outcome::Contradiction, text).hint(format!("mqctl install {}", profile.name)).into())
}
