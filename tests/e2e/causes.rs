//! Troubles that look like others: each is told as the cause by its own code, and nothing beside it.

use std::process::Command;

use serde_json::{Value, json};

use crate::dialects;
use crate::doctor::{DOCTOR, assert_cause, codes};
use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::family::Family;
use crate::killed::{finish_install, with_messages};
use crate::lost::assert_members_of_the_quorum_queue;
use crate::recover::{AUTO, BOOT, CONFIRMED, PODS, assert_back, ready, test};
use crate::runner::Test;
use crate::unready::install_in_vain;
use crate::world::{NAME, World};

const PLACES_AND_NAMES: &str = "causes: no place for one of three, then no names";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new(PLACES_AND_NAMES, || {
            let mut world = World::new(PLACES_AND_NAMES, Helm::Four, MNESIA, 3);
            no_place(&mut world);
            no_names(&world);
            no_name_server(&world);
            world.namespace.kubectl(&["label", "nodes", "--all", &format!("{}-", world.namespace.0)]);
        })
        .long(),
        test("causes: no name server, Khepri", KHEPRI, |world| {
            world.install();
            none_finds_it_again(world);
        })
        .long(),
        test("causes: blank nodes beside a survivor of Khepri", KHEPRI, began_anew).long(),
        dialects::test("the chart's force boot left on", Helm::Three, Family::Stable, left_on).long(),
        dialects::test("the chart's force boot left on", Helm::Four, Family::Bitnami, left_on).long(),
    ]
}

/// Three pods that keep away from each other, and two machines that may take them; then a third may.
fn no_place(world: &mut World) {
    let machines = world.namespace.kubectl(&["get", "nodes", "--output", "jsonpath={.items[*].metadata.name}"]);
    let machines: Vec<&str> = machines.split_whitespace().take(3).collect();
    let label = world.namespace.0.clone();
    let mark = |world: &World, machine: &str| {
        world.namespace.kubectl(&["label", "node", machine, &format!("{label}=yes")]);
    };
    machines[..2].iter().for_each(|machine| mark(world, machine));
    let host = "kubernetes.io/hostname";
    let apart = json!({"topologyKey": host, "labelSelector": {"matchLabels": {"app.kubernetes.io/instance": NAME}}});
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": [apart]});
    world.wish("/values/affinity", json!({"podAntiAffinity": required}));
    world.wish("/values/nodeSelector", json!({&label: "yes"}));
    install_in_vain(world, "30s").says(&["cannot be scheduled: "]);
    assert_cause(world, "UNSCHEDULABLE");
    let found = world.mqctl(&DOCTOR).expect(4).json();
    let placeless = |pod: &&Value| pod.pointer("/spec/nodeName").is_none();
    let pods = world.namespace.list("pods");
    let placeless: Vec<&Value> = pods.iter().filter(placeless).map(|pod| &pod["metadata"]["name"]).collect();
    assert_eq!((placeless.len(), &found["findings"][0]["subjects"]), (1, &json!(placeless)), "{found:#}");
    mark(world, machines[2]);
    world.mqctl(&["doctor", NAME, "--wait", "--timeout", "5m"]).expect(0);
    finish_install(world);
}

/// The headless Service is there and selects nobody, and a node starts.
fn no_names(world: &World) {
    let select = |name: &str| {
        let patch = json!({"spec": {"selector": {"app.kubernetes.io/instance": name}}}).to_string();
        world.namespace.kubectl(&["patch", "service", "mq-headless", "--patch", &patch]);
    };
    select("nobody");
    world.namespace.kubectl(&["delete", "pod", "mq-2"]);
    world.namespace.until("mq-2 waits for those that it does not find", BOOT, |namespace| {
        let log = namespace.command(&["logs", "mq-2", "--container", "rabbitmq"]).output().expect("kubectl starts");
        String::from_utf8_lossy(&log.stdout).contains("Waiting for Mnesia tables")
    });
    assert_cause(world, "DNS");
    let found = world.mqctl(&DOCTOR).expect(4).json();
    assert_eq!(found["findings"][0]["subjects"], json!(["mq-2"]), "{found:#}");
    assert_eq!(found["findings"][0]["fix"], json!(format!("mqctl upgrade {NAME}")), "{found:#}");
    select(NAME);
    // It does not look again: its next start finds them.
    world.namespace.kubectl(&["delete", "pod", "mq-2"]);
    world.mqctl(&["doctor", NAME, "--wait", "--timeout", "6m"]).expect(0);
    world.assert_healthy();
}

/// Where the pods ask for names.
fn resolve(world: &World, by: &Value) {
    let patch = json!({"spec": {"template": {"spec": by}}}).to_string();
    world.namespace.kubectl(&["patch", "statefulset", "mq", "--patch", &patch]);
}

/// Nothing listens there; it is the same as if the cluster's name server were away.
fn resolve_nowhere(world: &World) {
    resolve(world, &json!({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["127.0.0.1"]}}));
}

