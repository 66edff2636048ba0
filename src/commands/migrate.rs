//! `mqctl migrate NAME --to-chart CHART [--as NEW] [--retire]`

use anyhow::Result;
use serde_json::Value;

use super::{delete, install};
use crate::backup;
use crate::chart;
use crate::chart::exodus::{self, Row};
use crate::cli::{Delete, Migrate};
use crate::cluster::observe::{Question, observe, require_rights};
use crate::cluster::{Observed, Target};
use crate::context::Context;
use crate::credentials::{self, Found};
use crate::definitions::Content;
use crate::error::Failure;
use crate::explain::Code;
use crate::kubectl::{self, Right};
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::init::{self, Files};
use crate::plan::install::{Offers, Verb};
use crate::plan::migrate::{self, Given, Seen};
use crate::plan::moving::{Move, Side, Stage, silent, still_in_use};
use crate::plan::{Beside, Claim, Step};
use crate::profile::Profile;
use crate::profile::keep::{self, There};
use crate::rabbitmq;
use crate::rabbitmq::census::{self, Census};
use crate::secret::Vault;

mod in_place;
mod new;

use new::New;

/// What the old side needs to permit.
const RIGHTS: [Right; 2] = [("create", "", "pods/exec"), ("patch", "apps", "statefulsets")];

pub(crate) fn run(args: &Migrate, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    if args.retire {
        return retire(args, cx, &profile, &target);
    }
    let old = Old::look(cx, &profile, &target)?;
    let new = New::named(args, cx, &old)?;
    let rows = exodus::rows(&profile, &new.profile.chart);
    let free = args.new.is_none() && old.observed.migration().is_none() && new.is_a_draft();
    if free && rows.iter().all(Row::fits) {
        return Ok(in_place::told(cx, &old, (&new.profile, args.to_chart.as_deref().unwrap_or_default()), &rows));
    }
    side_by_side(cx, old, &new, &rows)
}

/// The release that is left.
struct Old<'a> {
    profile: &'a Profile,
    target: &'a Target,
    observed: Observed,
    found: Found,
    side: Side,
    census: Census,
}

impl<'a> Old<'a> {
    /// Looks at it, has its brokers prove the secrets, and counts.
    fn look(cx: &Context, profile: &'a Profile, target: &'a Target) -> Result<Self> {
        let names = chart::names(profile);
        let question = Question { target, names: &names, storage_class: None, rights: &RIGHTS };
        let mut observed = lock::in_turn(cx, profile, &question, observe)?;
        require_rights(&observed, target)?;
        let found = credentials::prove(credentials::local(cx, profile)?, profile, &mut observed)?;
        let side = side(profile, target, &observed)?;
        proven(cx, profile, target, &observed, &found)?;
        let census = asked(cx, &side)?;
        Ok(Self { profile, target, observed, found, side, census })
    }

    /// mqctl's own Service for clients outside.
    fn outside(&self) -> Option<String> {
        let service = self.observed.external.as_ref().filter(|service| service.ours);
        service.map(|_| chart::names(self.profile).external)
    }

    fn lease(&self) -> Beside {
        let claim = Claim::on(self.profile, &self.observed);
        Beside { target: self.target.clone(), lease: chart::names(self.profile).lease, claim }
    }
}

/// Through a pod that is ready.
fn side(profile: &Profile, target: &Target, observed: &Observed) -> Result<Side> {
    let Some(pod) = observed.ready().next() else {
        let text = format!("no node of `{}` is ready, and messages move out of brokers that run", profile.release);
        return Err(Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"))
            .hint(format!("mqctl doctor {}", profile.name))
            .into());
    };
    Ok(side_of(profile, target, pod))
}

fn side_of(profile: &Profile, target: &Target, pod: &str) -> Side {
    let host = format!("{}.{}.svc", chart::names(profile).client(), target.namespace);
    let user = profile.credentials.username.clone();
    Side { name: profile.name.clone(), target: target.clone(), pod: pod.to_owned(), user, host }
}

