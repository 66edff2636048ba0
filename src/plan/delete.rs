//! Delete: stop the nodes in order, uninstall, and keep what carries the data. Purge takes that as well. Pure.

use std::time::Duration;

use super::{Action, Claim, Condition, Danger, Outlook, Plan, Step, expose};
use crate::chart::{self, Names};
use crate::cluster::{Observed, Target};
use crate::helm;
use crate::kubectl;
use crate::profile::Profile;
use crate::units::Quantity;

/// Plans a delete. `observed` holds all pods and claims of the release, also those beyond the profile's replicas.
pub fn delete(profile: &Profile, target: &Target, observed: &Observed, purge: bool, limit: Duration) -> Plan {
    let names = chart::names(profile);
    let mut steps = stop(target, observed);
    if observed.release.is_some() {
        steps.push(uninstall(target, observed));
    }
    if purge {
        steps.extend(expose::take_service(target, observed, &names));
        steps.extend(take_volumes(target, observed, &names));
        steps.extend(take_secret(target, observed, &names));
        steps.extend(take_copies(target, observed));
    }
    Plan {
        verb: "delete",
        target: target.clone(),
        about: about(observed, &names, purge),
        steps,
        warnings: Vec::new(),
        outlook: Outlook::default(),
        changes: Vec::new(),
        nothing: nothing(observed, purge),
        farewell: farewell(profile, observed, purge),
        limit,
        protected: profile.protected,
        claim: Some(Claim::on(profile, observed)),
        names,
    }
}

fn about(observed: &Observed, names: &Names, purge: bool) -> String {
    match (purge, exposed(observed)) {
        (true, false) => "delete, and purge volumes and Secret".to_owned(),
        (true, true) => format!("delete, and purge volumes, Secret and Service {}", names.external),
        (false, false) => "delete; volumes, Secret and profile stay".to_owned(),
        (false, true) => format!("delete; volumes, Secret, Service {} and profile stay", names.external),
    }
}

/// mqctl's own Service is there; one of somebody else is none of our business.
fn exposed(observed: &Observed) -> bool {
    observed.external.as_ref().is_some_and(|service| service.ours)
}

/// The highest ordinal first: pod 0 stops last, so it knows everything and boots alone, whichever store it has.
pub(super) fn stop(target: &Target, observed: &Observed) -> Vec<Step> {
    let replicas = observed.set.as_ref().map_or(0, |s| s.replicas);
    if replicas == 0 {
        return Vec::new();
    }
    let announce =
        Step::new(Danger::Changes, "announce the stop", "so that no node waits for a quorum that will not come back")
            .action(Action::Try(kubectl::announce_stop(target)))
            .done("stop announced");
    let each = (0..replicas).rev().map(|n| stop_one(target, n));
    std::iter::once(announce).chain(each).collect()
}

fn stop_one(target: &Target, ordinal: u32) -> Step {
    let pod = format!("{}-{ordinal}", target.stateful_set);
    let detail = if ordinal == 0 { "last, so that it knows what the others knew" } else { "" };
    Step::new(Danger::Changes, format!("stop {pod}"), detail)
        .action(Action::Run(kubectl::scale(target, ordinal)))
        .action(Action::Wait(Condition::Gone(vec![pod.clone()])))
        .done(format!("{pod} stopped"))
}

fn uninstall(target: &Target, observed: &Observed) -> Step {
    let pods = observed.pods.iter().map(|p| p.name.clone()).collect();
    Step::new(Danger::Changes, "helm uninstall", "StatefulSet, Services, ConfigMap; no volume, no Secret of mqctl's")
        .action(Action::Run(helm::uninstall(target)))
        .action(Action::Wait(Condition::Gone(pods)))
        .done("release uninstalled")
}

/// With what mqctl has kept of a stop of theirs.
fn take_volumes(target: &Target, observed: &Observed, names: &Names) -> Option<Step> {
    if observed.claims.is_empty() {
        return None;
    }
    let claims = observed.claims.iter().map(|c| format!("persistentvolumeclaim/{}", c.name));
    let objects: Vec<String> = claims.chain([format!("configmap/{}", names.evidence)]).collect();
    let count = observed.claims.len();
    let title = format!("{count} volume{} ({})", if count == 1 { "" } else { "s" }, total(observed));
    let step = Step::new(Danger::Destroys, title.clone(), "every message, queue, user and definition in them");
    Some(step.action(Action::Run(kubectl::delete(target, &objects))).done(format!("{title} deleted")))
}

fn take_secret(target: &Target, observed: &Observed, names: &Names) -> Option<Step> {
    observed.secret.as_ref()?;
    let title = format!("Secret {}", names.secret);
    let step = Step::new(Danger::Destroys, title.clone(), "the secrets file beside the profile stays");
    Some(
        step.action(Action::Run(kubectl::delete(target, &[format!("secret/{}", names.secret)])))
            .done(format!("{title} deleted")),
    )
}

/// Records of helm's that were repaired, as they were before.
fn take_copies(target: &Target, observed: &Observed) -> Option<Step> {
    let objects: Vec<String> = observed.copies.iter().map(|name| format!("secret/{name}")).collect();
    let title = format!("{} of helm's record", if objects.len() == 1 { "the copy" } else { "the copies" });
    let step = Step::new(Danger::Destroys, title.clone(), observed.copies.join(", "));
    (!objects.is_empty())
        .then(|| step.action(Action::Run(kubectl::delete(target, &objects))).done(format!("{title} deleted")))
}

/// `24Gi`, or the sizes one by one where they are not whole Gi.
fn total(observed: &Observed) -> String {
    let bytes = observed.claims.iter().filter_map(|c| c.size.parse::<Quantity>().ok()).map(|q| q.bytes()).sum::<u64>();
    let gi = 1 << 30;
    if bytes % gi == 0 { format!("{}Gi", bytes / gi) } else { format!("{}Mi", bytes / (1 << 20)) }
}

fn nothing(observed: &Observed, purge: bool) -> String {
    match (observed.claims.len(), purge) {
        (0, _) => "nothing to delete".to_owned(),
        (1, _) => "nothing to delete; 1 volume is kept (--purge takes it)".to_owned(),
        (n, _) => format!("nothing to delete; {n} volumes are kept (--purge takes them)"),
    }
}

fn farewell(profile: &Profile, observed: &Observed, purge: bool) -> Vec<String> {
    let name = &profile.name;
    if purge {
        return vec![format!(
            "purged. The profile and its secrets file stay: mqctl install {name} starts afresh with the same credentials."
        )];
    }
    let claims = observed.claims.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let volumes = if claims.is_empty() { String::new() } else { format!("the volumes {claims}, ") };
    let names = chart::names(profile);
    let service = if exposed(observed) { format!("the Service {}, ", names.external) } else { String::new() };
    vec![
        format!("kept: {volumes}the Secret {}, {service}the profile", names.secret),
        format!("back again, with every message: mqctl install {name}     gone for good: mqctl delete {name} --purge"),
    ]
}
