//! A force boot beside restarts: the container of the node ends again and again while mqctl is at work.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::Namespace;
use crate::dialects::{self, assert_forced, prepared};
use crate::environment::Helm;
use crate::family::Family;
use crate::recover::BOOT;
use crate::runner::{Test, figure};
use crate::running::Running;
use crate::world::{NAME, World};

/// Each restart waits longer than the one before: Kubernetes doubles it from 10 s on.
const MOST: usize = 4;
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        dialects::test("force-boot beside restarts: file", Helm::Four, Family::Bitnami, |world, family| {
            let said = raced(world, family, "file", outrun);
            assert!(said.contains("succeeded at try"), "it is told how often it had to try: {said}");
        })
        .long(),
        dialects::test("force-boot beside restarts: chart", Helm::Four, Family::Bitnami, |world, family| {
            raced(world, family, "chart", ended_again);
        })
        .long(),
    ]
}

/// mq-0 has waited alone for minutes, as its StatefulSet creates the others after it. What mqctl said on stderr.
fn raced(world: &mut World, family: Family, via: &str, beside: fn(&World, &mut Running)) -> String {
    let (password, set) = prepared(world);
    world.namespace.apply(&[set]);
    let for_minutes = |namespace: &Namespace| waits(namespace, "mq-0", ", 5 retries left");
    world.namespace.until("mq-0 has waited for two minutes", BOOT, for_minutes);
    let mut run = world.start(&["force-boot", NAME, "--node", "mq-2", "--via", via, "--confirm", NAME, "-v"]);
    beside(world, &mut run);
    let ran = run.wait(2 * BOOT).expect(0);
    for line in ran.stderr.lines().filter(|line| line.contains("succeeded at try")) {
        figure(line.trim().to_owned());
    }
    assert_forced(world, family, &password);
    ran.stderr
}

fn waits(namespace: &Namespace, pod: &str, words: &str) -> bool {
    let log = namespace.command(&["logs", pod, "--container", "rabbitmq"]).output().expect("kubectl starts");
    String::from_utf8_lossy(&log.stdout).lines().any(|l| l.contains("Waiting for Mnesia tables") && l.contains(words))
}

/// Ends its container, where there is one that waits for its peers.
fn ended(namespace: &Namespace) -> bool {
    let end = ["exec", "mq-2", "--container", "rabbitmq", "--", "sh", "-c", "kill -TERM 1"];
    let quietly = |args: &[&str]| namespace.command(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    waits(namespace, "mq-2", "") && quietly(&end).expect("kubectl starts").success()
}

/// mqctl is stopped in the moment in which it sees mq-2 wait. It goes on when that container has ended and the next one
/// too, so that Kubernetes takes its time before it starts another.
fn outrun(world: &World, run: &mut Running) {
    run.until_said("mq-2 waiting for tables", BOOT);
    run.signal("STOP");
    let container = |namespace: &Namespace| namespace.object("pod", "mq-2")["status"]["containerStatuses"][0].clone();
    for restarts in 0..2 {
        let restarted = |of: &Value| of["restartCount"].as_u64() >= Some(restarts);
        world.namespace.until("its container waits, and is ended", BOOT, |namespace| {
            restarted(&container(namespace)) && ended(namespace)
        });
    }
    world.namespace.until("no container runs", BOOT, |namespace| container(namespace)["state"]["running"].is_null());
    run.signal("CONT");
}

/// Each time that mq-2 has come to wait for its peers, until the chart's switch is on.
fn ended_again(world: &World, run: &mut Running) {
    let mut times = 0;
    while run.status().is_none() && !run.stderr().contains("starts with the chart's force boot") {
        times += usize::from(times < MOST && ended(&world.namespace));
        std::thread::sleep(PAUSE);
    }
    figure(format!("its container was ended {times} times"));
    assert!(times > 0, "nothing was raced: {}", run.stderr());
}
