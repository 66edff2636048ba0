//! `mqctl recover NAME`

use anyhow::Result;
use serde_json::Value;

use crate::ask::{self, Person};
use crate::cli::Recover;
use crate::cluster::observe::{RECOVER_RIGHTS, require_rights_for};
use crate::context::Context;
use crate::credentials;
use crate::diagnose::stop::Stop;
use crate::error::Failure;
use crate::helm;
use crate::kubectl::Right;
use crate::outcome::Outcome;
use crate::plan::recover::first::Via;
use crate::plan::recover::{Given, recover};
use crate::plan::script::script;
use crate::plan::{Danger, Plan, pending};
use crate::process::Program;
use crate::program;
use crate::recover::ladder_page::{EXPLANATION, in_text, what_is_left};
use crate::recover::strategy::{Rung, Strategy, Way, ladder, recommended, rung};
use crate::recover::under_way::UnderWay;
use crate::report;
use crate::secret::Vault;

/// What is to be done.
pub(super) struct Chosen {
    pub(super) strategy: Strategy,
    pub(super) way: Way,
    pub(super) via: Via,
}

pub(crate) fn run(args: &Recover, cx: &Context) -> Result<Outcome> {
    if args.evidence_only {
        return evidence(args, cx);
    }
    // A script is for people who may not run it.
    let rights: &[Right] = if args.as_script { &[] } else { &RECOVER_RIGHTS };
    let mut stop = Stop::read(cx, args.name.as_deref(), !args.no_helper_pods, rights)?;
    if stop.gathered.evidence.healthy() && stop.under_way().is_none() && !stop.observed.holds {
        report::answer(&if cx.json() { report::pretty(&stop.page().to_json()) } else { stop.page().to_text() });
        return Ok(Outcome::Done);
    }
    let rungs = ladder(&stop.gathered.evidence, args.node.as_deref());
    tell(cx, &stop, &rungs)?;
    let Some(chosen) = choose(args, cx, &stop, &rungs)? else { return Ok(Outcome::Done) };
    if args.as_script {
        report::answer(&script(&planned(cx, &stop, &chosen, "recover")?));
        return Ok(Outcome::Done);
    }
    carry_out(cx, &mut stop, &chosen, "recover")
}

/// Reads, keeps and shows; nothing else.
fn evidence(args: &Recover, cx: &Context) -> Result<Outcome> {
    let stop = Stop::read(cx, args.name.as_deref(), !args.no_helper_pods, &[])?;
    let page = stop.page();
    report::answer(&if cx.json() { report::pretty(&with_ladder(&stop)) } else { page.to_text() });
    let outcome = cx.carry_out_beside(&stop.keep(), &mut Vault::default())?;
    let unknown = stop.gathered.evidence.unknown().next().is_some();
    Ok(if outcome == Outcome::Done && unknown { Outcome::PartlyDone } else { outcome })
}

/// The evidence for programs, with what can be done.
fn with_ladder(stop: &Stop) -> Value {
    let mut page = stop.page().to_json();
    page["rungs"] = ladder(&stop.gathered.evidence, None).iter().map(Rung::to_json).collect();
    page
}

/// What was found and what can be done; and what can be kept without asking is kept, whatever comes of the rest.
pub(super) fn tell(cx: &Context, stop: &Stop, rungs: &[Rung]) -> Result<()> {
    report::say(&stop.page().to_text());
    report::say(&format!("\n{}\n", in_text(rungs).join("\n")));
    let keep = stop.keep();
    if keep.danger() == Danger::Keeps {
        cx.carry_out_beside(&keep, &mut Vault::default())?;
    }
    Ok(())
}

/// By the note of a run that was cut short, by the flag, or by asking; nothing where the person leaves.
fn choose(args: &Recover, cx: &Context, stop: &Stop, rungs: &[Rung]) -> Result<Option<Chosen>> {
    if let Some(strategy) = args.strategy.and_then(crate::cli::recover::Wish::strategy) {
        return named(stop, strategy, args.node.as_deref(), Via::Live).map(Some);
    }
    if let Some(rest) = unfinished(stop, true) {
        return Ok(Some(rest));
    }
    match (args.strategy.is_some() || cx.globals.dry_run, cx.person) {
        (true, _) => {
            let best = recommended(rungs).ok_or_else(|| nothing_helps(stop, rungs))?;
            allowed(stop, best, Via::Live).map(Some)
        }
        (false, Person::There) => asked(cx, stop, rungs),
        (false, Person::Absent) => Err(nobody_to_ask(stop).into()),
    }
}

/// The rung that somebody names, on the node that somebody names. A node that has loaded its copy is the newest from then
/// on, also while it still boots: nothing speaks for the rung any more, but that it was begun.
pub(super) fn named(stop: &Stop, strategy: Strategy, node: Option<&str>, via: Via) -> Result<Chosen> {
    if let Some(rest) = unfinished(stop, false) {
        return Ok(rest);
    }
    let is_same = |begun: &Chosen| {
        begun.strategy == strategy && node.is_none_or(|node| begun.way.first.iter().any(|first| first == node))
    };
    let judged = rung(strategy, &stop.gathered.evidence, node);
    allowed(stop, &judged, via).or_else(|refused| unfinished(stop, true).filter(is_same).ok_or(refused))
}

