//! The charts that mqctl drives: a closed set. A dialect is one file: `Profile → values`, and a table of names.

use std::path::Path;

use serde_json::{Value, json};

use crate::process::Part;
use crate::profile::{ChartRef, Profile};
use crate::secret::Secret;

mod bitnami;
pub mod builtin;
mod cloudpirates;
mod correction;
mod custom;
pub(crate) mod dialect;
pub mod exodus;
mod groundhog2k;
mod laid_out;
mod local;
pub(crate) mod look;
pub(crate) mod reference;
#[cfg(test)]
pub(crate) mod rows;
mod stable;
mod table;
mod version;

pub(crate) use self::correction::PARALLEL;
pub(crate) use self::correction::{Corrected, in_lines, why_parallel};
pub(crate) use self::custom::overlap;
pub use self::custom::{Custom, Held, Key, in_order_line, parallel_line, secret_keys};
pub(crate) use self::custom::{password_keys, takes_policy};
pub(crate) use self::dialect::CUSTOM;
use self::dialect::set;
pub use self::dialect::{Dialect, Spoken, Told};
pub(crate) use self::laid_out::builtin_values;
pub use self::laid_out::{builtin_digest, export, files, lay, require_free};
pub(crate) use self::local::parted;
pub use self::local::{Described, LocalChart, describe};
pub use self::look::Unseen;
pub use self::reference::{Home, Located, Said, Wanted};

/// What the charts of the known families call the broker's container.
pub const CONTAINER: &str = "rabbitmq";

/// The annotation on the StatefulSet by which mqctl knows what it installed last.
pub const VALUES_DIGEST: &str = "mqctl/values";

/// Version of the built-in chart, as in its Chart.yaml.
pub const BUILTIN_VERSION: &str = "1.0.0";

/// The object names that a chart gives a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub stateful_set: String,
    pub pods: Vec<String>,
    pub claims: Vec<String>,
    pub services: Vec<String>,
    /// mqctl's own Service for clients outside, beside the release.
    pub external: String,
    /// mqctl's own Secret, outside the release.
    pub secret: String,
    /// mqctl's own ConfigMap with what was first read of a stop.
    pub evidence: String,
    /// The ConfigMap by which the start gate holds single pods back.
    pub hold: String,
    /// The pods that read the volumes of pods that do not run, one each.
    pub readers: Vec<String>,
    /// What one mqctl at a time holds.
    pub lease: String,
    /// The broker's container.
    pub container: String,
    /// Where that has its volume.
    pub volume: String,
    /// The folder in it that holds the nodes' folders.
    pub base: String,
    /// The user that the broker runs as.
    pub user: u32,
}

/// What a chart calls things, and where it has them.
struct Called<'a> {
    set: &'a str,
    /// The Service for clients.
    client: &'a str,
    headless: &'a str,
    /// The template of the volumes' claims.
    claim: &'a str,
    container: &'a str,
    volume: &'a str,
    base: &'a str,
    user: u32,
}

impl Names {
    /// The chart's are made from the StatefulSet's, mqctl's own from the release's.
    fn of(profile: &Profile, called: &Called<'_>) -> Self {
        let (release, Called { set, claim, .. }) = (profile.release.as_str(), called);
        Self {
            pods: (0..profile.replicas).map(|n| format!("{set}-{n}")).collect(),
            claims: (0..profile.replicas).map(|n| format!("{claim}-{set}-{n}")).collect(),
            services: [called.client, called.headless].map(str::to_owned).to_vec(),
            stateful_set: (*set).to_owned(),
            external: format!("{release}-external"),
            lease: format!("{release}-mqctl"),
            secret: format!("{release}-mqctl-credentials"),
            evidence: format!("{release}-mqctl-evidence"),
            hold: format!("{release}-hold"),
            readers: (0..profile.replicas).map(|n| format!("{release}-mqctl-reader-{n}")).collect(),
            container: called.container.to_owned(),
            volume: called.volume.to_owned(),
            base: called.base.to_owned(),
            user: called.user,
        }
    }

