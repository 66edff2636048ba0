//! A force boot beside restarts: the container of the node ends again and again while mqctl is at work.

use std::process::Stdio;
use std::time::Duration;

use crate::dialects::{self, Family, assert_forced, prepared};
use crate::environment::Helm;
use crate::recover::BOOT;
use crate::runner::{Test, figure};
use crate::running::Ran;
use crate::world::{NAME, World};

/// Each restart waits longer than the one before: Kubernetes doubles it from 10 s on.
const MOST: usize = 4;
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        dialects::test("force-boot beside restarts: file", Helm::Four, Family::Bitnami, |world, family| {
            raced(world, family, "file", "force_load laid");
        })
        .long(),
        dialects::test("force-boot beside restarts: chart", Helm::Four, Family::Bitnami, |world, family| {
            raced(world, family, "chart", "starts with the chart's force boot");
        })
        .long(),
    ]
}

/// mq-0 has waited alone for minutes, as its StatefulSet creates the others after it.
fn raced(world: &mut World, family: Family, via: &str, done: &str) {
    let (password, set) = prepared(world);
    world.namespace.apply(&[set]);
    world.namespace.until("mq-0 has waited for two minutes", BOOT, |_| waits(world, "mq-0", ", 5 retries left"));
    let ran = beside_restarts(world, via, done).expect(0);
    assert_forced(world, family, &password);
    // How often it had to try is told where once was not enough.
    let calls = ran.stderr.lines().filter(|line| line.starts_with("+ ") && line.contains(" exec "));
    let failed = calls.filter(|line| line.contains(" mq-2 ") && !line.contains("[0, ")).count();
    figure(format!("{failed} calls failed"));
    assert!(failed == 0 || ran.stderr.contains("succeeded at try"), "{}", ran.said());
}

fn waits(world: &World, pod: &str, words: &str) -> bool {
    let log = world.namespace.command(&["logs", pod, "--container", "rabbitmq"]).output().expect("kubectl starts");
    String::from_utf8_lossy(&log.stdout).lines().any(|l| l.contains("Waiting for Mnesia tables") && l.contains(words))
}

/// Until this is done: each time that mq-2 has come to wait for its peers, its container is ended.
fn beside_restarts(world: &World, via: &str, done: &str) -> Ran {
    let mut run = world.start(&["force-boot", NAME, "--node", "mq-2", "--via", via, "--confirm", NAME, "-v"]);
    let mut ended = 0;
    while run.status().is_none() && !run.stderr().contains(done) {
        if ended < MOST && waits(world, "mq-2", "") {
            let end = ["exec", "mq-2", "--container", "rabbitmq", "--", "sh", "-c", "kill -TERM 1"];
            let mut end = world.namespace.command(&end);
            let status = end.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("kubectl starts");
            ended += usize::from(status.success());
        }
        std::thread::sleep(PAUSE);
    }
    figure(format!("its container was ended {ended} times"));
    assert!(ended > 0, "nothing was raced: {}", run.stderr());
    run.wait(2 * BOOT)
}
