//! `mqctl recover` and `mqctl force-boot` after real stops: every message and every late queue counted before and after.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind, messages};
use crate::doctor::assert_cause;
use crate::environment::{Helm, KHEPRI, MNESIA, OLD};
use crate::evidence::{cut, hold, release};
use crate::killed::{MESSAGES, with_messages};
use crate::objects;
use crate::recover_killed::deadlocked;
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) const AUTO: [&str; 6] = ["recover", NAME, "--strategy", "auto", "--yes", "-v"];
pub(crate) const CONFIRMED: [&str; 7] = ["recover", NAME, "--strategy", "auto", "--confirm", NAME, "-v"];
pub(crate) const NEWEST_FIRST: [&str; 6] = ["recover", NAME, "--strategy", "newest-first", "--yes", "-v"];
pub(crate) const BOOT: Duration = Duration::from_secs(240);
/// Long enough for what was declared last to be on the disks.
const FLUSHED: Duration = Duration::from_secs(15);
pub(crate) const PODS: [&str; 3] = ["mq-0", "mq-1", "mq-2"];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("recover: a deadlock of pods in order", MNESIA, deadlock).long(),
        test("recover: a deadlock of pods in order, 3.10", OLD, deadlock).long(),
        migrated("recover: a deadlock of pods in order, 4.0 on Khepri", deadlock).long(),
        test("recover: a total stop of Khepri in order", KHEPRI, deadlock),
        test("recover: the trap of the lowest name", MNESIA, trap),
        test("recover: the trap, waited in order for minutes", MNESIA, trap_in_order).long(),
        test("recover: the trap, waited in order for minutes, 3.10", OLD, trap_in_order).long(),
        test("recover: the trap, waited alone for minutes", MNESIA, trap_alone).long(),
        test("recover: the trap, waited alone for minutes, 3.10", OLD, trap_alone).long(),
        test("recover: the trap of the lowest name, 3.10", OLD, trap).long(),
        test("recover: the trap of the lowest name is none on Khepri", KHEPRI, no_trap).long(),
        migrated("recover: the trap of the lowest name is none, 4.0 on Khepri", no_trap).long(),
        test("recover: the evidence says what the trap loses", MNESIA, trap_without).long(),
        test("force-boot: live", MNESIA, |world| forced(world, "live")),
        test("force-boot: file", MNESIA, |world| forced(world, "file")).long(),
        test("force-boot: statefulset", MNESIA, |world| forced(world, "statefulset")).long(),
        test("force-boot: live, 3.10", OLD, |world| forced(world, "live")).long(),
        test("force-boot: file, 3.10", OLD, |world| forced(world, "file")).long(),
        test("force-boot: statefulset, 3.10", OLD, |world| forced(world, "statefulset")).long(),
    ]
}

pub(crate) fn test(name: &'static str, tag: &'static str, body: fn(&World)) -> Test {
    Test::new(name, move || body(&World::new(name, Helm::Four, tag, 3)))
}

/// 4.0 on Khepri.
pub(crate) fn migrated(name: &'static str, body: fn(&World)) -> Test {
    Test::new(name, move || {
        let mut world = World::new(name, Helm::Four, MNESIA, 3);
        world.migrates = true;
        body(&world);
    })
}

/// The release's StatefulSet again, but with pods that are created one after the other.
pub(crate) fn in_order(world: &World) -> Value {
    in_order_of(world, NAME)
}

/// The same of a release of any name.
pub(crate) fn in_order_of(world: &World, name: &str) -> Value {
    let mut set = world.namespace.object("statefulset", name);
    set.as_object_mut().expect("an object").remove("status");
    let metadata = set["metadata"].as_object_mut().expect("metadata");
    metadata.retain(|key, _| ["name", "labels", "annotations"].contains(&key.as_str()));
    set["spec"]["podManagementPolicy"] = json!("OrderedReady");
    set
}

/// No pod is there, nor anything that would make one; the start gate is open for those to come.
pub(crate) fn no_pod_is_left(world: &World) {
    world.namespace.kubectl(&["delete", "statefulset", NAME, "--cascade=orphan"]);
    world.namespace.kubectl(&[&["delete", "pods", "--force", "--grace-period", "0"], &PODS[..]].concat());
    world.namespace.kubectl(&["delete", "configmap", "mq-hold"]);
}

/// Every message, every object, and what belongs to a recovery is gone.
#[track_caller]
pub(crate) fn assert_back(world: &World, password: &str) {
    drain(world, password, &Kind::BOTH);
    assert_settled(world);
}

/// One healthy cluster with every object that was kept; what belongs to a recovery is gone.
#[track_caller]
pub(crate) fn assert_settled(world: &World) {
    world.assert_healthy();
    objects::assert_there(world);
    assert!(world.namespace.object("configmap", "mq-hold").is_null(), "nobody is held back");
    let set = world.namespace.object("statefulset", NAME);
    assert_eq!(set["spec"]["podManagementPolicy"], "Parallel");
    assert!(set["metadata"]["annotations"]["mqctl/recovery"].is_null() && set["spec"]["ordinals"].is_null(), "{set:#}");
    let evidence = world.namespace.object("configmap", "mq-mqctl-evidence");
    assert!(evidence["data"]["recovery.json"].is_null(), "{evidence:#}");
    // helm meets no foreign field, and has nothing to do.
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
}

#[track_caller]
pub(crate) fn drain(world: &World, password: &str, kinds: &[Kind]) {
    let broker = Broker::of(&world.namespace, "mq-0", password);
    for &kind in kinds {
        assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}");
    }
}

