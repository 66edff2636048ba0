//! A recovery that is under way, as it is noted in the cluster: whoever finds the note goes on with it. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::strategy::{Strategy, Way};

/// The key in the ConfigMap of the evidence.
const KEY: &str = "recovery.json";

/// What is being done, and what has to be put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnderWay {
    pub strategy: Strategy,
    pub way: Way,
    /// The StatefulSet as it has to be in the end: for a while it may exist nowhere else.
    pub stateful_set: Value,
    /// The chart's switch may be on, in the last revision of the release.
    #[serde(default)]
    pub by_chart: bool,
    /// Copies of the nodes' folders are on their volumes.
    #[serde(default)]
    pub copies: bool,
}

impl UnderWay {
    /// Out of the ConfigMap.
    pub fn read(object: &Value) -> Option<Self> {
        serde_json::from_str(object["data"][KEY].as_str()?).ok()
    }

    /// The part of the ConfigMap that is the note's; that of the evidence has another manager.
    pub fn object(&self, name: &str, release: &str) -> Value {
        let mut object = without_note(name, release);
        object["data"] = json!({KEY: serde_json::to_string(self).unwrap_or_default()});
        object
    }
}

/// The key of a StatefulSet that an upgrade has taken away from its pods.
const SET: &str = "stateful-set.json";

/// The StatefulSet that an upgrade keeps until helm has made it anew.
pub fn kept_set(object: &Value) -> Option<Value> {
    serde_json::from_str(object["data"][SET].as_str()?).ok()
}

/// The part of the ConfigMap that keeps it.
pub fn keeping(name: &str, release: &str, set: &Value) -> Value {
    let mut object = without_note(name, release);
    object["data"] = json!({SET: set.to_string()});
    object
}

/// The same with nothing noted.
pub fn without_note(name: &str, release: &str) -> Value {
    let labels = json!({"app.kubernetes.io/instance": release, "app.kubernetes.io/managed-by": "mqctl"});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_out_of_the_cluster() {
        let way = Way { first: vec!["q-1".to_owned()], lost: vec!["q-0".to_owned()], ..Way::default() };
        let noted = UnderWay {
            strategy: Strategy::Forget,
            way,
            stateful_set: json!({"kind": "StatefulSet"}),
            by_chart: true,
            copies: true,
        };
        assert_eq!(UnderWay::read(&noted.object("q-mqctl-evidence", "q")), Some(noted));
        assert_eq!(UnderWay::read(&without_note("q-mqctl-evidence", "q")), None);
    }
}