/// The pods are made anew, as a StatefulSet does not replace one that has not become ready.
#[track_caller]
fn resolve_again(world: &World, pods: &[&str]) {
    resolve(world, &json!({"dnsPolicy": "ClusterFirst", "dnsConfig": null}));
    world.namespace.kubectl(&[&["delete", "pod"], pods].concat());
    world.mqctl(&["doctor", NAME, "--wait", "--timeout", "6m"]).expect(0);
    world.assert_healthy();
}

/// A node starts, and finds no peer.
fn no_name_server(world: &World) {
    resolve_nowhere(world);
    let pod = one_that_finds_nobody(world);
    resolve_again(world, &[&pod]);
}

/// All stop at once; by the first pods, which are made of the old template once more, some find each other.
fn none_finds_it_again(world: &World) {
    resolve_nowhere(world);
    world.namespace.kubectl(&[&["delete", "pods", "--force", "--grace-period", "0"], &PODS[..]].concat());
    one_that_finds_nobody(world);
    resolve_again(world, &PODS);
}

/// The first that starts so goes on where its peers are quick to find it.
fn one_that_finds_nobody(world: &World) -> String {
    assert_cause(world, "DNS");
    let found = world.mqctl(&DOCTOR).expect(4).json();
    let pod = found["findings"][0]["subjects"][0].as_str().expect("a pod").to_owned();
    let proof = found["findings"][0]["proof"].to_string();
    let told = format!("{pod} cannot turn the name of mq-");
    assert!(proof.contains(&told) && proof.contains(" into 10."), "{found:#}");
    pod
}

/// Nobody was warned: two nodes whose volumes are lost have begun anew, each by itself, and the third waits for them.
fn began_anew(world: &World) {
    let password = with_messages(world);
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", "data-mq-1", "data-mq-2", "--wait=false"]);
    world.namespace.kubectl(&[&["delete", "pods", "--force", "--grace-period", "0"], &PODS[..]].concat());
    let all = ["KHEPRI-LEADER", "EMPTY-BROKER", "EMPTY-BROKER"];
    // The first of them serve after more than a minute: so long they look for the third.
    world.namespace.until("both are told", 2 * BOOT, |_| codes(&world.mqctl(&DOCTOR).json()) == all);
    let found = world.mqctl(&DOCTOR).expect(4).json();
    let subjects = ["mq-0", "mq-1", "mq-2"].map(|pod| json!([pod]));
    let told: Vec<&Value> = found["findings"].as_array().into_iter().flatten().map(|told| &told["subjects"]).collect();
    assert_eq!(told, subjects.iter().collect::<Vec<_>>(), "{found:#}");
    let cause = found["findings"][0]["message"].as_str().unwrap_or_default();
    assert!(cause.contains("members that began anew without it"), "{found:#}");
    world.mqctl(&AUTO).expect(64).says(&["this destroys data"]);
    world.mqctl(&CONFIRMED).expect(0);
    assert_members_of_the_quorum_queue(world);
    assert_back(world, &password);
}

/// Somebody has turned it on by helm, and has gone home.
fn left_on(world: &mut World, family: Family) {
    let setting = format!("{}=true", family.force_boot().expect("it has such a value"));
    world.install();
    let before = revision(world);
    let chart = world.profile["chart"]["ref"].as_str().expect("a chart").to_owned();
    world.helm(&["upgrade", NAME, &chart, "--reuse-values", "--set", &setting]).expect(0);
    rolled(world, &before);
    let found = world.mqctl(&DOCTOR).expect(0).json();
    assert_eq!(codes(&found), ["FORCEBOOT-ON"], "{found:#}");
    assert_eq!(found["findings"][0]["subjects"], json!(PODS), "{found:#}");
    let before = revision(world);
    follow(world, found["findings"][0]["fix"].as_str().expect("a command"));
    rolled(world, &before);
    let found = world.mqctl(&DOCTOR).expect(0).json();
    assert_eq!((&found["healthy"], codes(&found)), (&json!(true), vec![]), "{found:#}");
    world.assert_healthy();
}

fn revision(world: &World) -> String {
    world.namespace.kubectl(&["get", "statefulset", NAME, "--output", "jsonpath={.status.updateRevision}"])
}

/// All pods are of another revision than before, and ready.
fn rolled(world: &World, before: &str) {
    world.namespace.until("all pods are made anew", 2 * BOOT, |namespace| {
        let pods = namespace.list("pods");
        let old = |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"] == before;
        pods.len() == 3 && pods.iter().all(|pod| ready(pod) && !old(pod))
    });
}

/// Runs the command as it is printed behind the words, with the consent that nobody is asked for here.
fn follow(world: &World, fix: &str) {
    let (_, command) = fix.split_once("then: ").expect("a command behind the words");
    world.link_mqctl();
    let mut shell: Command = world.command("sh");
    World::run(shell.args(["-c", &format!("{command} --yes")])).expect(0);
}
