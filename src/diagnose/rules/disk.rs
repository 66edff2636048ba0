//! Volumes that are full.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::diagnose::finding::Finding;
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::recover::reading::pattern;
use crate::report;
use crate::units::Quantity;

static FULL: LazyLock<Regex> = LazyLock::new(|| pattern(r"[^\n]*(?:\benospc\b|[Nn]o space left on device)[^\n]*"));

/// Symptom: the node ends within its boot, `{error,enospc}`, and is started again and again. Cause: its volume is full, and a
/// start has to write too. Source: seen with RabbitMQ 4.0.5; RabbitMQ documentation, Disk Alarms.
pub(super) fn full(picture: &Picture) -> Vec<Finding> {
    let one = |seen: &Seen| {
        let said = FULL.find(&seen.log).or_else(|| FULL.find(&seen.previous)).filter(|_| !seen.node.runs)?;
        let title = format!("the volume of {} is full: it cannot boot", seen.name());
        let finding = Finding::error(Code::DiskAlarm, title).of([seen.name()]);
        let finding = finding.proof(format!("log of {}: {}", seen.name(), said.as_str().trim()));
        Some(finding.fix(larger(picture, seen)).risk("none; never delete what lies on the volume to make room"))
    };
    picture.nodes.iter().filter_map(one).collect()
}

/// The command that gives its claim twice the size.
fn larger(picture: &Picture, seen: &Seen) -> String {
    let size = seen.claim.pointer("/spec/resources/requests/storage").and_then(Value::as_str);
    let size = size.and_then(|size| size.parse::<Quantity>().ok()).map(|size| report::bytes(size.bytes() * 2));
    let name = seen.claim.pointer("/metadata/name").and_then(Value::as_str);
    let Some((size, name)) = size.zip(name) else {
        return "a larger volume, as its storage allows it".to_owned();
    };
    let patch = format!(r#"'{{"spec":{{"resources":{{"requests":{{"storage":"{size}"}}}}}}}}'"#);
    picture.kubectl(&format!("patch persistentvolumeclaim {name} --patch {patch}     if its StorageClass can grow"))
}
