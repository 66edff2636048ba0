//! Install: preflight → credentials → Secret → helm → boot → login. Pure.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::definitions::Import;
pub use super::offers::Offers;
use super::{
    Action, Claim, Condition, Danger, Outlook, Plan, Step, Wished, anew, expose, homes, objects, outgoing, outlook,
    pending, preconditions, upgrade,
};
use crate::chart::{self, Located, Names, builtin};
use crate::cluster::preview::Preview;
use crate::cluster::{Observed, Pod, Standing, StatefulSet, Target};
use crate::credentials::Found;
use crate::drift::{self, Difference};
use crate::forecast::Forecast;
use crate::profile::{ChartRef, Profile};
use crate::rabbitmq::Answer;
use crate::secret::Name;
use crate::units::{show_duration, show_nodes};
use crate::{helm, kubectl};

/// Everything that the planner decides from.
pub struct Given<'a> {
    pub profile: &'a Profile,
    pub target: &'a Target,
    pub observed: &'a Observed,
    pub found: &'a Found,
    /// The chart, as helm is told of it.
    pub chart: Located,
    /// The limit of the boot.
    pub limit: Duration,
    /// The limit of the wait for an address outside.
    pub address_limit: Duration,
    /// What was looked at beyond that, where something of a release that exists would change.
    pub next: Option<&'a Next>,
    /// What the first install imports.
    pub import: Option<&'a Import>,
    /// What the release would come to, as far as its objects have been rendered.
    pub forecast: &'a [Forecast],
    /// In what it is another one than the profile wants.
    pub drift: &'a [Difference],
    pub verb: Verb,
    pub offers: Offers,
}

/// Which command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Install,
    Upgrade {
        /// Afterwards.
        enable_feature_flags: bool,
    },
}

impl Verb {
    pub(super) fn enables_flags(self) -> bool {
        self == Self::Upgrade { enable_feature_flags: true }
    }
}

/// The next revision, and what the brokers say before it.
#[derive(Debug, Default)]
pub struct Next {
    /// `None` where helm was cut short in an upgrade: there is no revision that it could be compared with.
    pub preview: Option<Preview>,
    /// By pod; empty where they were not asked.
    pub answers: Vec<(String, Result<Answer, String>)>,
    /// Why the volumes cannot grow, in the API server's words.
    pub cannot_grow: Option<String>,
    /// Where the definitions are saved.
    pub backup: PathBuf,
}

