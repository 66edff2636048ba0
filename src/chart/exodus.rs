//! Whether a release can change its chart and keep its volumes, and how a chart is told which plugins to run. Pure.

use serde_json::{Map, Value, json};

use super::dialect::{Dialect, Spoken};
use super::names;
use crate::profile::{ChartRef, Profile};

/// One thing by which a node finds its data, as both charts have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub what: &'static str,
    pub old: String,
    pub new: String,
}

impl Row {
    pub fn fits(&self) -> bool {
        self.old == self.new
    }
}

/// What would have to be the same on another chart: the names of the nodes, where the data are, and whose they are.
pub fn rows(old: &Profile, chart: &ChartRef) -> Vec<Row> {
    let of = |profile: &Profile| {
        let names = names(profile);
        let first = |list: &[String]| list.first().cloned().unwrap_or_default();
        let below = names.base.strip_prefix(&names.volume).unwrap_or(&names.base).trim_start_matches('/').to_owned();
        let folder = if below.is_empty() { "(the volume itself)".to_owned() } else { below };
        let node = format!("rabbit@{}.{}", first(&names.pods), names.headless());
        [node, first(&names.claims), folder, names.user.to_string()]
    };
    let new = in_place(old, chart);
    let whats = ["node", "volume claim", "data on the volume", "user id"];
    whats.into_iter().zip(of(old).into_iter().zip(of(&new))).map(|(what, (old, new))| Row { what, old, new }).collect()
}

/// The same release on this chart, which is told to call things as they are called now, where it can be told.
pub fn in_place(old: &Profile, chart: &ChartRef) -> Profile {
    let values = match chart {
        ChartRef::Builtin => Map::new(),
        ChartRef::Local(_) => Map::from_iter([("fullnameOverride".to_owned(), json!(names(old).stateful_set))]),
    };
    Profile { chart: chart.clone(), values, ..old.clone() }
}

/// Charts that are kept, around the official image.
enum Kept {
    Builtin,
    CloudPirates,
    Groundhog2k,
}

fn kept(chart: &ChartRef) -> Option<Kept> {
    let ChartRef::Local(chart) = chart else { return Some(Kept::Builtin) };
    match chart.dialect {
        Spoken::Family(Dialect::CloudPirates) => Some(Kept::CloudPirates),
        Spoken::Family(Dialect::Groundhog2k) => Some(Kept::Groundhog2k),
        Spoken::Family(Dialect::Stable | Dialect::Bitnami) | Spoken::Custom(_) => None,
    }
}

/// Whether a release may move there.
pub fn is_kept(chart: &ChartRef) -> bool {
    kept(chart).is_some()
}

/// Both are the built-in chart, or of one family.
pub fn are_alike(one: &ChartRef, other: &ChartRef) -> bool {
    match (one, other) {
        (ChartRef::Builtin, ChartRef::Builtin) => true,
        (ChartRef::Local(one), ChartRef::Local(other)) => one.dialect == other.dialect,
        _ => false,
    }
}

/// The key that lists plugins, and those that the chart has by itself under it.
fn plugins(chart: &ChartRef) -> (&'static str, &'static [&'static str]) {
    match kept(chart) {
        Some(Kept::CloudPirates) => ("additionalPlugins", &[]),
        Some(Kept::Builtin) => ("plugins", &["rabbitmq_management", "rabbitmq_prometheus"]),
        Some(Kept::Groundhog2k) | None => ("plugins", &[]),
    }
}

/// Values by which a chart runs these plugins beside those that it runs anyway.
pub fn with_plugins(chart: &ChartRef, wanted: &[&str]) -> Map<String, Value> {
    let (key, own) = plugins(chart);
    let mut all: Vec<&str> = own.to_vec();
    all.extend(wanted.iter().filter(|plugin| !own.contains(plugin)));
    Map::from_iter([(key.to_owned(), json!(all))])
}

/// The key under which a profile's values lack this plugin.
pub fn lacks_plugin(profile: &Profile, plugin: &str) -> Option<&'static str> {
    let (key, _) = plugins(&profile.chart);
    let listed = profile.values.get(key).and_then(Value::as_array);
    (!listed.is_some_and(|all| all.iter().any(|one| one == plugin))).then_some(key)
}

/// The official image of the version that an old broker runs, where its own image is laid out for another family's charts.
pub fn image(old: &Profile, version: &str) -> (String, String) {
    let (repository, tag) = (&old.image.repository, &old.image.tag);
    if repository.contains("bitnami") || version.is_empty() {
        return ("rabbitmq".to_owned(), format!("{version}-management"));
    }
    (repository.clone(), tag.clone())
}

/// Plugins of RabbitMQ's own that its clients may need: a queue or an exchange of an old cluster may be of no use without.
/// Source: RabbitMQ documentation, Plugins, "Plugins in this distribution".
const NEEDED: [&str; 15] = [
    "rabbitmq_amqp1_0",
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_event_exchange",
    "rabbitmq_federation",
    "rabbitmq_federation_management",
    "rabbitmq_jms_topic_exchange",
    "rabbitmq_mqtt",
    "rabbitmq_random_exchange",
    "rabbitmq_recent_history_exchange",
    "rabbitmq_sharding",
    "rabbitmq_stomp",
    "rabbitmq_stream",
    "rabbitmq_stream_management",
    "rabbitmq_web_mqtt",
    "rabbitmq_web_stomp",
];

