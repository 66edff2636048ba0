//! A chart of no known family: its profile says what it is told, what it calls things, and where it has them. Pure.

use super::correction::PARALLEL;
use super::dialect::{Spoken, Told};
use super::{Called, LocalChart, Names};
use crate::profile::{ChartRef, Profile};
use crate::secret::{self, Name};

/// The path of a value, step by step.
pub type Key = Vec<String>;

/// What a profile says of its chart; `chart.custom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// Default: as helm's own starter names things, the release with the chart's name behind it.
    pub stateful_set: Option<String>,
    /// The Service for clients. Default: called as the StatefulSet.
    pub client_service: Option<String>,
    /// Default: the StatefulSet's name with `-headless` behind it.
    pub headless_service: Option<String>,
    /// Default: [`Custom::CLAIM`].
    pub claim_template: String,
    /// Default: [`super::CONTAINER`].
    pub container: String,
    /// Where the container has its volume. Default: [`Custom::VOLUME`].
    pub volume: String,
    /// The folder of the nodes' folders, in the volume. Default: `mnesia` there.
    pub data: String,
    /// Of the broker's pods and no others. Default: the chart's name and the release's, as Kubernetes recommends.
    pub pod_labels: Option<Vec<(String, String)>>,
    /// The label that all objects have, with the release's name. Default: [`super::INSTANCE`].
    pub release_label: String,
    /// The chart creates all pods at once, whatever its values say. Default: no.
    pub parallel: bool,
    /// What it is told, by which value.
    pub told: Vec<(Key, Told)>,
    /// The value by which its pods are created at once or in order.
    pub policy: Option<Key>,
    /// The value that turns a force boot on.
    pub force_boot: Option<Key>,
    /// Keys that it reads in mqctl's Secret beside those that are there anyway.
    pub secret_keys: Vec<(String, Held)>,
}

/// What stands under a key of mqctl's Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Username,
    Secret(Name),
}

impl Held {
    /// Which secret it is, where it is one.
    pub(crate) const fn secret(self) -> Option<Name> {
        if let Self::Secret(name) = self { Some(name) } else { None }
    }
}

impl Custom {
    pub const CLAIM: &str = "data";
    /// That of the official image, for helper pods where nothing of the release says another.
    const USER: u32 = 999;
    pub const VOLUME: &str = "/var/lib/rabbitmq";

    pub(super) fn names(&self, chart: &LocalChart, profile: &Profile) -> Names {
        let set = self.stateful_set.clone().unwrap_or_else(|| chart.full_name(profile));
        let headless = self.headless_service.clone().unwrap_or_else(|| format!("{set}-headless"));
        let called = Called {
            set: &set,
            client: self.client_service.as_ref().unwrap_or(&set),
            headless: &headless,
            claim: &self.claim_template,
            container: &self.container,
            volume: &self.volume,
            base: &self.data,
            user: Self::USER,
        };
        Names::of(profile, &called)
    }

    pub(super) fn is_parallel(&self, profile: &Profile) -> bool {
        let wished = self.policy.as_ref().and_then(|key| {
            let (first, rest) = key.split_first()?;
            rest.iter().try_fold(profile.values.get(first)?, |at, step| at.get(step))
        });
        self.parallel || wished.is_some_and(|policy| policy == PARALLEL)
    }

    /// Its revisions within a recovery have to leave the pods as that makes them: created at once.
    pub(super) fn force_boot(&self) -> Result<Vec<&str>, &'static str> {
        let key = self.force_boot.as_ref().ok_or("`chart.custom.keys` has no `forceBoot`: the chart knows none")?;
        if self.policy.is_none() && !self.parallel {
            return Err(
                "`chart.custom.keys` has no `podManagementPolicy`: while it forces a boot, the chart would want \
                        the pods in order, and Kubernetes refuses that",
            );
        }
        Ok(steps(key))
    }

    /// What the profile has to say for a StatefulSet whose pods are created so.
    fn line(&self, policy: &str) -> String {
        let Some(key) = &self.policy else { return format!("chart: {{custom: {{parallel: {}}}}}", policy == PARALLEL) };
        let value = key.iter().rev().fold(policy.to_owned(), |inner, step| format!("{{{step}: {inner}}}"));
        format!("values: {value}")
    }

    /// The secrets that it takes as values alone.
    pub(super) fn texts(&self) -> Vec<(Vec<&str>, Name)> {
        self.told.iter().filter_map(|(key, told)| Some((steps(key), told.secret()?))).collect()
    }
}

/// What a profile says that keeps its pods so.
pub fn parallel_line(profile: &Profile) -> String {
    policy_line(profile, PARALLEL)
}

/// The other way, for a StatefulSet that is still to be made.
pub fn in_order_line(profile: &Profile) -> String {
    policy_line(profile, "OrderedReady")
}

fn policy_line(profile: &Profile, policy: &str) -> String {
    match &profile.chart {
        ChartRef::Local(LocalChart { dialect: Spoken::Custom(custom), .. }) => custom.line(policy),
        ChartRef::Builtin | ChartRef::Local(_) => format!("values: {{podManagementPolicy: {policy}}}"),
    }
}

/// Whether the chart can be told how pods are created.
pub(crate) fn takes_policy(profile: &Profile) -> bool {
    match &profile.chart {
        ChartRef::Local(chart) => chart.policy().is_some(),
        ChartRef::Builtin => true,
    }
}

/// Keys that the chart reads in mqctl's Secret beside those of the known families.
pub fn secret_keys(profile: &Profile) -> &[(String, Held)] {
    match &profile.chart {
        ChartRef::Local(LocalChart { dialect: Spoken::Custom(custom), .. }) => &custom.secret_keys,
        ChartRef::Builtin | ChartRef::Local(_) => &[],
    }
}

/// Those under which a Secret can have the password.
pub(crate) fn password_keys(profile: &Profile) -> Vec<&str> {
    let own = secret_keys(profile).iter().filter_map(|(key, held)| Some((key.as_str(), held.secret()?)));
    own.chain(secret::KEYS).filter(|(_, name)| *name == Name::Password).map(|(key, _)| key).collect()
}

/// A path as it is walked.
pub(super) fn steps(key: &Key) -> Vec<&str> {
    key.iter().map(String::as_str).collect()
}

/// What two values are told from one another by: the same place, or one within the other.
pub(crate) fn overlap(one: &[String], other: &[String]) -> bool {
    one.iter().zip(other).all(|(a, b)| a == b)
}
