//! Charts on this machine, with somebody who looks at them.

use super::*;
use crate::chart::rows::newest;
use crate::chart::{self, Described, Dialect, Home, Unseen, Wanted};

const CHART: &str = "chart: {ref: ./charts/rabbitmq}\nimage: {repository: hub.example/mq, tag: 4.0.5}\n";
const OWN: &str = "prodmq-mqctl-credentials";

fn told(dialect: Option<Dialect>, version: &str) -> impl Fn(&Wanted) -> Result<Described, Unseen> {
    move |wanted| {
        assert_eq!(wanted.home, Home::Here("profiles/charts/rabbitmq".into()));
        let doubt = dialect.is_none() && wanted.said.is_none();
        let described = || Described { name: "rabbitmq".into(), version: version.to_owned(), dialect, unasked: None };
        if doubt { Err(Unseen::Doubt("nobody knows".into())) } else { Ok(described()) }
    }
}

fn of(dialect: Dialect, more: &str) -> Profile {
    of_version(dialect, newest(dialect), more)
}

fn of_version(dialect: Dialect, version: &str, more: &str) -> Profile {
    with_image(dialect, version, &format!("{CHART}{more}"))
}

fn with_image(dialect: Dialect, version: &str, more: &str) -> Profile {
    let text = format!("{GOOD}{more}");
    assert_eq!(described::refusal(&text), None, "{text}");
    read_with(&text, Path::new(PATH), &told(Some(dialect), version)).unwrap()
}

fn mistakes_with(more: &str, dialect: Option<Dialect>, version: &str) -> Vec<String> {
    match read_with(&format!("{GOOD}{more}"), Path::new(PATH), &told(dialect, version)) {
        Ok(_) => Vec::new(),
        Err(LoadError::Mistaken(error)) => error.mistakes.iter().map(line).collect(),
        Err(other) => vec![other.to_string()],
    }
}

/// The profile's values of one key, as the chart is told them.
fn value(profile: &Profile, path: &str) -> Value {
    path.split('.').fold(chart::values(profile), |at, key| at[key].clone())
}

#[test]
fn a_chart_s_objects_are_called_as_it_calls_them() {
    let names = |more: &str| chart::names(&of(Dialect::Stable, more)).stateful_set;
    assert_eq!(names(""), "prodmq-rabbitmq");
    assert_eq!(names("release: my-rabbitmq-prod\n"), "my-rabbitmq-prod");
    assert_eq!(names("values: {nameOverride: mq}\n"), "prodmq");
    assert_eq!(names("values: {nameOverride: broker}\n"), "prodmq-broker");
    assert_eq!(names("values: {fullnameOverride: shop}\n"), "shop");
    for dialect in [Dialect::Stable, Dialect::Bitnami, Dialect::CloudPirates] {
        let names = chart::names(&of(dialect, ""));
        assert_eq!((names.pods[2].as_str(), names.claims[0].as_str()), ("prodmq-rabbitmq-2", "data-prodmq-rabbitmq-0"));
        assert_eq!((names.headless(), names.secret.as_str()), ("prodmq-rabbitmq-headless", OWN));
    }
    let names = chart::names(&of(Dialect::Groundhog2k, ""));
    assert_eq!(
        (names.headless(), names.claims[0].as_str()),
        ("prodmq-rabbitmq-internal", "rabbitmq-volume-prodmq-rabbitmq-0")
    );
}

/// Not by the label of all objects, which a Job's pods have too.
#[test]
fn brokers_pods_are_selected_by_all_labels_that_they_have() {
    assert_eq!(chart::pod_selector(&of(Dialect::Stable, "")), "app=rabbitmq,release=prodmq");
    for dialect in [Dialect::Bitnami, Dialect::CloudPirates, Dialect::Groundhog2k] {
        let renamed = of(dialect, "values: {nameOverride: mq}\n");
        let recommended = "app.kubernetes.io/instance=prodmq,app.kubernetes.io/name=mq";
        assert_eq!(chart::pod_selector(&renamed), recommended, "{dialect:?}");
    }
}

