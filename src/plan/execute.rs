//! Carries a plan out: step by step, stops at the first failure or at Ctrl-C, and keeps the account.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::address::{self, Exposed};
use super::moving::{self, Moved};
use super::queues::Counted;
use super::{Action, Plan, Step, definitions, first_secret, queues, record, verify, wait};
use crate::backup;
use crate::chart;
use crate::context::Context;
use crate::error::{self, Failure};
use crate::explain::Code;
use crate::kubectl;
use crate::lock::Lock;
use crate::outcome::Outcome;
use crate::process::{Call, Reply};
use crate::progress::Progress;
use crate::secret::{self, Secret, Vault};
use crate::whole_file::{self, Readers};

/// How far a plan came.
#[derive(Default)]
pub(crate) struct Report {
    /// Title and seconds of each step that is done.
    pub(crate) done: Vec<(String, f64)>,
    /// Titles of the steps that were not reached.
    pub(crate) not_reached: Vec<String>,
    /// Where the release can be reached from outside, if that was a step.
    pub(crate) exposed: Option<Exposed>,
    pub(crate) counted: Counted,
    pub(crate) moved: Moved,
    /// The step that failed, and why.
    pub(crate) failed: Option<(String, anyhow::Error)>,
}

impl Report {
    pub(crate) fn outcome(&self) -> Outcome {
        match &self.failed {
            Some((_, error)) => error::outcome_of(error),
            None if self.counted.lacks() || self.moved.lacks() => Outcome::PartlyDone,
            None => Outcome::Done,
        }
    }

    pub(crate) fn to_json(&self, plan: &Plan) -> Value {
        let done: Vec<Value> = self
            .done
            .iter()
            .map(|(title, seconds)| json!({"title": title, "seconds": (seconds * 10.0).round() / 10.0}))
            .collect();
        let failed = self.failed.as_ref().map(|(title, error)| {
            let code = error::code_of(error).map(Code::as_str);
            json!({"title": title, "message": format!("{error:#}"), "code": code})
        });
        let mut report = json!({
            "apiVersion": "mqctl/v1", "kind": "Report", "target": plan.target, "verb": plan.verb,
            "outcome": self.outcome().meaning(), "exitCode": self.outcome().code(),
            "done": done, "failed": failed, "notReached": self.not_reached,
        });
        if let Some(exposed) = &self.exposed {
            report["exposed"] = exposed.to_json();
        }
        if let Some(counted) = self.counted.to_json() {
            report["counted"] = counted;
        }
        if let Some(moved) = self.moved.to_json() {
            report["moved"] = moved;
        }
        report
    }
}

/// What the actions share.
pub(crate) struct Run<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) plan: &'a Plan,
    pub(crate) vault: &'a mut Vault,
    pub(crate) progress: &'a Progress,
    pub(crate) lock: &'a Lock<'a>,
    /// What a step found out for the answer.
    pub(crate) exposed: Option<Exposed>,
    pub(crate) counted: Counted,
    pub(crate) moved: Moved,
}

/// Runs every step in order.
#[expect(clippy::disallowed_methods, reason = "door: the account says how long each step took")]
pub(crate) fn execute(run: &mut Run<'_>) -> Report {
    let mut report = Report::default();
    for step in &run.plan.steps {
        if report.failed.is_some() {
            report.not_reached.push(step.title.clone());
            continue;
        }
        let begun = Instant::now();
        match carry_out(run, step) {
            Ok(()) => {
                let seconds = begun.elapsed().as_secs_f64();
                run.progress.done(&step.done, seconds);
                report.done.push((step.done.clone(), seconds));
            }
            Err(error) => report.failed = Some((step.title.clone(), error)),
        }
    }
    report.exposed = run.exposed.take();
    report.counted = std::mem::take(&mut run.counted);
    report.moved = std::mem::take(&mut run.moved);
    report
}

