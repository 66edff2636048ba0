//! APIs that Kubernetes took away, and what becomes of a manifest that names one. Pure.
//!
//! Source: Kubernetes documentation, "Deprecated API Migration Guide".

use std::collections::BTreeMap;

use serde_json::Value;

use crate::yaml;

/// Kinds of one group version that went, and where they are now.
struct Moved {
    from: &'static [&'static str],
    kinds: &'static [&'static str],
    to: &'static str,
    /// Keys that the later version does not know: a manifest that has one is of another shape.
    lost: &'static [&'static str],
    /// What the later version wants, as a JSON pointer.
    wants: Option<&'static str>,
}

/// With the same shape, unless something is said of it.
const SAME: Moved = Moved { from: &[], kinds: &[], to: "", lost: &[], wants: None };

const MOVED: [Moved; 8] = [
    Moved { from: &["policy/v1beta1"], kinds: &["PodDisruptionBudget"], to: "policy/v1", ..SAME },
    Moved {
        from: &["extensions/v1beta1", "networking.k8s.io/v1beta1"],
        kinds: &["Ingress"],
        to: "networking.k8s.io/v1",
        lost: &["serviceName", "servicePort"],
        ..SAME
    },
    Moved {
        from: &["extensions/v1beta1", "networking.k8s.io/v1beta1"],
        kinds: &["NetworkPolicy", "IngressClass"],
        to: "networking.k8s.io/v1",
        ..SAME
    },
    Moved {
        from: &["rbac.authorization.k8s.io/v1beta1", "rbac.authorization.k8s.io/v1alpha1"],
        kinds: &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
        to: "rbac.authorization.k8s.io/v1",
        ..SAME
    },
    Moved {
        from: &["apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"],
        kinds: &["StatefulSet", "Deployment", "DaemonSet", "ReplicaSet"],
        to: "apps/v1",
        wants: Some("/spec/selector"),
        ..SAME
    },
    Moved { from: &["batch/v1beta1"], kinds: &["CronJob"], to: "batch/v1", ..SAME },
    Moved { from: &["autoscaling/v2beta2"], kinds: &["HorizontalPodAutoscaler"], to: "autoscaling/v2", ..SAME },
    Moved { from: &["scheduling.k8s.io/v1beta1"], kinds: &["PriorityClass"], to: "scheduling.k8s.io/v1", ..SAME },
];

/// Served by every API server of today: nobody has to ask for them.
const SERVED: [&str; 7] = [
    "v1",
    "apps/v1",
    "batch/v1",
    "policy/v1",
    "networking.k8s.io/v1",
    "rbac.authorization.k8s.io/v1",
    "coordination.k8s.io/v1",
];

/// The kinds that an API server serves of the group versions that it was asked for; none where it does not know one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served(pub BTreeMap<String, Vec<String>>);

/// An object whose API the server does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// `PodDisruptionBudget/prodmq`
    pub object: String,
    /// `policy/v1beta1`
    pub api: String,
    /// Where it is now, if its manifest fits there.
    pub to: Option<&'static str>,
}

impl Served {
    fn lacks(&self, object: &Value) -> bool {
        let kinds = self.0.get(text(object, "apiVersion"));
        kinds.is_some_and(|kinds| !kinds.iter().any(|kind| kind == text(object, "kind")))
    }
}

/// Where an object is by now whose API is not served.
fn successor(object: &Value) -> Option<&'static str> {
    let is = |moved: &&Moved| {
        moved.from.contains(&text(object, "apiVersion")) && moved.kinds.contains(&text(object, "kind"))
    };
    let moved = MOVED.iter().find(is)?;
    let whole = moved.wants.is_none_or(|pointer| object.pointer(pointer).is_some());
    (whole && !has_key(object, moved.lost)).then_some(moved.to)
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_default()
}

/// Anywhere in it.
fn has_key(value: &Value, keys: &[&str]) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| keys.contains(&key.as_str()) || has_key(value, keys)),
        Value::Array(list) => list.iter().any(|value| has_key(value, keys)),
        _ => false,
    }
}

/// The group versions of a manifest that not every API server serves.
pub fn doubtful(manifest: &str) -> Vec<String> {
    let mut all: Vec<String> = yaml::stream(manifest).iter().map(|o| text(o, "apiVersion").to_owned()).collect();
    all.sort();
    all.dedup();
    all.retain(|api| !api.is_empty() && !SERVED.contains(&api.as_str()));
    all
}

/// What a manifest names that is not served.
pub fn outdated(manifest: &str, served: &Served) -> Vec<Outdated> {
    let one = |object: &Value| Outdated {
        object: format!("{}/{}", text(object, "kind"), text(&object["metadata"], "name")),
        api: text(object, "apiVersion").to_owned(),
        to: successor(object),
    };
    yaml::stream(manifest).iter().filter(|object| served.lacks(object)).map(one).collect()
}

