//! Out of a chart whose images were withdrawn, into the built-in one beside it, with every message; and killed at each step.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind, messages, queue};
use crate::dialects::{CHARTS, Family};
use crate::environment::{Helm, MNESIA};
use crate::runner::Test;
use crate::running::becomes;
use crate::world::{NAME, World};

const NEW: &str = "mq-next";
/// In each of two queues.
const HALF: usize = 5000;
const MOVE: [&str; 6] = ["migrate", NAME, "--to-chart", "builtin", "--yes", "-v"];
const RETIRE: [&str; 7] = ["migrate", NAME, "--to-chart", "builtin", "--retire", "--yes", "-v"];
/// Connections are gone from a broker's tables at once, and from the leaders' counts within some seconds.
const FORGOTTEN: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_secs(300);

/// What is said at the end of each step, each of a run of its own.
const STEPS: [&str; 10] = [
    "profiles/.gitignore written",
    "profiles/mq-next.yaml written",
    "Secret mq-next-mqctl-credentials written",
    "mq-next.secrets.yaml written",
    "helm release installed",
    "3 nodes ready",
    "mq marked",
    "definitions imported and read back",
    "2 shovels set",
    "nothing is left in mq",
];
const RETIRE_STEPS: [&str; 4] = ["mq marked", "stop announced", "mq-1 stopped", "release uninstalled"];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("migrate: bitnami to builtin", moved).long(),
        Test::new("migrate: killed at each step", killed).long(),
    ]
}

/// On the chart of a vendor, with confirmed messages in both kinds of queue; its password.
fn left_behind(name: &str, helm: Helm) -> (World, String) {
    let mut world = World::new(name, helm, MNESIA, 3);
    world.wish("/chart", json!({"ref": format!("{CHARTS}/bitnami-like")}));
    world.wish("/values", Family::Bitnami.values());
    world.install();
    let password = world.credentials().agree().password().to_owned();
    let broker = Broker::of(&world.namespace, "mq-0", &password);
    for kind in Kind::BOTH {
        broker.publish(kind, HALF);
    }
    world
        .namespace
        .shell("mq-0", "rabbitmqctl add_user shop shop-password && rabbitmqctl set_permissions shop '.*' '.*' '.*'");
    (world, password)
}

/// Each message, in order, is on the new side.
#[track_caller]
fn drained(world: &World, password: &str) {
    let broker = Broker::of(&world.namespace, "mq-next-0", password);
    for kind in Kind::BOTH {
        let taken = broker.drain_many(kind);
        assert_eq!(taken.len(), HALF, "{kind:?}");
        assert_eq!(taken, messages(kind, HALF), "{kind:?}");
    }
}

/// No queue of the old side has any.
#[track_caller]
fn assert_empty(world: &World) {
    let listed = world.namespace.shell("mq-0", "rabbitmqctl -q list_queues name messages");
    for kind in Kind::BOTH {
        assert!(listed.lines().any(|line| line == format!("{}\t0", queue(kind))), "{listed}");
    }
}

fn shovels(world: &World) -> String {
    world
        .namespace
        .shell("mq-next-0", "rabbitmqctl -q list_parameters")
        .lines()
        .filter(|l| l.contains("shovel"))
        .collect()
}

#[track_caller]
fn assert_healthy(world: &World) {
    let status = world.mqctl(&["status", NEW, "-o", "json"]).expect(0).json();
    assert_eq!((&status["verdict"], &status["credentialsAgree"]), (&json!("healthy"), &json!(true)), "{status:#}");
}

fn moved() {
    let (world, password) = left_behind("migrate: bitnami", Helm::Four);
    let plan = world.mqctl(&["migrate", NAME, "--to-chart", "builtin", "--dry-run"]).expect(0);
    for words in ["not in place: user id 1001 would be 999", "10000 messages", "2 shovels"] {
        assert!(plan.stdout.contains(words), "`{words}`: {}", plan.said());
    }
    let ran = world.mqctl(&[&MOVE[..], &["-o", "json"]].concat()).expect(0);
    assert!(!ran.everything().contains(&password), "the password is shown");
    let report = ran.json();
    let side = |queues: u64, messages: u64| json!({"queues": queues, "messages": messages});
    let expected = json!({
        "before": {"old": side(2, 10_000), "new": side(0, 0)}, "after": {"old": side(2, 0), "new": side(2, 10_000)},
        "missing": [], "warnings": [],
    });
    assert_eq!(report["moved"], expected, "{report:#}");
    assert_eq!(shovels(&world), "");
    assert_empty(&world);
    assert_healthy(&world);
    let users = world.namespace.shell("mq-next-0", "rabbitmqctl -q list_users");
    assert!(users.contains("shop"), "{users}");
    let image = world.namespace.object("pod", "mq-next-0").pointer("/spec/containers/0/image").cloned();
    assert!(image.as_ref().and_then(Value::as_str).is_some_and(|image| image.ends_with(MNESIA)), "{image:?}");
    held_by_a_client(&world, &password);
    drained(&world, &password);
    retired(&world);
    assert_healthy(&world);
}

