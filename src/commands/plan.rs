//! `mqctl plan NAME`: the plan of `install` or `upgrade`, without its last stages

use anyhow::Result;

use crate::cli::PlanArgs;
use crate::context::Context;
use crate::outcome::Outcome;
use crate::plan::install::Offers;
use crate::report;

pub(crate) fn run(args: &PlanArgs, cx: &Context) -> Result<Outcome> {
    let plan = super::install::planned(args.name.as_deref(), None, Offers::default(), cx)?.plan;
    report::answer(&if cx.json() { report::pretty(&plan.to_json()) } else { plan.to_text() });
    Ok(if args.detailed_exitcode && plan.changes() { Outcome::Difference } else { Outcome::Done })
}