    /// The Service that clients inside the cluster are told.
    pub fn client(&self) -> &str {
        self.services.first().map_or("", String::as_str)
    }

    /// The Service by which the nodes find each other.
    pub fn headless(&self) -> &str {
        self.services.last().map_or("", String::as_str)
    }

    /// The template that the claims of the volumes are made from.
    pub(crate) fn claim_template(&self) -> &str {
        let first = self.claims.first().map_or("", String::as_str);
        first.strip_suffix(&format!("-{}-0", self.stateful_set)).unwrap_or(first)
    }

    /// One of the StatefulSet's pods, also beyond the profile's replicas.
    pub(crate) fn is_a_node(&self, pod: &str) -> bool {
        is_numbered(pod, &self.stateful_set)
    }

    /// A volume of such a pod, which this template has made.
    pub(crate) fn is_a_volume(&self, claim: &str, template: &str) -> bool {
        claim.strip_prefix(template).and_then(|rest| rest.strip_prefix('-')).is_some_and(|pod| self.is_a_node(pod))
    }
}

/// `q-12` of `q`.
fn is_numbered(name: &str, of: &str) -> bool {
    let number = name.strip_prefix(of).and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// The names of a profile's release.
pub fn names(profile: &Profile) -> Names {
    match &profile.chart {
        ChartRef::Builtin => builtin::names(profile),
        ChartRef::Local(chart) => chart.names(profile),
    }
}

/// The chart's values, complete, without anything secret in them: of a first install.
pub fn values(profile: &Profile) -> Value {
    values_beside(profile, None)
}

/// The same beside a StatefulSet that is there; `parallel`: its pods are created at once.
pub(crate) fn values_beside(profile: &Profile, parallel: Option<bool>) -> Value {
    match &profile.chart {
        ChartRef::Builtin => builtin::values(profile),
        ChartRef::Local(chart) => dialect::values(profile, chart, &names(profile).secret, parallel),
    }
}

/// What mqctl sets against the chart's own defaults; `parallel` as above.
pub(crate) fn corrections(profile: &Profile, parallel: Option<bool>) -> Vec<Corrected> {
    match &profile.chart {
        ChartRef::Builtin => Vec::new(),
        ChartRef::Local(chart) => correction::corrections(profile, chart, parallel),
    }
}

/// Kind and name of each object that the chart makes for a release, as a table: helm renders the same.
pub fn objects(profile: &Profile) -> Vec<(String, String)> {
    match &profile.chart {
        ChartRef::Builtin => builtin::objects(profile),
        ChartRef::Local(chart) => chart.objects(profile),
    }
}

/// Which chart it is, for programs.
pub(crate) fn in_json(chart: &ChartRef) -> Value {
    match chart {
        ChartRef::Builtin => json!({"ref": "builtin", "version": BUILTIN_VERSION, "digest": builtin_digest()}),
        ChartRef::Local(chart) => json!({
            "ref": chart.home.name(), "name": chart.name, "version": chart.version, "dialect": chart.dialect.word(),
        }),
    }
}

/// The labels that the broker pods of a release have and no others.
pub fn selector(profile: &Profile) -> Value {
    match &profile.chart {
        ChartRef::Builtin => builtin::selector(profile),
        ChartRef::Local(chart) => chart.selector(profile),
    }
}

/// The same as kubectl takes it. Whether a chart of one's own has the recommended labels nobody knows: where its profile
/// names none, that of all objects has to do.
pub(crate) fn pod_selector(profile: &Profile) -> String {
    match &profile.chart {
        ChartRef::Local(chart) if !chart.knows_pod_labels() => format!("{}={}", chart.label(), profile.release),
        _ => {
            let labels = selector(profile);
            let pair = |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
            labels.as_object().into_iter().flatten().map(pair).collect::<Vec<_>>().join(",")
        }
    }
}

/// The label that all objects of a release have; its value is the release's name.
pub fn label(profile: &Profile) -> String {
    match &profile.chart {
        ChartRef::Builtin => INSTANCE.to_owned(),
        ChartRef::Local(chart) => chart.label().to_owned(),
    }
}

/// The label of mqctl's own objects.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// Chart and version, for people.
pub fn title(profile: &Profile) -> String {
    match &profile.chart {
        ChartRef::Builtin => format!("builtin {BUILTIN_VERSION}"),
        ChartRef::Local(chart) => format!("{} {}", chart.dialect.word(), chart.title()),
    }
}

/// The family whose keys the chart has.
pub fn family(profile: &Profile) -> &'static str {
    match &profile.chart {
        ChartRef::Builtin => "builtin",
        ChartRef::Local(chart) => chart.dialect.word(),
    }
}

