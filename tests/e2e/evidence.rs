//! `mqctl recover --evidence-only` after real stops: it names the node that stopped last, or says that nobody knows.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{Helm, KHEPRI, MNESIA, OLD};
use crate::killed::{MESSAGES, with_messages};
use crate::runner::Test;
use crate::world::{NAME, World};

const RECOVER: [&str; 5] = ["recover", NAME, "--evidence-only", "-o", "json"];
const BOOT: Duration = Duration::from_secs(180);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("evidence: killed one after the other", MNESIA, one_after_the_other).long(),
        test("evidence: killed one after the other, 3.10", OLD, one_after_the_other).long(),
        test("evidence: killed in the same moment", MNESIA, in_the_same_moment).long(),
        test("evidence: killed in the same moment, 3.10", OLD, in_the_same_moment).long(),
        test("evidence: stopped by delete, one volume lost", MNESIA, stopped_by_delete).long(),
        test("evidence: Khepri, all stopped, volumes lost", KHEPRI, khepri).long(),
    ]
}

fn test(name: &'static str, tag: &'static str, body: fn(&World)) -> Test {
    Test::new(name, move || body(&World::new(name, Helm::Four, tag, 3)))
}

/// What mqctl finds, and that it leaves no pod behind and shows nothing secret.
#[track_caller]
fn evidence(world: &World) -> Value {
    let secrets = world.credentials();
    let before = world.namespace.pods();
    let ran = world.mqctl(&RECOVER).expect(0);
    assert_eq!(world.namespace.pods(), before, "it starts and stops nothing: {}", ran.said());
    let kept = world.namespace.object("configmap", "mq-mqctl-evidence");
    for text in [ran.everything(), kept.to_string()] {
        assert!(!text.contains(secrets.password()), "the password was shown or kept");
    }
    ran.json()
}

/// Pods that are made from now on stay at the start gate, and their volumes as they are.
pub(crate) fn hold(world: &World) {
    let pods = "--from-literal=pods=mq-0\nmq-1\nmq-2\n";
    world.namespace.kubectl(&["create", "configmap", "mq-hold", pods]);
}

/// Opens the gate of all pods, and awaits one healthy cluster.
pub(crate) fn release(world: &World) {
    for n in 0..3 {
        let pod = format!("mq-{n}");
        world.namespace.kubectl(&["exec", &pod, "--container", "start-gate", "--", "touch", "/tmp/go"]);
    }
    // Last: a gate that sees its line gone opens by itself, and there is no container to ask.
    world.namespace.kubectl(&["delete", "configmap", "mq-hold"]);
    world.namespace.until("all pods are ready", BOOT, |namespace| {
        let ready = |pod: &Value| pod.pointer("/status/containerStatuses/0/ready") == Some(&json!(true));
        namespace.list("pods").iter().filter(|pod| ready(pod)).count() == 3
    });
}

/// Ends these nodes' VMs in one moment, as a power cut does; their pods are made anew, and held.
pub(crate) fn cut(world: &World, nodes: &[u32]) {
    let pods: Vec<String> = nodes.iter().map(|n| format!("mq-{n}")).collect();
    halt(world, &pods);
    world.namespace.until("the pods are held", BOOT, |namespace| {
        let held = |pod: &Value| pod.pointer("/status/initContainerStatuses/0/state/running").is_some();
        pods.iter().all(|pod| held(&namespace.object("pod", pod)))
    });
}

/// Ends the VMs, and takes the pods away before their containers start again.
pub(crate) fn halt(world: &World, pods: &[String]) {
    // One of them tells all, and each stands still before it ends: on a busy machine none lives to see another go.
    let halt = format!(
        "Cut = fun(After) -> fun() -> timer:sleep(After), \
           erts_debug:set_internal_state(available_internal_state, true), erts_debug:set_internal_state(block, 4000), \
           erlang:halt(137, [{{flush, false}}]) end end, \
         [spawn(Node, Cut(if Node =:= node() -> 1000; true -> 0 end)) \
         || Node <- [node() | nodes()], Pod <- {pods:?}, lists:prefix(\"rabbit@\" ++ Pod ++ \".\", atom_to_list(Node))], \
         timer:sleep(infinity)."
    );
    let mut exec: Command = world.namespace.command(&["exec", &pods[0], "--"]);
    exec.args(["timeout", "-k", "2", "30", "rabbitmqctl", "-q", "eval", &halt]);
    // The CLI ends with the node that it asked; what it says of that is of no interest.
    exec.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("kubectl starts");
    let pods: Vec<&str> = pods.iter().map(String::as_str).collect();
    world.namespace.kubectl(&[&["delete", "pods", "--force", "--grace-period", "0"], &pods[..]].concat());
}