/// Those of these plugins that have to run on the new cluster as well.
pub fn needed(active: &[String]) -> Vec<&'static str> {
    NEEDED.into_iter().filter(|plugin| active.iter().any(|one| one == plugin)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Home, LocalChart};
    use crate::profile;
    use std::path::Path;

    fn local(dialect: Dialect, version: &str) -> ChartRef {
        let home = Home::Here("charts/mq".into());
        let dialect = Spoken::Family(dialect);
        ChartRef::Local(LocalChart { home, name: "rabbitmq".into(), version: version.into(), dialect, unasked: None })
    }

    fn profile(release: &str, chart: ChartRef, values: &Value) -> Profile {
        let text = format!("format: 1\nnamespace: mq\nrelease: {release}\n");
        let values = values.as_object().cloned().unwrap_or_default();
        Profile { chart, values, ..profile::read(&text, Path::new("prodmq.yaml")).unwrap() }
    }

    /// What does not fit.
    fn misfits(old: &Profile, chart: &ChartRef) -> Vec<&'static str> {
        rows(old, chart).iter().filter(|row| !row.fits()).map(|row| row.what).collect()
    }

    #[test]
    fn in_place_only_where_names_paths_and_user_fit() {
        let bitnami = profile("prodmq", local(Dialect::Bitnami, "16.0.16"), &Value::Null);
        let all = ["node", "volume claim", "data on the volume", "user id"];
        assert_eq!(misfits(&bitnami, &ChartRef::Builtin), all);
        let named = json!({"fullnameOverride": "prodmq"});
        let bitnami = profile("prodmq", local(Dialect::Bitnami, "16.0.16"), &named);
        assert_eq!(misfits(&bitnami, &ChartRef::Builtin), ["data on the volume", "user id"]);
        let cloudpirates = profile("prodmq", local(Dialect::CloudPirates, "0.21.18"), &named);
        assert_eq!(misfits(&cloudpirates, &ChartRef::Builtin), [""; 0]);
        let called = profile("prodmq", local(Dialect::CloudPirates, "0.21.18"), &Value::Null);
        assert_eq!(misfits(&called, &ChartRef::Builtin), ["node", "volume claim"]);
        let builtin = profile("prodmq", ChartRef::Builtin, &Value::Null);
        assert_eq!(misfits(&builtin, &local(Dialect::CloudPirates, "0.21.18")), [""; 0]);
        assert_eq!(misfits(&builtin, &local(Dialect::Groundhog2k, "2.3.6")), ["node", "volume claim"]);
    }

    #[test]
    fn only_charts_that_are_kept_are_moved_to() {
        assert!(is_kept(&ChartRef::Builtin) && is_kept(&local(Dialect::Groundhog2k, "2.3.6")));
        assert!(!is_kept(&local(Dialect::Bitnami, "16.0.16")) && !is_kept(&local(Dialect::Stable, "6.18.2")));
        assert!(are_alike(&local(Dialect::CloudPirates, "0.3.0"), &local(Dialect::CloudPirates, "0.21.18")));
        assert!(!are_alike(&ChartRef::Builtin, &local(Dialect::CloudPirates, "0.3.0")));
    }

    #[test]
    fn each_chart_is_told_its_plugins_by_its_own_key() {
        let told = |chart: &ChartRef| Value::Object(with_plugins(chart, &["rabbitmq_shovel"]));
        let all = ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_shovel"];
        assert_eq!(told(&ChartRef::Builtin), json!({"plugins": all}));
        assert_eq!(told(&local(Dialect::CloudPirates, "0.21.18")), json!({"additionalPlugins": ["rabbitmq_shovel"]}));
        assert_eq!(told(&local(Dialect::Groundhog2k, "2.3.6")), json!({"plugins": ["rabbitmq_shovel"]}));
        let with = profile("prodmq", ChartRef::Builtin, &told(&ChartRef::Builtin));
        assert_eq!(lacks_plugin(&with, "rabbitmq_shovel"), None);
        assert_eq!(
            lacks_plugin(&profile("prodmq", ChartRef::Builtin, &Value::Null), "rabbitmq_shovel"),
            Some("plugins")
        );
        assert_eq!(needed(&["rabbitmq_mqtt".to_owned(), "rabbitmq_peer_discovery_k8s".to_owned()]), ["rabbitmq_mqtt"]);
    }

    #[test]
    fn the_image_is_the_official_one_of_the_same_version() {
        let of = |repository: &str| {
            let mut old = profile("prodmq", local(Dialect::Bitnami, "16.0.16"), &Value::Null);
            (old.image.repository, old.image.tag) = (repository.to_owned(), "4.0.5-debian-12-r3".to_owned());
            image(&old, "4.0.5")
        };
        assert_eq!(of("bitnamilegacy/rabbitmq"), ("rabbitmq".to_owned(), "4.0.5-management".to_owned()));
        assert_eq!(of("registry.example/rabbitmq"), ("registry.example/rabbitmq".into(), "4.0.5-debian-12-r3".into()));
    }
}
