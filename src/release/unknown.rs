//! A chart of no family: its profile has to describe it, and the release says a part of that. Pure.

use std::path::Path;

use serde_json::Value;

use super::Reading;
use super::said::{broker, claim};
use crate::chart;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::profile::name_of;
use crate::yaml::in_braces;

/// What the release tells of its chart is written down for whoever describes it; by which values it is told what, its own
/// values.yaml says.
pub(super) fn refusal(reading: &Reading, profile: &Path) -> Failure {
    let (release, chart) = (&reading.release, &reading.revision.chart);
    let told: Vec<String> = told(reading).iter().map(|(key, text)| format!("      {key}: {text}")).collect();
    let text = format!(
        "`{release}` was made by chart `{chart}`, whose keys mqctl does not know; nothing was changed\n\
         a profile by hand can describe it, beginning with what the release tells:\n  chart:\n    dialect: custom\n    custom:\n{}",
        told.join("\n")
    );
    let name = name_of(profile);
    Failure::new(Outcome::Contradiction, text)
        .hint(format!("write {}: see `A chart of your own` in mqctl's README", profile.display()))
        .hint(format!("mqctl credentials adopt {name}   # then mqctl plan {name}"))
}

fn told(reading: &Reading) -> Vec<(&'static str, String)> {
    let spec = &reading.live["spec"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let container = broker(&spec["template"]["spec"]);
    let volume = claim(reading).and_then(|claim| text(&claim["metadata"]["name"]));
    let mounts = container.and_then(|container| container["volumeMounts"].as_array()).into_iter().flatten();
    let path = mounts.filter(|mount| text(&mount["name"]) == volume).find_map(|mount| text(&mount["mountPath"]));
    let labels = spec.pointer("/selector/matchLabels").map(in_braces);
    let parallel = (spec["podManagementPolicy"] == "Parallel").then(|| "true".to_owned());
    let told = [
        ("statefulSet", text(&reading.live["metadata"]["name"])),
        ("headlessService", text(&spec["serviceName"])),
        ("claimTemplate", volume),
        ("container", container.and_then(|container| text(&container["name"]))),
        ("volumePath", path),
        ("podLabels", labels),
        ("releaseLabel", release_label(reading)),
        ("parallel", parallel),
    ];
    told.into_iter().filter_map(|(key, text)| Some((key, text?))).collect()
}

/// The label whose value is the release's name, where it is not the usual one.
fn release_label(reading: &Reading) -> Option<String> {
    let labels = reading.live.pointer("/metadata/labels")?.as_object()?;
    let release = |(_, value): &(&String, &Value)| value.as_str() == Some(reading.release.as_str());
    let usual = labels.get(chart::INSTANCE).is_some_and(|value| value == reading.release.as_str());
    labels.iter().find(release).map(|(label, _)| label.clone()).filter(|_| !usual)
}
