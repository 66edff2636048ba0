//! What was begun is given up, and the opposite asked for: no half-done command stands in another one's way.

use std::time::Duration;

use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::killed::{DELETE, INSTALL, assert_back, assert_stopped, finish_install, kill_after, with_messages};
use crate::runner::Test;
use crate::watch::Watch;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for (helm, tag) in [(Helm::Four, KHEPRI), (Helm::Three, MNESIA)] {
        let name = |what: &str| format!("cut short: {what} {}", helm.word());
        tests.push(test(name("install after half a delete"), helm, tag, 1, install_after_half_a_delete).long());
        tests.push(test(name("mqctl alone is killed"), helm, tag, 1, mqctl_alone_is_killed).long());
    }
    let name = "cut short: delete before the boot".to_owned();
    tests.push(test(name, Helm::Four, KHEPRI, 3, delete_before_the_boot).long());
    tests.push(test("cut short: ctrl-c".to_owned(), Helm::Three, KHEPRI, 1, ctrl_c));
    tests
}

fn test(name: String, helm: Helm, tag: &'static str, replicas: u32, body: fn(&World)) -> Test {
    Test::new(name.clone(), move || body(&World::new(&name, helm, tag, replicas)))
}

/// Delete has scaled the StatefulSet down by kubectl: helm 4, which applies server-side, must not call that a conflict.
fn install_after_half_a_delete(world: &World) {
    let password = with_messages(world);
    kill_after(world, &DELETE, "mq-0 stopped");
    assert_back(world, &password);

    kill_after(world, &DELETE, "stop announced");
    finish_install(world);
    let annotation = world.namespace.object("pod", "mq-0").pointer("/metadata/annotations/mqctl~1stopping").cloned();
    assert_eq!(annotation, None, "the announcement of a stop that did not come is taken back");
}

/// Its helm lives on and ends its work while the same command runs again.
fn mqctl_alone_is_killed(world: &World) {
    let watch = Watch::start(world);
    let mut run = world.start(&INSTALL);
    watch.until_seen(1, 1);
    run.kill_alone();
    run.wait(Duration::from_secs(20));
    finish_install(world);
}

/// The container starts, the broker has not booted: nothing may wait for a quorum or a login.
fn delete_before_the_boot(world: &World) {
    kill_after(world, &INSTALL, "helm release installed");
    let deleted = world.delete();
    assert!(deleted.took < Duration::from_secs(90), "{}", deleted.said());
    assert_stopped(world);
    finish_install(world);
}

fn ctrl_c(world: &World) {
    let mut run = world.start(&["install", NAME, "--yes"]);
    run.until_said("helm release installed", Duration::from_secs(60));
    run.signal("INT");
    let ran = run.wait(Duration::from_secs(30)).expect(130).says(&["interrupted", "not reached:", "login as user"]);
    assert!(ran.stderr.contains("helm release installed"), "the account says what was done: {}", ran.said());
    finish_install(world);
}
