//! Images that cannot be had, or soon not any more.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::cluster::Standing;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::recover::reading::pattern;

/// Versioned images of these names moved to a frozen organisation in 2025, and are in no registry under the old name.
static WITHDRAWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern("(^|/)bitnami/(rabbitmq|rabbitmq-cluster-operator|rmq-|os-shell|bitnami-shell|rabbitmq-exporter)")
});

fn image(seen: &Seen) -> &str {
    seen.container().get("image").and_then(Value::as_str).unwrap_or_default()
}

/// Symptom: `ErrImagePull`, `ImagePullBackOff`. Cause: no such image, no permission, no way to the registry.
/// Source: Kubernetes documentation, Images, "Pulling images".
pub(super) fn pull(picture: &Picture) -> Vec<Finding> {
    let trouble = |seen: &&Seen| matches!(seen.pod.standing, Standing::ImageTrouble(_));
    let without: Vec<&Seen> = picture.nodes.iter().filter(trouble).collect();
    // During an upgrade pods want two images, and each may be another's fault.
    let same = |a: &&Seen, b: &&Seen| image(a) == image(b);
    without.chunk_by(same).map(|pods| no_image(picture, pods)).collect()
}

fn no_image(picture: &Picture, pods: &[&Seen]) -> Finding {
    let image = image(pods[0]);
    let names: Vec<&str> = pods.iter().map(|seen| seen.name()).collect();
    let title = format!("{} cannot get {} image {image}", names.join(", "), plural(pods.len(), "its", "their"));
    let finding = Finding::error(Code::Img, title).of(names).proof(pods[0].pod.standing.to_string());
    if WITHDRAWN.is_match(image) {
        finding.proof("versioned images of this name were withdrawn in 2025").fix(exodus(picture))
    } else {
        finding.fix(format!("put `image` right in the profile, then: mqctl install {}", picture.name))
    }
}

/// The way to a chart around the official image; messages move out of brokers that run.
fn exodus(picture: &Picture) -> String {
    if picture.nodes.iter().any(|seen| seen.pod.runs()) {
        return format!("mqctl migrate {} --to-chart builtin", picture.name);
    }
    "name the same tag of a registry that has it: `image: {repository: …}` in the profile".to_owned()
}

/// Symptom: none yet. Cause: the image is in the machines' caches and in no registry: a pod that moves does not start.
/// Source: bitnami/charts issues 35164, 35256.
pub(super) fn withdrawn(picture: &Picture) -> Vec<Finding> {
    let cached = |seen: &&Seen| seen.pod.runs() && WITHDRAWN.is_match(image(seen));
    let pods: Vec<&Seen> = picture.nodes.iter().filter(cached).collect();
    let Some(first) = pods.first() else { return Vec::new() };
    let title = format!("the image {} is in no registry any more", image(first));
    let finding = Finding::warning(Code::Img, title).of(pods.iter().map(|seen| seen.name()));
    vec![
        finding
            .proof("it runs from the machines' caches; versioned images of this name were withdrawn in 2025")
            .fix(exodus(picture)),
    ]
}
