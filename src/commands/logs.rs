//! `mqctl logs NAME`

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use anyhow::Result;

use crate::chart;
use crate::cli::Logs;
use crate::cluster::observe::secret_in_cluster;
use crate::context::Context;
use crate::credentials;
use crate::error::Failure;
use crate::kubectl::LogWish;
use crate::logs::read::Reading;
use crate::logs::{Severity, Shown, View};
use crate::outcome::Outcome;
use crate::process::Program;
use crate::report;

pub(crate) fn run(args: &Logs, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.tools.require(&Program::Kubectl)?;
    let names = chart::names(&profile);
    let pods = wished(args, &names.pods)?;
    let local = credentials::local(cx, &profile)?.vault;
    let secrets = [Some(local), secret_in_cluster(&cx.tools, &target, &names)?].into_iter().flatten().collect();
    let view = View { level: args.level.map(Severity::from), json: cx.json(), secrets };
    let wish = |pod| LogWish {
        target: &target,
        pod,
        follow: args.follow,
        previous: args.previous,
        since: args.since,
        tail: args.tail,
    };
    let interrupted = || cx.interrupted();
    let wishes = pods.into_iter().map(wish).collect();
    let reading = Reading { tools: &cx.tools, wishes, interrupted: &interrupted, over: AtomicBool::new(false) };
    show(&reading, args.follow, &view)?;
    Ok(if cx.interrupted() { Outcome::Interrupted } else { Outcome::Done })
}

/// A reader that goes away (`| head`) ends it quietly.
fn show(reading: &Reading<'_>, follow: bool, view: &View) -> Result<()> {
    let mut shown: BTreeMap<String, Shown> = BTreeMap::new();
    reading.each(follow, |pod, line| {
        let lines = shown.entry(pod.to_owned()).or_default().next(pod, line, view);
        let heard = lines.iter().all(|line| report::answered(line));
        if heard { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
}

/// The pods that were asked for; without a wish all of them.
fn wished<'a>(args: &Logs, all: &'a [String]) -> Result<Vec<&'a str>> {
    if args.pods.is_empty() {
        return Ok(all.iter().map(String::as_str).collect());
    }
    let pod = |&n: &u32| {
        let pod = usize::try_from(n).ok().and_then(|n| all.get(n));
        pod.map(String::as_str).ok_or_else(|| {
            let text = format!("`--pod {n}`: the profile has {}", all.join(", "));
            Failure::new(Outcome::Usage, text).into()
        })
    };
    args.pods.iter().map(pod).collect()
}
