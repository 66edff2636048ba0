//! New passwords and new cookies on a cluster that holds messages; killed after each step, and run again.

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{Helm, KHEPRI, MNESIA, OLD};
use crate::killed::{kill_after, with_messages};
use crate::runner::Test;
use crate::world::{NAME, World};

const MESSAGES: usize = 20;
const PASSWORD: [&str; 4] = ["credentials", "rotate", NAME, "--yes"];
const COOKIE: [&str; 5] = ["credentials", "rotate", NAME, "--cookie", "--yes"];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(Helm::Four, KHEPRI, 1),
        test(Helm::Four, KHEPRI, 3).long(),
        test(Helm::Three, MNESIA, 3).long(),
        test(Helm::Three, OLD, 3).long(),
        Test::new("killed: rotation of the password", || killed(&PASSWORD, &PASSWORD_STEPS)).long(),
        Test::new("killed: rotation of the cookie", || killed(&COOKIE, &COOKIE_STEPS)).long(),
    ]
}

fn test(helm: Helm, tag: &'static str, replicas: u32) -> Test {
    let version = tag.trim_end_matches("-management");
    let name = format!("rotate {} {version} of {replicas}", helm.word());
    Test::new(name.clone(), move || rotated(&World::new(&name, helm, tag, replicas)))
}

fn rotated(world: &World) {
    let old = with_messages(world);
    let pods = world.namespace.pods();
    world.mqctl(&["credentials", "verify", NAME]).expect(0);

    world.mqctl(&PASSWORD).expect(0);
    let new = world.credentials().agree();
    assert_ne!(new.password(), old);
    assert_eq!(world.namespace.pods(), pods, "no pod was restarted");
    assert_eq!(accepted(world, &old), "false");
    assert_settled(world);

    world.mqctl(&COOKIE).expect(0);
    let newest = world.credentials().agree();
    assert!(newest.password() == new.password() && newest != new);
    assert_settled(world);
    assert_every_message_is_there(world, newest.password());
}

/// By the broker's own check; the password is this test's, of a cluster that is gone soon.
pub(crate) fn accepted(world: &World, password: &str) -> String {
    let check = format!(
        "rabbitmqctl -q eval 'element(1, rabbit_access_control:check_user_pass_login(<<\"user\">>, <<\"{password}\">>)) =:= ok.'"
    );
    world.namespace.shell("mq-0", &check).trim().to_owned()
}

#[track_caller]
fn assert_settled(world: &World) {
    world.assert_healthy();
    world.mqctl(&["credentials", "verify", NAME]).expect(0);
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
}

#[track_caller]
fn assert_every_message_is_there(world: &World, password: &str) {
    let broker = Broker::of(&world.namespace, "mq-0", password);
    for kind in Kind::BOTH {
        assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}");
    }
}

/// What is said at the end of each step.
const PASSWORD_STEPS: [&str; 4] = ["kept in the Secret", "has the new password", "rewritten", "credentials written"];
const COOKIE_STEPS: [&str; 6] =
    ["kept in the Secret", "stop announced", "mq-0 stopped", "rewritten", "credentials written", "1 node ready"];

/// Each round is cut short one step later, and finished by the same command.
fn killed(args: &[&str], steps: &[&str]) {
    let world = World::new("killed: rotation", Helm::Four, KHEPRI, 1);
    let mut last = with_messages(&world);
    for words in steps {
        kill_after(&world, args, words);
        world.mqctl(args).expect(0);
        assert_settled(&world);
        world.credentials().agree().password().clone_into(&mut last);
    }
    assert_every_message_is_there(&world, &last);
}
