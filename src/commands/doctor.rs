//! `mqctl doctor NAME`: load, look, diagnose, tell; and look again with `--wait`

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::chart;
use crate::cli::{Doctor, FailOn};
use crate::cluster::described;
use crate::context::Context;
use crate::credentials;
use crate::diagnose::examine::{Patient, examine};
use crate::diagnose::finding::Severity;
use crate::diagnose::page::{Page, Wish};
use crate::diagnose::picture::Picture;
use crate::outcome::Outcome;
use crate::plan::wait;
use crate::program;
use crate::report;

/// Between two looks, each of which starts a VM in every broker's container.
const PAUSE: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &Doctor, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let found = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let patient = Patient { profile: &profile, target: &target, names: &names, vault: &found.vault };
    let wish = Wish { only: args.only.clone(), suppress: args.suppress.clone() };
    let is_well = |picture: &Picture| Page::of(&target, picture, &wish).worst() < Some(Severity::Error);
    let limit = if args.wait { cx.within(profile.timeouts.boot) } else { Duration::ZERO };
    let picture = examined(cx, &patient, limit, &is_well)?;
    if picture.foreign_chart.is_none() {
        described::require(&profile, &names, &picture.set, &Value::Null)?;
    }
    let page = Page::of(&target, &picture, &wish);
    show(cx, &page);
    Ok(outcome(args, page.worst()))
}

/// The first look that finds no error, or the last one within the limit.
fn examined(
    cx: &Context,
    patient: &Patient<'_>,
    limit: Duration,
    is_well: &dyn Fn(&Picture) -> bool,
) -> Result<Picture> {
    let begun = cx.now();
    loop {
        let picture = examine(cx, patient)?;
        let spent = Duration::try_from(cx.now().duration_since(begun)).unwrap_or_default();
        // Nothing that is wrong, and nothing that may yet become so.
        if spent >= limit || (is_well(&picture) && picture.running().count() == picture.nodes.len()) {
            return Ok(picture);
        }
        wait::pause(PAUSE, &|| cx.interrupted());
        cx.stop_if_interrupted()?;
    }
}

fn show(cx: &Context, page: &Page<'_>) {
    report::answer(&if cx.json() {
        report::pretty(&page.to_json())
    } else {
        program::said(&page.to_text()).into_owned()
    });
    if cx.variable("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        page.annotations().iter().for_each(|line| report::say(line));
    }
}

fn outcome(args: &Doctor, worst: Option<Severity>) -> Outcome {
    match worst {
        Some(Severity::Error) => Outcome::ErrorsFound,
        Some(Severity::Warning) if args.fail_on == FailOn::Warning => Outcome::ErrorsFound,
        Some(Severity::Warning) if args.detailed_exitcode => Outcome::Difference,
        _ => Outcome::Done,
    }
}
