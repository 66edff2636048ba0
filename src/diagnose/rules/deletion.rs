//! What is to go and does not, and what goes with it.

use serde_json::Value;

use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::report;

/// Seconds past its time: a kubelet and an API server need some to take a pod away.
const LATE: i64 = 60;

/// A pod's time includes its grace; a claim waits for its pod.
fn due(object: &Value) -> Option<&str> {
    object.pointer("/metadata/deletionTimestamp").and_then(Value::as_str)
}

/// Symptom: a pod stays `Terminating`, and no other takes its place. Cause: its machine is gone, or a finalizer whose
/// controller is.
/// Source: Kubernetes documentation, Pod Lifecycle, "Forced Pod termination"; Finalizers.
pub(super) fn pods(picture: &Picture) -> Vec<Finding> {
    let late = |seen: &&Seen| due(&seen.object).and_then(|time| picture.age(time)).is_some_and(|age| age > LATE);
    picture.nodes.iter().filter(late).map(|seen| stays(picture, seen)).collect()
}

fn stays(picture: &Picture, seen: &Seen) -> Finding {
    let (pod, time) = (seen.name(), due(&seen.object).unwrap_or_default());
    let age = report::age(u64::try_from(picture.age(time).unwrap_or_default()).unwrap_or_default());
    let finding = Finding::error(Code::Terminating, format!("{pod} should be gone, and is not")).of([pod]);
    let finding = finding.proof(format!("its time to stop ended {age} ago"));
    let finalizers = seen.object.pointer("/metadata/finalizers").and_then(Value::as_array);
    if let Some(finalizers) = finalizers.filter(|all| !all.is_empty()) {
        let names: Vec<&str> = finalizers.iter().filter_map(Value::as_str).collect();
        let words = format!("{}: {}", plural(names.len(), "its finalizer", "its finalizers"), names.join(", "));
        let fix = picture.kubectl(&format!("get pod {pod} --output yaml"));
        return finding.proof(words).fix(fix).risk("a finalizer's controller may still have something to save");
    }
    let machine = seen.pod.machine.as_deref().unwrap_or("NODE");
    finding
        .proof(format!("on machine {machine}"))
        .fix(format!("kubectl get node {machine}"))
        .risk("deleted by force it may still run, as a second writer of its volume: only where its machine is off")
}

/// Symptom: none yet. Cause: somebody has deleted a claim that a pod uses: Kubernetes waits for the pod, and then takes
/// the volume away.
/// Source: Kubernetes documentation, Persistent Volumes, "Storage Object in Use Protection".
pub(super) fn claims(picture: &Picture) -> Vec<Finding> {
    let going = |seen: &&Seen| due(&seen.claim).is_some() && !seen.object.is_null();
    let going = picture.nodes.iter().filter(going).filter(|_| picture.observed.namespace_ends.is_none());
    going.map(goes).collect()
}

fn goes(seen: &Seen) -> Finding {
    let text = |pointer: &str| seen.claim.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (claim, volume) = (text("/metadata/name"), text("/spec/volumeName"));
    let title = format!("{claim} is deleted when {} stops, and its volume with it", seen.name());
    let keep = r#"'{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'"#;
    Finding::error(Code::Terminating, title)
        .of([claim])
        .proof(format!("the claim was deleted at {}; it waits for its pod", due(&seen.claim).unwrap_or_default()))
        .fix(format!("kubectl patch persistentvolume {volume} --patch {keep}"))
        .risk(format!("until then every restart of {} loses all that is on it", seen.name()))
}
