//! SIGKILL after each step of install and of delete, and in the middle of helm; then the same command again:
//! the same end state, the same credentials, the same messages.

use std::time::Duration;

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::runner::Test;
use crate::watch::{Point, kill_in_helm};
use crate::world::{NAME, World};

const STEP: Duration = Duration::from_secs(240);
pub(crate) const MESSAGES: usize = 20;

pub(crate) const INSTALL: [&str; 3] = ["install", NAME, "--yes"];
pub(crate) const DELETE: [&str; 3] = ["delete", NAME, "--yes"];

/// What is said at the end of each step of an install.
const INSTALL_STEPS: [&str; 5] = [
    "mq.secrets.yaml written",
    "Secret mq-mqctl-credentials written",
    "helm release installed",
    " ready\n",
    "logged in as user",
];

const DELETE_STEPS: [&str; 3] = ["stop announced", "mq-0 stopped", "release uninstalled"];

/// The points of every run: a secret in one home only, a release whose pods nobody awaited, a node gone and a release
/// left. The long matrix has them all.
const CORE: [&str; 2] = [INSTALL_STEPS[1], INSTALL_STEPS[2]];

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    // Both helms and both metadata stores get their share of the points.
    let pairs = [(Helm::Four, KHEPRI), (Helm::Three, MNESIA)];
    for (n, words) in INSTALL_STEPS.into_iter().enumerate() {
        let (helm, tag) = pairs[n % 2];
        let one = after_install_step(words, helm, tag, 1);
        tests.push(if CORE.contains(&words) { one } else { one.long() });
        tests.push(after_install_step(words, helm, tag, 3).long());
    }
    for (n, words) in DELETE_STEPS.into_iter().enumerate() {
        let (helm, tag) = pairs[n % 2];
        tests.push(after_delete_step(words, helm, tag, 1).long());
        tests.push(after_delete_step(words, helm, tag, 3).long());
    }
    // Before the first step: agreed to, and nothing done.
    tests.push(after_install_step("install: ", Helm::Three, KHEPRI, 1).long());
    tests.push(after_delete_step("delete: ", Helm::Four, MNESIA, 1).long());
    tests.push(in_helm(Helm::Four, KHEPRI).long());
    tests.push(in_helm(Helm::Three, MNESIA).long());
    tests.push(Test::new("killed: purge after each step", purge));
    tests.push(Test::new("killed: upgrade of 1 after each step", || upgrade(1, &UPGRADE_STEPS)).long());
    tests.push(Test::new("killed: upgrade of 3 in the middle", || upgrade(3, &UPGRADE_OF_3)).long());
    tests.push(Test::new("killed: expose after each step", expose).long());
    tests
}

fn name(verb: &str, words: &str, replicas: u32) -> String {
    format!("killed: {verb} of {replicas} after `{}`", words.trim().trim_end_matches(':'))
}

fn after_install_step(words: &'static str, helm: Helm, tag: &'static str, replicas: u32) -> Test {
    let name = name("install", words, replicas);
    Test::new(name.clone(), move || {
        let world = World::new(&name, helm, tag, replicas);
        kill_after(&world, &INSTALL, words);
        finish_install(&world);
    })
}

/// Starts mqctl and kills it, with whatever child it has, as soon as it says these words.
#[track_caller]
pub(crate) fn kill_after(world: &World, args: &[&str], words: &str) {
    let mut run = world.start(args);
    run.until_said(words, STEP);
    run.signal("KILL");
    let ran = run.wait(Duration::from_secs(20));
    // After the last step's words the program may be quicker than the signal.
    assert!(ran.signal == Some(9) || ran.code == Some(0), "{}", ran.said());
}

/// The same command again leads to the end state of an install that nobody disturbed.
#[track_caller]
pub(crate) fn finish_install(world: &World) {
    let file = std::fs::read_to_string(world.secrets_file()).unwrap_or_default();
    world.install();
    let credentials = world.credentials().agree();
    let now = std::fs::read_to_string(world.secrets_file()).expect("the secrets file");
    assert!(now.starts_with(&file), "what was generated once stays");
    assert!(now.contains(credentials.password()));
    world.assert_healthy();
    // Nothing is left to do.
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    assert_eq!(world.namespace.names(KINDS), objects(world), "no more and no fewer objects");
}

const KINDS: &str = "statefulsets,pods,services,configmaps,poddisruptionbudgets,serviceaccounts,persistentvolumeclaims";

fn objects(world: &World) -> Vec<String> {
    let replicas = world.profile["replicas"].as_u64().expect("replicas");
    let single = [
        "configmap/kube-root-ca.crt",
        "configmap/mq-config",
        "poddisruptionbudget.policy/mq",
        "service/mq",
        "service/mq-headless",
        "serviceaccount/default",
        "serviceaccount/mq",
        "statefulset.apps/mq",
    ];
    let mut objects: Vec<String> = single.map(str::to_owned).to_vec();
    for n in 0..replicas {
        objects.extend([format!("pod/mq-{n}"), format!("persistentvolumeclaim/data-mq-{n}")]);
    }
    objects.sort();
    objects
}

/// Installs, leaves messages in both kinds of queue, and says the password.
pub(crate) fn with_messages(world: &World) -> String {
    world.install();
    let password = world.credentials().agree().password().to_owned();
    let broker = Broker::of(&world.namespace, "mq-0", &password);
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
    password
}

