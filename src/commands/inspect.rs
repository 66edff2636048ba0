//! `mqctl inspect NAME`, `mqctl inspect --chart`

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::chart::look::Asking;
use crate::chart::{self, LocalChart};
use crate::cli::Inspect;
use crate::cluster::Target;
use crate::context::Context;
use crate::error::Failure;
use crate::helm;
use crate::inspect::{Flagged, Page, Rendered};
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::{Part, Program};
use crate::profile::{self, ChartRef, Profile};
use crate::report;
use crate::secret::{self, Vault};
use crate::yaml;

pub(crate) fn run(args: &Inspect, cx: &Context) -> Result<Outcome> {
    if args.chart {
        return Ok(show_chart(cx));
    }
    let (profile, target) = cx.load_for(args.name.as_deref(), Asking::IfReachable)?;
    let places = profile::places(&profile.path)?;
    let kept = secret::read_file(&secret::file_of(&profile.path, &profile.name))?;
    let rendered = rendered(cx, &profile, &target)?;
    let flagged = Flagged { context: cx.globals.context.is_some(), namespace: cx.globals.namespace.is_some() };
    let page = Page { profile: &profile, target: &target, places, kept, flagged, rendered };
    report::answer(&if cx.json() { report::pretty(&page.to_json()) } else { page.to_text() });
    match page.rendered {
        Rendered::Refused(why) => Err(refused(&why, &profile)),
        Rendered::ByHelm(_) | Rendered::ByNames | Rendered::Unreached(_) => Ok(Outcome::Done),
    }
}

/// By helm, where there is one: it asks no cluster for it.
fn rendered(cx: &Context, profile: &Profile, target: &Target) -> Result<Rendered> {
    if cx.tools.require(&Program::Helm).is_err() {
        return Ok(Rendered::ByNames);
    }
    if let ChartRef::Local(LocalChart { unasked: Some(why), .. }) = &profile.chart {
        return Ok(Rendered::Unreached(why.clone()));
    }
    let located = chart::located(profile, &cx.cache());
    if profile.chart == ChartRef::Builtin {
        chart::lay(Path::new(&located.at)).context("cannot lay out the built-in chart")?;
    }
    let reply = cx.tools.run(
        &helm::template(target, &located, vec![Part::Text(chart::values(profile).to_string())]),
        &Vault::default(),
    )?;
    if reply.ok() {
        return Ok(Rendered::ByHelm(yaml::stream(&reply.stdout)));
    }
    Ok(Rendered::Refused(kubectl::failure("helm template", &reply).to_string()))
}

fn refused(why: &str, profile: &Profile) -> anyhow::Error {
    let show = match &profile.chart {
        ChartRef::Builtin => "mqctl inspect --chart".to_owned(),
        ChartRef::Local(chart) => helm::show("values", &chart.located()).to_string(),
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
