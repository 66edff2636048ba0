//! Out of a chart whose images were withdrawn, into the built-in one beside it, with every message; and killed at each step.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind, messages, queue};
use crate::environment::{Helm, MNESIA};
use crate::family::{CHARTS, Family};
use crate::runner::Test;
use crate::running::becomes;
use crate::world::{NAME, World};

pub(crate) const NEW: &str = "mq-next";
/// In each of two queues.
const HALF: usize = 5000;
const MOVE: [&str; 6] = ["migrate", NAME, "--to-chart", "builtin", "--yes", "-v"];
/// The chart is known by then.
const GO_ON: [&str; 4] = ["migrate", NAME, "--yes", "-v"];
pub(crate) const RETIRE: [&str; 5] = ["migrate", NAME, "--retire", "--yes", "-v"];
/// Connections are gone from a broker's tables at once, and from the leaders' counts within some seconds.
const FORGOTTEN: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_secs(300);

/// What is said at the end of each step, each of a run of its own.
const STEPS: [&str; 11] = [
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
    "shovels taken away",
];
const RETIRE_STEPS: [&str; 4] = ["mq marked", "stop announced", "mq-1 stopped", "release uninstalled"];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("migrate: bitnami to builtin", moved).long(),
        Test::new("migrate: killed at each step", killed).long(),
    ]
}

/// On the chart of a family, with so many confirmed messages in both kinds of queue; its password.
pub(crate) fn left_behind(name: &str, helm: Helm, family: Family, count: usize) -> (World, String) {
    let mut world = World::new(name, helm, MNESIA, 3);
    world.wish("/chart", json!({"ref": format!("{CHARTS}/{}-like", family.word())}));
    world.wish("/values", family.values());
    world.install();
    let password = world.credentials().agree().password().to_owned();
    let broker = Broker::of(&world.namespace, "mq-0", &password);
    for kind in Kind::BOTH {
        broker.publish(kind, count);
    }
    world
        .namespace
        .shell("mq-0", "rabbitmqctl add_user shop shop-password && rabbitmqctl set_permissions shop '.*' '.*' '.*'");
    (world, password)
}

/// Each message, in order, is on the new side.
#[track_caller]
pub(crate) fn drained(world: &World, pod: &str, password: &str, count: usize) {
    let broker = Broker::of(&world.namespace, pod, password);
    for kind in Kind::BOTH {
        let taken = broker.drain_many(kind);
        assert_eq!(taken.len(), count, "{kind:?}");
        assert_eq!(taken, messages(kind, count), "{kind:?}");
    }
}

/// No queue of the old side has any.
#[track_caller]
pub(crate) fn assert_empty(world: &World) {
    let listed = world.namespace.shell("mq-0", "rabbitmqctl -q list_queues name messages");
    for kind in Kind::BOTH {
        assert!(listed.lines().any(|line| line == format!("{}\t0", queue(kind))), "{listed}");
    }
}

pub(crate) fn shovels(world: &World, pod: &str) -> String {
    world.namespace.shell(pod, "rabbitmqctl -q list_parameters").lines().filter(|l| l.contains("shovel")).collect()
}

/// Neither shovels nor the user of theirs, on any side.
#[track_caller]
pub(crate) fn assert_nothing_of_a_move(world: &World, pod: &str) {
    assert_eq!(shovels(world, pod), "");
    for pod in ["mq-0", pod] {
        let users = world.namespace.shell(pod, "rabbitmqctl -q list_users");
        assert!(!users.contains("mqctl-migrate"), "{pod}: {users}");
    }
}

#[track_caller]
pub(crate) fn assert_healthy(world: &World) {
    let status = world.mqctl(&["status", NEW, "-o", "json"]).expect(0).json();
    assert_eq!((&status["verdict"], &status["credentialsAgree"]), (&json!("healthy"), &json!(true)), "{status:#}");
}

