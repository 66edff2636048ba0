//! `mqctl force-boot NAME`

use anyhow::Result;

use super::recover::{carry_out, named, tell};
use crate::chart;
use crate::cli::force_boot::{ForceBoot, Way};
use crate::cluster::observe::RECOVER_RIGHTS;
use crate::context::Context;
use crate::diagnose::stop::Stop;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::plan::recover::first::Via;
use crate::recover::strategy::{Strategy, ladder};

pub(crate) fn run(args: &ForceBoot, cx: &Context) -> Result<Outcome> {
    let via = via(args, cx)?;
    let mut stop = Stop::read(cx, args.name.as_deref(), !args.no_helper_pods, &RECOVER_RIGHTS)?;
    let rungs = ladder(&stop.gathered.evidence, args.node.as_deref());
    tell(cx, &stop, &rungs)?;
    let chosen = named(&stop, Strategy::ForceBoot, args.node.as_deref(), via)?;
    carry_out(cx, &mut stop, &chosen, "force-boot")
}

fn via(args: &ForceBoot, cx: &Context) -> Result<Via> {
    match args.via {
        Way::Live => Ok(Via::Live),
        Way::File => Ok(Via::File),
        Way::StatefulSet => Ok(Via::StatefulSet),
        Way::Chart => match chart::force_boot(&cx.load(args.name.as_deref())?.0) {
            Ok(_) => Ok(Via::Chart),
            Err(why) => {
                let name = args.name.as_deref().unwrap_or("NAME");
                let failure = Failure::new(Outcome::Usage, format!("{why}; nothing was changed"));
                Err(failure.hint(format!("mqctl force-boot {name} --via live")).into())
            }
        },
    }
}
