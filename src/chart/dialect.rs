//! Families of charts that other people keep: what a chart of each is told, and where it has what. Pure.

use serde_json::{Value, json};

use super::{bitnami, stable};
use crate::profile::Profile;

/// A family of charts with the same keys and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// stable/rabbitmq, and bitnami/rabbitmq 6.
    Stable,
    /// bitnami/rabbitmq 7 to 16.
    Bitnami,
}

impl Dialect {
    pub const ALL: [Self; 2] = [Self::Stable, Self::Bitnami];

    /// As in a profile.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Bitnami => "bitnami",
        }
    }

    pub(crate) const fn table(self) -> &'static Table {
        match self {
            Self::Stable => &stable::TABLE,
            Self::Bitnami => &bitnami::TABLE,
        }
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }

    /// By the defaults of a chart: those that one dialect has and no other.
    pub(crate) fn of_values(values: &Value) -> Option<Self> {
        let has = |path: &&[&str]| path.iter().try_fold(values, |at, key| at.get(key)).is_some();
        Self::ALL.into_iter().find(|dialect| dialect.table().marks.iter().all(has))
    }
}

/// What mqctl tells a chart from the fields of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Registry,
    Repository,
    Tag,
    Replicas,
    Class,
    Size,
    Username,
    /// The name of mqctl's own Secret.
    Secret,
    /// Any image is let through: the profile names it.
    AnyImage,
}

impl Told {
    /// The profile's field that it comes from.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Registry | Self::Repository | Self::AnyImage => "image.repository",
            Self::Tag => "image.tag",
            Self::Replicas => "replicas",
            Self::Class => "storage.class",
            Self::Size => "storage.size",
            Self::Username => "credentials.username",
            Self::Secret => "credentials",
        }
    }

    /// For what is no field itself: what it is made from.
    pub(crate) const fn derived_from(self) -> Option<&'static str> {
        match self {
            Self::Registry | Self::AnyImage => Some("image.repository"),
            Self::Secret => Some("release"),
            Self::Repository | Self::Tag | Self::Replicas | Self::Class | Self::Size | Self::Username => None,
        }
    }
}

/// What one dialect calls things, and where it has them.
#[derive(Debug)]
pub(crate) struct Table {
    /// Keys that its default values have.
    pub(super) marks: &'static [&'static [&'static str]],
    /// The label of the chart's name, and that of the release's.
    pub(super) labels: (&'static str, &'static str),
    /// Where the broker has its volume.
    pub(super) volume: &'static str,
    /// The folder with the nodes' folders.
    pub(super) base: &'static str,
    pub(crate) told: &'static [(&'static [&'static str], Told)],
    /// Turns a force boot on, at every start of a node with data.
    pub(crate) force_boot: &'static [&'static str],
}

/// The key of the policy by which pods are created; `OrderedReady` where it is not set.
pub(crate) const POLICY: &str = "podManagementPolicy";

impl Table {
    /// The chart's key for one of the profile's fields.
    pub(crate) fn key(&self, field: &str) -> Option<String> {
        let own = |told: Told| told.field() == field && told.derived_from().is_none();
        self.told.iter().find(|(_, told)| own(*told)).map(|(path, _)| path.join("."))
    }
}

/// The profile's `values:`, and what mqctl tells the chart.
pub(super) fn values(profile: &Profile, dialect: Dialect, secret: &str) -> Value {
    let mut values = Value::Object(profile.values.clone());
    for (path, told) in dialect.table().told {
        if let Some(value) = value(profile, *told, secret) {
            set(&mut values, path, value);
        }
    }
    values
}

fn value(profile: &Profile, told: Told, secret: &str) -> Option<Value> {
    let (registry, repository) = registry(&profile.image.repository);
    Some(match told {
        Told::Registry => json!(registry),
        Told::Repository => json!(repository),
        Told::Tag => json!(profile.image.tag),
        Told::Replicas => json!(profile.replicas),
        Told::Class => json!(profile.storage.class.as_ref()?),
        Told::Size => json!(profile.storage.size.as_str()),
        Told::Username => json!(profile.credentials.username),
        Told::Secret => json!(secret),
        Told::AnyImage => json!(true),
    })
}

/// These charts want the registry for itself; the names of the first one may leave it out.
fn registry(repository: &str) -> (&str, String) {
    match repository.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest.to_owned()),
        Some(_) => ("docker.io", repository.to_owned()),
        None => ("docker.io", format!("library/{repository}")),
    }
}

/// Sets one value, with the mappings on the way to it.
pub(super) fn set(values: &mut Value, path: &[&str], value: Value) {
    let mut at = values;
    for key in path {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[*key];
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_told_from_default_values() {
        let of = |values: Value| Dialect::of_values(&values);
        assert_eq!(of(json!({"rabbitmq": {"username": "user"}, "replicas": 1})), Some(Dialect::Stable));
        let bitnami = json!({"auth": {"username": "user"}, "clustering": {"forceBoot": false}});
        assert_eq!(of(bitnami), Some(Dialect::Bitnami));
        assert_eq!(of(json!({"auth": {"username": "admin"}, "peerDiscoveryK8sPlugin": {}})), None, "cloudpirates");
        assert_eq!(of(json!({"authentication": {}, "clustering": {"forceBoot": false}})), None, "groundhog2k");
        assert_eq!(of(Value::Null), None);
    }

    #[test]
    fn an_image_s_registry_is_told_for_itself() {
        assert_eq!(registry("rabbitmq"), ("docker.io", "library/rabbitmq".to_owned()));
        assert_eq!(registry("bitnamilegacy/rabbitmq"), ("docker.io", "bitnamilegacy/rabbitmq".to_owned()));
        assert_eq!(registry("registry.example:5000/mq/rabbitmq"), ("registry.example:5000", "mq/rabbitmq".to_owned()));
        assert_eq!(registry("localhost/mq"), ("localhost", "mq".to_owned()));
    }
}
