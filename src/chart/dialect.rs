//! Families of charts that other people keep: which there are, and what a chart of each is told. Pure.

use serde_json::{Value, json};

use super::correction::corrections;
use super::custom::Custom;
use super::table::Table;
use super::version::Version;
use super::{LocalChart, bitnami, cloudpirates, groundhog2k, stable};
use crate::process::Part;
use crate::profile::Profile;
use crate::secret::{Hole, Name};
use crate::yaml::shown;

/// A family of charts with the same keys and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// stable/rabbitmq, and bitnami/rabbitmq 6.
    Stable,
    /// bitnami/rabbitmq 7 to 16.
    Bitnami,
    /// rabbitmq of `CloudPirates`.
    CloudPirates,
    /// rabbitmq of groundhog2k.
    Groundhog2k,
}

impl Dialect {
    pub const ALL: [Self; 4] = [Self::Stable, Self::Bitnami, Self::CloudPirates, Self::Groundhog2k];

    /// As in a profile.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Bitnami => "bitnami",
            Self::CloudPirates => "cloudpirates",
            Self::Groundhog2k => "groundhog2k",
        }
    }

    pub(crate) const fn table(self) -> &'static Table {
        match self {
            Self::Stable => &stable::TABLE,
            Self::Bitnami => &bitnami::TABLE,
            Self::CloudPirates => &cloudpirates::TABLE,
            Self::Groundhog2k => &groundhog2k::TABLE,
        }
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }

    /// By values that were given to a chart, where nobody has the chart itself.
    pub(crate) fn of_values(values: &Value) -> Option<Self> {
        Self::of_chart(&Value::Null, values)
    }

    /// By the defaults of a chart: those that one dialect has and no other. Where its Chart.yaml says that it comes from
    /// elsewhere, nobody can tell.
    pub(super) fn of_chart(about: &Value, values: &Value) -> Option<Self> {
        let has = |path: &&[&str]| path.iter().try_fold(values, |at, key| at.get(key)).is_some();
        let told = Self::ALL.into_iter().find(|dialect| dialect.table().marks.iter().all(has))?;
        let origins = [&about["home"], &about["sources"]].map(Value::to_string).concat();
        let from = |dialect: &Self| origins.contains(dialect.table().origin);
        (from(&told) || !Self::ALL.iter().any(from)).then_some(told)
    }

    /// Why a chart of this version is not one of the family's, as far as its table goes; `said`: the profile names the family.
    pub(crate) fn refuses(self, version: &str, said: bool) -> Option<String> {
        let (word, table) = (self.word(), self.table());
        let known = table.known.in_words();
        let Some(number) = Version::of(version) else {
            return Some(format!("`{}` is no version: which keys of `{word}` it has cannot be told", shown(version)));
        };
        if table.known.is_after(number) {
            return Some(format!(
                "`{word}` is known as {known}, and this chart is {version}: older ones {}",
                table.older
            ));
        }
        (!table.known.has(number) && !said).then(|| {
            format!(
                "`{word}` is known as {known}, and this chart is {version}: if its keys are the same, add `dialect: {word}`"
            )
        })
    }
}

/// Whose keys a chart has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    Family(Dialect),
    /// Nobody's: the profile says them.
    Custom(Box<Custom>),
}

impl Spoken {
    /// As in a profile.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Family(dialect) => dialect.word(),
            Self::Custom(_) => CUSTOM,
        }
    }
}

/// The word for a chart that its profile describes itself.
pub(crate) const CUSTOM: &str = "custom";

/// What mqctl tells a chart from the fields of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Registry,
    Repository,
    /// With its registry.
    WholeRepository,
    Tag,
    /// Repository and tag in one.
    Image,
    Replicas,
    Class,
    Size,
    Username,
    /// The name of mqctl's own Secret.
    Secret,
    /// A secret itself, where the chart takes no existing Secret.
    Text(Name),
    /// A key in mqctl's own Secret.
    SecretKey(&'static str),
    /// An image that is not the vendor's is let through: the profile names it.
    AnyImage,
}