pub(crate) fn ready(pod: &Value) -> bool {
    pod.pointer("/status/containerStatuses/0/ready") == Some(&json!(true))
}

fn deadlock(world: &World) {
    let password = with_messages(world);
    objects::make(world, "mq-0", &password);
    deadlocked(world, &[&[0, 1, 2]]);
    assert_cause(world, if world.is_on_khepri() { "KHEPRI-LEADER" } else { "BOOT-MNESIA" });
    world.mqctl(&AUTO).expect(0).says(&["recover (together)"]);
    assert_back(world, &password);
}

/// Late queues, messages and all else are made while mq-0 is away; then the others are cut together, and all start again at once.
pub(crate) fn prepared(world: &World) -> String {
    world.install();
    let password = world.credentials().agree().password().to_owned();
    hold(world);
    world.namespace.kubectl(&["delete", "pod", "mq-0"]);
    let broker = Broker::of(&world.namespace, "mq-2", &password);
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
    world.namespace.shell("mq-2", "rabbitmqctl add_user late late-password");
    objects::make(world, "mq-2", &password);
    std::thread::sleep(FLUSHED);
    cut(world, &[1, 2]);
    password
}

pub(crate) fn users(world: &World) -> String {
    world.namespace.shell("mq-0", "rabbitmqctl list_users --formatter json")
}

fn trap(world: &World) {
    let password = prepared(world);
    let page = world.mqctl(&["recover", NAME]).expect(64);
    assert!(page.stderr.contains("what can be done"), "{}", page.said());
    world.mqctl(&AUTO).expect(0).says(&["recover (newest-first)", "a leader"]);
    assert!(users(world).contains("late"), "the user that mq-0 did not know");
    assert_back(world, &password);
}

/// There it is none: any majority boots with what it knows.
fn no_trap(world: &World) {
    let password = prepared(world);
    let page = world.mqctl(&["recover", NAME]).expect(64);
    let row = page.stderr.lines().find(|line| line.trim_end().ends_with("recommended")).unwrap_or_default();
    assert!(row.contains("start all together") && row.contains("loses nothing"), "{}", page.said());
    world.mqctl(&AUTO).expect(0).says(&["recover (together)", "a leader"]);
    assert!(users(world).contains("late"), "the user that mq-0 did not know");
    assert_back(world, &password);
}

/// The node waits until it has given up several of its tries, and writes to its files each time.
fn waits_for_minutes(world: &World) {
    world.namespace.until("mq-0 has waited for two minutes", BOOT, |namespace| {
        let log = namespace.command(&["logs", "mq-0", "--container", "rabbitmq"]).output().expect("kubectl starts");
        String::from_utf8_lossy(&log.stdout).contains("Waiting for Mnesia tables for 30000 ms, 5 retries left")
    });
}

/// Pods in order: only mq-0 is there, and waits.
fn trap_in_order(world: &World) {
    let password = prepared(world);
    let set = in_order(world);
    no_pod_is_left(world);
    world.namespace.apply(&[set]);
    waits_for_minutes(world);
    late_trap(world, &password);
}

/// Pods at once, of which only mq-0 has come to its broker.
fn trap_alone(world: &World) {
    let password = prepared(world);
    world.namespace.kubectl(&["exec", "mq-0", "--container", "start-gate", "--", "touch", "/tmp/go"]);
    waits_for_minutes(world);
    late_trap(world, &password);
}

fn late_trap(world: &World, password: &str) {
    world.mqctl(&AUTO).expect(0).says(&["recover (newest-first)", "a leader"]);
    assert!(users(world).contains("late"), "the user that mq-0 did not know");
    assert_back(world, password);
}

/// The control: what the same stop comes to by itself is the loss of all that mq-0 did not know.
fn trap_without(world: &World) {
    prepared(world);
    let found = world.mqctl(&["recover", NAME, "--evidence-only", "-o", "json"]).expect(0).json();
    assert_eq!(found["verdict"]["togetherIsSafe"], false, "{found:#}");
    release(world);
    assert!(!users(world).contains("late"), "the late user is gone");
    let queues = world.namespace.shell("mq-0", "rabbitmqctl -q list_queues name messages");
    assert!(!queues.contains("e2e."), "the late queues are gone, with their messages: {queues}");
    let gone = objects::gone(world);
    for kind in ["users", "vhosts", "permissions", "policies", "exchanges", "queues", "bindings"] {
        assert!(gone.iter().any(|object| object.starts_with(kind)), "late {kind} are gone: {gone:#?}");
    }
}

fn forced(world: &World, via: &str) {
    let password = prepared(world);
    world.mqctl(&["force-boot", NAME, "--confirm", NAME]).expect(78).says(&["mq-1 and mq-2 tie"]);
    let args = ["force-boot", NAME, "--node", "mq-2", "--via", via, "--confirm", NAME, "-v"];
    world.mqctl(&args).expect(0);
    for pod in PODS {
        let left = world.namespace.shell(pod, "find /var/lib/rabbitmq/mnesia -name force_load");
        assert_eq!(left.trim(), "", "no switch is left on {pod}");
        let copy = world.namespace.shell(pod, "ls -d /var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@*/schema.DAT");
        assert!(copy.contains(pod), "two tie, so its folder was copied: {copy}");
    }
    let set = world.namespace.object("statefulset", NAME);
    assert_eq!(set["spec"]["updateStrategy"]["type"], "RollingUpdate");
    assert!(users(world).contains("late"), "the user that mq-0 did not know");
    assert_back(world, &password);
    world.mqctl(&["force-boot", NAME, "--confirm", NAME]).expect(78).says(&["nothing stopped"]);
}
