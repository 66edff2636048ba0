//! What was changed beside mqctl is told by `status` and `plan`, and the line that is told with it ends it.

use serde_json::{Value, json};

use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::runner::Test;
use crate::world::{NAME, World};

const POD: &str = "mq-0";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("drift: users and policies of the brokers", brokers),
        Test::new("drift: objects changed beside helm4", || objects(Helm::Four)),
        Test::new("drift: objects changed beside helm3", || objects(Helm::Three)).long(),
        Test::new("drift: feature flags", feature_flags).long(),
    ]
}

/// What a command says of it, and the sorts of differences in their order.
fn told(world: &World, verb: &str) -> (Vec<Value>, Vec<String>) {
    let drift = world.mqctl(&[verb, NAME, "-o", "json"]).expect(0).json()["drift"].as_array().expect("a list").clone();
    let kinds = drift.iter().map(|one| one["kind"].as_str().expect("a kind").to_owned()).collect();
    (drift, kinds)
}

/// Both commands tell of the same.
#[track_caller]
fn assert_told(world: &World, kinds: &[&str]) -> Vec<Value> {
    let (drift, by_status) = told(world, "status");
    assert_eq!(by_status, kinds, "{drift:#?}");
    let (drift, by_plan) = told(world, "plan");
    assert_eq!(by_plan, kinds, "{drift:#?}");
    drift
}

/// Each of the commands that are told, as a person would paste it.
fn paste(world: &World, drift: &[Value]) {
    for one in drift {
        let line = one["fix"].as_str().expect("a command");
        World::run(world.command("/bin/sh").args(["-c", line])).expect(0);
    }
}

/// Policies were imported by the first install; what became of them since is told.
fn brokers() {
    let mut world = World::new("drift: brokers", Helm::Four, KHEPRI, 1);
    let policy = |name: &str| {
        json!({"vhost": "/", "name": name, "pattern": "^it's", "apply-to": "queues", "priority": 1,
            "definition": {"max-length": 1000}})
    };
    let definitions = json!({"vhosts": [{"name": "/"}], "policies": [policy("kept"), policy("gone"), policy("other")]});
    std::fs::write(world.work().join("profiles/d.json"), definitions.to_string()).expect("the definitions");
    world.wish("/definitions", json!("d.json"));
    world.install();
    assert_told(&world, &[]);
    let user = world.profile["credentials"]["username"].as_str().unwrap_or("user").to_owned();
    world.namespace.shell(POD, &format!("rabbitmqctl set_user_tags {user} monitoring"));
    world.namespace.shell(POD, "rabbitmqctl add_user guest guest");
    world.namespace.shell(POD, "rabbitmqctl clear_policy gone");
    world.namespace.shell(POD, "rabbitmqctl set_policy other '^mine' '{\"max-length\":1}'");
    let drift = assert_told(&world, &["user", "guest", "definitions", "definitions"]);
    let text = world.mqctl(&["plan", NAME]).expect(0);
    assert!(text.stdout.contains("policy `other` of virtual host `/` has another pattern"), "{}", text.said());
    paste(&world, &drift);
    assert_told(&world, &[]);
    world.assert_healthy();
}

/// Service and names come back with the next upgrade, without a new pod.
fn objects(helm: Helm) {
    let mut world = World::new(&format!("drift: objects {}", helm.word()), helm, KHEPRI, 1);
    world.install();
    let pods = world.namespace.pods();
    world.namespace.kubectl(&["delete", "service", NAME]);
    let hidden = json!({"spec": {"publishNotReadyAddresses": false}}).to_string();
    world.namespace.kubectl(&["patch", "service", "mq-headless", "--patch", &hidden]);
    let (drift, kinds) = told(&world, "status");
    assert_eq!(kinds, ["publishedAddresses", "service"], "{drift:#?}");
    let plan = world.mqctl(&["plan", NAME]).expect(0);
    for words in ["~ Service mq-headless names ready pods only", "~ Service mq is missing"] {
        assert!(plan.stdout.contains(words), "`{words}`: {}", plan.said());
    }
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    assert_told(&world, &[]);
    assert_eq!(world.namespace.pods(), pods, "no pod is made anew");
    assert_eq!(world.namespace.object("service", "mq-headless")["spec"]["publishNotReadyAddresses"], json!(true));
    assert!(!world.namespace.object("service", NAME).is_null());
    world.wish("/values/podAnnotations", json!({"e2e/changed": "yes"}));
    let (drift, kinds) = told(&world, "status");
    assert_eq!(kinds, ["values"], "{drift:#?}");
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    assert_told(&world, &[]);
    world.assert_healthy();
}

/// A first boot that was told to enable none leaves the stable ones off; the line that is told enables them.
fn feature_flags() {
    let mut world = World::new("drift: flags", Helm::Four, MNESIA, 1);
    world.wish("/values/extraEnv", json!([{"name": "RABBITMQ_FEATURE_FLAGS", "value": ""}]));
    world.install();
    let drift = assert_told(&world, &["featureFlags"]);
    assert_eq!(drift[0]["fix"], "mqctl upgrade mq --enable-feature-flags");
    world.mqctl(&["upgrade", NAME, "--enable-feature-flags", "--yes"]).expect(0);
    assert_told(&world, &[]);
}
