//! A chart that its profile describes: what becomes of the description, and every mistake in it.

use super::*;
use crate::chart::{self, Described, Held, Unseen, Wanted};
use crate::process::Stdin;

const CHART: &str = "image: {repository: 'hub.example/team/mq', tag: 4.0.5}\n\
    chart: {ref: acme/hare, version: 1.2.0, dialect: custom, custom: ";

/// The least that a description says.
const KEYS: &str =
    "replicas: nodes, image: image, storageSize: disk.size, passwordSecret: login.secret, cookieSecret: login.secret";

#[expect(clippy::unnecessary_wraps, reason = "others who look may not see")]
fn look(wanted: &Wanted) -> Result<Described, Unseen> {
    Ok(wanted.presumed.clone().expect("a profile that describes its chart says enough"))
}

fn of(custom: &str, more: &str) -> Profile {
    let text = format!("{GOOD}{CHART}{{{custom}}}}}\n{more}");
    assert_eq!(described::refusal(&text), None, "{text}");
    read_with(&text, Path::new(PATH), &look).unwrap()
}

fn mistakes_in(custom: &str, more: &str) -> Vec<String> {
    let text = format!("{GOOD}{CHART}{{{custom}}}}}\n{more}");
    match read_with(&text, Path::new(PATH), &look) {
        Err(LoadError::Mistaken(error)) => error.mistakes.iter().map(|m| format!("{}: {}", m.path, m.text)).collect(),
        other => panic!("{other:?}: {text}"),
    }
}

#[test]
fn what_is_left_out_has_a_default() {
    let profile = of(&format!("keys: {{{KEYS}}}"), "");
    let names = chart::names(&profile);
    assert_eq!(
        (names.stateful_set.as_str(), names.client(), names.headless()),
        ("prodmq-hare", "prodmq-hare", "prodmq-hare-headless")
    );
    assert_eq!((names.claims[2].as_str(), names.container.as_str()), ("data-prodmq-hare-2", "rabbitmq"));
    assert_eq!((names.volume.as_str(), names.base.as_str()), ("/var/lib/rabbitmq", "/var/lib/rabbitmq/mnesia"));
    let labels = json!({"app.kubernetes.io/name": "hare", "app.kubernetes.io/instance": "prodmq"});
    assert_eq!((chart::selector(&profile), chart::label(&profile).as_str()), (labels, "app.kubernetes.io/instance"));
    assert_eq!(chart::pod_selector(&profile), "app.kubernetes.io/instance=prodmq", "its pods may have no name for it");
    assert!(!chart::is_parallel(&profile) && chart::force_boot(&profile).is_err());
    assert_eq!(chart::forced_values(&profile, 1, true), None);
    let values = json!({
        "nodes": 3, "image": "hub.example/team/mq:4.0.5", "disk": {"size": "8Gi"},
        "login": {"secret": "prodmq-mqctl-credentials"},
    });
    assert_eq!(chart::values(&profile), values);
    assert_eq!(chart::parallel_line(&profile), "chart: {custom: {parallel: true}}");
    assert_eq!(chart::title(&profile), "custom hare-1.2.0");
}

