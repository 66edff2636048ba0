//! Volumes that are lost, and brokers that began anew beside their cluster: what a recovery says beforehand is lost is what
//! is lost afterwards, and nothing more.

use serde_json::{Value, json};

use crate::amqp::Kind;
use crate::environment::{KHEPRI, MNESIA, OLD};
use crate::evidence::{cut, hold};
use crate::homes::{Homes, Stated, stated};
use crate::killed::{MESSAGES, with_messages};
use crate::objects;
use crate::recover::{AUTO, BOOT, CONFIRMED, PODS, assert_settled, drain, migrated, test, users};
use crate::runner::Test;
use crate::served::Served;
use crate::world::{NAME, World};

/// How nodes stop and which volumes are lost then; and what that comes to.
struct Loss {
    /// Who is cut with whom, one group after the other. Between the first and the second somebody makes a user.
    cuts: &'static [&'static [u32]],
    volumes: &'static [u32],
    rung: &'static str,
    /// The volumes are those of all who knew the late user.
    late_is_lost: bool,
}

/// It knew nothing alone.
const ONE: Loss = Loss { cuts: &[&[2, 0, 1]], volumes: &[2], rung: "forget", late_is_lost: false };
const ONE_OF_KHEPRI: Loss = Loss { rung: "together", ..ONE };
/// With mq-0 go two queues; mq-1 knew the user too, as one of three alone serves nobody.
const NEWEST: Loss = Loss { cuts: &[&[2], &[1], &[0]], volumes: &[0], rung: "forget", late_is_lost: false };
const NEWEST_OF_KHEPRI: Loss = Loss { rung: "together", ..NEWEST };
/// What is left is on mq-0: its classic queues, and one copy of three of the other.
const TWO: Loss = Loss { cuts: &[&[0], &[1, 2]], volumes: &[1, 2], rung: "forget", late_is_lost: true };
const TWO_OF_KHEPRI: Loss = Loss { rung: "khepri-standalone", ..TWO };

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("lost: one volume", MNESIA, |world| lose(world, &ONE)),
        test("lost: one volume, 3.10", OLD, |world| lose(world, &ONE)).long(),
        test("lost: one volume of Khepri", KHEPRI, |world| lose(world, &ONE_OF_KHEPRI)).long(),
        migrated("lost: one volume, 4.0 on Khepri", |world| lose(world, &ONE_OF_KHEPRI)).long(),
        test("lost: the newest volume", MNESIA, |world| lose(world, &NEWEST)).long(),
        test("lost: the newest volume, 3.10", OLD, |world| lose(world, &NEWEST)).long(),
        test("lost: the newest volume of Khepri", KHEPRI, |world| lose(world, &NEWEST_OF_KHEPRI)).long(),
        migrated("lost: the newest volume, 4.0 on Khepri", |world| lose(world, &NEWEST_OF_KHEPRI)).long(),
        test("lost: two volumes", MNESIA, |world| lose(world, &TWO)).long(),
        test("lost: two volumes, 3.10", OLD, |world| lose(world, &TWO)).long(),
        test("lost: a majority of Khepri's volumes", KHEPRI, |world| lose(world, &TWO_OF_KHEPRI)).long(),
        migrated("lost: a majority of the volumes, 4.0 on Khepri", |world| lose(world, &TWO_OF_KHEPRI)).long(),
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

fn lose(world: &World, loss: &Loss) {
    let (password, homes) = filled(world);
    hold(world);
    stopped(world, loss);
    let stated = shown_beforehand(world, loss);
    recovered(world, loss);
    world.assert_healthy();
    homes.assert_lost(world, &password, &stated.homes);
    assert_members_of_the_quorum_queue(world);
    drain(world, &password, &[Kind::Quorum]);
    if loss.cuts.len() > 1 {
        assert_eq!(users(world).contains("late"), !loss.late_is_lost, "nobody else knew the user: {stated:?}");
    }
    assert_settled(world);
}

/// A queue for each node, and whatever else clients declare.
fn filled(world: &World) -> (String, Homes) {
    let password = with_messages(world);
    let homes = Homes::filled(world, &password);
    objects::make(world, "mq-0", &password);
    (password, homes)
}

