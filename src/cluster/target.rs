//! Where everything happens.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use crate::chart::INSTANCE;

/// Where everything happens: fixed at the start and given to every child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    #[serde(skip)]
    pub kubeconfig: Option<PathBuf>,
    /// The kube context; `None` inside a pod, where kubectl uses its service account.
    pub context: Option<String>,
    pub namespace: String,
    pub release: String,
    /// The StatefulSet, as the chart calls it.
    #[serde(skip)]
    pub stateful_set: String,
    /// The label that the chart gives all its objects, with the release's name.
    #[serde(skip)]
    pub label: String,
    /// What selects the broker's pods, and no others where that is known.
    #[serde(skip)]
    pub pods: String,
    /// The broker's container, as the chart calls it.
    #[serde(skip)]
    pub container: String,
}

impl Target {
    fn context_name(&self) -> &str {
        self.context.as_deref().unwrap_or("in-cluster")
    }

    /// The first line of every page.
    pub fn headline(&self) -> String {
        format!("{} / {} / {}", self.context_name(), self.namespace, self.release)
    }

    /// By which the chart's objects are found.
    pub fn selector(&self) -> String {
        format!("{}={}", self.label, self.release)
    }

    /// The labels of mqctl's own objects: they are found together with the chart's.
    pub fn own_labels(&self) -> Value {
        let mut labels = json!({INSTANCE: self.release, "app.kubernetes.io/managed-by": "mqctl"});
        labels[&self.label] = self.release.as_str().into();
        labels
    }

    /// The same in a pipeline's log.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.context_name(), self.namespace, self.release)
    }
}
