//! `mqctl upgrade NAME [--to VERSION]`

use anyhow::Result;
use serde_json::json;

use crate::cli::upgrade::Upgrade;
use crate::cluster::observe::{Question, observe};
use crate::context::Context;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::plan::install::{Offers, Verb};
use crate::versions::{self, Series};
use crate::{chart, program, report};

pub(crate) fn run(args: &Upgrade, cx: &Context) -> Result<Outcome> {
    if let Some(to) = &args.to {
        return way(args.name.as_deref(), to, cx);
    }
    let verb = Verb::Upgrade { enable_feature_flags: args.enable_feature_flags };
    let offers = Offers {
        repair_record: cx.offers(args.repair_record),
        recreate: cx.offers(args.recreate_statefulset),
        adopt: cx.offers(args.adopt_objects),
    };
    super::install::carry_out(cx, || super::install::planned(args.name.as_deref(), Some(verb), offers, cx))
}

/// From the version that has booted on the volumes; before the first install from the profile's.
fn way(name: Option<&str>, to: &str, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(name)?;
    cx.require_tools()?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &[] };
    let observed = observe(&cx.tools, &question)?;
    let there = observed.image_of_volumes().unwrap_or(&profile.image.tag);
    let (from, to) = (series(there)?, series(to)?);
    let path = versions::path(from, to);
    if path.is_empty() && from != to {
        let text = format!("RabbitMQ knows no way from {from} to {to}");
        return Err(Failure::new(Outcome::Contradiction, text).hint("https://www.rabbitmq.com/docs/upgrade").into());
    }
    report::answer(&if cx.json() {
        report::pretty(&to_json(from, &path))
    } else {
        program::said(&to_text(from, &path, &profile.name)).into_owned()
    });
    Ok(Outcome::Done)
}

fn series(text: &str) -> Result<Series> {
    let unknown = || Failure::new(Outcome::Usage, format!("`{text}` does not say a version of RabbitMQ, such as 4.2"));
    Ok(Series::of(text).ok_or_else(unknown)?)
}

fn to_json(from: Series, path: &[Series]) -> serde_json::Value {
    let path: Vec<String> = path.iter().map(ToString::to_string).collect();
    json!({"apiVersion": "mqctl/v1", "kind": "UpgradePath", "from": from.to_string(), "path": path})
}

fn to_text(from: Series, path: &[Series], profile: &str) -> String {
    if path.is_empty() {
        return format!("{from} already: another release of it needs no way, only another `image.tag`");
    }
    let mut lines = vec![format!("RabbitMQ {from} now")];
    for step in path {
        let khepri = if *step >= Series(4, 3) { ", and its metadata must be in Khepri (flag khepri_db)" } else { "" };
        lines.push(format!("  -> {step}   every stable feature flag enabled before it{khepri}"));
    }
    lines.push(format!("for each: `image.tag` in the profile, then mqctl upgrade {profile} --enable-feature-flags"));
    lines.join("\n")
}