#[test]
fn data_and_user_are_where_the_version_has_them() {
    let place = |dialect, version| {
        let names = chart::names(&of_version(dialect, version, ""));
        format!("{} {} {}", names.volume, names.base, names.user)
    };
    let at = |volume: &str, base: &str, user: u32| format!("{volume} {base} {user}");
    let stable = "/opt/bitnami/rabbitmq/var/lib/rabbitmq";
    assert_eq!(place(Dialect::Stable, "6.28.1"), at(stable, "/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia", 1001));
    let (old, new) = ("/bitnami/rabbitmq/mnesia", "/opt/bitnami/rabbitmq/.rabbitmq/mnesia");
    for (version, place_then) in [("7.0.0", old), ("12.13.1", old), ("12.14.0", new), ("16.0.16", new)] {
        assert_eq!(place(Dialect::Bitnami, version), at(place_then, place_then, 1001), "{version}");
    }
    let official = at("/var/lib/rabbitmq", "/var/lib/rabbitmq/mnesia", 999);
    assert_eq!(place(Dialect::CloudPirates, "0.3.0"), official);
    assert_eq!(place(Dialect::Groundhog2k, "1.0.0"), official);
}

const ALL_FIELDS: &str =
    "replicas: 5\nstorage: {class: fast, size: 1Gi}\ncredentials: {username: shop}\nvalues: {resources: {}}\n";

#[test]
fn each_dialect_is_told_in_its_own_keys_and_no_secret() {
    let image = json!({"registry": "hub.example", "repository": "mq", "tag": "4.0.5"});
    let volume = json!({"storageClass": "fast", "size": "1Gi"});
    let class = json!("fast");
    let patient = json!({"initialDelaySeconds": 600});
    assert_eq!(
        chart::values(&of(Dialect::Stable, ALL_FIELDS)),
        json!({
            "image": image, "replicas": 5, "resources": {}, "persistence": volume, "livenessProbe": patient,
            "rabbitmq": {"username": "shop", "existingPasswordSecret": OWN, "existingErlangSecret": OWN},
            "global": {"storageClass": class},
        })
    );
    assert_eq!(
        chart::values(&of(Dialect::Bitnami, ALL_FIELDS)),
        json!({
            "image": image, "replicaCount": 5, "resources": {}, "persistence": volume, "livenessProbe": patient,
            "auth": {"username": "shop", "existingPasswordSecret": OWN, "existingErlangSecret": OWN},
            "global": {"storageClass": class, "security": {"allowInsecureImages": true}}, "podManagementPolicy": "Parallel",
        })
    );
    assert_eq!(
        chart::values(&of(Dialect::CloudPirates, ALL_FIELDS)),
        json!({
            "image": image, "replicaCount": 5, "resources": {}, "persistence": volume, "livenessProbe": patient,
            "auth": {"username": "shop", "existingSecret": OWN}, "peerDiscoveryK8sPlugin": {"enabled": true},
            "serviceAccount": {"automountServiceAccountToken": true},
        })
    );
    assert_eq!(
        chart::values(&of(Dialect::Groundhog2k, ALL_FIELDS)),
        json!({
            "image": image, "replicaCount": 5, "resources": {}, "startupProbe": {"failureThreshold": 75},
            "storage": {"className": "fast", "requestedSize": "1Gi"}, "k8sPeerDiscoveryPlugin": {"enabled": true},
            "authentication": {
                "existingSecret": OWN, "user": {"secretKey": "username"}, "password": {"secretKey": "password"},
                "erlangCookie": {"secretKey": "erlang-cookie"},
            },
            "podManagementPolicy": "Parallel", "terminationGracePeriodSeconds": 120,
        })
    );
}

#[test]
fn an_image_is_let_through_only_where_it_has_to_be() {
    let flag = |version, repository: &str| {
        let chart = CHART.replace("hub.example/mq", repository);
        value(&with_image(Dialect::Bitnami, version, &chart), "global.security.allowInsecureImages")
    };
    assert_eq!(flag("15.2.0", "bitnamilegacy/rabbitmq"), true);
    assert_eq!(flag("15.1.2", "bitnamilegacy/rabbitmq"), Value::Null, "it is not known there");
    assert_eq!(flag("16.0.16", "bitnami/rabbitmq"), Value::Null, "the vendor's own");
    assert_eq!(flag("16.0.16", "hub.example/bitnami/rabbitmq"), true);
}