/// One healthy cluster, and every message.
#[track_caller]
fn assert_nothing_lost(world: &World, password: &str) {
    world.assert_healthy();
    let broker = Broker::of(&world.namespace, "mq-0", password);
    for kind in Kind::BOTH {
        assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}");
    }
}

/// Not in the order of their names, so that no rule by name would be right by accident.
fn one_after_the_other(world: &World) {
    let password = with_messages(world);
    hold(world);
    for node in [2, 0, 1] {
        cut(world, &[node]);
    }
    let found = evidence(world);
    let verdict = &found["verdict"];
    assert_eq!((&verdict["winner"], &verdict["confidence"]), (&json!("mq-1"), &json!("certain")), "{found:#}");
    assert_eq!(verdict["runnerUp"], "mq-0", "{found:#}");
    assert_eq!(found["helperPods"], json!([]), "held pods are asked themselves");
    let again = evidence(world);
    assert_eq!(again["nodes"][0]["origin"], "kept", "{again:#}");
    assert_eq!(&again["verdict"], verdict);
    release(world);
    let healthy = evidence(world);
    assert_eq!((&healthy["healthy"], &healthy["verdict"]["kind"]), (&json!(true), &json!("running")), "{healthy:#}");
    assert_nothing_lost(world, &password);
}

fn in_the_same_moment(world: &World) {
    let password = with_messages(world);
    hold(world);
    cut(world, &[0, 1, 2]);
    let found = evidence(world);
    assert_eq!(found["verdict"]["confidence"], "tie", "{found:#}");
    assert!(found["verdict"]["newest"].as_array().is_some_and(|newest| newest.len() >= 2), "{found:#}");
    let page = world.mqctl(&["recover", NAME, "--evidence-only"]).expect(0);
    assert!(page.stdout.contains("a tie"), "{}", page.said());
    release(world);
    assert_nothing_lost(world, &password);
}

/// The highest ordinal goes first; no pod is left, so that volumes are read through helper pods.
fn stopped_by_delete(world: &World) {
    let password = with_messages(world);
    world.delete();
    let found = evidence(world);
    let verdict = &found["verdict"];
    assert_eq!((&verdict["winner"], &verdict["confidence"]), (&json!("mq-0"), &json!("certain")), "{found:#}");
    assert_eq!(found["helperPods"].as_array().map(Vec::len), Some(3), "{found:#}");
    assert_eq!(verdict["togetherIsSafe"], true, "{found:#}");
    world.install();
    assert_nothing_lost(world, &password);

    // The next stop takes the place of the one that is kept, where somebody agrees; then the winner's volume is lost.
    world.delete();
    world.mqctl(&RECOVER).expect(64).says(&["recover would change something"]);
    world.mqctl(&[&RECOVER[..], &["--yes"]].concat()).expect(0);
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", "data-mq-0"]);
    let found = evidence(world);
    let verdict = &found["verdict"];
    assert_eq!(found["nodes"][0]["reading"]["store"], "blank", "{found:#}");
    assert_eq!((&verdict["winner"], &verdict["confidence"]), (&json!("mq-1"), &json!("likely")), "{found:#}");
}

fn khepri(world: &World) {
    with_messages(world);
    world.delete();
    let found = evidence(world);
    let verdict = &found["verdict"];
    assert_eq!((&verdict["kind"], &verdict["majority"]), (&json!("khepri"), &json!(true)), "{found:#}");
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", "data-mq-2"]);
    assert_eq!(evidence(world)["verdict"]["majority"], true);
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", "data-mq-1"]);
    let found = evidence(world);
    let verdict = &found["verdict"];
    assert_eq!((&verdict["majority"], &verdict["winner"]), (&json!(false), &json!("mq-0")), "{found:#}");
}