impl Told {
    /// The profile's field that it comes from.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Registry | Self::Repository | Self::WholeRepository | Self::Image | Self::AnyImage => {
                "image.repository"
            }
            Self::Tag => "image.tag",
            Self::Replicas => "replicas",
            Self::Class => "storage.class",
            Self::Size => "storage.size",
            Self::Username => "credentials.username",
            Self::Secret | Self::SecretKey(_) => "credentials",
            Self::Text(Name::Password | Name::NextPassword) => "credentials.password",
            Self::Text(Name::ErlangCookie | Name::NextErlangCookie) => "credentials.erlangCookie",
        }
    }

    /// For what is no field itself: what it is made from.
    pub(crate) const fn derived_from(self) -> Option<&'static str> {
        match self {
            Self::Registry | Self::AnyImage => Some("image.repository"),
            Self::Secret => Some("release"),
            Self::SecretKey(_) => Some("mqctl's Secret"),
            Self::Repository
            | Self::WholeRepository
            | Self::Tag
            | Self::Image
            | Self::Replicas
            | Self::Class
            | Self::Size
            | Self::Username
            | Self::Text(_) => None,
        }
    }

    /// Which secret it is, where it is one.
    pub(crate) const fn secret(self) -> Option<Name> {
        if let Self::Text(name) = self { Some(name) } else { None }
    }

    /// Whether it says one of the profile's fields.
    pub(crate) fn says(self, field: &str) -> bool {
        let both = self == Self::Image && field == "image.tag";
        self.derived_from().is_none() && (self.field() == field || both)
    }
}

/// The profile's `values:`, what mqctl tells the chart, and what it sets against its defaults; `(password)` stands for
/// the password. `parallel`: how the pods of the StatefulSet that is there are created.
pub(super) fn values(profile: &Profile, chart: &LocalChart, secret: &str, parallel: Option<bool>) -> Value {
    let mut values = Value::Object(profile.values.clone());
    for corrected in corrections(profile, chart, parallel) {
        set(&mut values, corrected.path, corrected.value);
    }
    for (path, told) in &chart.told() {
        if let Some(value) = value(profile, *told, secret) {
            set(&mut values, path, value);
        }
    }
    values
}

/// The image that bitnami's charts let through by themselves.
const VENDORS: (&str, &str) = ("docker.io", "bitnami/rabbitmq");

