//! Install: preflight → credentials → Secret → helm → boot → login. Pure.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Action, Condition, Danger, Plan, Step, Wished, expose, preconditions};
use crate::chart::{self, BUILTIN_VERSION, Names, builtin};
use crate::cluster::{Existence, IMAGE_TAG, Observed, Pod, Standing, StatefulSet, Target};
use crate::credentials::Found;
use crate::helm;
use crate::kubectl;
use crate::process::Part;
use crate::profile::Profile;
use crate::secret::{Hole, Name};
use crate::units::show_duration;

/// Everything that the planner decides from.
pub struct Given<'a> {
    pub profile: &'a Profile,
    pub target: &'a Target,
    pub observed: &'a Observed,
    pub found: &'a Found,
    /// Where the chart is laid out for helm.
    pub chart: PathBuf,
    /// The limit of the boot.
    pub limit: Duration,
    /// The limit of the wait for an address outside.
    pub address_limit: Duration,
}

impl Given<'_> {
    /// mqctl's Secret holds both secrets, and notes the image that the volumes belong to.
    fn secret_is_whole(&self) -> bool {
        self.found.in_cluster && self.observed.noted.tag.as_deref() == Some(self.profile.image.tag.as_str())
    }

    /// It is noted that this image has booted on these volumes.
    fn boot_is_noted(&self) -> bool {
        self.observed.noted.booted.as_deref() == Some(self.profile.image.tag.as_str())
    }

    /// The wish for a Service outside, if the profile has one.
    fn exposing(&self) -> Option<expose::Given<'_>> {
        let exposure = self.profile.expose.as_ref()?;
        let Self { profile, target, observed, .. } = self;
        Some(expose::Given { profile, target, observed, exposure, limit: self.address_limit })
    }

    /// The StatefulSet was scaled beside helm, by a delete that was cut short or by hand.
    fn scaled(&self) -> bool {
        self.observed.set.as_ref().is_some_and(|s| s.replicas != self.profile.replicas)
    }
}

/// Plans an install; running it again after any interruption plans what is left.
///
/// # Errors
/// A StorageClass that does not exist, a release of another chart, a Service of somebody else.
pub fn install(given: &Given<'_>) -> Result<Plan> {
    preconditions::check(given)?;
    let exposing = given.exposing();
    let service = exposing.as_ref().map(expose::apply).transpose()?.flatten();
    let names = chart::names(given.profile);
    let values = chart::values(given.profile);
    let mut steps = Vec::new();
    if !unchanged(given, &values) {
        steps.extend(clear_pending(given));
        steps.extend(keep_secrets(given.found));
        steps.extend(write_secret(given, &names));
        steps.push(run_helm(given, &values));
        steps.extend(replace_stuck(given));
    }
    steps.extend(take_back_stop(given));
    let ready = steps.is_empty() && given.observed.set.as_ref().is_some_and(StatefulSet::all_ready);
    // Before the wait: a load balancer takes its time while the nodes boot.
    steps.extend(service);
    if !ready || !given.boot_is_noted() {
        steps.extend([boot(given, &names), verify(given, &names)]);
    }
    steps.extend(exposing.as_ref().and_then(expose::reach));
    Ok(plan(given, names, steps))
}

fn plan(given: &Given<'_>, names: Names, steps: Vec<Step>) -> Plan {
    let (profile, target) = (given.profile, given.target);
    let (name, release) = (&profile.name, &target.release);
    let revision = given.observed.release.as_ref().map_or("0", |r| r.revision.as_str());
    let address = format!("amqp://{}@{release}.{}.svc:5672", profile.credentials.username, target.namespace);
    Plan {
        verb: "install",
        target: target.clone(),
        names,
        about: about(profile),
        steps,
        warnings: profile.warnings.iter().map(|w| format!("`{}`: {}", w.path, w.text)).collect(),
        nothing: format!("nothing to change (revision {revision}, {} nodes ready)", profile.replicas),
        farewell: vec![format!(
            "{release} is ready.   {address}     mqctl status {name}     mqctl credentials show {name}"
        )],
        limit: given.limit,
        protected: profile.protected,
    }
}