fn stopped(world: &World, loss: &Loss) {
    for (n, nodes) in loss.cuts.iter().enumerate() {
        if n == 1 {
            world.namespace.shell(&format!("mq-{}", nodes[0]), "rabbitmqctl add_user late late-password");
        }
        cut(world, nodes);
    }
    for &n in loss.volumes {
        lose_volume(world, n);
    }
}

fn pods(ordinals: &[u32]) -> Vec<String> {
    ordinals.iter().map(|n| format!("mq-{n}")).collect()
}

/// What is lost, as it is said before anybody agrees; refused without the release's name where it is lost for good.
#[track_caller]
fn shown_beforehand(world: &World, loss: &Loss) -> Stated {
    let refused = if loss.rung == "together" {
        world.mqctl(&["recover", NAME]).expect(64)
    } else {
        world.mqctl(&AUTO).expect(64).says(&["this destroys data"])
    };
    let stated = stated(&refused.stderr);
    assert_eq!(stated.homes, pods(loss.volumes).into_iter().collect(), "{}", refused.said());
    assert!(stated.more || !loss.late_is_lost, "that there is more is said: {}", refused.said());
    stated
}

/// Whoever clients are led to first is of the cluster. Lost members come when it has forgotten them, or when those that
/// are left serve clients, and never alone.
#[track_caller]
fn recovered(world: &World, loss: &Loss) {
    let (served, blank) = (Served::watch(world), pods(loss.volumes));
    let mut run = world.start(if loss.rung == "together" { &AUTO } else { &CONFIRMED });
    let until_then_alone = match loss.rung {
        "forget" => blank.iter().map(|pod| format!("{pod} forgotten")).collect(),
        "khepri-standalone" => vec!["quorum queues shrunk".to_owned()],
        _ => vec!["clients are served by".to_owned()],
    };
    for words in &until_then_alone {
        run.until_said(words, BOOT);
        served.assert_never(&blank);
    }
    let first = served.until_first(BOOT);
    let known = world.namespace.shell(&first, "rabbitmqctl -q list_users");
    assert!(known.contains("clerk"), "{first} is a broker of its own behind the same Service: {known}");
    run.wait(BOOT).expect(0).says(&[&format!("recover ({})", loss.rung), "a leader"]);
    served.until_all(&PODS);
    served.assert_others_first(&blank);
}

#[track_caller]
pub(crate) fn assert_members_of_the_quorum_queue(world: &World) {
    let status = world.namespace.shell("mq-0", "rabbitmq-queues quorum_status e2e.quorum --formatter json");
    assert!(PODS.iter().all(|pod| status.contains(&format!("rabbit@{pod}."))), "{status}");
}

/// Nobody was warned: the blank node became an empty broker behind the same Service.
fn beside_running_nodes(world: &World) {
    let (password, homes) = filled(world);
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", "data-mq-2", "--wait=false"]);
    world.namespace.kubectl(&["delete", "pod", "mq-2", "--force", "--grace-period", "0"]);
    world.namespace.until("the doctor finds an empty broker", BOOT, |_| {
        let found = world.mqctl(&["doctor", NAME, "-o", "json"]).json();
        found["findings"].as_array().is_some_and(|all| all.iter().any(|finding| finding["code"] == "EMPTY-BROKER"))
    });
    let stated = stated(&world.mqctl(&AUTO).expect(64).says(&["this destroys data"]).stderr);
    assert_eq!(stated.homes, pods(&[2]).into_iter().collect());
    let ran = world.mqctl(&[&CONFIRMED[..], &["-o", "json"]].concat()).expect(0).says(&["recover (forget)"]);
    let left = homes.messages_without("mq-2") + MESSAGES;
    assert_eq!(ran.json()["counted"]["before"]["messages"], json!(left), "{}", ran.said());
    homes.assert_lost(world, &password, &stated.homes);
    assert_members_of_the_quorum_queue(world);
    drain(world, &password, &[Kind::Quorum]);
    assert_settled(world);
}
