//! Pods that Kubernetes does not make or place, and their volumes.

use serde_json::Value;

use crate::cluster::Standing;
use crate::diagnose::finding::Finding;
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;

/// A place is found in a few seconds, also where a volume has to be made first.
const PLACING: i64 = 30;

fn pod_is_older(picture: &Picture, seen: &Seen, seconds: i64) -> bool {
    let created = seen.object.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
    created.and_then(|time| picture.age(time)).is_none_or(|age| age > seconds)
}

/// Symptom: a StatefulSet, and no pods. Cause: a quota or a policy refuses them, which only the set's event says.
/// Source: Kubernetes documentation, Resource Quotas; Pod Security Admission.
pub(super) fn admission(picture: &Picture) -> Vec<Finding> {
    let refused = picture.nodes.iter().filter_map(|seen| match &seen.pod.standing {
        Standing::Refused(words) => Some((seen.name(), words)),
        _ => None,
    });
    let refused: Vec<(&str, &String)> = refused.collect();
    let Some((_, words)) = refused.first() else { return Vec::new() };
    let pods: Vec<&str> = refused.iter().map(|(pod, _)| *pod).collect();
    let finding = Finding::error(Code::Admission, format!("the cluster refuses {}", pods.join(", ")));
    vec![finding.proof(*words).of(pods).fix("ask for room, or change the profile until it fits").risk("none")]
}

fn unscheduled(seen: &Seen) -> Option<&str> {
    match &seen.pod.standing {
        Standing::Unscheduled(words) => Some(words),
        _ => None,
    }
}

/// Symptom: pods stay Pending, `unbound immediate PersistentVolumeClaims`. Cause: no StorageClass, or one that does not
/// exist or has no provisioner. A class that waits for the pod is none of that.
/// Source: Kubernetes documentation, Persistent Volumes, "Binding".
pub(super) fn pvc_pending(picture: &Picture) -> Vec<Finding> {
    let waits = |seen: &&Seen| {
        let phase = seen.claim.pointer("/status/phase").and_then(Value::as_str);
        let words = unscheduled(seen).unwrap_or_default();
        let asked_for = words.contains("PersistentVolumeClaim") || words.contains("persistentvolumeclaim");
        phase == Some("Lost") || (phase == Some("Pending") && asked_for && pod_is_older(picture, seen, PLACING))
    };
    let one = |seen: &Seen| {
        let text = |pointer: &str| seen.claim.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (claim, phase) = (text("/metadata/name"), text("/status/phase"));
        let class = Some(text("/spec/storageClassName")).filter(|class| !class.is_empty()).unwrap_or("the default");
        let bound = !text("/spec/volumeName").is_empty();
        let finding = Finding::error(Code::PvcPending, format!("{} gets no volume", seen.name()));
        let finding = finding.proof(format!("{claim}: {phase}, StorageClass {class}")).of([claim]);
        let finding = unscheduled(seen).into_iter().fold(finding, Finding::proof);
        let risk = if bound {
            "its volume was bound: do not delete the claim"
        } else {
            "none: no volume was ever bound to the claim"
        };
        finding.fix("kubectl get storageclasses     then `storage: {class: …}` in the profile").risk(risk)
    };
    picture.nodes.iter().filter(waits).map(one).collect()
}

/// Symptom: pods stay Pending. Cause: no machine fits: memory, processors, taints, cordons, the place of the volume.
/// Source: Kubernetes documentation, Debug Pods, "My pod stays pending".
pub(super) fn unschedulable(picture: &Picture) -> Vec<Finding> {
    let of_claim = pvc_pending(picture);
    let other = |seen: &&Seen| {
        let claim = seen.claim.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        !of_claim.iter().any(|finding| finding.subjects.iter().any(|subject| subject == claim))
    };
    let placeless = picture.nodes.iter().filter(other).filter(|seen| pod_is_older(picture, seen, PLACING));
    let placeless: Vec<(&str, &str)> = placeless.filter_map(|seen| Some((seen.name(), unscheduled(seen)?))).collect();
    let Some((first, words)) = placeless.first() else { return Vec::new() };
    let pods: Vec<&str> = placeless.iter().map(|(pod, _)| *pod).collect();
    let finding = Finding::error(Code::Unschedulable, format!("no machine takes {}", pods.join(", ")));
    let fix = picture.kubectl(&format!("describe pod {first}"));
    vec![finding.proof(*words).of(pods).fix(fix).risk("none; the volume stays where it is")]
}

/// Symptom: everything is gone after a restart. Cause: the data lie in an `emptyDir`, which goes with its pod.
/// Source: Kubernetes documentation, Volumes, "emptyDir".
pub(super) fn ephemeral(picture: &Picture) -> Vec<Finding> {
    let claims = picture.set.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    if picture.set.pointer("/spec/template/spec").is_none() || claims.is_some_and(|claims| !claims.is_empty()) {
        return Vec::new();
    }
    let finding = Finding::warning(Code::Ephemeral, "the data of its nodes go with their pods");
    vec![
        finding
            .proof("the StatefulSet has no volumeClaimTemplates")
            .fix("export the definitions, and install anew with `storage: {size: …}`")
            .risk("every restart of a pod loses its messages"),
    ]
}