/// Back again: the same secrets, and every message.
#[track_caller]
pub(crate) fn assert_back(world: &World, password: &str) {
    finish_install(world);
    assert_eq!(world.credentials().password(), password);
    let broker = Broker::of(&world.namespace, "mq-0", password);
    for kind in Kind::BOTH {
        assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}");
    }
}

fn after_delete_step(words: &'static str, helm: Helm, tag: &'static str, replicas: u32) -> Test {
    let name = name("delete", words, replicas);
    Test::new(name.clone(), move || {
        let world = World::new(&name, helm, tag, replicas);
        let password = with_messages(&world);
        kill_after(&world, &DELETE, words);
        world.delete();
        assert_stopped(&world);
        assert_back(&world, &password);
    })
}

#[track_caller]
pub(crate) fn assert_stopped(world: &World) {
    let replicas = world.profile["replicas"].as_u64().expect("replicas");
    let claims: Vec<String> = (0..replicas).map(|n| format!("persistentvolumeclaim/data-mq-{n}")).collect();
    assert_eq!(world.namespace.names("statefulsets,pods,services,persistentvolumeclaims"), claims);
    assert!(!world.namespace.object("secret", "mq-mqctl-credentials").is_null());
    assert_eq!(world.releases(), [], "helm has no release");
}

/// Install, upgrade and uninstall, each with helm's record begun and not ended.
fn in_helm(helm: Helm, tag: &'static str) -> Test {
    let name = format!("killed: in the middle of {}", helm.word());
    Test::new(name.clone(), move || {
        let mut world = World::new(&name, helm, tag, 1);
        kill_in_helm(&world, &INSTALL, &Point { verb: "upgrade", revision: 1, times: 1, status: "pending-install" });
        finish_install(&world);

        world.wish("/values/podAnnotations", serde_json::json!({"e2e/changed": "yes"}));
        kill_in_helm(&world, &INSTALL, &Point { verb: "upgrade", revision: 2, times: 1, status: "pending-upgrade" });
        finish_install(&world);
        let annotation = world.namespace.object("pod", "mq-0").pointer("/metadata/annotations/e2e~1changed").cloned();
        assert_eq!(annotation, Some("yes".into()), "what the upgrade was for");

        let revision = world.releases().remove(0).1.parse().expect("a number");
        kill_in_helm(&world, &DELETE, &Point { verb: "uninstall", revision, times: 2, status: "uninstalling" });
        world.delete();
        assert_stopped(&world);
        finish_install(&world);
    })
}

/// Each run goes one step further than the one before.
fn purge() {
    let world = World::new("killed: purge", Helm::Four, KHEPRI, 1);
    world.install();
    let before = world.credentials().agree();
    let steps = ["stop announced", "mq-0 stopped", "release uninstalled", "(1Gi) deleted", "credentials deleted"];
    for words in steps {
        kill_after(&world, &["delete", NAME, "--purge", "--confirm", NAME], words);
    }
    world.purge();
    assert_eq!(world.namespace.names("statefulsets,pods,services,persistentvolumeclaims"), [""; 0]);
    assert!(world.namespace.object("secret", "mq-mqctl-credentials").is_null());
    finish_install(&world);
    assert_eq!(world.credentials().agree(), before, "the secrets file stays the profile's");
}

/// What is said at the end of each step of an upgrade.
const UPGRADE_STEPS: [&str; 5] =
    ["upgrade: ", "definitions saved", "helm release upgraded", "mq-0 ready", "logged in as user"];
const UPGRADE_OF_3: [&str; 2] = ["helm release upgraded", "mq-2 ready"];

/// Each round is cut short one step later, and finished by the same command.
fn upgrade(replicas: u32, steps: &[&'static str]) {
    let mut world = World::new("killed: upgrade", Helm::Four, KHEPRI, replicas);
    let password = with_messages(&world);
    for words in steps {
        world.wish("/values/podAnnotations", serde_json::json!({"e2e/round": words.trim()}));
        kill_after(&world, &["upgrade", NAME, "--yes"], words);
        world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
        let annotation = world.namespace.object("pod", "mq-0").pointer("/metadata/annotations/e2e~1round").cloned();
        assert_eq!(annotation, Some(words.trim().into()), "what the upgrade was for");
        world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    }
    assert_back(&world, &password);
}

/// Made, changed and taken away: each is cut short after each step, and finished by the same command.
fn expose() {
    let world = World::new("killed: expose", Helm::Three, MNESIA, 1);
    world.install();
    let node_port = ["expose", NAME, "--type", "NodePort", "--yes"];
    let more_ports = [&node_port[..], &["--port", "amqp", "--port", "management"]].concat();
    let remove = ["expose", NAME, "--remove", "--yes"];
    let written = ["expose: ", "mq-external written", "address for clients outside"];
    let rounds: [(&[&str], &[&str], &[&str]); 3] = [
        (&remove, &node_port, &written),
        (&node_port, &more_ports, &written),
        (&node_port, &remove, &["expose: ", "mq-external deleted"]),
    ];
    for (before, args, steps) in rounds {
        for words in steps {
            world.mqctl(before).expect(0);
            kill_after(&world, args, words);
            world.mqctl(args).expect(0);
            let again = world.mqctl(args).expect(0);
            assert!(again.stdout.contains("nothing to "), "{}", again.said());
        }
    }
    assert!(world.namespace.object("service", "mq-external").is_null());
    world.assert_healthy();
}
