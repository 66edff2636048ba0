//! The built-in chart: its names and its values. Source: `src/chart/builtin/values.yaml`.

use serde_json::{Map, Value, json};

use super::{BUILTIN_VERSION, CONTAINER, Called, Names, VALUES_DIGEST, builtin_digest};
use crate::digest;
use crate::profile::Profile;

pub(super) fn names(profile: &Profile) -> Names {
    let set = profile.release.as_str();
    let called = Called {
        set,
        client: set,
        headless: &format!("{set}-headless"),
        claim: "data",
        container: CONTAINER,
        volume: "/var/lib/rabbitmq",
        base: "/var/lib/rabbitmq/mnesia",
        user: 999,
    };
    Names::of(profile, &called)
}

/// In the order in which helm prints them.
pub(super) fn objects(profile: &Profile) -> Vec<(String, String)> {
    let release = profile.release.as_str();
    let budget = profile.values.get("podDisruptionBudget").is_none_or(|budget| budget["enabled"] != false);
    let object = |kind: &str, suffix: &str| (kind.to_owned(), format!("{release}{suffix}"));
    let others = [
        object("ServiceAccount", ""),
        object("ConfigMap", "-config"),
        object("Service", ""),
        object("Service", "-headless"),
        object("StatefulSet", ""),
    ];
    budget.then(|| object("PodDisruptionBudget", "")).into_iter().chain(others).collect()
}

/// As in `templates/_names.tpl`.
pub(super) fn selector(profile: &Profile) -> Value {
    json!({"app.kubernetes.io/name": "rabbitmq", "app.kubernetes.io/instance": profile.release.as_str()})
}

pub(super) fn values(profile: &Profile) -> Value {
    let mut values = profile.values.clone();
    let class = profile.storage.class.as_deref().unwrap_or_default();
    let own = [
        ("image", json!({"repository": profile.image.repository, "tag": profile.image.tag})),
        ("replicas", json!(profile.replicas)),
        ("credentials", json!({"existingSecret": names(profile).secret})),
        ("storage", json!({"class": class, "size": profile.storage.size.as_str()})),
    ];
    for (key, value) in own {
        merge(values.entry(key).or_insert(Value::Null), value);
    }
    let digest = digest(&values);
    merge(values.entry("annotations").or_insert(Value::Null), json!({VALUES_DIGEST: digest}));
    Value::Object(values)
}

/// Ours over the profile's, key by key: `values.image.pullSecrets` stands beside our repository and tag.
fn merge(into: &mut Value, ours: Value) {
    match (into, ours) {
        (Value::Object(into), Value::Object(ours)) => into.extend(ours),
        (into, ours) => *into = ours,
    }
}

/// What a StatefulSet installed with exactly this chart and these values carries.
fn digest(values: &Map<String, Value>) -> String {
    let text = format!("{BUILTIN_VERSION} {} {}", builtin_digest(), Value::Object(values.clone()));
    digest::of([text.as_bytes()], 16)
}

/// The digest that a profile's values ask for.
pub(crate) fn wished_digest(values: &Value) -> Option<&str> {
    values["annotations"][VALUES_DIGEST].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;
    use std::path::Path;

    fn profile(text: &str) -> Profile {
        profile::read(text, Path::new("prodmq.yaml")).unwrap()
    }

    #[test]
    fn the_values_are_the_profile_s_and_hold_no_secret() {
        let values = values(&profile(
            "format: 1\nnamespace: mq\nstorage: {class: fast, size: 1Gi}\nvalues: {erlangArguments: \"+S 1:1\", image: {pullSecrets: [hub]}}\n",
        ));
        assert_eq!(values["credentials"], json!({"existingSecret": "prodmq-mqctl-credentials"}));
        assert_eq!(values["storage"], json!({"class": "fast", "size": "1Gi"}));
        assert_eq!(values["erlangArguments"], "+S 1:1");
        assert_eq!(
            values["image"],
            json!({"repository": "rabbitmq", "tag": "4.3.6-management", "pullSecrets": ["hub"]})
        );
    }

    #[test]
    fn the_digest_changes_with_the_values_only() {
        let digest = |text: &str| wished_digest(&values(&profile(text))).unwrap().to_owned();
        let plain = digest("format: 1\nnamespace: mq\n");
        assert_eq!(plain, digest("format: 1\nnamespace: other\n"));
        assert_ne!(plain, digest("format: 1\nnamespace: mq\nreplicas: 5\n"));
    }
}
