//! A force boot that was left on: a file on a node's volume, or a switch in what its pod is made from.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::chart;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::plan::recover::first::FORCED_ONCE;
use crate::recover::reading::{Store, pattern};

static FORCED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"Forcing node to start\.\.\.|Forcing boot of cluster instance"));

/// Symptom: after a full stop each node believes its own copy. Cause: a force boot was left on: as a file; as the chart's
/// value, which is a variable of the image (bitnami) or a command before the server (stable); as the command of a
/// `force-boot` that was cut short. Source: RabbitMQ documentation, rabbitmqctl, `force_boot`; bitnami/charts issue 16081.
pub(super) fn left_on(picture: &Picture) -> Vec<Finding> {
    let by_file = picture.nodes.iter().filter(|seen| has_file(seen)).map(|seen| by_file(picture, seen));
    by_file.chain(by_switch(picture)).collect()
}

fn has_file(seen: &Seen) -> bool {
    seen.node.reading.as_ref().is_some_and(|reading| reading.force_load)
}

fn by_file(picture: &Picture, seen: &Seen) -> Finding {
    let node = seen.node.reading.as_ref().map(|reading| reading.node.as_str()).unwrap_or_default();
    let path = format!("{}/{node}/force_load", picture.base);
    let by_hand = || picture.kubectl(&format!("exec {} --container {} -- rm {path}", seen.name(), picture.container));
    let fix = picture.under_way().map_or_else(by_hand, |_| format!("mqctl recover {}", picture.name));
    finding(&[seen]).proof(path).fix(fix)
}

fn by_switch(picture: &Picture) -> Option<Finding> {
    let template = picture.set.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let template = template.into_iter().flatten().find(|container| container["name"] == picture.container);
    // A chart of nobody's family may ask in its command whether it is on.
    let asks = picture.family == chart::CUSTOM;
    let stays = |seen: &Seen| template.is_some_and(|container| is_on(container, seen.name(), asks));
    let runs = |seen: &Seen| is_on(seen.container(), seen.name(), asks);
    let is_forced = |seen: &&Seen| stays(seen) || runs(seen) || FORCED.is_match(&seen.log);
    let nodes: Vec<&Seen> = picture.nodes.iter().filter(|seen| !has_file(seen)).filter(is_forced).collect();
    let first = nodes.first()?;
    let proof = if stays(first) { "the switch in the StatefulSet" } else { "the switch of the chart or the image" };
    let finding = finding(&nodes).proof(proof);
    Some(match picture.under_way() {
        Some(noted) => {
            let cut_short = format!("{} was cut short", noted.strategy.word());
            finding.proof(cut_short).fix(format!("mqctl recover {}", picture.name))
        }
        None => finding.fix(format!("take the switch out of the values, then: mqctl upgrade {}", picture.name)),
    })
}

/// The variable decides where the container has it: a command of its image or chart asks it.
fn is_on(container: &Value, pod: &str, asks: bool) -> bool {
    let env = container["env"].as_array().into_iter().flatten();
    let variable = env.filter(|env| env["name"] == "RABBITMQ_FORCE_BOOT").find_map(|env| env["value"].as_str());
    let words = ["command", "args"].map(|key| container[key].to_string()).concat();
    let by_us = words.contains(FORCED_ONCE);
    let by_chart = match variable {
        Some(value) => matches!(value, "yes" | "true"),
        None => !by_us && !asks && words.contains("rabbitmqctl force_boot"),
    };
    by_chart || (by_us && words.contains(&format!("= {pod} ]")))
}

fn finding(nodes: &[&Seen]) -> Finding {
    let pods: Vec<&str> = nodes.iter().map(|seen| seen.name()).collect();
    let who = pods.join(", ");
    let finding = if nodes.iter().all(|seen| seen.node.store() == Some(Store::Khepri)) {
        let title = format!("a force boot is on at {who}, and has no effect on Khepri");
        Finding::information(Code::ForcebootOn, title)
    } else {
        let loads =
            plural(pods.len(), "loads its own copy at its next start", "load their own copies when they start next");
        Finding::warning(Code::ForcebootOn, format!("{who} {loads}, whatever the others have"))
    };
    finding.of(pods).risk("none; left on, what others declared since is lost")
}