/// Whether a release, as helm names its chart, was made by the profile's.
pub fn made(profile: &Profile, chart: &str) -> bool {
    let name = match &profile.chart {
        ChartRef::Builtin => "mqctl-rabbitmq",
        ChartRef::Local(chart) => &chart.name,
    };
    chart.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
}

/// Whether the pods are created at once, as long as there is no StatefulSet that says otherwise.
pub fn is_parallel(profile: &Profile) -> bool {
    match &profile.chart {
        ChartRef::Builtin => true,
        ChartRef::Local(chart) => chart.is_parallel(profile),
    }
}

/// The family whose charts lay the Erlang cookie on a volume once, so that another one reaches no node.
pub(crate) fn lays_cookie_once(profile: &Profile) -> Option<&'static str> {
    let ChartRef::Local(chart) = &profile.chart else { return None };
    let family = chart.family()?;
    family.table().lays_cookie_once.then_some(family.word())
}

/// Why this password would be another one where the chart has carried it: a part of a sentence.
pub(crate) fn password_flaw(profile: &Profile, password: &Secret) -> Option<&'static str> {
    let ChartRef::Local(chart) = &profile.chart else { return None };
    let mut limits = chart.family()?.table().passwords.iter().filter(|limit| limit.versions.has(chart.at()));
    limits.find(|limit| !password.consists_of(limit.fits)).map(|limit| limit.why)
}

/// Whether a node that stops waits until no queue loses its majority by it.
pub(crate) fn stops_gently(profile: &Profile) -> bool {
    match &profile.chart {
        ChartRef::Builtin => true,
        ChartRef::Local(chart) => chart.family().is_some_and(|family| family.table().stops_gently.has(chart.at())),
    }
}

/// The values as helm is fed them: what is secret in them is filled in on its standard input.
pub fn fed(profile: &Profile, values: &Value) -> Vec<Part> {
    match &profile.chart {
        ChartRef::Builtin => vec![Part::Text(values.to_string())],
        ChartRef::Local(chart) => dialect::fed(values, &chart.texts()),
    }
}

/// The value by which the chart forces a boot, or why it has none that helps: a part of a sentence.
///
/// # Errors
/// It has none.
pub(crate) fn force_boot(profile: &Profile) -> Result<Vec<&str>, String> {
    match &profile.chart {
        ChartRef::Builtin => Err("the built-in chart has no value for a force boot".to_owned()),
        ChartRef::Local(chart) => chart.force_boot(),
    }
}

/// The values of a revision within a recovery: pods at once, so many of them, each forced to load its own copy or not.
/// Nothing where the chart has no such switch.
pub fn forced_values(profile: &Profile, replicas: usize, forced: bool) -> Option<Value> {
    let key = force_boot(profile).ok()?;
    let ChartRef::Local(chart) = &profile.chart else { return None };
    let mut all = values_beside(profile, Some(true));
    if let Some(policy) = chart.policy() {
        set(&mut all, &policy, PARALLEL.into());
    }
    for (path, _) in chart.told().into_iter().filter(|(_, told)| *told == Told::Replicas) {
        set(&mut all, &path, replicas.into());
    }
    if forced {
        set(&mut all, &key, true.into());
    }
    Some(all)
}

/// The chart for helm: the built-in one is laid out there.
pub fn located(profile: &Profile, cache: &Path) -> Located {
    match &profile.chart {
        ChartRef::Builtin => Located { at: laid_out::folder(cache).display().to_string(), version: None },
        ChartRef::Local(chart) => chart.located(),
    }
}