/// The shovels log in with the password.
fn proven(cx: &Context, profile: &Profile, target: &Target, observed: &Observed, found: &Found) -> Result<()> {
    let running: Vec<&str> = observed.running().collect();
    let calls = rabbitmq::questions(target, running.iter().copied(), &profile.credentials.username, &found.vault);
    let replies = cx.tools.run_all(&calls, &found.vault).into_iter().collect::<Result<Vec<_>>>()?;
    let answers: Vec<_> =
        running.iter().zip(&replies).map(|(pod, reply)| ((*pod).to_owned(), rabbitmq::read(reply))).collect();
    credentials::prove_broker(found, profile, &answers)
}

/// Every queue and every node of it has answered.
fn asked(cx: &Context, side: &Side) -> Result<Census> {
    let call = census::question(&side.target, &side.pod);
    let census = census::read(&cx.tools.run(&call, &Vault::default())?);
    cx.stop_if_interrupted()?;
    match census {
        Some(census) if census.silent().is_empty() && census.clients.is_some() => Ok(census),
        seen => {
            let failure = silent(side, seen.as_ref());
            Err(Failure { text: format!("{}; nothing was changed", failure.text), ..failure }.into())
        }
    }
}

/// The new one is installed, and everything is moved.
fn side_by_side(cx: &Context, old: Old<'_>, new: &New, rows: &[Row]) -> Result<Outcome> {
    let (lease, outside) = (old.lease(), old.outside());
    let Old { observed, found, side: old, census, .. } = old;
    let found = new.found(cx, found)?;
    let offers = Offers::default();
    let planned = install::planned_of(cx, (&new.profile, &new.target), found, Some(Verb::Install), offers)?;
    let (install, mut found) = (planned.plan, planned.found);
    let side = side_of(&new.profile, &new.target, &chart::names(&new.profile).pods[0]);
    let there = if install.steps.is_empty() { Some(asked(cx, &side)?) } else { None };
    let missing = match &there {
        Some(_) => missing_definitions(cx, &old, &side)?,
        None => Vec::new(),
    };
    let compared = new.draft.as_ref().map(keep::compare).transpose()?.unwrap_or(There::Nothing);
    let ignore = keep::missing_rule(&init::ignore_file(&new.profile.path))?;
    let files = new.draft.as_ref().map(|draft| Files { draft, there: &compared, ignore, may_replace: false });
    let backup = backup::file(&cx.state(), &old.target.release, cx.now());
    let given = Given {
        mark: observed.migration(),
        old,
        new: side,
        profile: &new.profile,
        external: outside.as_deref(),
        lease,
        census: &census,
        there: there.as_ref(),
        files,
        install,
        rows,
        missing: &missing,
        backup,
        limit: cx.within(new.profile.timeouts.boot),
    };
    let plan = migrate::migrate(given)?;
    cx.carry_out(&plan, &mut found.vault)
}

/// What the old side exports, and the new one does not.
fn missing_definitions(cx: &Context, old: &Side, new: &Side) -> Result<Vec<String>> {
    let exported = |side: &Side| -> Result<Value> {
        let reply = cx.tools.run(&kubectl::export_definitions(&side.target, &side.pod), &Vault::default())?;
        let json = serde_json::from_str(rabbitmq::exported(&reply.stdout)).ok().filter(|_| reply.ok());
        Ok(json.ok_or_else(|| kubectl::failure("rabbitmqctl export_definitions", &reply))?)
    };
    let (wished, there) = (exported(old)?, exported(new)?);
    Ok(Content::of_broker(wished, &new.user).map_or_else(Vec::new, |content| content.missing(&there)))
}

