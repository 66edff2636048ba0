//! What a plan says beside its steps. Pure.

use serde_json::Value;

use crate::forecast::{self, Forecast};

/// What its steps do not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// What the release would come to as the plan leaves it.
    pub forecast: Vec<Forecast>,
}

impl Outlook {
    pub(super) fn forecast_in_json(&self) -> Value {
        forecast::to_json(&self.forecast)
    }

    /// The sections below the steps.
    pub(super) fn lines(&self) -> Vec<String> {
        forecast::lines(&self.forecast)
    }

    /// For a pipeline's log, a line each.
    pub(crate) fn in_short(&self) -> Vec<String> {
        self.forecast.iter().map(Forecast::in_one_line).collect()
    }
}
