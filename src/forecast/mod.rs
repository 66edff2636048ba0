//! What a release would come to with the chart and values that it has: at the next full stop, at a pod's restart, at a
//! delete. Pure, over plain objects: as helm renders them before an install, or as Kubernetes has them.

use serde_json::{Value, json};

use crate::chart;
use crate::explain::Code;
use crate::profile::{Profile, Warning};
use crate::program;

mod asked;
mod credentials;
mod prevention;
mod probe;
mod rules;

pub use asked::Asked;

/// One thing that would happen, and what prevents it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub code: Code,
    /// `StatefulSet/prodmq`
    pub subject: String,
    /// What it does to messages, clients and time, in one sentence.
    pub message: String,
    /// A line for the profile, or else a command.
    pub fix: String,
}

/// All that can be told from these objects; nothing where they do not say what the pods are made from.
pub fn forecast(asked: &Asked<'_>) -> Vec<Forecast> {
    if asked.pod().is_null() {
        return Vec::new();
    }
    rules::RULES.iter().filter_map(|rule| rule(asked)).collect()
}

/// The forecast for a profile, from the objects that its chart renders.
pub(crate) fn of_profile(profile: &Profile, objects: &[Value]) -> Vec<Forecast> {
    let names = chart::names(profile);
    forecast(&Asked {
        objects,
        name: &names.stateful_set,
        container: &names.container,
        base: &names.base,
        family: chart::family(profile),
        namespace: profile.namespace.as_str(),
        secret: profile.chart.texts().is_empty().then_some(names.secret.as_str()),
        secret_keys: chart::secret_keys(profile),
    })
}

/// The profile's own warnings, without the one about an even number of nodes where the forecast tells of it.
pub(crate) fn unsaid<'a>(warnings: &'a [Warning], forecast: &[Forecast]) -> impl Iterator<Item = &'a Warning> {
    let even = forecast.iter().any(|one| one.code == Code::TwoNodes);
    warnings.iter().filter(move |warning| !(even && warning.path == "replicas"))
}

pub(crate) fn to_json(forecast: &[Forecast]) -> Value {
    let one = |one: &Forecast| json!({"code": one.code.as_str(), "subject": one.subject, "message": one.message, "fix": one.fix});
    forecast.iter().map(one).collect()
}

/// The section of a page; nothing where nothing is to be told.
pub(crate) fn lines(forecast: &[Forecast]) -> Vec<String> {
    if forecast.is_empty() {
        return Vec::new();
    }
    let width = forecast.iter().map(|one| one.code.as_str().len()).max().unwrap_or(0);
    let mut lines = vec!["forecast: what this comes to, and what prevents it".to_owned()];
    for one in forecast {
        lines.push(format!("  {:<width$}  {}", one.code.as_str(), one.message));
        lines.push(format!("  {:<width$}  fix: {}", "", program::said(&one.fix)));
    }
    lines
}

impl Forecast {
    /// For a pipeline's log.
    pub(crate) fn in_one_line(&self) -> String {
        format!("forecast: {}: {}; fix: {}", self.code, self.message, program::said(&self.fix))
    }
}
