//! Releases that cannot be taken over, each with the reason. Pure.

use serde_json::Value;

use crate::cluster::Target;
use crate::error::Failure;
use crate::explain::Code;
use crate::helm::{Release, Revision};
use crate::outcome::Outcome;

fn refusal(text: &str) -> Failure {
    Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"))
}

/// The kind of object by which the cluster operator is told of a cluster.
const OPERATORS: &str = "RabbitmqCluster";

/// No release of this name: those that are there are named, and what the cluster operator has made.
pub(super) fn missing(target: &Target, releases: &[Release], sets: &[Value]) -> Failure {
    let Target { release, namespace, .. } = target;
    if sets.iter().any(|set| owned_by_operator(set, release)) {
        return operator(release);
    }
    let names: Vec<&str> = releases.iter().map(|release| release.name.as_str()).collect();
    let there = if names.is_empty() { "there is none".to_owned() } else { format!("there: {}", names.join(", ")) };
    refusal(&format!("there is no Helm release `{release}` in namespace `{namespace}`; {there}"))
        .hint("helm list --all-namespaces   # where it is: --namespace NAME")
}

fn owned_by_operator(set: &Value, release: &str) -> bool {
    let mut owners = set["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let names = [release, release.strip_suffix("-server").unwrap_or(release)];
    owners.any(|owner| owner["kind"] == OPERATORS && names.iter().any(|name| owner["name"] == *name))
}

fn operator(release: &str) -> Failure {
    refusal(&format!("`{release}` is a {OPERATORS} of RabbitMQ's cluster operator, which mqctl does not take over"))
        .hint(format!("kubectl get rabbitmqcluster {release} --output yaml   # it is changed there"))
}

/// A helm that is at work, or was killed; a release that is on its way out.
pub(super) fn in_no_state(target: &Target, release: &Release) -> Result<(), Failure> {
    if !release.pending() {
        return Ok(());
    }
    let Target { release: name, namespace, .. } = target;
    let begun = release.updated.get(..16).unwrap_or(&release.updated);
    let text = format!("`{name}` is {} since {begun} (revision {})", release.status, release.revision);
    let failure = Failure::new(Outcome::TimedOut, format!("{text}: a helm may be at work; nothing was changed"))
        .hint("run the same command again when it has ended")
        .code(Code::HelmPending);
    Err(if release.cut_short_in_upgrade() {
        failure.hint(format!("helm rollback {name} --namespace {namespace}   # if no helm runs any more"))
    } else {
        failure
    })
}

/// Its history is kept, and nothing else.
pub(super) fn gone(target: &Target, release: &Release) -> Failure {
    refusal(&format!("`{}` is {}: no revision of it is deployed", target.release, release.status))
        .hint(format!("helm history {} --namespace {}", target.release, target.namespace))
}

/// The one StatefulSet of a manifest whose pods run RabbitMQ.
pub(super) fn stateful_set(target: &Target, revision: &Revision, manifest: Vec<Value>) -> Result<Value, Failure> {
    let release = &target.release;
    if manifest.iter().any(|object| object["kind"] == OPERATORS) {
        return Err(operator(release));
    }
    let mut sets: Vec<Value> = manifest.into_iter().filter(runs_rabbitmq).collect();
    match sets.len() {
        1 => Ok(sets.remove(0)),
        0 => Err(refusal(&format!("`{release}` was made by chart `{}`, which is no RabbitMQ", revision.chart))
            .hint(format!("helm list --namespace {}", target.namespace))
            .code(Code::ReleaseTaken)),
        _ => {
            let name = |set: &Value| set["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let names: Vec<String> = sets.iter().map(name).collect();
            let text = format!("`{release}` has several StatefulSets that run RabbitMQ: {}", names.join(", "));
            Err(refusal(&text).code(Code::ReleaseTaken))
        }
    }
}

/// By the image or the name of one of its containers.
fn runs_rabbitmq(object: &Value) -> bool {
    let mut containers =
        object.pointer("/spec/template/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let says = |container: &Value, key: &str| container[key].as_str().is_some_and(|text| text.contains("rabbitmq"));
    let broker = |container: &Value| says(container, "name") || says(container, "image");
    object["kind"] == "StatefulSet" && containers.any(broker)
}

/// Somebody has deleted it beside helm.
pub(super) fn without_set(target: &Target, rendered: &Value) -> Failure {
    let name = rendered["metadata"]["name"].as_str().unwrap_or_default();
    refusal(&format!("StatefulSet `{name}` of release `{}` is not there any more", target.release))
        .hint(format!("bring it back first: helm rollback {} --namespace {}", target.release, target.namespace))
}