/// What an earlier run has left to do, where it may be gone on with: some node serves clients already, or nobody wants
/// anything else. Nothing may take the place of a repair, and a repair takes the place of anything else.
fn unfinished(stop: &Stop, any: bool) -> Option<Chosen> {
    let evidence = &stop.gathered.evidence;
    let serves = evidence.nodes.iter().any(|node| node.runs);
    let goes_on = |noted: &UnderWay| match noted.strategy {
        Strategy::Repair => true,
        _ => evidence.damaged().next().is_none() && (serves || any),
    };
    let noted = stop.under_way().filter(goes_on)?;
    Some(Chosen { strategy: noted.strategy, way: noted.way, via: Via::Live })
}

/// The rung, or why it is refused; and what is left where all are.
fn allowed(stop: &Stop, rung: &Rung, via: Via) -> Result<Chosen> {
    match &rung.way {
        Ok(way) => Ok(Chosen { strategy: rung.strategy, way: way.clone(), via }),
        Err(why) => {
            let text = format!("{} is refused: {why}; nothing was changed", rung.strategy.word());
            Err(with_what_is_left(Failure::new(Outcome::Contradiction, text), stop).into())
        }
    }
}

fn with_what_is_left(failure: Failure, stop: &Stop) -> Failure {
    let left = what_is_left(&stop.profile.name, &stop.gathered.evidence);
    left.into_iter().fold(failure, Failure::hint)
}

fn nothing_helps(stop: &Stop, rungs: &[Rung]) -> Failure {
    let why = rungs.iter().find_map(|rung| rung.way.as_ref().err()).map(String::as_str).unwrap_or_default();
    let text = format!("nothing that mqctl would propose helps here: {why}; nothing was changed");
    let failure = Failure::new(Outcome::Contradiction, text)
        .hint(format!("mqctl recover {} --evidence-only   # what was read, and kept", stop.profile.name));
    with_what_is_left(failure, stop)
}

fn nobody_to_ask(stop: &Stop) -> Failure {
    Failure::new(Outcome::Usage, "which way? there is nobody to ask; nothing was started or stopped")
        .hint(format!("mqctl recover {} --strategy auto --yes", stop.profile.name))
}

/// A person chooses among what is allowed.
fn asked(cx: &Context, stop: &Stop, rungs: &[Rung]) -> Result<Option<Chosen>> {
    let allowed: Vec<&Rung> = rungs.iter().filter(|rung| rung.way.is_ok()).collect();
    let Some(best) = recommended(rungs) else { return Err(nothing_helps(stop, rungs).into()) };
    let mut items: Vec<String> = allowed.iter().map(|rung| rung.title()).collect();
    items.extend(["explain", "show as kubectl commands", "quit"].map(str::to_owned));
    loop {
        let choice = ask::choice("What shall be done?", &items)?;
        match (allowed.get(choice), choice - allowed.len().min(choice)) {
            (Some(rung), _) => return self::allowed(stop, rung, Via::Live).map(Some),
            (None, 0) => report::show(EXPLANATION),
            (None, 1) => {
                let best = self::allowed(stop, best, Via::Live)?;
                report::show(&script(&planned(cx, stop, &best, "recover")?));
            }
            _ => return Ok(None),
        }
    }
}

fn planned(cx: &Context, stop: &Stop, chosen: &Chosen, verb: &'static str) -> Result<Plan> {
    let noted = stop.under_way();
    let given = Given {
        verb,
        profile: &stop.profile,
        target: &stop.target,
        observed: &stop.observed,
        evidence: &stop.gathered.evidence,
        strategy: chosen.strategy,
        way: &chosen.way,
        via: chosen.via,
        helper_pods: stop.helper_pods,
        noted: noted.as_ref(),
        limit: cx.within(stop.profile.timeouts.boot),
    };
    Ok(recover(&given)?)
}

/// Helm has a part in it only where its chart has the switch.
fn look_at_release(cx: &Context, stop: &mut Stop) -> Result<()> {
    cx.tools.require(&Program::Helm)?;
    stop.observed.release = helm::read_list(&cx.tools.run(&helm::list(&stop.target), &Vault::default())?)?;
    pending::require_settled(&stop.profile, &stop.target, &stop.observed, cx.now())
}

/// Plan, and carry out; what takes the place of an earlier stop's readings is agreed to with the rest.
pub(super) fn carry_out(cx: &Context, stop: &mut Stop, chosen: &Chosen, verb: &'static str) -> Result<Outcome> {
    let local = credentials::local(cx, &stop.profile)?;
    let mut found = credentials::prove(local, &stop.profile, &mut stop.observed)?;
    if chosen.via == Via::Chart || stop.under_way().is_some_and(|noted| noted.by_chart) {
        look_at_release(cx, stop)?;
    }
    let mut plan = planned(cx, stop, chosen, verb)?;
    require_rights_for(plan.calls(), &stop.observed, &stop.target)?;
    let keep = stop.keep();
    if keep.danger() > Danger::Keeps {
        plan.steps.splice(0..0, keep.steps);
    }
    let outcome = cx.carry_out(&plan, &mut found.vault)?;
    if matches!(outcome, Outcome::Done | Outcome::PartlyDone) || cx.globals.dry_run {
        return Ok(outcome);
    }
    report::say(&program::said(&format!("it can be finished: mqctl recover {}", stop.profile.name)));
    Ok(outcome)
}
