//! One mqctl at a time: two that begin at once, one that is killed, one from whom the release is taken away.

use std::path::Path;
use std::time::Duration;

use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::killed::{INSTALL, finish_install, kill_after};
use crate::runner::Test;
use crate::running::{Ran, Running};
use crate::world::{NAME, World};

const LEASE: &str = "mq-mqctl";
const LIMIT: Duration = Duration::from_secs(240);

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for (helm, tag) in [(Helm::Four, KHEPRI), (Helm::Three, MNESIA)] {
        let both = Test::new(format!("lock: two at once {}", helm.word()), move || two_at_once(helm, tag));
        tests.push(if helm == Helm::Four { both } else { both.long() });
    }
    tests.push(Test::new("lock: killed in its wait", killed));
    tests.push(Test::new("lock: unlock", unlock).long());
    tests
}

/// One works, the other one ends or finds nothing to do; what was generated is the same everywhere.
fn two_at_once(helm: Helm, tag: &'static str) {
    let world = World::new("lock: two at once", helm, tag, 1);
    let elsewhere = world.root().join("elsewhere");
    std::fs::create_dir_all(elsewhere.join("profiles")).expect("a folder");
    std::fs::copy(world.work().join("profiles/mq.yaml"), elsewhere.join("profiles/mq.yaml")).expect("the profile");
    let start =
        |folder: &Path| Running::start(world.command(env!("CARGO_BIN_EXE_mqctl")).args(INSTALL).current_dir(folder));
    let both = [start(&world.work()), start(&elsewhere)];
    let ended = both.map(|running| running.wait(LIMIT));
    let said: Vec<String> = ended.iter().map(Ran::said).collect();
    assert!(ended.iter().any(|ran| ran.code == Some(0)), "nobody came to an end: {said:?}");
    for ran in &ended {
        let outrun = ran.code == Some(75) && ran.stderr.contains("another mqctl ");
        assert!(ran.code == Some(0) || outrun, "{}", ran.said());
    }
    // Whoever was second goes on with what is there.
    start(&elsewhere).wait(LIMIT).expect(0);
    finish_install(&world);
    let [one, other] = [world.secrets_file(), elsewhere.join("profiles/mq.secrets.yaml")]
        .map(|file| std::fs::read_to_string(file).expect("a secrets file"));
    assert!(one == other, "both secrets files hold what the cluster has");
    assert!(world.namespace.object("lease", LEASE).is_null(), "it is given back");
}

/// On the same machine nobody waits for somebody who is dead.
fn killed() {
    let world = World::new("lock: killed", Helm::Four, KHEPRI, 1);
    kill_after(&world, &INSTALL, "helm release installed");
    let lease = world.namespace.object("lease", LEASE);
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
    assert!(holder.contains(" pid ") && holder.ends_with(" install"), "{lease:#}");
    let again = world.install();
    assert!(!again.stderr.contains("is locked by"), "it waited: {}", again.said());
    finish_install(&world);
    // An install that finds its pods on their way changes nothing, and leaves the Lease to one that does.
    world.mqctl(&["unlock", NAME, "--yes"]).expect(0);
    assert!(world.namespace.object("lease", LEASE).is_null());
}

/// Held at the start gate for long enough that the holder notices; then it goes no step further.
fn unlock() {
    let world = World::new("lock: unlock", Helm::Three, KHEPRI, 1);
    world.namespace.kubectl(&["create", "namespace", &world.namespace.0]);
    world.mqctl(&["unlock", NAME]).expect(0);
    world.namespace.kubectl(&["create", "configmap", "mq-hold", "--from-literal", "pods=mq-0"]);
    let mut run = world.start(&INSTALL);
    run.until_said("at the start gate", LIMIT);
    world.mqctl(&["install", NAME, "--yes"]).expect(75).says(&["another mqctl is at work on `mq`", "mqctl unlock mq"]);
    world.mqctl(&["unlock", NAME, "--yes"]).expect(0).says(&["Lease mq-mqctl taken away"]);
    assert!(world.namespace.object("lease", LEASE).is_null());
    // The holder renews it every 15 s.
    std::thread::sleep(Duration::from_secs(20));
    world.namespace.kubectl(&["delete", "configmap", "mq-hold"]);
    run.wait(LIMIT).expect(75).says(&["`mq` is no longer this mqctl's", "not reached: login as user"]);
    finish_install(&world);
}