fn moved() {
    let (world, password) = left_behind("migrate: bitnami", Helm::Four, Family::Bitnami, HALF);
    let plan = world.mqctl(&["migrate", NAME, "--to-chart", "builtin", "--dry-run"]).expect(0);
    for words in ["user id 1001 would be 999", "10000 messages", "2 shovels"] {
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
    assert_nothing_of_a_move(&world, "mq-next-0");
    assert_empty(&world);
    assert_healthy(&world);
    let users = world.namespace.shell("mq-next-0", "rabbitmqctl -q list_users");
    assert!(users.contains("shop"), "{users}");
    let image = world.namespace.object("pod", "mq-next-0").pointer("/spec/containers/0/image").cloned();
    assert!(image.as_ref().and_then(Value::as_str).is_some_and(|image| image.ends_with(MNESIA)), "{image:?}");
    held_by_a_client(&world, &password);
    drained(&world, "mq-next-0", &password, HALF);
    retired(&world);
    assert_healthy(&world);
}

/// What the shovels log in with can do nothing but read, and is no secret of the release.
#[track_caller]
fn assert_harmless(world: &World, password: &str) {
    let shovels = shovels(world, "mq-next-0");
    assert!(shovels.contains("mqctl-migrate-e2e.quorum") && shovels.contains("amqp://mqctl-migrate:"), "{shovels}");
    let encoded = password.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    assert!(![password, &encoded].iter().any(|secret| shovels.contains(*secret)), "the password is in the parameters");
    let may = world.namespace.shell("mq-0", "rabbitmqctl -q list_user_permissions mqctl-migrate --no-table-headers");
    assert_eq!(may.split_whitespace().collect::<Vec<_>>(), ["/", ".*"], "{may}");
    let users = world.namespace.shell("mq-next-0", "rabbitmqctl -q list_users");
    assert!(!users.contains("mqctl-migrate"), "it is not moved: {users}");
}

/// As long as a client is connected to the old side, the shovels stay, and what it publishes is moved.
fn held_by_a_client(world: &World, password: &str) {
    let broker = Broker::of(&world.namespace, "mq-1", password);
    broker.held_while(|| {
        world.mqctl(&MOVE).expect(75).says(&[
            "1 client is connected",
            "127.0.0.1",
            "mq-next",
            "mqctl explain MIGRATION",
        ]);
        world.mqctl(&RETIRE).expect(78).says(&["1 client is connected", "nothing was changed"]);
    });
    assert_harmless(world, password);
    broker.fill("e2e.late", Kind::Quorum, 7, None);
    world.mqctl(&["delete", NAME, "--yes"]).expect(78).says(&["7 messages are left"]);
    drop(broker);
    world.namespace.until("the client is forgotten", FORGOTTEN, |namespace| {
        namespace
            .shell("mq-0", "rabbitmqctl -q list_connections client_properties --no-table-headers")
            .lines()
            .all(|l| l.contains("mqctl-migrate"))
    });
    world.mqctl(&["delete", NAME, "--purge", "--confirm", NAME]).expect(78).says(&["mqctl migrate mq --retire"]);
    let again = world.mqctl(&GO_ON).expect(0);
    assert!(again.stderr.contains("1 shovel set"), "{}", again.said());
    assert_nothing_of_a_move(world, "mq-next-0");
    assert_eq!(Broker::of(&world.namespace, "mq-next-0", password).empty("e2e.late").len(), 7);
    let done = world.mqctl(&MOVE).expect(0);
    assert!(done.stdout.contains("nothing to move"), "{}", done.said());
}

/// The old side is gone, and its volumes are not.
#[track_caller]
pub(crate) fn retired(world: &World) {
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
    let (world, password) = left_behind("migrate: killed", Helm::Three, Family::Bitnami, HALF);
    for n in 0..STEPS.len() {
        kill_after_next(&world, &MOVE, &STEPS[n..]);
    }
    world.mqctl(&MOVE).expect(0);
    let done = world.mqctl(&MOVE).expect(0);
    assert!(done.stdout.contains("nothing to move"), "{}", done.said());
    assert_nothing_of_a_move(&world, "mq-next-0");
    assert_empty(&world);
    for n in 0..RETIRE_STEPS.len() {
        kill_after_next(&world, &RETIRE, &RETIRE_STEPS[n..]);
    }
    retired(&world);
    assert_healthy(&world);
    drained(&world, "mq-next-0", &password, HALF);
}
