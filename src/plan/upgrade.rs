//! What a change of a running release needs beyond an install: a backup, fields taken back from others, an order. Pure.

use super::install::{Given, Verb};
use super::{Action, Danger, Step, objects};
use crate::chart;
use crate::kubectl;
use crate::process::Part;
use crate::rabbitmq::Answer;
use crate::units::show_duration;

/// A node's restart, in seconds, as a plan estimates it: stop, pod, boot (10 to 40 were seen with small volumes).
const RESTART: u32 = 30;

pub(super) fn before_helm(given: &Given<'_>) -> Vec<Step> {
    back_up(given).into_iter().chain(take_back(given)).collect()
}

/// Users, queues, policies as JSON on this machine: enough to build the cluster again, without the messages.
fn back_up(given: &Given<'_>) -> Option<Step> {
    let next = given.next.filter(|_| given.verb != Verb::Install && given.restarts())?;
    let pod = given.observed.ready().next()?;
    let call = kubectl::export_definitions(given.target, pod);
    let detail = format!("to {}; messages are not in it", next.backup.display());
    Some(
        Step::new(Danger::Reads, "save the definitions", detail)
            .action(Action::Save { call, file: next.backup.clone() })
            .done(format!("definitions saved to {}", next.backup.display())),
    )
}

/// Helm 4 stops at fields that others changed, with the release marked as failed: they are helm's again beforehand.
fn take_back(given: &Given<'_>) -> Option<Step> {
    let preview = given.preview().filter(|p| !p.foreign.is_empty())?;
    let count = preview.foreign.len();
    let title = format!("take back {count} field{}", if count == 1 { "" } else { "s" });
    let call = kubectl::take_back(given.target, vec![Part::Text(preview.objects.clone())]);
    Some(
        Step::new(Danger::Changes, title, "changed beside helm; the profile's value comes back")
            .notes(objects::foreign(&preview.foreign))
            .action(Action::Run(call))
            .done("fields taken back"),
    )
}

/// The StatefulSet's order, and what keeps it safe: with the built-in chart each node's preStop hook waits for the quorums.
pub(super) fn order(given: &Given<'_>) -> String {
    let count = given.profile.replicas;
    let about = show_duration(std::time::Duration::from_secs(u64::from(count * RESTART)));
    if count == 1 {
        return format!("clients are without a broker meanwhile; about {about}");
    }
    let pod = |n: u32| format!("{}-{n}", given.target.stateful_set);
    let order: Vec<String> = (0..count).rev().map(pod).collect();
    let when = if chart::stops_gently(given.profile) { "each when no quorum needs it" } else { "whatever needs it" };
    format!("{}: one by one, {when}; about {about}", order.join(", "))
}

/// After a change, which may bring flags of a new version; without one, where a broker says that there are any.
pub(super) fn enable_feature_flags(given: &Given<'_>, changed: bool) -> Option<Step> {
    let disabled = |answer: &Answer| answer.flags_off.as_ref().is_some_and(|flags| !flags.is_empty());
    let any = given.answers().any(|(_, answer)| answer.as_ref().is_ok_and(disabled));
    if !given.verb.enables_flags() || !(changed || any) {
        return None;
    }
    let pod = format!("{}-0", given.target.stateful_set);
    let call = kubectl::exec(given.target, &pod, &["rabbitmqctl", "-q", "enable_feature_flag", "all"]);
    Some(
        Step::new(
            Danger::Changes,
            "enable feature flags",
            "all stable ones: there is no way back to the version before",
        )
        .action(Action::Run(call))
        .done("stable feature flags enabled"),
    )
}