fn value(profile: &Profile, told: Told, secret: &str) -> Option<Value> {
    let (registry, repository) = registry(&profile.image.repository);
    Some(match told {
        Told::Registry => json!(registry),
        Told::Repository => json!(repository),
        Told::WholeRepository => json!(profile.image.repository),
        Told::Tag => json!(profile.image.tag),
        Told::Image => json!(format!("{}:{}", profile.image.repository, profile.image.tag)),
        Told::Replicas => json!(profile.replicas),
        Told::Class => json!(profile.storage.class.as_ref()?),
        Told::Size => json!(profile.storage.size.as_str()),
        Told::Username => json!(profile.credentials.username),
        Told::Secret => json!(secret),
        // What stands here until the secret does.
        Told::Text(name) => json!(format!("({name})")),
        Told::SecretKey(key) => json!(key),
        Told::AnyImage if (registry, repository.as_str()) == VENDORS => return None,
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

/// Values as helm is fed them: the secrets among them are holes.
pub(super) fn fed(values: &Value, secrets: &[(Vec<&str>, Name)]) -> Vec<Part> {
    let hole = secrets.iter().find(|(path, _)| path.is_empty());
    if let Some((_, name)) = hole {
        return vec![Part::Quoted(Hole(*name))];
    }
    let (Value::Object(map), false) = (values, secrets.is_empty()) else {
        return vec![Part::Text(values.to_string())];
    };
    let mut parts = Vec::new();
    for (key, value) in map {
        let comma = if parts.is_empty() { '{' } else { ',' };
        parts.push(Part::Text(format!("{comma}{}:", json!(key))));
        let inner = secrets.iter().filter(|(path, _)| path[0] == key);
        let inner: Vec<_> = inner.map(|(path, name)| (path[1..].to_vec(), *name)).collect();
        parts.extend(fed(value, &inner));
    }
    parts.push(Part::Text("}".to_owned()));
    parts
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
    use crate::process::Stdin;

    #[test]
    fn a_dialect_is_told_from_default_values() {
        let of = |values: Value| Dialect::of_chart(&Value::Null, &values);
        assert_eq!(of(json!({"rabbitmq": {"username": "user"}, "replicas": 1})), Some(Dialect::Stable));
        assert_eq!(of(bitnami()), Some(Dialect::Bitnami));
        let cloudpirates = json!({"auth": {"username": "admin", "existingErlangCookieKey": ""}, "peerDiscoveryK8sPlugin": {"enabled": false}});
        assert_eq!(of(cloudpirates), Some(Dialect::CloudPirates));
        let groundhog2k = json!({
            "authentication": {"user": null}, "clustering": {"forceBoot": false},
            "k8sPeerDiscoveryPlugin": {"enabled": false}, "storage": {"requestedSize": null},
        });
        assert_eq!(of(groundhog2k), Some(Dialect::Groundhog2k));
        assert_eq!(of(Value::Null), None);
    }

    fn bitnami() -> Value {
        json!({"auth": {"username": "user"}, "clustering": {"forceBoot": false}})
    }

    #[test]
    fn who_comes_from_elsewhere_is_in_doubt() {
        let of = |source: &str| Dialect::of_chart(&json!({"sources": [source]}), &bitnami());
        assert_eq!(of("https://github.com/bitnami/charts/tree/main/bitnami/rabbitmq"), Some(Dialect::Bitnami));
        assert_eq!(of("https://git.example/mq"), Some(Dialect::Bitnami), "a fork that says nothing");
        assert_eq!(of("https://github.com/CloudPirates-io/helm-charts/tree/main/charts/rabbitmq"), None);
    }

    #[test]
    fn versions_that_nobody_has_read_are_refused() {
        let refused = |dialect: Dialect, version| dialect.refuses(version, false);
        assert_eq!(refused(Dialect::Bitnami, "16.0.16"), None);
        assert_eq!(
            refused(Dialect::Bitnami, "6.28.1").unwrap(),
            "`bitnami` is known as 7.0.0 to 16, and this chart is 6.28.1: older ones have the keys of `stable`"
        );
        assert_eq!(
            refused(Dialect::CloudPirates, "1.0.0").unwrap(),
            "`cloudpirates` is known as 0.3.0 on, and this chart is 1.0.0: if its keys are the same, add `dialect: cloudpirates`"
        );
        assert_eq!(Dialect::CloudPirates.refuses("1.0.0", true), None);
        assert!(
            Dialect::Groundhog2k.refuses("0.8.0", true).unwrap().ends_with("the password would stand in a ConfigMap")
        );
        assert!(refused(Dialect::Stable, "six").unwrap().contains("is no version"));
    }

    #[test]
    fn secrets_among_the_values_are_holes() {
        let values =
            json!({"a": 1, "auth": {"cookie": "(Erlang cookie)", "password": "(password)", "user": "u"}, "b": []});
        let secrets = [(vec!["auth", "password"], Name::Password), (vec!["auth", "cookie"], Name::ErlangCookie)];
        let said = |parts: Vec<Part>| Stdin(parts).to_string();
        assert_eq!(
            said(fed(&values, &secrets)),
            r#"{"a":1,"auth":{"cookie":(Erlang cookie),"password":(password),"user":"u"},"b":[]}"#
        );
        assert_eq!(fed(&values, &[]), [Part::Text(values.to_string())]);
    }

    #[test]
    fn an_image_s_registry_is_told_for_itself() {
        assert_eq!(registry("rabbitmq"), ("docker.io", "library/rabbitmq".to_owned()));
        assert_eq!(registry("bitnamilegacy/rabbitmq"), ("docker.io", "bitnamilegacy/rabbitmq".to_owned()));
        assert_eq!(registry("registry.example:5000/mq/rabbitmq"), ("registry.example:5000", "mq/rabbitmq".to_owned()));
        assert_eq!(registry("localhost/mq"), ("localhost", "mq".to_owned()));
    }
}