impl Given<'_> {
    /// mqctl's Secret holds both secrets, and notes the image that the volumes belong to.
    pub(super) fn secret_is_whole(&self) -> bool {
        let (noted, keys) = (&self.observed.noted, chart::secret_keys(self.profile));
        let whole = noted.tag.as_deref() == Some(self.profile.image.tag.as_str()) && noted.has_keys(keys);
        self.found.in_cluster && whole
    }

    /// The password is one that no broker has been told: it was written down while none ran.
    pub(super) fn untold(&self) -> bool {
        self.found.vault.get(Name::NextPassword).is_some()
    }

    pub(crate) fn preview(&self) -> Option<&Preview> {
        self.next.and_then(|next| next.preview.as_ref())
    }

    /// What each pod's broker said, where they were asked.
    pub(crate) fn answers(&self) -> impl Iterator<Item = &(String, Result<Answer, String>)> {
        self.next.into_iter().flat_map(|next| &next.answers)
    }

    /// Every pod is made anew.
    pub(super) fn restarts(&self) -> bool {
        self.preview().is_some_and(|p| p.changes.restarts)
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

    /// What the chart is told, beside what is there.
    pub(crate) fn values(&self) -> Value {
        chart::values_beside(self.profile, self.parallel())
    }

    /// Whether the pods of the StatefulSet that is there are created at once.
    fn parallel(&self) -> Option<bool> {
        self.observed.set.as_ref().map(|set| set.parallel)
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
    let mut steps = change(given, &names);
    let outlook = Outlook::of(given, !steps.is_empty());
    steps.extend(take_back_stop(given));
    let ready = steps.is_empty() && given.observed.set.as_ref().is_some_and(StatefulSet::all_ready);
    // Before the wait: a load balancer takes its time while the nodes boot.
    steps.extend(service);
    if !ready || !given.boot_is_noted() || given.untold() {
        steps.extend(homes::tell(given, &names));
        steps.push(boot(given, &names));
        steps.extend(given.import.map(|import| import.step(given, &names)));
        steps.push(verify(given, &names));
    }
    steps.extend(outgoing::let_go(given, &names));
    steps.extend(upgrade::enable_feature_flags(given, !steps.is_empty()));
    steps.extend(exposing.as_ref().and_then(expose::reach));
    Ok(Plan { outlook, ..plan(given, names, steps) })
}

/// Nothing, where helm has deployed this already.
fn change(given: &Given<'_>, names: &Names) -> Vec<Step> {
    let values = given.values();
    if unchanged(given, &values) {
        return Vec::new();
    }
    let mut steps: Vec<Step> = pending::clear(given.target, given.observed).into_iter().collect();
    steps.extend(homes::credentials(given, names));
    steps.extend(upgrade::before_helm(given));
    steps.extend(outgoing::keep(given, names));
    steps.extend(anew::before_helm(given, names));
    steps.push(anew::after_helm(given, names, run_helm(given, &values)));
    steps.extend(replace_stuck(given));
    steps
}

fn plan(given: &Given<'_>, names: Names, steps: Vec<Step>) -> Plan {
    let (profile, target) = (given.profile, given.target);
    let (name, release, service) = (&profile.name, &target.release, names.client());
    let revision = given.observed.release.as_ref().map_or("0", |r| r.revision.as_str());
    let address = format!("amqp://{}@{service}.{}.svc:5672", profile.credentials.username, target.namespace);
    Plan {
        verb: match given.verb {
            Verb::Install => "install",
            Verb::Upgrade { .. } => "upgrade",
        },
        target: target.clone(),
        names,
        about: about(profile),
        steps,
        changes: given.preview().map_or_else(Vec::new, |p| p.changes.objects.clone()),
        warnings: outlook::warnings(given)
            .chain(preconditions::doubtful_password(given))
            .chain(at_work(given))
            .collect(),
        outlook: Outlook::default(),
        nothing: format!("nothing to change (revision {revision}, {} ready)", show_nodes(profile.replicas)),
        farewell: vec![format!(
            "{release} is ready.   {address}     mqctl status {name}     mqctl credentials show {name}"
        )],
        limit: given.limit,
        protected: profile.protected,
        claim: Some(Claim::on(profile, given.observed)),
    }
}

/// For `plan`, which looks whoever is at work; whoever wants to change something has waited.
fn at_work(given: &Given<'_>) -> Option<String> {
    let lease = given.observed.lease.as_ref().filter(|lease| !lease.abandoned)?;
    Some(format!("another mqctl is at work: {}", lease.in_words()))
}

/// `builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi standard`
pub(super) fn about(profile: &Profile) -> String {
    let class = profile.storage.class.as_deref().unwrap_or("default class");
    let nodes = show_nodes(profile.replicas);
    let chart = chart::title(profile);
    format!("{chart} · RabbitMQ {} · {nodes} · {} {class}", profile.image.tag, profile.storage.size)
}

/// Something might change on a release whose brokers may run: what they say then decides whether it may.
pub(crate) fn might_change(given: &Given<'_>) -> bool {
    let upgraded =
        |r: &helm::Release| (!r.pending() || r.cut_short_in_upgrade()) && chart::made(given.profile, &r.chart);
    given.observed.release.as_ref().is_some_and(upgraded)
        && (given.verb.enables_flags() || !unchanged(given, &given.values()))
}

/// The last revision is one that helm can compare the next with: one that was cut short is not.
pub(crate) fn comparable(given: &Given<'_>) -> bool {
    given.observed.release.as_ref().is_some_and(|r| !r.pending())
}

/// Helm deployed exactly this chart with these values, and the credentials are in all their homes.
fn unchanged(given: &Given<'_>, values: &Value) -> bool {
    let deployed = given.observed.release.as_ref().is_some_and(helm::Release::deployed);
    let kept = given.found.to_generate().is_empty() && given.found.to_keep().is_empty();
    let there = given.observed.set.is_some() && !given.scaled();
    let whole = !drift::is_mended_by_an_upgrade(given.profile, given.target, given.observed);
    deployed && whole && there && kept && given.secret_is_whole() && renders_the_same(given, values)
}

/// By the digest on the built-in chart's StatefulSet; others carry none, and helm has to say what would change.
fn renders_the_same(given: &Given<'_>, values: &Value) -> bool {
    match given.profile.chart {
        ChartRef::Builtin => {
            let noted = given.observed.set.as_ref().and_then(|s| s.values_digest.as_deref());
            noted == builtin::wished_digest(values)
        }
        ChartRef::Local(_) => given.preview().is_some_and(|p| p.changes.objects.is_empty() && p.foreign.is_empty()),
    }
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

fn all_objects(profile: &Profile) -> &'static str {
    match profile.chart {
        ChartRef::Builtin => "1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount",
        ChartRef::Local(_) => "1 StatefulSet, 2 Services, and what else the chart has",
    }
}

fn run_helm(given: &Given<'_>, values: &Value) -> Step {
    let fed = chart::fed(given.profile, values);
    let call = helm::upgrade_install(given.target, &given.chart, fed, given.profile.timeouts.install);
    let again = given.observed.release.as_ref().is_some_and(|r| !r.status.starts_with("pending-install"));
    let (title, next) = if again { ("helm upgrade", "upgraded") } else { ("helm install", "installed") };
    let detail =
        given.preview().map_or_else(|| all_objects(given.profile).to_owned(), |p| objects::in_words(&p.changes));
    let mut notes = given.preview().map_or_else(Vec::new, |p| objects::notes(&p.changes));
    notes.extend(chart::in_lines(&chart::corrections(given.profile, given.parallel())));
    notes.extend(used_again(given));
    notes.extend(outlook::unseen(given).map(|one| format!("~ {}", one.message)));
    notes.extend(outgoing::why(given));
    let mut step = Step::new(Danger::Changes, title, detail).notes(notes);
    if given.profile.chart == ChartRef::Builtin {
        step = step.action(Action::LayChart(PathBuf::from(&given.chart.at)));
    }
    if given.scaled() {
        // Helm 4 applies server-side: it refuses to change what kubectl scaled, unless both mean the same number.
        step = step.action(Action::Run(kubectl::scale(given.target, given.profile.replicas)));
    }
    step.action(Action::Run(call)).done(format!("helm release {next}"))
}

/// Volumes that outlived their StatefulSet carry the data of an earlier install.
fn used_again(given: &Given<'_>) -> Option<String> {
    let claims: Vec<&str> = given.observed.claims.iter().map(|claim| claim.name.as_str()).collect();
    let outlived = given.observed.set.is_none() && !claims.is_empty();
    outlived.then(|| format!("volumes that are there are used again, with their data: {}", claims.join(", ")))
}

/// Pods that do not run stand in the way of their successors: the controller replaces the highest one, and waits for it
/// while it waits for its peers of the old template.
fn replace_stuck(given: &Given<'_>) -> Option<Step> {
    let stuck = |pod: &&Pod| pod.standing.stuck();
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
    let nodes = show_nodes(given.profile.replicas);
    let (title, detail) = if given.restarts() {
        (format!("{nodes} restarted"), upgrade::order(given))
    } else {
        (format!("{nodes} booted"), format!("up to {}", show_duration(given.limit)))
    };
    let step = Step::new(Danger::Reads, title, detail)
        .action(Action::Wait(Condition::AllReady))
        .done(format!("{nodes} ready"));
    if given.boot_is_noted() || given.import.is_some() { step } else { step.action(note_boot(given, names)) }
}

pub(super) fn note_boot(given: &Given<'_>, names: &Names) -> Action {
    Action::Run(kubectl::note_boot(given.target, &names.secret, &given.profile.image.tag))
}

fn verify(given: &Given<'_>, names: &Names) -> Step {
    let cluster = if given.profile.replicas == 1 { "1 node" } else { "one cluster" };
    let wished = Wished { pods: names.pods.clone(), username: given.profile.credentials.username.clone() };
    let user = &wished.username;
    Step::new(Danger::Reads, format!("login as {user}"), "members, alarms, cookie, by the brokers' own word")
        .done(format!("{cluster}, no alarm, logged in as {user}"))
        .action(Action::Verify(wished))
}
