//! The logs of real brokers: all of them, followed through a container's restart and a new pod, without a child left.

use std::time::Duration;

use crate::environment::{Helm, KHEPRI};
use crate::processes;
use crate::runner::Test;
use crate::world::{NAME, World};

const LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("logs: all pods, restarts, Ctrl-C", || logs(&World::new("logs", Helm::Four, KHEPRI, 3))).long()]
}

fn logs(world: &World) {
    world.install();
    let all = world.mqctl(&["logs", NAME]).expect(0).stdout;
    for pod in ["mq-0", "mq-1", "mq-2"] {
        assert!(all.contains(&format!("{pod} | ")), "nothing of {pod}");
        assert!(all.contains(&format!("── {pod}: startup complete ──")), "no boot of {pod} is marked");
    }
    let credentials = world.credentials().agree();
    assert!(!all.contains(credentials.password()), "the password is in the log as it is shown");
    the_container_before_is_shown(world);
    a_follower_sees_a_new_pod(world);
}

/// The broker's own end restarts its container; the one before is read with --previous.
fn the_container_before_is_shown(world: &World) {
    world.mqctl(&["logs", NAME, "--pod", "0", "--previous"]).expect(1);
    let running = world.start(&["logs", NAME, "--follow", "--pod", "0", "--tail", "1"]);
    world
        .namespace
        .command(&["exec", "mq-0", "--container", "rabbitmq", "--", "sh", "-c", "kill 1"])
        .output()
        .expect("kubectl");
    let booted = || running.stdout().contains("── mq-0: startup complete ──");
    world.namespace.until("the new container's boot is followed", LIMIT, |_| booted());
    let followed = running.stdout();
    let mut lines: Vec<&str> = followed.lines().filter(|line| line.starts_with("mq-0 | 20")).collect();
    let count = lines.len();
    lines.dedup();
    assert_eq!(lines.len(), count, "a line was repeated: {followed}");
    running.signal("INT");
    let ran = running.wait(LIMIT).expect(130);
    assert!(!ran.stderr.contains("error:"), "{}", ran.said());
    world.mqctl(&["logs", NAME, "--pod", "0", "--previous", "--tail", "5"]).expect(0);
}

fn a_follower_sees_a_new_pod(world: &World) {
    let running = world.start(&["logs", NAME, "--follow", "--since", "1s"]);
    world.namespace.kubectl(&["delete", "pod", "mq-2", "--wait=false"]);
    let booted = || running.stdout().contains("── mq-2: startup complete ──");
    world.namespace.until("the new pod's boot is followed", LIMIT, |_| booted());
    let group = running.group();
    running.signal("INT");
    running.wait(LIMIT).expect(130);
    assert!(!processes::runs(group, "--context"), "a kubectl was left behind");
}
