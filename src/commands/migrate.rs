//! `mqctl migrate NAME --to-chart CHART [--as NEW] [--retire]`

use anyhow::Result;
use serde_json::{Value, json};

use super::{delete, install};
use crate::backup;
use crate::chart;
use crate::chart::exodus::{self, Row};
use crate::cli::{Delete, Migrate};
use crate::cluster::observe::{Question, observe, require_rights};
use crate::cluster::{Observed, Standing, Target};
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
use crate::plan::migrate::{self, Given};
use crate::plan::moving::{Move, Side, Stage, silent, still_in_use};
use crate::profile::Profile;
use crate::profile::keep::{self, There};
use crate::program;
use crate::rabbitmq;
use crate::rabbitmq::census::{self, Census};
use crate::report;
use crate::secret::Vault;

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
        return Ok(in_place(cx, &profile, &new.profile, &rows));
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
        reachable(profile, &census)?;
        Ok(Self { profile, target, observed, found, side, census })
    }
}

/// Through a pod that is ready.
fn side(profile: &Profile, target: &Target, observed: &Observed) -> Result<Side> {
    let ready = observed.pods.iter().find(|pod| pod.standing == Standing::Ready);
    let Some(pod) = ready else {
        let text = format!("no node of `{}` is ready, and messages move out of brokers that run", profile.release);
        return Err(Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"))
            .hint(format!("mqctl doctor {}", profile.name))
            .into());
    };
    Ok(side_of(profile, target, &pod.name))
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
    let call = census::question(&side.target, &side.pod, &side.user);
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

/// A shovel that may not read a queue waits for ever.
fn reachable(profile: &Profile, census: &Census) -> Result<()> {
    let hosts = census.out_of_reach();
    let Some(first) = hosts.first() else { return Ok(()) };
    let user = &profile.credentials.username;
    let text = format!("the shovels log in as `{user}`, who may not use {}; nothing was changed", hosts.join(", "));
    let set =
        format!("rabbitmqctl set_permissions -p {} {user} '.*' '.*' '.*'   # in a broker", shell_words::quote(first));
    Err(Failure::new(Outcome::Contradiction, text).hint(set).into())
}

/// The volumes may stay: how, and by what that is known.
fn in_place(cx: &Context, old: &Profile, new: &Profile, rows: &[Row]) -> Outcome {
    let (name, reference) = (&old.name, new.chart.reference());
    if cx.json() {
        let row = |row: &Row| json!({"what": row.what, "old": row.old, "new": row.new});
        let rows: Vec<Value> = rows.iter().map(row).collect();
        let answer =
            json!({"apiVersion": "mqctl/v1", "kind": "Fit", "inPlace": true, "chart": reference, "rows": rows});
        report::answer(&report::pretty(&answer));
        return Outcome::Done;
    }
    let mut lines = vec![format!(
        "{name} can change its chart and keep its volumes: {} -> {}",
        chart::title(old),
        chart::title(new)
    )];
    lines.extend(rows.iter().map(|row| format!("  √ {:<20} {}", row.what, row.old)));
    lines.push(format!("  1  mqctl delete {name}      # the volumes stay; no client is served until 3"));
    lines.push(format!("  2  chart: {{ref: {reference}}}   # in the profile; `values` are those of the old chart"));
    lines.push(format!("  3  mqctl install {name}     # on the same volumes"));
    lines.push("or beside it, with clients served: the same command with --as NEW".to_owned());
    for line in &lines {
        report::answer(&program::said(line));
    }
    Outcome::Done
}

/// The new one is installed, and everything is moved.
fn side_by_side(cx: &Context, old: Old<'_>, new: &New, rows: &[Row]) -> Result<Outcome> {
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
        census: &census,
        there: there.as_ref(),
        files,
        install,
        rows,
        missing: &missing,
        backup,
        chart: &new.chart,
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
    let Some(set) = &observed.set else {
        return cx.carry_out(&migrate::retire(deletion, profile, None, &[]), &mut Vault::default());
    };
    let Some(mark) = &set.migration else { return Err(none_under_way(profile).into()) };
    if mark.retired && set.replicas < profile.replicas {
        // It was counted before, and nodes that are stopped cannot be asked.
        return cx.carry_out(&migrate::retire(deletion, profile, None, &[]), &mut Vault::default());
    }
    let new = new::load(cx, profile, args.new.as_deref().unwrap_or(&mark.to))?;
    let new_target = cx.target(&new)?;
    let pod = chart::names(&new).pods[0].clone();
    let chart = args.to_chart.clone().unwrap_or_else(|| new.chart.reference());
    let look = Move {
        old: side(profile, target, &observed)?,
        new: side_of(&new, &new_target, &pod),
        stage: Stage::Settled,
        chart,
    };
    let (there, census) = (asked(cx, &look.new)?, asked(cx, &look.old)?);
    if let Some(failure) = still_in_use(&look, &census, &there) {
        return Err(failure.into());
    }
    cx.carry_out(&migrate::retire(deletion, profile, Some(&look), &census.streams()), &mut Vault::default())
}

fn none_under_way(profile: &Profile) -> Failure {
    let name = &profile.name;
    let text = format!("no migration of `{name}` is under way, and --retire stops what was moved; nothing was changed");
    Failure::new(Outcome::Contradiction, text)
        .hint(format!("mqctl migrate {name} --to-chart builtin   # moves it first"))
}

/// Refuses to delete what is being moved while messages are left.
///
/// # Errors
/// Messages are left; exit 78, nothing changed.
pub(super) fn require_nothing_under_way(
    cx: &Context,
    (profile, target): (&Profile, &Target),
    observed: &Observed,
) -> Result<()> {
    let Some(mark) = observed.migration().filter(|mark| !mark.retired) else { return Ok(()) };
    let Ok(side) = side(profile, target, observed) else { return Ok(()) };
    let census = asked(cx, &side)?;
    let left = census.messages();
    if left == 0 {
        return Ok(());
    }
    let name = &profile.name;
    let text = format!("`{name}` is being moved to `{}`, and {left} messages are left; nothing was changed", mark.to);
    Err(Failure::new(Outcome::Contradiction, text)
        .hint(format!("mqctl migrate {name} --to-chart builtin            # moves what is left"))
        .hint(format!("mqctl migrate {name} --to-chart builtin --retire   # stops the old one then"))
        .code(Code::Migration)
        .into())
}