#[test]
fn a_probe_gets_patience_where_it_would_kill_a_node_that_waits() {
    let delay = |version| value(&of_version(Dialect::Bitnami, version, ""), "livenessProbe.initialDelaySeconds");
    for version in ["7.0.0", "8.5.3", "10.1.14", "10.2.0", "11.14.4", "16.0.16"] {
        assert_eq!(delay(version), 600, "{version}");
    }
    for version in ["8.6.0", "9.1.4", "10.1.13", "10.2.1", "11.14.3"] {
        assert_eq!(delay(version), Value::Null, "{version} only asks for the VM");
    }
}

#[test]
fn the_small_preset_goes_unless_the_profile_says_resources() {
    let preset = |version, more: &str| value(&of_version(Dialect::Bitnami, version, more), "resourcesPreset");
    assert_eq!(preset("13.0.0", ""), "none");
    assert_eq!(preset("12.15.0", ""), Value::Null);
    assert_eq!(preset("13.0.0", "values: {resources: {limits: {memory: 1Gi}}}\n"), Value::Null);
    assert_eq!(preset("13.0.0", "values: {resourcesPreset: large}\n"), "large");
}

#[test]
fn a_token_is_mounted_for_brokers_that_ask_the_api_server() {
    let token = |version, tag: &str| {
        let chart = CHART.replace("4.0.5", tag);
        value(&with_image(Dialect::CloudPirates, version, &chart), "serviceAccount.automountServiceAccountToken")
    };
    assert_eq!(token("0.9.0", "4.0.5-management"), true);
    assert_eq!(token("0.9.0", "3.13.7"), true);
    assert_eq!(token("0.9.0", "4.1.0"), Value::Null);
    assert_eq!(token("0.9.0", "latest"), true, "nobody knows which that is");
    assert_eq!(token("0.8.0", "4.0.5"), Value::Null, "mounted by default");
}

#[test]
fn pods_are_created_at_once_where_that_is_safe() {
    let policy = |dialect, version, tag: &str, live| {
        let profile = with_image(dialect, version, &CHART.replace("4.0.5", tag));
        let values = chart::values_beside(&profile, live);
        (values["podManagementPolicy"].as_str().unwrap_or("-").to_owned(), chart::is_parallel(&profile))
    };
    let parallel = ("Parallel".to_owned(), true);
    let left = |wished| ("-".to_owned(), wished);
    assert_eq!(policy(Dialect::Bitnami, "8.24.4", "3.8.18", None), parallel);
    assert_eq!(policy(Dialect::Bitnami, "8.24.3", "3.8.18", None), left(false), "pods that wait have no names");
    assert_eq!(policy(Dialect::Bitnami, "8.24.4", "3.8.17", None), left(false), "they may form two clusters");
    assert_eq!(policy(Dialect::Bitnami, "16.0.16", "latest", None), left(false));
    assert_eq!(policy(Dialect::Bitnami, "16.0.16", "4.1.3", Some(true)), parallel);
    assert_eq!(policy(Dialect::Bitnami, "16.0.16", "4.1.3", Some(false)), left(true), "it has what is there");
    assert_eq!(policy(Dialect::Groundhog2k, "2.3.6", "4.3.3", None), parallel);
    assert_eq!(policy(Dialect::Stable, "6.18.2", "3.10.8", None), left(false));
    assert_eq!(policy(Dialect::Stable, "6.18.2", "3.10.8", Some(true)), left(false));
    assert_eq!(policy(Dialect::CloudPirates, "0.15.11", "latest", None), left(true), "its default");
    assert_eq!(policy(Dialect::CloudPirates, "0.15.10", "4.2.3", None), parallel);
    let in_order = ("OrderedReady".to_owned(), true);
    assert_eq!(policy(Dialect::CloudPirates, "0.21.18", "4.3.5", Some(false)), in_order, "of before 0.15.11");
}