fn carry_out(run: &mut Run<'_>, step: &Step) -> Result<()> {
    run.progress.begin(&step.title);
    for action in &step.actions {
        run.cx.stop_if_interrupted()?;
        run.lock.still_held()?;
        act(run, action)?;
    }
    run.cx.stop_if_interrupted()
}

fn act(run: &mut Run<'_>, action: &Action) -> Result<()> {
    match action {
        Action::KeepSecrets { file, generate, write } => {
            for &name in generate {
                run.vault.put(name, Secret::generate()?);
            }
            secret::append_file(file, run.vault, write).with_context(|| format!("cannot write `{}`", file.display()))
        }
        Action::CreateSecret { with_namespace, secret, generate } => {
            first_secret::create(run, *with_namespace, secret, generate)
        }
        Action::Generate(name) => {
            run.vault.put(*name, Secret::generate()?);
            Ok(())
        }
        Action::Preset(name) => {
            run.vault.preset(*name);
            Ok(())
        }
        Action::SetAside { file, copy } => {
            secret::set_aside(file, copy).with_context(|| format!("cannot write `{}`", copy.display()))
        }
        Action::ReplaceSecrets { file, names } => names
            .iter()
            .try_for_each(|name| secret::replace_in_file(file, run.vault, *name))
            .with_context(|| format!("cannot write `{}`", file.display())),
        Action::Promote { name, file } => {
            run.vault.promote(*name);
            let write = |file: &PathBuf| secret::replace_in_file(file, run.vault, *name);
            file.as_ref().map_or(Ok(()), write).context("cannot write the secrets file")
        }
        Action::WriteFile { path, text } => whole_file::write(path, text, Readers::Everybody)
            .with_context(|| format!("cannot write `{}`", path.display())),
        Action::LayChart(folder) => chart::lay(folder).context("cannot lay out the built-in chart"),
        Action::Run(call) => run_call(run, call).map(|_| ()),
        Action::Save { call, file } => {
            let reply = run_call(run, call)?;
            backup::save(file, &reply.stdout).with_context(|| format!("cannot write `{}`", file.display()))
        }
        Action::Try(call) => run.cx.tools.run(call, run.vault).map(|_| ()),
        Action::Wait(condition) => wait::until(run, condition),
        Action::Count(pod) => queues::count(run, pod),
        Action::AllLed(pod) => queues::until_led(run, pod),
        Action::ReadBack { definitions, pod } => definitions::read_back(run, definitions, pod),
        Action::Move(it) => moving::carry_out(run, it),
        Action::RepairRecord(repair) => record::rewrite(run, repair),
        Action::Verify(wished) => verify::until_healthy(run, wished),
        Action::Reach(reach) => {
            run.exposed = Some(address::reach(run, reach)?);
            Ok(())
        }
    }
}

pub(super) fn run_call(run: &Run<'_>, call: &Call) -> Result<Reply> {
    let reply = run.cx.tools.run(call, run.vault)?;
    if reply.ok() {
        return Ok(reply);
    }
    run.cx.stop_if_interrupted()?;
    let words: Vec<&str> = call.args.iter().filter(|a| !a.starts_with('-')).map(String::as_str).collect();
    let verb = words.iter().find(|w| VERBS.contains(w)).copied().unwrap_or_default();
    let failure = kubectl::failure(&format!("{} {verb}", call.program.name()), &reply);
    if failure.outcome == Outcome::Failed && reply.stderr.contains("another operation") {
        let text = format!("{failure}: another helm is at work on this release");
        let failure = Failure::new(Outcome::TimedOut, text).hint("run the same command again in a minute");
        return Err(failure.code(Code::HelmPending).into());
    }
    Err(failure.into())
}

/// The words that name a call in an error.
const VERBS: [&str; 12] = [
    "upgrade",
    "uninstall",
    "rollback",
    "apply",
    "patch",
    "scale",
    "annotate",
    "delete",
    "replace",
    "get",
    "exec",
    "wait",
];
