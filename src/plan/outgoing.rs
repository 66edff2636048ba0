//! The chart's own Secret goes with the upgrade that hands the chart mqctl's, and pods that are not replaced yet refer to
//! it: a container that restarts meanwhile could not start again. Helm leaves alone what is annotated so in the cluster;
//! when every pod is replaced, the Secret goes. Source: helm's `pkg/kube/client.go`, 3 and 4, where objects are deleted
//! that the new manifest has not. Pure.

use super::install::Given;
use super::{Action, Danger, Step};
use crate::changes::{RESOURCE_POLICY, What};
use crate::chart::Names;
use crate::cluster::{OUTGOING, pod_secrets};
use crate::kubectl;

/// Secrets that the next revision has not, and that the pods of this one cannot start without.
fn going(given: &Given<'_>) -> Vec<String> {
    let template = given.observed.set.as_ref().map(|set| &set.pod_spec);
    let referred = template.map_or_else(Vec::new, pod_secrets::referred);
    let objects = given.preview().map_or(&[][..], |preview| &preview.changes.objects);
    let removed = objects.iter().filter(|change| change.what == What::Removed);
    let secrets = removed.filter_map(|change| change.object.strip_prefix("Secret/").map(str::to_owned));
    secrets.filter(|secret| referred.contains(secret)).collect()
}

/// Why the pods restart.
pub(super) fn why(given: &Given<'_>) -> Option<String> {
    let going = going(given);
    let from =
        format!("from Secret {}, no longer from {}", crate::chart::names(given.profile).secret, going.join(", "));
    (!going.is_empty()).then(|| format!("the pods take cookie and password {from}: they restart for that"))
}

/// Noted on mqctl's Secret first, so that whoever finishes an upgrade that is cut short lets it go.
pub(super) fn keep(given: &Given<'_>, names: &Names) -> Option<Step> {
    let going = going(given);
    if going.is_empty() {
        return None;
    }
    let note = kubectl::note(given.target, &names.secret, OUTGOING, &going.join(","));
    let step = Step::new(Danger::Changes, titled("keep", &going), "for pods that restart before they are replaced")
        .action(Action::Run(note))
        .done(format!("{} kept", titled("", &going).trim_start()));
    let kept = |secret: &String| Action::Run(kubectl::note(given.target, secret, RESOURCE_POLICY, "keep"));
    Some(going.iter().map(kept).fold(step, Step::action))
}

/// All of this run and of one that was cut short.
pub(super) fn let_go(given: &Given<'_>, names: &Names) -> Option<Step> {
    let mut secrets = [given.observed.noted.outgoing.clone(), going(given)].concat();
    secrets.sort();
    secrets.dedup();
    if secrets.is_empty() {
        return None;
    }
    let objects: Vec<String> = secrets.iter().map(|secret| format!("secret/{secret}")).collect();
    Some(
        Step::new(Danger::Changes, titled("delete", &secrets), "the chart's own: no pod refers to it any more")
            .action(Action::Run(kubectl::delete(given.target, &objects)))
            .action(Action::Run(kubectl::take_back_note(given.target, &names.secret, OUTGOING)))
            .done(format!("{} deleted", titled("", &secrets).trim_start())),
    )
}

fn titled(verb: &str, secrets: &[String]) -> String {
    format!("{verb} Secret {}", secrets.join(", "))
}
