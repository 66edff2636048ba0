//! What the built-in chart promises and only a cluster can show.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::Namespace;
use crate::environment::{Helm, KHEPRI, MNESIA, OLD};
use crate::killed::{assert_stopped, finish_install};
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(Helm::Four, KHEPRI),
        test(Helm::Three, MNESIA).long(),
        test(Helm::Three, OLD).long(),
        Test::new("promises: upgrade of three, one by one", upgrade).long(),
        Test::new("upgrade: a changed value", changed_value),
        Test::new("promises: a stop in the first second is heard", early_stop).long(),
    ]
}

fn test(helm: Helm, tag: &'static str) -> Test {
    let name = format!("promises {} {}", helm.word(), tag.trim_end_matches("-management"));
    Test::new(name.clone(), move || {
        let mut world = World::new(&name, helm, tag, 3);
        world.install();
        nothing_is_written_where_it_should_not(&world.namespace);
        scaling_to_zero_is_quick(&world.namespace);
        // What kubectl has scaled, install takes back; helm 4 must not call it a conflict.
        finish_install(&world);
        growing_restarts_nobody(&mut world);
        delete_of_a_waiting_node_is_quick(&world);
    })
}

fn nothing_is_written_where_it_should_not(namespace: &Namespace) {
    let found = namespace.shell("mq-0", "find /var/lib/rabbitmq -name '.erlang.cookie*'");
    assert_eq!(found, "", "the Erlang cookie is on the volume");
    let there = namespace.shell("mq-0", "ls /mqctl/home/.erlang.cookie");
    assert_eq!(there.trim(), "/mqctl/home/.erlang.cookie");
    let written = namespace.shell("mq-0", "touch /e2e /etc/e2e /opt/e2e 2>&1; true");
    assert_eq!(written.matches("Read-only file system").count(), 3, "{written}");
    assert_eq!(namespace.shell("mq-0", "id -u").trim(), "999");
}

/// By kubectl alone, so nothing announces the stop: the preStop hooks find out by themselves.
fn scaling_to_zero_is_quick(namespace: &Namespace) {
    namespace.kubectl(&["scale", "statefulset", NAME, "--replicas", "0"]);
    let took = namespace.until("all pods are gone", Duration::from_secs(120), |n| n.names("pods").is_empty());
    assert!(took < Duration::from_secs(30), "scaling to zero took {:.1} s", took.as_secs_f64());
}

fn growing_restarts_nobody(world: &mut World) {
    let before = world.namespace.pods();
    world.wish("/replicas", 4.into());
    finish_install(world);
    let after = world.namespace.pods();
    assert_eq!((&after[..3], after.len()), (&before[..], 4), "no pod is restarted by a change of replicas");
}

/// One node of four is no majority: it waits, and is not what a delete waits for.
fn delete_of_a_waiting_node_is_quick(world: &World) {
    let namespace = &world.namespace;
    namespace.kubectl(&["scale", "statefulset", NAME, "--replicas", "0"]);
    namespace.until("all pods are gone", Duration::from_secs(120), |n| n.names("pods").is_empty());
    namespace.kubectl(&["scale", "statefulset", NAME, "--replicas", "1"]);
    let runs = |pod: &Value| pod.pointer("/status/containerStatuses/0/state/running").is_some();
    namespace.until("mq-0 runs", Duration::from_secs(120), |n| runs(&n.object("pod", "mq-0")));
    let deleted = world.delete();
    assert!(deleted.took < Duration::from_secs(60), "{}", deleted.said());
    assert_stopped(world);
}

/// Each pod is new, and at no moment were two of three away: the next waits for the one before.
fn upgrade() {
    let mut world = World::new("promises: upgrade", Helm::Four, KHEPRI, 3);
    world.install();
    let before = world.namespace.pods();
    world.wish("/values/podAnnotations", json!({"e2e/changed": "yes"}));
    finish_install(&world);
    let after = world.namespace.pods();
    for (old, new) in before.iter().zip(&after) {
        assert!(old.0 == new.0 && old.1 != new.1, "{} was not replaced: {before:?} {after:?}", old.0);
    }
    assert_eq!(world.releases(), [("deployed".to_owned(), "2".to_owned())]);
}

fn changed_value() {
    let mut world = World::new("upgrade: value", Helm::Three, MNESIA, 1);
    world.install();
    let pods = world.namespace.pods();
    world.wish("/values/service", json!({"annotations": {"e2e/changed": "yes"}}));
    // There is something to change.
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
    finish_install(&world);
    let annotation = world.namespace.object("service", NAME).pointer("/metadata/annotations/e2e~1changed").cloned();
    assert_eq!(annotation, Some(json!("yes")));
    assert_eq!(world.namespace.pods(), pods, "the Service's own annotation restarts no pod");
    assert_eq!(world.releases(), [("deployed".to_owned(), "2".to_owned())]);
}

/// Process 1 of the container ignores a SIGTERM that comes before the server's script has its traps.
fn early_stop() {
    let world = World::new("promises: early stop", Helm::Four, KHEPRI, 1);
    world.install();
    // The moment at which a signal is lost is short: a few tries meet it.
    for _ in 0..3 {
        let old = uid(&world);
        world.namespace.kubectl(&["delete", "pod", "mq-0", "--wait=false"]);
        world.namespace.until("another container runs", Duration::from_secs(90), |n| {
            let pod = n.object("pod", "mq-0");
            pod["metadata"]["uid"] != old && pod.pointer("/status/containerStatuses/0/state/running").is_some()
        });
        let young = uid(&world);
        world.namespace.kubectl(&["annotate", "pod", "mq-0", "mqctl/stopping=true"]);
        world.namespace.kubectl(&["delete", "pod", "mq-0", "--wait=false"]);
        let stopped = |n: &Namespace| n.object("pod", "mq-0")["metadata"]["uid"] != young;
        world.namespace.until("it stops", Duration::from_secs(90), stopped);
    }
}

fn uid(world: &World) -> Value {
    world.namespace.object("pod", "mq-0")["metadata"]["uid"].clone()
}
