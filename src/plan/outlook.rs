//! What a plan says beside its steps. Pure.

use serde_json::{Value, json};

use super::anew;
use super::install::Given;
use crate::drift::{self, Difference, Kind};
use crate::forecast::{self, Forecast};

/// What its steps do not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Why it is done like that, what it costs, what clients see of it, and the way back: each behind its word.
    pub told: Vec<(&'static str, String)>,
    /// What was changed beside helm and a step puts right; it stands below that step.
    pub in_steps: Vec<Difference>,
    /// In what the release is another one than the profile wants, and stays so.
    pub drift: Vec<Difference>,
    /// What the release would come to as the plan leaves it.
    pub forecast: Vec<Forecast>,
}

impl Outlook {
    /// What no step ends; and what a step of helm's ends that was changed beside helm, which it tells of itself.
    pub(super) fn of(given: &Given<'_>, by_helm: bool) -> Self {
        let ends = |one: &Difference| match one.kind {
            // The way in from outside has a step of its own.
            Kind::Exposure => true,
            Kind::FeatureFlags => given.verb.enables_flags(),
            Kind::Policy | Kind::Storage => anew::makes_anew(given),
            _ => by_helm && one.ends_with_an_upgrade(),
        };
        let foreign = given.preview().map_or(&[][..], |preview| &preview.foreign);
        let foreign = foreign.iter().map(|one| Difference::taken_back(&one.field, &one.manager, given.profile));
        let unseen = unseen(given).filter(|_| by_helm).cloned();
        let drift = given.drift.iter().filter(|one| !ends(one)).cloned().collect();
        Self { told: Vec::new(), in_steps: foreign.chain(unseen).collect(), drift, forecast: given.forecast.to_vec() }
    }

    pub(super) fn told_in_json(&self) -> Value {
        self.told.iter().map(|(word, line)| json!({"about": word, "text": line})).collect()
    }

    pub(super) fn drift_in_json(&self) -> Value {
        drift::to_json(self.in_steps.iter().chain(&self.drift))
    }

    pub(super) fn forecast_in_json(&self) -> Value {
        forecast::to_json(&self.forecast)
    }

    /// The sections below the steps.
    pub(super) fn lines(&self) -> Vec<String> {
        let told = self.told.iter().map(|(word, line)| format!("{word:<14}{line}"));
        told.chain(drift::lines(&self.drift)).chain(forecast::lines(&self.forecast)).collect()
    }

    /// For a pipeline's log, a line each.
    pub(crate) fn in_short(&self) -> Vec<String> {
        self.forecast.iter().map(Forecast::in_one_line).collect()
    }
}

/// What helm puts right although neither its revisions nor the API server show it.
pub(super) fn unseen<'a>(given: &'a Given<'_>) -> impl Iterator<Item = &'a Difference> {
    let fields = given.preview().into_iter().flat_map(|preview| {
        let changed = preview.changes.objects.iter().flat_map(|change| &change.fields).map(|field| &field.path);
        changed.chain(preview.foreign.iter().map(|foreign| &foreign.field))
    });
    let fields: Vec<&String> = fields.collect();
    let shown = move |one: &&Difference| fields.iter().any(|field| one.is_shown_by(field));
    let other = |one: &&Difference| one.ends_with_an_upgrade() && !matches!(one.kind, Kind::Values | Kind::Secret);
    given.drift.iter().filter(other).filter(move |one| !shown(one))
}

/// The profile's own, as far as the forecast does not tell them.
pub(super) fn warnings(given: &Given<'_>) -> impl Iterator<Item = String> {
    forecast::unsaid(&given.profile.warnings, given.forecast).map(|w| format!("`{}`: {}", w.path, w.text))
}