/// What a delete takes, once nothing is left.
fn retire(args: &Migrate, cx: &Context, profile: &Profile, target: &Target) -> Result<Outcome> {
    let all = Delete { name: args.name.clone(), purge: false, repair_record: false };
    let (deletion, observed) = delete::planned(cx, (profile, target), &all)?;
    let Some(mark) = observed.migration() else {
        return match observed.set {
            Some(_) => Err(none_under_way(profile).into()),
            None => cx.carry_out(&migrate::retire(deletion, profile, None), &mut Vault::default()),
        };
    };
    if is_half_stopped(profile, &observed) {
        return cx.carry_out(&migrate::retire(deletion, profile, None), &mut Vault::default());
    }
    let new = new::load(cx, profile, args.new.as_deref().unwrap_or(&mark.to))?;
    let new_target = cx.target(&new)?;
    let new = side_of(&new, &new_target, &chart::names(&new).pods[0]);
    let look = Move { old: side(profile, target, &observed)?, new, stage: Stage::Settled };
    let (new, old) = (asked(cx, &look.new)?, asked(cx, &look.old)?);
    if let Some(failure) = still_in_use(&look, &old, &new) {
        return Err(failure.into());
    }
    let seen = Seen { look, old: &old, new: &new };
    cx.carry_out(&migrate::retire(deletion, profile, Some(&seen)), &mut Vault::default())
}

/// It was counted before, and nodes that are stopped cannot be asked.
fn is_half_stopped(profile: &Profile, observed: &Observed) -> bool {
    let retired = observed.migration().is_some_and(|mark| mark.retired);
    retired && observed.set.as_ref().is_some_and(|set| set.replicas < profile.replicas)
}

fn none_under_way(profile: &Profile) -> Failure {
    let name = &profile.name;
    let text = format!("no migration of `{name}` is under way, and --retire stops what was moved; nothing was changed");
    Failure::new(Outcome::Contradiction, text)
        .hint(format!("mqctl migrate {name} --to-chart builtin   # moves it first"))
}

/// The first step of a delete of what is being moved: none where that is not so.
///
/// # Errors
/// Messages or shovels are left, or nobody can count, and it was not confirmed: exit 78, nothing changed. With its volumes
/// it never goes like that.
pub(super) fn first_of_delete(
    cx: &Context,
    (profile, target): (&Profile, &Target),
    observed: &Observed,
    purge: bool,
) -> Result<Option<Step>> {
    let Some(mark) = observed.migration().filter(|_| !is_half_stopped(profile, observed)) else { return Ok(None) };
    let first = migrate::being_stopped(&profile.name, target, &mark.to);
    let counted = side(profile, target, observed).and_then(|side| asked(cx, &side));
    let confirmed = !purge && cx.globals.confirm.as_deref() == Some(target.release.as_str());
    match counted {
        Ok(census) if census.messages() == 0 && !census.mover => Ok(Some(first)),
        _ if confirmed => Ok(Some(first)),
        Ok(census) => Err(being_moved(profile, &mark.to, &census).into()),
        Err(error) => {
            cx.stop_if_interrupted()?;
            Err(uncounted(profile, &mark.to, &error).into())
        }
    }
}

fn being_moved(profile: &Profile, to: &str, census: &Census) -> Failure {
    let (name, left) = (&profile.name, census.messages());
    let what = if left == 0 { "its shovels are there still".to_owned() } else { format!("{left} messages are left") };
    Failure::new(Outcome::Contradiction, format!("`{name}` is being moved to `{to}`, and {what}; nothing was changed"))
        .hint(format!("mqctl migrate {name}            # moves what is left, and takes the shovels away"))
        .hint(format!("mqctl migrate {name} --retire   # stops the old one then"))
        .code(Code::Migration)
}

/// What is left may be the only copy, so that the volumes stay in any case.
fn uncounted(profile: &Profile, to: &str, error: &anyhow::Error) -> Failure {
    let (name, release) = (&profile.name, &profile.release);
    let why = error.to_string();
    let why = why.trim_end_matches("; nothing was changed");
    let text =
        format!("`{name}` is being moved to `{to}`, and nobody can count what is left: {why}; nothing was changed");
    Failure::new(Outcome::Contradiction, text)
        .hint(format!("mqctl doctor {name}"))
        .hint(format!("mqctl delete {name} --confirm {release}   # all the same: what is left stays on the volumes"))
        .code(Code::Migration)
}