/// `builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi standard`
fn about(profile: &Profile) -> String {
    let class = profile.storage.class.as_deref().unwrap_or("default class");
    let nodes = if profile.replicas == 1 { "1 node".to_owned() } else { format!("{} nodes", profile.replicas) };
    format!("builtin {BUILTIN_VERSION} · RabbitMQ {} · {nodes} · {} {class}", profile.image.tag, profile.storage.size)
}

/// Helm deployed exactly this chart with these values, and the credentials are in all their homes.
fn unchanged(given: &Given<'_>, values: &Value) -> bool {
    let deployed = given.observed.release.as_ref().is_some_and(helm::Release::deployed);
    let noted = given.observed.set.as_ref().and_then(|s| s.values_digest.as_deref());
    let kept = given.found.to_generate().is_empty() && given.found.to_keep().is_empty();
    deployed && !given.scaled() && kept && given.secret_is_whole() && noted == builtin::wished_digest(values)
}

/// A delete that was cut short left its announcement on pods that stay.
fn take_back_stop(given: &Given<'_>) -> Option<Step> {
    let stays = |pod: &Pod| pod.told_to_stop && pod.standing != Standing::Stopping;
    given.observed.pods.iter().any(stays).then(|| {
        Step::new(Danger::Changes, "take back the stop", "an earlier delete announced it and was cut short")
            .action(Action::Run(kubectl::take_back_stop(given.target)))
            .done("stop taken back")
    })
}

/// A killed helm leaves `pending-…`, and every later helm refuses to work on it.
fn clear_pending(given: &Given<'_>) -> Option<Step> {
    let release = given.observed.release.as_ref().filter(|r| r.pending())?;
    let call = match release.status.as_str() {
        "pending-install" | "uninstalling" => helm::uninstall(given.target),
        _ => helm::rollback(given.target),
    };
    let title = format!("clear `{}`", release.status);
    let detail = format!("an earlier helm was cut short at revision {}; volumes are not touched", release.revision);
    Some(
        Step::new(Danger::Changes, title, detail).action(Action::Run(call)).done(format!("{} cleared", release.status)),
    )
}

fn keep_secrets(found: &Found) -> Option<Step> {
    let (generate, from_cluster) = (found.to_generate(), found.to_keep());
    let write = [generate.clone(), from_cluster.clone()].concat();
    if write.is_empty() {
        return None;
    }
    let what = |names: &[Name]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let detail = match (generate.is_empty(), from_cluster.is_empty()) {
        (false, true) => format!("{}: generated, 32 characters, mode 0600", what(&generate)),
        (true, false) => format!("{}: taken from the Secret in the cluster, mode 0600", what(&from_cluster)),
        _ => format!("{} generated, {} from the cluster, mode 0600", what(&generate), what(&from_cluster)),
    };
    let action = Action::KeepSecrets { file: found.file.clone(), generate, write };
    let name = found.file_name();
    Some(Step::new(Danger::Changes, name.clone(), detail).action(action).done(format!("{name} written")))
}

/// Namespace, if it is missing, and mqctl's own Secret: outside the release, so that uninstall cannot take it.
fn write_secret(given: &Given<'_>, names: &Names) -> Option<Step> {
    if given.secret_is_whole() {
        return None;
    }
    let missing = given.observed.namespace == Existence::Missing;
    let title = format!("Secret {}", names.secret);
    let detail = if missing {
        format!("{}; namespace {} is created", given.found.in_words(), given.target.namespace)
    } else {
        given.found.in_words()
    };
    let call = kubectl::apply(given.target, manifest(given, names, missing));
    Some(
        Step::new(Danger::Changes, title, detail)
            .action(Action::Run(call))
            .done(format!("Secret {} written", names.secret)),
    )
}

