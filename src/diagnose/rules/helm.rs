//! What helm knows of the release, and who is at work on it.

use serde_json::Value;

use crate::cluster::ownership;
use crate::diagnose::finding::{Finding, plural};
use crate::diagnose::picture::Picture;
use crate::explain::Code;
use crate::helm::Release;

/// Symptom: `another operation (install/upgrade/rollback) is in progress`. Cause: helm, or its machine, was killed, and
/// its record says `pending-…` for ever. Younger than the longest time that helm takes it may be at work.
/// Source: helm issues 4558, 7476, 13570.
pub(super) fn helm_pending(picture: &Picture) -> Vec<Finding> {
    let pending = picture.observed.release.as_ref().filter(|release| release.pending());
    // What helm cannot read has to be put right first.
    let Some(release) = pending.filter(|_| picture.observed.outdated.is_none()) else { return Vec::new() };
    let age = release.begun().map(|begun| picture.now.0 - begun.as_second());
    let holder = picture.observed.lease.as_ref().filter(|lease| !lease.abandoned);
    let dead = picture.observed.lease.as_ref().is_some_and(|lease| lease.abandoned);
    let proof = format!("helm: revision {}, {} since {}", release.revision, release.status, release.updated);
    if let Some(lease) = holder {
        let title = format!("{} is at work on it", lease.in_words());
        return vec![Finding::information(Code::HelmPending, title).proof(proof)];
    }
    if !dead && age.is_some_and(|age| age < picture.helm_limit) {
        let title = "a helm may be at work on it";
        return vec![Finding::information(Code::HelmPending, title).proof(proof).fix("look again when it has ended")];
    }
    let verb = if release.status == "pending-install" { "install" } else { "upgrade" };
    let title = format!("a helm that was cut short left it {}: every other one refuses to work", release.status);
    let finding = Finding::error(Code::HelmPending, title).proof(proof);
    vec![
        finding
            .fix(format!("mqctl {verb} {}", picture.name))
            .risk("none this way; `helm rollback` may start an older broker on newer data"),
    ]
}

/// Symptom: upgrade and uninstall fail with `unable to build kubernetes objects`. Cause: the record names an API that
/// Kubernetes took away since, or a custom resource whose definition is gone.
/// Source: Helm documentation, Deprecated Kubernetes APIs; seen with helm 3 and 4.
pub(super) fn record_api(picture: &Picture) -> Vec<Finding> {
    let Some(record) = &picture.observed.outdated else { return Vec::new() };
    let title = format!("helm's record names {} of {}, which this cluster does not serve", record.object, record.api);
    // An uninstall that has failed, or a helm that was killed: brokers are well, and nobody can go on.
    let stuck = picture.observed.release.as_ref().is_some_and(Release::pending);
    let finding = if stuck { Finding::error(Code::RecordApi, title) } else { Finding::warning(Code::RecordApi, title) };
    let proof = format!("helm: revision {}; it can neither upgrade nor uninstall with it", record.revision);
    vec![
        finding
            .proof(proof)
            .fix(format!("mqctl upgrade {} --repair-record", picture.name))
            .risk("none this way; a `helm uninstall` fails, and leaves the release `uninstalling`"),
    ]
}

/// Symptom: every install and upgrade is refused. Cause: the release of this name was made by another chart.
/// Source: Helm documentation, `helm upgrade`.
pub(super) fn other_chart(picture: &Picture) -> Vec<Finding> {
    let Some(chart) = &picture.foreign_chart else { return Vec::new() };
    let title = format!("the release was made by chart `{chart}`, and the profile's is {}", picture.chart);
    let finding = Finding::error(Code::ReleaseTaken, title).proof("helm: its last revision");
    let fix = format!("helm history {} --namespace {}", picture.release, picture.namespace);
    vec![finding.fix(fix).risk("none by looking; to uninstall it may delete the only copy of cookie and password")]
}

/// Symptom: `invalid ownership metadata`, or fields that change to and fro. Cause: helm's marks on the StatefulSet or its
/// Service are another release's; or nobody's, and no release is there.
/// Source: helm, pkg/action/validate.go.
pub(super) fn strangers(picture: &Picture) -> Vec<Finding> {
    let known = picture.observed.release.is_some();
    let objects = [&picture.set, &picture.headless].into_iter().filter(|object| !object.is_null());
    let strange = |object: &&Value| match ownership::release_of(object) {
        Some(release) => release != picture.release,
        None => !known,
    };
    let strange: Vec<&Value> = objects.filter(strange).collect();
    let Some(first) = strange.first() else { return Vec::new() };
    let names: Vec<String> = strange.iter().map(|object| ownership::in_words(object)).collect();
    let finding = match ownership::release_of(first) {
        Some(other) => {
            Finding::warning(Code::Ownership, format!("{} by helm's marks of release `{other}`", is(&names)))
                .fix(format!("helm status {other} --namespace {}", picture.namespace))
                .risk("two releases that change one object take turns; delete neither before you know whose it is")
        }
        None => Finding::warning(Code::Ownership, format!("{} of no release of helm's", is(&names)))
            .fix(format!("mqctl install {} --adopt-objects", picture.name))
            .risk("none: the plan shows what changes"),
    };
    vec![finding]
}

fn is(names: &[String]) -> String {
    format!("{} {}", names.join(", "), plural(names.len(), "is", "are"))
}

/// Symptom: commands wait. Cause: another mqctl is at work, or was killed.
/// Source: the Lease by which one mqctl at a time changes a release.
pub(super) fn locked(picture: &Picture) -> Vec<Finding> {
    let told = picture.observed.recovery().is_some() || picture.observed.release.as_ref().is_some_and(Release::pending);
    let Some(lease) = picture.observed.lease.as_ref().filter(|_| !told) else { return Vec::new() };
    let (title, fix) = if lease.abandoned {
        let title = format!("a mqctl was killed at work: {}", lease.in_words());
        (title, format!("mqctl plan {}     what it has left to do", picture.name))
    } else {
        let title = format!("another mqctl is at work: {}", lease.in_words());
        (title, format!("mqctl unlock {}     should it hang", picture.name))
    };
    vec![Finding::information(Code::Locked, title).fix(fix)]
}
