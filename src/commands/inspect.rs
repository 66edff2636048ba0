//! `mqctl inspect NAME`, `mqctl inspect --chart`

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::chart;
use crate::cli::Inspect;
use crate::cluster::Target;
use crate::context::Context;
use crate::error::Failure;
use crate::helm;
use crate::inspect::{Flagged, Page, Rendered};
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::Program;
use crate::profile::{self, ChartRef, Profile};
use crate::report;
use crate::secret::{self, Vault};
use crate::yaml;

pub(crate) fn run(args: &Inspect, cx: &Context) -> Result<Outcome> {
    if args.chart {
        return Ok(show_chart(cx));
    }
    let (profile, target) = cx.load(args.name.as_deref())?;
    let places = profile::places(&profile.path)?;
    let kept = secret::read_file(&secret::file_of(&profile.path, &profile.name))?;
    let rendered = rendered(cx, &profile, &target)?;
    let flagged = Flagged { context: cx.globals.context.is_some(), namespace: cx.globals.namespace.is_some() };
    let page = Page { profile: &profile, target: &target, places, kept, flagged, rendered };
    report::answer(&if cx.json() { report::pretty(&page.to_json()) } else { page.to_text() });
    match page.rendered {
        Rendered::Refused(why) => Err(refused(&why, &profile)),
        Rendered::ByHelm(_) | Rendered::ByNames => Ok(Outcome::Done),
    }
}

/// By helm, where there is one: it asks no cluster for it.
fn rendered(cx: &Context, profile: &Profile, target: &Target) -> Result<Rendered> {
    if cx.tools.require(&Program::Helm).is_err() {
        return Ok(Rendered::ByNames);
    }
    let folder = chart::folder(profile, &cx.cache());
    if profile.chart == ChartRef::Builtin {
        chart::lay(&folder).context("cannot lay out the built-in chart")?;
    }
    let reply = cx.tools.run(&helm::template(target, &folder, &chart::values(profile)), &Vault::default())?;
    if reply.ok() {
        return Ok(Rendered::ByHelm(yaml::stream(&reply.stdout)));
    }
    Ok(Rendered::Refused(kubectl::failure("helm template", &reply).to_string()))
}

fn refused(why: &str, profile: &Profile) -> anyhow::Error {
    let show = match &profile.chart {
        ChartRef::Builtin => "mqctl inspect --chart".to_owned(),
        ChartRef::Local(chart) => format!("helm show values {}", chart.path.display()),
    };
    Failure::new(Outcome::BadProfile, format!("{}: an install would fail: {why}", profile.path.display()))
        .hint(format!("{show}   # what can stand under `values:`"))
        .into()
}

fn show_chart(cx: &Context) -> Outcome {
    if cx.json() {
        let chart: Value = json!({"apiVersion": "mqctl/v1", "kind": "Inspection", "chart": chart::in_json(&ChartRef::Builtin), "valuesYaml": chart::builtin_values()});
        report::answer(&report::pretty(&chart));
        return Outcome::Done;
    }
    let (version, digest) = (chart::BUILTIN_VERSION, chart::builtin_digest());
    report::answer(&format!("# builtin {version}, digest {digest}\n{}", chart::builtin_values().trim_end()));
    Outcome::Done
}
