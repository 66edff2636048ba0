//! What mqctl sets against a chart's own defaults, each with its reason. The profile's own value always wins. Pure.

use serde_json::{Map, Value};

use super::table::{Correction, Path, Table};
use super::version::{Span, Version, from};
use super::{Dialect, LocalChart};
use crate::chart;
use crate::profile::{ChartRef, Profile};
use crate::report;

/// The key of the policy by which pods are created; `OrderedReady` where neither profile nor chart says otherwise.
pub(super) const POLICY: &str = "podManagementPolicy";
pub(crate) const PARALLEL: &str = "Parallel";
const IN_ORDER: &str = "OrderedReady";
const DEADLOCK: &str = "pods in order wait for each other for ever after a full stop";

/// From here on nodes that start together for the first time form one cluster: they take a lock, or join the first.
/// Source: release notes of RabbitMQ 3.8.18 and 4.1.0.
const FORM_ONE_CLUSTER: Span = from(3, 8, 18);

/// One value that stands against a default.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Corrected {
    pub(crate) path: Path,
    pub(crate) value: Value,
    pub(crate) why: &'static str,
}

/// `podManagementPolicy: Parallel   pods in order wait for …`, a line each.
pub(crate) fn in_lines(corrections: &[Corrected]) -> Vec<String> {
    let setting = |corrected: &Corrected| {
        let value = corrected.value.as_str().map_or_else(|| corrected.value.to_string(), str::to_owned);
        format!("{}: {value}", corrected.path.join("."))
    };
    let rows: Vec<Vec<String>> =
        corrections.iter().map(|corrected| vec![setting(corrected), corrected.why.to_owned()]).collect();
    report::table(&rows)
}

/// All of them; `parallel`: how the pods of the StatefulSet that is there are created.
pub(super) fn corrections(profile: &Profile, chart: &LocalChart, parallel: Option<bool>) -> Vec<Corrected> {
    let applies = |correction: &&Correction| {
        let broker = Version::of(&profile.image.tag);
        correction.versions.has(chart.at())
            && broker.is_none_or(|broker| correction.brokers.has(broker))
            && !decides(&profile.values, correction.path)
            && !correction.unless.is_some_and(|path| decides(&profile.values, path))
    };
    let Some(table) = chart.family().map(Dialect::table) else { return Vec::new() };
    let corrected = |c: &Correction| Corrected { path: c.path, value: c.value.value(), why: c.why };
    policy(profile, chart, table, parallel)
        .into_iter()
        .chain(table.corrections.iter().filter(applies).map(corrected))
        .collect()
}

/// The profile says something of this key, or of what it stands in.
fn decides(values: &Map<String, Value>, path: &[&str]) -> bool {
    match path {
        [] => true,
        [key, rest @ ..] => match values.get(*key) {
            None => false,
            Some(Value::Object(inner)) => decides(inner, rest),
            Some(_) => true,
        },
    }
}

/// At a first install all pods at once, where that is safe; a StatefulSet that is there keeps what it has.
fn policy(profile: &Profile, chart: &LocalChart, table: &Table, parallel: Option<bool>) -> Option<Corrected> {
    let by_default = table.parallel.has(chart.at());
    let wished = parallel.unwrap_or(true);
    if profile.values.contains_key(POLICY) || !is_parallel(profile, chart, table) || wished == by_default {
        return None;
    }
    let (value, why) = if wished {
        (PARALLEL, DEADLOCK)
    } else {
        (IN_ORDER, "as the StatefulSet that is there: Kubernetes changes this on none")
    };
    Some(Corrected { path: &[POLICY], value: value.into(), why })
}

/// Why the pods are wanted at once, where that is not by a word of the profile's.
pub(crate) fn why_parallel(profile: &Profile) -> Option<&'static str> {
    let says = match &profile.chart {
        ChartRef::Builtin => false,
        ChartRef::Local(chart) => chart.family().is_none() || profile.values.contains_key(POLICY),
    };
    (!says && chart::is_parallel(profile)).then_some(DEADLOCK)
}

/// Whether the pods are created at once, as long as there is no StatefulSet that says otherwise.
pub(super) fn is_parallel(profile: &Profile, chart: &LocalChart, table: &Table) -> bool {
    if let Some(said) = profile.values.get(POLICY) {
        return said == PARALLEL;
    }
    let forms_one = Version::of(&profile.image.tag).is_some_and(|broker| FORM_ONE_CLUSTER.has(broker));
    table.parallel.has(chart.at()) || (table.publishes.has(chart.at()) && forms_one)
}
