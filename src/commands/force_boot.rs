//! `mqctl force-boot NAME`

use anyhow::Result;

use super::recover::{allowed, carry_out, tell, unfinished};
use crate::cli::force_boot::{ForceBoot, Way};
use crate::cluster::observe::RECOVER_RIGHTS;
use crate::context::Context;
use crate::diagnose::stop::Stop;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::plan::recover::first::Via;
use crate::profile::ChartRef;
use crate::recover::strategy::{Strategy, ladder, rung};

pub(crate) fn run(args: &ForceBoot, cx: &Context) -> Result<Outcome> {
    let via = via(args, cx)?;
    let mut stop = Stop::read(cx, args.name.as_deref(), !args.no_helper_pods, &RECOVER_RIGHTS)?;
    let rungs = ladder(&stop.gathered.evidence, args.node.as_deref());
    tell(cx, &stop, &rungs)?;
    let forced = || allowed(&stop, &rung(Strategy::ForceBoot, &stop.gathered.evidence, args.node.as_deref()), via);
    let chosen = unfinished(&stop, false).map_or_else(forced, Ok)?;
    carry_out(cx, &mut stop, &chosen, "force-boot")
}

fn via(args: &ForceBoot, cx: &Context) -> Result<Via> {
    match args.via {
        Way::Live => Ok(Via::Live),
        Way::File => Ok(Via::File),
        Way::StatefulSet => Ok(Via::StatefulSet),
        Way::Chart if cx.load(args.name.as_deref())?.0.chart != ChartRef::Builtin => Ok(Via::Chart),
        Way::Chart => {
            let text = "the built-in chart has no value for a force boot; nothing was changed";
            let name = args.name.as_deref().unwrap_or("NAME");
            Err(Failure::new(Outcome::Usage, text).hint(format!("mqctl force-boot {name} --via live")).into())
        }
    }
}