#[test]
fn the_profile_s_own_value_wins_against_a_correction() {
    let more = "values: {podManagementPolicy: OrderedReady, livenessProbe: {enabled: false}, startupProbe: null, \
        k8sPeerDiscoveryPlugin: {enabled: false}}\n";
    let profile = of(Dialect::Groundhog2k, more);
    assert_eq!(value(&profile, "podManagementPolicy"), "OrderedReady");
    assert_eq!(value(&profile, "startupProbe"), Value::Null);
    assert_eq!(value(&profile, "k8sPeerDiscoveryPlugin.enabled"), false);
    let said = chart::in_lines(&chart::corrections(&profile, None));
    assert_eq!(
        said,
        [
            "terminationGracePeriodSeconds: 120   a node that others need waits for their copies before it stops: 50 s by default"
        ]
    );
    let beside = of(Dialect::Bitnami, "values: {livenessProbe: {failureThreshold: 9}}\n");
    assert_eq!(value(&beside, "livenessProbe"), json!({"failureThreshold": 9, "initialDelaySeconds": 600}));
}

#[test]
fn the_policy_is_the_profile_s() {
    let parallel = |more: &str| chart::is_parallel(&of(Dialect::Stable, more));
    assert!(!parallel("") && !parallel("values: {podManagementPolicy: OrderedReady}\n"));
    assert!(parallel(&format!("{}\n", chart::parallel_line(&good("")))) && chart::is_parallel(&good("")));
    assert!(!chart::is_parallel(&of(Dialect::Bitnami, "values: {podManagementPolicy: OrderedReady}\n")));
}

#[test]
fn a_revision_within_a_recovery_is_forced_for_some_pods_only() {
    let values = chart::forced_values(&of(Dialect::Stable, ""), 1, true).unwrap();
    assert_eq!((&values["replicas"], &values["forceBoot"]["enabled"]), (&json!(1), &json!(true)));
    assert_eq!(values["podManagementPolicy"], "Parallel");
    let values = chart::forced_values(&of(Dialect::Bitnami, ""), 3, false).unwrap();
    assert_eq!((&values["replicaCount"], &values["clustering"]), (&json!(3), &Value::Null));
    assert_eq!(chart::forced_values(&good(""), 3, true), None);
    assert_eq!(chart::forced_values(&of(Dialect::CloudPirates, ""), 3, true), None);
    assert_eq!(chart::forced_values(&of(Dialect::Groundhog2k, ""), 3, true), None);
}

#[test]
fn the_dialect_is_said_where_it_cannot_be_told() {
    let unknown = mistakes_with(CHART, None, "16.0.16");
    let words = "stable, bitnami, cloudpirates, groundhog2k or custom";
    assert_eq!(unknown, [format!("3:8 chart.dialect: missing, and nobody knows: {words}")]);
    let said = CHART.replace("rabbitmq}", "rabbitmq, dialect: bitnami, version: 16.0.16}");
    assert_eq!(mistakes_with(&said, None, "16.0.16"), [""; 0]);
    let wrong = said.replace("dialect: bitnami", "dialect: rabbitmq-ha");
    let expected = format!("3:42 chart.dialect: expected {words}, found `rabbitmq-ha`");
    assert_eq!(mistakes_with(&wrong, None, "16.0.16"), [expected]);
}

#[test]
fn a_version_that_nobody_has_read_is_a_mistake() {
    let bitnami = Some(Dialect::Bitnami);
    assert_eq!(
        mistakes_with(CHART, bitnami, "17.0.0"),
        [
            "3:14 chart.ref: `bitnami` is known as 7.0.0 to 16, and this chart is 17.0.0: if its keys are the same, add `dialect: bitnami`"
        ]
    );
    let said = CHART.replace("rabbitmq}", "rabbitmq, dialect: bitnami}");
    assert_eq!(mistakes_with(&said, None, "17.0.0"), [""; 0]);
    assert_eq!(
        mistakes_with(&said, None, "6.28.1"),
        [
            "3:42 chart.dialect: `bitnami` is known as 7.0.0 to 16, and this chart is 6.28.1: older ones have the keys of `stable`"
        ]
    );
}

