//! Charts on this machine, with somebody who looks at them.

use super::*;
use crate::chart::{self, Described, Dialect};

const CHART: &str = "chart: {ref: ./charts/rabbitmq}\nimage: {repository: hub.example/mq, tag: 4.0.5}\n";

fn told(dialect: Option<Dialect>) -> impl Fn(&Path) -> Result<Described, String> {
    move |path| {
        assert_eq!(path, Path::new("profiles/charts/rabbitmq"));
        Ok(Described { name: "rabbitmq".to_owned(), version: "6.18.2".to_owned(), dialect })
    }
}

fn of(dialect: Dialect, more: &str) -> Profile {
    let text = format!("{GOOD}{CHART}{more}");
    assert_eq!(described::refusal(&text), None, "{text}");
    read_with(&text, Path::new(PATH), &told(Some(dialect))).unwrap()
}

fn mistakes_with(more: &str, dialect: Option<Dialect>) -> Vec<String> {
    let error = read_with(&format!("{GOOD}{more}"), Path::new(PATH), &told(dialect)).err();
    error.map(|error| error.mistakes).unwrap_or_default().iter().map(line).collect()
}

#[test]
fn a_chart_s_objects_are_called_as_it_calls_them() {
    let names = |more: &str| chart::names(&of(Dialect::Stable, more)).stateful_set;
    assert_eq!(names(""), "prodmq-rabbitmq");
    assert_eq!(names("release: my-rabbitmq-prod\n"), "my-rabbitmq-prod");
    assert_eq!(names("values: {nameOverride: mq}\n"), "prodmq");
    assert_eq!(names("values: {nameOverride: broker}\n"), "prodmq-broker");
    assert_eq!(names("values: {fullnameOverride: shop}\n"), "shop");
    let names = chart::names(&of(Dialect::Bitnami, ""));
    assert_eq!((names.pods[2].as_str(), names.claims[0].as_str()), ("prodmq-rabbitmq-2", "data-prodmq-rabbitmq-0"));
    assert_eq!((names.headless(), names.secret.as_str()), ("prodmq-rabbitmq-headless", "prodmq-mqctl-credentials"));
}

#[test]
fn each_dialect_is_told_in_its_own_keys_and_no_secret() {
    let more =
        "replicas: 5\nstorage: {class: fast, size: 1Gi}\ncredentials: {username: shop}\nvalues: {resources: {}}\n";
    let stable = json!({
        "image": {"registry": "hub.example", "repository": "mq", "tag": "4.0.5"}, "replicas": 5, "resources": {},
        "persistence": {"storageClass": "fast", "size": "1Gi"},
        "rabbitmq": {
            "username": "shop", "existingPasswordSecret": "prodmq-mqctl-credentials",
            "existingErlangSecret": "prodmq-mqctl-credentials",
        },
    });
    assert_eq!(chart::values(&of(Dialect::Stable, more)), stable);
    let bitnami = json!({
        "image": {"registry": "hub.example", "repository": "mq", "tag": "4.0.5"}, "replicaCount": 5, "resources": {},
        "persistence": {"storageClass": "fast", "size": "1Gi"}, "global": {"security": {"allowInsecureImages": true}},
        "auth": {
            "username": "shop", "existingPasswordSecret": "prodmq-mqctl-credentials",
            "existingErlangSecret": "prodmq-mqctl-credentials",
        },
    });
    assert_eq!(chart::values(&of(Dialect::Bitnami, more)), bitnami);
}

#[test]
fn the_policy_is_the_profile_s() {
    let parallel = |more: &str| chart::is_parallel(&of(Dialect::Bitnami, more));
    assert!(!parallel("") && !parallel("values: {podManagementPolicy: OrderedReady}\n"));
    assert!(parallel(&format!("{}\n", chart::PARALLEL_LINE)) && chart::is_parallel(&good("")));
}

#[test]
fn a_revision_within_a_recovery_is_forced_for_some_pods_only() {
    let values = chart::forced_values(&of(Dialect::Stable, ""), 1, true).unwrap();
    assert_eq!((&values["replicas"], &values["forceBoot"]["enabled"]), (&json!(1), &json!(true)));
    assert_eq!(values["podManagementPolicy"], "Parallel");
    let values = chart::forced_values(&of(Dialect::Bitnami, ""), 3, false).unwrap();
    assert_eq!((&values["replicaCount"], &values["clustering"]), (&json!(3), &Value::Null));
    assert_eq!(chart::forced_values(&good(""), 3, true), None);
}

#[test]
fn the_dialect_is_said_where_it_cannot_be_told() {
    let unknown = mistakes_with(CHART, None);
    let wanted = "it cannot be told which keys this chart has; add `dialect: stable` or `dialect: bitnami`";
    assert_eq!(unknown, [format!("3:14 chart.ref: {wanted}")]);
    let said = CHART.replace("rabbitmq}", "rabbitmq, dialect: bitnami, version: 6.18.2}");
    assert_eq!(mistakes_with(&said, None), [""; 0]);
    let wrong = said.replace("dialect: bitnami", "dialect: cloudpirates");
    assert_eq!(mistakes_with(&wrong, None), ["3:42 chart.dialect: expected stable or bitnami, found `cloudpirates`"]);
}

#[test]
fn what_does_not_fit_the_chart_is_a_mistake() {
    let stable = |more: &str| mistakes_with(more, Some(Dialect::Stable));
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