#[test]
fn what_is_said_is_taken() {
    let names = "statefulSet: mq, clientService: mq-clients, headlessService: mq-nodes, claimTemplate: disk, container: broker, \
        volumePath: /data/, dataPath: /data/nodes, podLabels: {app: mq}, releaseLabel: release";
    let keys = "replicas: nodes, imageRegistry: image.host, imageRepository: image.name, imageTag: image.tag, \
        storageClass: disk.class, storageSize: disk.size, username: login.name, password: login.password, \
        erlangCookie: login.cookie, forceBoot: recovery.force, podManagementPolicy: pods.policy";
    let profile =
        of(&format!("{names}, keys: {{{keys}}}"), "storage: {class: fast}\nvalues: {pods: {policy: Parallel}}\n");
    let called = chart::names(&profile);
    assert_eq!(called.services, ["mq-clients", "mq-nodes"]);
    assert_eq!(
        (called.pods[0].as_str(), called.claims[0].as_str(), called.container.as_str()),
        ("mq-0", "disk-mq-0", "broker")
    );
    assert_eq!((called.volume.as_str(), called.base.as_str()), ("/data", "/data/nodes"));
    assert_eq!((chart::selector(&profile), chart::label(&profile).as_str()), (json!({"app": "mq"}), "release"));
    assert_eq!(chart::pod_selector(&profile), "app=mq");
    assert!(chart::is_parallel(&profile));
    assert_eq!(chart::parallel_line(&profile), "values: {pods: {policy: Parallel}}");
    let forced = chart::forced_values(&profile, 1, true).unwrap();
    assert_eq!(
        (&forced["nodes"], &forced["recovery"]["force"], &forced["pods"]["policy"]),
        (&json!(1), &json!(true), &json!("Parallel"))
    );
    let image = json!({"host": "hub.example", "name": "team/mq", "tag": "4.0.5"});
    let values = chart::values(&profile);
    assert_eq!((&values["image"], &values["disk"]["class"]), (&image, &json!("fast")));
    let fed = Stdin(chart::fed(&profile, &values)).to_string();
    assert!(fed.contains(r#""login":{"cookie":(Erlang cookie),"name":"user","password":(password)}"#), "{fed}");
    let warned: Vec<&str> = profile.warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(warned, ["chart.custom.keys.erlangCookie", "chart.custom.keys.password"]);
}

#[test]
fn keys_of_the_secret_are_beside_those_that_are_there() {
    let keys = "secretKeys: {username: broker-user, password: rabbitmq-password, erlangCookie: broker-cookie}";
    let profile = of(&format!("keys: {{{KEYS}}}, {keys}"), "");
    let own =
        [("broker-cookie".to_owned(), Held::Secret(Name::ErlangCookie)), ("broker-user".to_owned(), Held::Username)];
    assert_eq!(chart::secret_keys(&profile), own);
}

#[test]
fn every_field_is_checked() {
    for (custom, expected) in [
        ("statefulset: mq", "chart.custom.statefulset: unknown key; did you mean `statefulSet`?"),
        ("statefulSet: Mq", "chart.custom.statefulSet: expected a name of a-z, 0-9, `-` and `.`"),
        ("clientService: a_b", "chart.custom.clientService: expected a name of a-z, 0-9, `-` and `.`"),
        ("headlessService: ''", "chart.custom.headlessService: expected a name of a-z, 0-9, `-` and `.`"),
        ("claimTemplate: 5", "chart.custom.claimTemplate: expected text, found `5`; quote it"),
        ("container: a/b", "chart.custom.container: expected a name of a-z, 0-9, `-` and `.`"),
        (
            "volumePath: data, dataPath: data/a",
            "chart.custom.volumePath: expected an absolute path in the container such as /var/lib/rabbitmq",
        ),
        (
            "volumePath: /a/../b, dataPath: /a/../b",
            "chart.custom.volumePath: expected an absolute path in the container such as /var/lib/rabbitmq",
        ),
        ("dataPath: /data", "chart.custom.dataPath: expected a folder in `/var/lib/rabbitmq`, where the volume is"),
        ("podLabels: {}", "chart.custom.podLabels: expected one label at least; leave the key out for the usual ones"),
        ("podLabels: {app: a b}", "chart.custom.podLabels.app: expected a label's name and value"),
        ("podLabels: {app: 1}", "chart.custom.podLabels.app: expected text, found `1`; quote it"),
        (
            "releaseLabel: a b",
            "chart.custom.releaseLabel: expected the name of a label such as app.kubernetes.io/instance",
        ),
        ("parallel: 1", "chart.custom.parallel: expected true or false, found `1`"),
        (
            "secretKeys: {cookie: a}",
            "chart.custom.secretKeys.cookie: unknown key; known here: username, password, erlangCookie",
        ),
        (
            "secretKeys: {password: 'a b'}",
            "chart.custom.secretKeys.password: expected a key of a Secret such as rabbitmq-password",
        ),
        (
            "secretKeys: {password: erlang-cookie}",
            "chart.custom.secretKeys.password: mqctl's Secret has something else under this key",
        ),
        (
            "secretKeys: {password: a, username: a}",
            "chart.custom.secretKeys.username: mqctl's Secret has something else under this key",
        ),
    ] {
        let found = mistakes_in(&format!("{custom}, keys: {{{KEYS}}}"), "");
        assert!(found.contains(&expected.to_owned()), "{custom}: {found:?}");
    }
}

#[test]
fn what_is_needed_is_named() {
    let all = mistakes_in("keys: {}", "storage: {class: fast}\n");
    let missing: Vec<&str> = all.iter().filter_map(|m| m.split_once(": missing").map(|(path, _)| path)).collect();
    let keys = ["replicas", "storageSize", "image", "storageClass", "passwordSecret", "cookieSecret", "username"];
    let mut expected: Vec<String> = keys.iter().map(|key| format!("chart.custom.keys.{key}")).collect();
    expected.sort();
    let mut found = missing.clone();
    found.sort_unstable();
    assert_eq!(found, expected, "{all:?}");
    for (keys, expected) in [
        ("replica: a", "chart.custom.keys.replica: unknown key; did you mean `replicas`?"),
        ("username: login", "chart.custom.keys.passwordSecret: `username` has this value, or one within it, already"),
        ("imageTag: tag", "chart.custom.keys.imageTag: `image` says it already; leave one of them out"),
        ("password: a.b", "chart.custom.keys.password: `passwordSecret` says it already; leave one of them out"),
        ("forceBoot: 'a..b'", "chart.custom.keys.forceBoot: expected the path of a value such as auth.username"),
        (
            "forceBoot: 12345",
            "chart.custom.keys.forceBoot: expected the path of a value such as auth.username, found a number",
        ),
    ] {
        let found = mistakes_in(&format!("keys: {{{KEYS}, {keys}}}"), "");
        assert!(found.contains(&expected.to_owned()), "{keys}: {found:?}");
    }
}

/// Somebody may take `password` for the password.
#[test]
fn a_password_in_the_wrong_place_is_not_repeated() {
    for keys in ["password: 'hunter 2'", "password: [hunter2]", "erlangCookie: 4711", "password: login"] {
        let found = mistakes_in(&format!("keys: {{{KEYS}, {keys}}}"), "").join("\n");
        assert!(!["hunter", "4711"].iter().any(|secret| found.contains(secret)), "{found}");
    }
}

#[test]
fn values_that_the_description_names_are_the_profile_s() {
    let more = "values: {nodes: 3, login: {secret: own}, env: {}}\n";
    assert_eq!(
        mistakes_in(&format!("keys: {{{KEYS}}}"), more),
        [
            "values.nodes: mqctl sets this key itself; use `replicas`",
            "values.login.secret: mqctl sets this key itself; use `credentials`",
        ]
    );
}