#[test]
fn what_does_not_fit_the_chart_is_a_mistake() {
    let stable = |more: &str| mistakes_with(more, Some(Dialect::Stable), "6.18.2");
    assert_eq!(
        stable(&CHART.replace("rabbitmq}", "rabbitmq, version: 16.0.16}")),
        ["3:42 chart.version: the chart is version 6.18.2, not `16.0.16`"]
    );
    assert_eq!(
        stable("chart: {ref: ./charts/rabbitmq}\n"),
        ["1:1 image: missing `repository` or `tag`: name the image that this chart is made for"]
    );
    assert_eq!(
        stable(&format!("{CHART}values: {{replicas: 3, rabbitmq: {{username: a}}, persistence: {{size: 1Gi}}}}\n")),
        [
            "5:10 values.replicas: mqctl sets this key itself; use `replicas`",
            "5:34 values.rabbitmq.username: mqctl sets this key itself; use `credentials.username`",
            "5:62 values.persistence.size: mqctl sets this key itself; use `storage.size`",
        ]
    );
    let nobody_looks = mistakes(&format!("{GOOD}{CHART}"));
    assert_eq!(nobody_looks, ["3:14 chart.ref: `profiles/charts/rabbitmq`: not looked at"]);
}

#[test]
fn what_a_chart_would_take_and_not_read_is_a_mistake() {
    let refused = |dialect, version, key: &str| {
        let text = format!("{CHART}values: {{{key}: 1}}\n");
        let text = key.split_once('.').map_or(text, |(a, b)| format!("{CHART}values: {{{a}: {{{b}: 1}}}}\n"));
        mistakes_with(&text, Some(dialect), version)
            .first()
            .and_then(|said| said.split_once(": ").map(|(_, why)| why.to_owned()))
    };
    let use_ = |key: &str| Some(format!("this chart does not read the key; use `{key}`"));
    let none = || Some("this chart does not read the key, and has none for it".to_owned());
    assert_eq!(refused(Dialect::Bitnami, "9.0.0", "updateStrategyType"), use_("updateStrategy.type"));
    assert_eq!(refused(Dialect::Bitnami, "8.32.2", "updateStrategyType"), None);
    assert_eq!(refused(Dialect::Bitnami, "8.32.2", "persistence.accessModes"), use_("persistence.accessMode"));
    assert_eq!(refused(Dialect::Bitnami, "8.1.1", "terminationGracePeriodSeconds"), none());
    assert_eq!(refused(Dialect::Bitnami, "8.2.0", "terminationGracePeriodSeconds"), None);
    assert_eq!(refused(Dialect::Bitnami, "16.0.16", "forceBoot.enabled"), use_("clustering.forceBoot"));
    assert_eq!(refused(Dialect::Stable, "6.18.2", "replicaCount"), use_("replicas"));
    assert_eq!(refused(Dialect::CloudPirates, "0.21.18", "terminationGracePeriodSeconds"), none());
    assert_eq!(refused(Dialect::CloudPirates, "0.6.1", "extraEnvVars"), use_("extraEnv"));
    assert_eq!(refused(Dialect::Groundhog2k, "2.3.6", "persistence.size"), use_("storage"));
}

#[test]
fn what_mqctl_goes_by_stays_as_the_chart_has_it() {
    let refused = |dialect, values: &str| {
        let said = mistakes_with(&format!("{CHART}values: {values}\n"), Some(dialect), newest(dialect));
        said.first().and_then(|said| said.split_once(": ").map(|(_, why)| why.to_owned())).unwrap_or_default()
    };
    let no_secret = "no secret stands in a profile: see `credentials`";
    assert_eq!(refused(Dialect::Bitnami, "{auth: {password: a}}"), no_secret);
    assert_eq!(refused(Dialect::Groundhog2k, "{authentication: {erlangCookie: {value: a}}}"), no_secret);
    let looked_for = "mqctl looks for it where the chart has it; leave the key out";
    assert_eq!(refused(Dialect::Groundhog2k, "{storage: {volumeName: data}}"), looked_for);
    assert_eq!(refused(Dialect::CloudPirates, "{persistence: {mountPath: /data}}"), looked_for);
    assert_eq!(
        refused(Dialect::Bitnami, "{auth: {existingSecretPasswordKey: a}}"),
        "mqctl's Secret has the key that the chart looks for; leave this out"
    );
    assert!(refused(Dialect::Stable, "{persistence: {existingClaim: a}}").contains("a volume of its own"));
}