/// As long as a client is connected to the old side, the shovels stay, and what it publishes is moved.
fn held_by_a_client(world: &World, password: &str) {
    let broker = Broker::of(&world.namespace, "mq-1", password);
    broker.session(async |_| {
        world.mqctl(&MOVE).expect(75).says(&[
            "1 client is connected",
            "127.0.0.1",
            "mq-next",
            "mqctl explain MIGRATION",
        ]);
        world.mqctl(&RETIRE).expect(78).says(&["1 client is connected", "nothing was changed"]);
        Ok(())
    });
    assert!(shovels(world).contains("mqctl-migrate-e2e.quorum"));
    broker.fill("e2e.late", Kind::Quorum, 7, None);
    world.mqctl(&["delete", NAME, "--yes"]).expect(78).says(&["7 messages are left"]);
    drop(broker);
    world.namespace.until("the client is forgotten", FORGOTTEN, |namespace| {
        namespace
            .shell("mq-0", "rabbitmqctl -q list_connections client_properties --no-table-headers")
            .lines()
            .all(|l| l.contains("mqctl-migrate"))
    });
    let again = world.mqctl(&MOVE).expect(0);
    assert!(again.stderr.contains("1 shovel set"), "{}", again.said());
    assert_eq!(Broker::of(&world.namespace, "mq-next-0", password).empty("e2e.late").len(), 7);
    let done = world.mqctl(&MOVE).expect(0);
    assert!(done.stdout.contains("nothing to move"), "{}", done.said());
}

/// The old side is gone, and its volumes are not.
#[track_caller]
fn retired(world: &World) {
    world.mqctl(&RETIRE).expect(0);
    assert!(world.namespace.object("statefulset", NAME).is_null());
    for n in 0..3 {
        assert!(!world.namespace.object("persistentvolumeclaim", &format!("data-mq-{n}")).is_null());
    }
    assert!(!world.namespace.object("secret", "mq-mqctl-credentials").is_null());
    assert!(world.work().join("profiles/mq.yaml").is_file() && world.secrets_file().is_file());
    let again = world.mqctl(&RETIRE).expect(0);
    assert!(again.stdout.contains("nothing to delete"), "{}", again.said());
}

/// Kills it at the first of these words: files are written quicker than a signal comes, so that one run may have done the
/// next one's step.
#[track_caller]
fn kill_after_next(world: &World, args: &[&str], words: &[&str]) {
    let mut run = world.start(args);
    let mut said = false;
    becomes(STEP, || {
        said = words.iter().any(|words| run.stderr().contains(words));
        said || run.status().is_some()
    });
    run.signal("KILL");
    let ran = run.wait(Duration::from_secs(20));
    assert!(ran.code == Some(0) || (said && ran.signal == Some(9)), "none of {words:?}: {}", ran.said());
}

/// Each run goes at least one step further than the one before.
fn killed() {
    let (world, password) = left_behind("migrate: killed", Helm::Three);
    for n in 0..STEPS.len() {
        kill_after_next(&world, &MOVE, &STEPS[n..]);
    }
    world.mqctl(&MOVE).expect(0);
    let done = world.mqctl(&MOVE).expect(0);
    assert!(done.stdout.contains("nothing to move"), "{}", done.said());
    assert_eq!(shovels(&world), "");
    assert_empty(&world);
    for n in 0..RETIRE_STEPS.len() {
        kill_after_next(&world, &RETIRE, &RETIRE_STEPS[n..]);
    }
    retired(&world);
    assert_healthy(&world);
    drained(&world, &password);
}