/// One List as text, with holes where the secrets go. It carries the key names of every chart that mqctl drives.
fn manifest(given: &Given<'_>, names: &Names, with_namespace: bool) -> Vec<Part> {
    const KEYS: [(&str, Name); 7] = [
        ("erlang-cookie", Name::ErlangCookie),
        ("rabbitmq-erlang-cookie", Name::ErlangCookie),
        (".erlang.cookie", Name::ErlangCookie),
        ("password", Name::Password),
        ("rabbitmq-password", Name::Password),
        ("default-password", Name::Password),
        ("admin-password", Name::Password),
    ];
    let mut head = String::from(r#"{"apiVersion":"v1","kind":"List","items":["#);
    if with_namespace {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": given.target.namespace}});
        head = format!("{head}{namespace},");
    }
    let metadata = json!({"name": names.secret, "namespace": given.target.namespace, "labels": {
        "app.kubernetes.io/instance": given.target.release, "app.kubernetes.io/managed-by": "mqctl",
    }, "annotations": {IMAGE_TAG: given.profile.image.tag}});
    let user = base64_text(&given.profile.credentials.username);
    let secret = format!(
        r#"{{"apiVersion":"v1","kind":"Secret","type":"Opaque","metadata":{metadata},"data":{{"username":"{user}""#
    );
    let mut parts = vec![Part::Text(head + &secret)];
    for (key, name) in KEYS {
        parts.extend([Part::Text(format!(r#","{key}":""#)), Part::Hole(Hole(name)), Part::Text("\"".to_owned())]);
    }
    parts.push(Part::Text("}}]}".to_owned()));
    parts
}

fn base64_text(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn run_helm(given: &Given<'_>, values: &Value) -> Step {
    let call = helm::upgrade_install(given.target, &given.chart, values, given.profile.timeouts.install);
    let again = given.observed.release.as_ref().is_some_and(|r| !r.status.starts_with("pending-install"));
    let (title, next) = if again { ("helm upgrade", "upgraded") } else { ("helm install", "installed") };
    let detail = "1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount";
    let mut step = Step::new(Danger::Changes, title, detail).action(Action::LayChart(given.chart.clone()));
    if given.scaled() {
        // Helm 4 applies server-side: it refuses to change what kubectl scaled, unless both mean the same number.
        step = step.action(Action::Run(kubectl::scale(given.target, given.profile.replicas)));
    }
    step.action(Action::Run(call)).done(format!("helm release {next}"))
}

/// Pods that do not run stand in the way of their successors: the controller replaces the highest one, and waits for it
/// while it waits for its peers of the old template.
fn replace_stuck(given: &Given<'_>) -> Option<Step> {
    let stuck = |pod: &&Pod| {
        use Standing::{Crashed, ImageTrouble, Unscheduled};
        matches!(pod.standing, ImageTrouble(_) | Unscheduled(_) | Crashed(_))
    };
    let names: Vec<&str> = given.observed.pods.iter().filter(stuck).map(|pod| pod.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let objects: Vec<String> = names.iter().map(|name| format!("pod/{name}")).collect();
    Some(
        Step::new(Danger::Changes, "replace pods", format!("{}: they do not run as they are", names.join(", ")))
            .action(Action::Run(kubectl::delete(given.target, &objects)))
            .done("pods replaced"),
    )
}

/// What has booted on the volumes is noted as soon as it has: from then on they belong to it.
fn boot(given: &Given<'_>, names: &Names) -> Step {
    let nodes =
        if given.profile.replicas == 1 { "1 node".to_owned() } else { format!("{} nodes", given.profile.replicas) };
    let step = Step::new(Danger::Reads, format!("{nodes} booted"), format!("up to {}", show_duration(given.limit)))
        .action(Action::Wait(Condition::AllReady))
        .done(format!("{nodes} ready"));
    if given.boot_is_noted() {
        return step;
    }
    step.action(Action::Run(kubectl::note_boot(given.target, &names.secret, &given.profile.image.tag)))
}

fn verify(given: &Given<'_>, names: &Names) -> Step {
    let cluster = if given.profile.replicas == 1 { "1 node" } else { "one cluster" };
    let wished = Wished { pods: names.pods.clone(), username: given.profile.credentials.username.clone() };
    let user = &wished.username;
    Step::new(Danger::Reads, format!("login as {user}"), "members, alarms, cookie, by the brokers' own word")
        .done(format!("{cluster}, no alarm, logged in as {user}"))
        .action(Action::Verify(wished))
}
