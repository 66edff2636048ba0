//! Volumes that are lost, and brokers that began anew beside their cluster: what a recovery says beforehand is lost is what
//! is lost afterwards, and nothing more.

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{KHEPRI, MNESIA, OLD};
use crate::evidence::{cut, hold};
use crate::killed::{MESSAGES, with_messages};
use crate::recover::{AUTO, BOOT, CONFIRMED, PODS, assert_back, migrated, test};
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("lost: one volume", MNESIA, one_volume),
        test("lost: one volume, 3.10", OLD, one_volume).long(),
        test("lost: one volume of Khepri", KHEPRI, one_volume_of_khepri).long(),
        migrated("lost: one volume, 4.0 on Khepri", one_volume_of_khepri).long(),
        test("lost: the newest volume", MNESIA, the_newest_volume).long(),
        test("lost: two volumes, 3.10", OLD, two_volumes).long(),
        migrated("lost: a majority of the volumes, 4.0 on Khepri", a_majority_of_khepri).long(),
        test("lost: two volumes", MNESIA, two_volumes).long(),
        test("lost: a majority of Khepri's volumes", KHEPRI, a_majority_of_khepri).long(),
        test("lost: one volume beside running nodes", MNESIA, beside_running_nodes).long(),
    ]
}

/// Its pod is made anew with a new volume, and held.
pub(crate) fn lose_volume(world: &World, n: u32) {
    let (claim, pod) = (format!("data-mq-{n}"), format!("mq-{n}"));
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", &claim, "--wait=false"]);
    world.namespace.kubectl(&["delete", "pod", &pod, "--force", "--grace-period", "0"]);
    world.namespace.until("its pod is held with a new volume", BOOT, |namespace| {
        let held = |pod: &Value| pod.pointer("/status/initContainerStatuses/0/state/running").is_some();
        let claim = namespace.object("persistentvolumeclaim", &claim);
        held(&namespace.object("pod", &pod)) && claim.pointer("/metadata/deletionTimestamp").is_none()
    });
}

/// Refused without the release's name, with what is lost; then done.
#[track_caller]
fn recovered(world: &World, loses: &str) {
    world.mqctl(&AUTO).expect(64).says(&["this destroys data", loses]);
    world.mqctl(&CONFIRMED).expect(0);
}

#[track_caller]
pub(crate) fn assert_members_of_the_quorum_queue(world: &World) {
    let status = world.namespace.shell("mq-0", "rabbitmq-queues quorum_status e2e.quorum --formatter json");
    assert!(PODS.iter().all(|pod| status.contains(&format!("rabbit@{pod}."))), "{status}");
}

/// Every message of the quorum queue; the classic queue, whose only copy is gone, is there no more.
#[track_caller]
fn assert_only_the_classic_queue_is_gone(world: &World, password: &str) {
    world.assert_healthy();
    let queues = world.namespace.shell("mq-0", "rabbitmqctl -q list_queues name");
    assert!(!queues.contains("e2e.classic"), "{queues}");
    let broker = Broker::of(&world.namespace, "mq-1", password);
    assert_eq!(broker.drain(Kind::Quorum), messages(Kind::Quorum, MESSAGES));
}

/// The classic queue is on mq-0; the quorum queue gets its third member back.
fn one_volume(world: &World) {
    let password = with_messages(world);
    hold(world);
    cut(world, &[2, 0, 1]);
    lose_volume(world, 2);
    recovered(world, "classic queues of mq-2");
    assert_members_of_the_quorum_queue(world);
    assert_back(world, &password);
}

fn one_volume_of_khepri(world: &World) {
    let password = with_messages(world);
    hold(world);
    cut(world, &[0, 1, 2]);
    lose_volume(world, 2);
    world.mqctl(&AUTO).expect(0);
    assert_back(world, &password);
}

/// mq-0 stopped last, and has the only copy of the classic queue.
fn the_newest_volume(world: &World) {
    let password = with_messages(world);
    hold(world);
    for node in [2, 1, 0] {
        cut(world, &[node]);
    }
    lose_volume(world, 0);
    recovered(world, "classic queues of mq-0");
    assert_members_of_the_quorum_queue(world);
    assert_only_the_classic_queue_is_gone(world, &password);
}

/// What is left is on mq-0: the classic queue, and one copy of three of the other.
fn two_volumes(world: &World) {
    let password = with_messages(world);
    hold(world);
    cut(world, &[0, 1, 2]);
    for n in [1, 2] {
        lose_volume(world, n);
    }
    recovered(world, "classic queues of mq-1, mq-2");
    assert_members_of_the_quorum_queue(world);
    assert_back(world, &password);
}

/// The blank ones were never ready before the one that is left.
fn a_majority_of_khepri(world: &World) {
    let password = with_messages(world);
    hold(world);
    cut(world, &[0, 1, 2]);
    for n in [1, 2] {
        lose_volume(world, n);
    }
    recovered(world, "classic queues of mq-1, mq-2");
    let since = PODS.map(|pod| ready_since(&world.namespace.object("pod", pod)));
    assert!(since[0] <= since[1] && since[0] <= since[2], "{since:?}");
    assert_back(world, &password);
}

fn ready_since(pod: &Value) -> String {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let ready = conditions.filter(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    ready.filter_map(|condition| condition["lastTransitionTime"].as_str()).collect()
}

/// Nobody was warned: the blank node became an empty broker behind the same Service.
fn beside_running_nodes(world: &World) {
    let password = with_messages(world);
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", "data-mq-2", "--wait=false"]);
    world.namespace.kubectl(&["delete", "pod", "mq-2", "--force", "--grace-period", "0"]);
    world.namespace.until("the doctor finds an empty broker", BOOT, |_| {
        let found = world.mqctl(&["doctor", NAME, "-o", "json"]).json();
        found["findings"].as_array().is_some_and(|all| all.iter().any(|finding| finding["code"] == "EMPTY-BROKER"))
    });
    let ran = world.mqctl(&[&CONFIRMED[..], &["-o", "json"]].concat()).expect(0);
    assert_eq!(ran.json()["counted"]["before"]["messages"], json!(2 * MESSAGES), "{}", ran.said());
    assert_members_of_the_quorum_queue(world);
    assert_back(world, &password);
}