/// The same objects in versions that are served, and without those that fit into none. What is served stays as it stands.
pub fn renewed(manifest: &str, served: &Served) -> String {
    documents(manifest).iter().filter_map(|document| renewed_document(document, served)).collect()
}

fn renewed_document(document: &str, served: &Served) -> Option<String> {
    match yaml::stream(document).into_iter().next().filter(|object| served.lacks(object)) {
        Some(object) => Some(in_version(document, &object, successor(&object)?)),
        None => Some(document.to_owned()),
    }
}

/// Its line is replaced; where it is not written on a line of its own, the object is written anew.
fn in_version(document: &str, object: &Value, api: &str) -> String {
    let mut wished = object.clone();
    wished["apiVersion"] = api.into();
    let renewed =
        |line: &str| if line.starts_with("apiVersion:") { format!("apiVersion: {api}\n") } else { line.into() };
    let text: String = document.split_inclusive('\n').map(renewed).collect();
    if yaml::stream(&text).first() == Some(&wished) { text } else { format!("---\n{wished}\n") }
}

/// Each with the line above it that parts it from the one before.
fn documents(manifest: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in manifest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            all.push(String::new());
        }
        all.last_mut().into_iter().for_each(|document| document.push_str(line));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that knows of these versions what stands behind them.
    fn serving(kinds: &[(&str, &[&str])]) -> Served {
        let owned = |kinds: &[&str]| kinds.iter().map(|&kind| kind.to_owned()).collect();
        Served(kinds.iter().map(|(api, kinds)| ((*api).to_owned(), owned(kinds))).collect())
    }

    /// As of 1.34: none of the table's is served.
    fn today() -> Served {
        let all = MOVED.iter().flat_map(|moved| moved.from);
        Served(all.map(|api| ((*api).to_owned(), Vec::new())).collect())
    }

    const OLD: &str = "---\n# Source: q/pdb.yaml\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: q}\nspec: {maxUnavailable: 1}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: q}\ndata:\n  a: |\n    apiVersion: policy/v1beta1\n    ---\n";
    const INGRESS: &str = "---\napiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: q}\nspec: {rules: [{http: {paths: [{backend: {serviceName: q, servicePort: 1}}]}}]}\n";

    #[test]
    fn the_line_alone_is_replaced() {
        let new = OLD.replacen("policy/v1beta1", "policy/v1", 1);
        assert_eq!(renewed(OLD, &today()), new);
        assert_eq!(renewed(&new, &today()), new, "a second time nothing is left to do");
        assert_eq!(renewed(OLD, &serving(&[("policy/v1beta1", &["PodDisruptionBudget"])])), OLD);
        assert_eq!(renewed(OLD, &Served::default()), OLD, "who was not asked lacks nothing");
    }

    #[test]
    fn what_has_another_shape_leaves_the_record() {
        assert_eq!(renewed(&format!("{INGRESS}{OLD}"), &today()), OLD.replacen("policy/v1beta1", "policy/v1", 1));
        let named = outdated(&format!("{INGRESS}{OLD}"), &today());
        let words: Vec<_> = named.iter().map(|one| (one.object.as_str(), one.api.as_str(), one.to)).collect();
        assert_eq!(
            words,
            [("Ingress/q", "extensions/v1beta1", None), ("PodDisruptionBudget/q", "policy/v1beta1", Some("policy/v1"))]
        );
        let bare = "apiVersion: apps/v1beta2\nkind: Deployment\nmetadata: {name: q}\nspec: {replicas: 1}\n";
        assert_eq!(renewed(bare, &today()), "", "apps/v1 wants a selector");
        let whole = bare.replace("replicas: 1", "selector: {}");
        assert_eq!(renewed(&whole, &today()), whole.replace("apps/v1beta2", "apps/v1"));
    }

    #[test]
    fn a_custom_resource_whose_definition_is_gone_leaves_it_too() {
        let monitor = "---\napiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: q}\n";
        assert_eq!(doubtful(&format!("{monitor}{OLD}{OLD}")), ["monitoring.coreos.com/v1", "policy/v1beta1"]);
        assert_eq!(renewed(monitor, &serving(&[("monitoring.coreos.com/v1", &["PodMonitor"])])), "");
        assert_eq!(renewed(monitor, &serving(&[("monitoring.coreos.com/v1", &["ServiceMonitor"])])), monitor);
    }

    #[test]
    fn one_that_is_written_in_another_way_is_written_anew() {
        let old = "---\n{\"apiVersion\": \"batch/v1beta1\", \"kind\": \"CronJob\", \"metadata\": {\"name\": \"q\"}}\n";
        let new = renewed(old, &today());
        assert_eq!(yaml::stream(&new), yaml::stream(&old.replace("v1beta1", "v1")), "{new}");
    }
}
