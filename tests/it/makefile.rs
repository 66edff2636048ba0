//! The way from a Makefile, with stand-ins for helm and kubectl: each command of the page works, and says what the page
//! shows. What the page only tells of happens between its sections.

use std::os::unix::fs::symlink;
use std::time::Duration;

use serde_json::{Value, json};

use crate::dialects::{CHARTS, release};
use crate::doctor;
use crate::evidence::{WAITS, logged, probe};
use crate::expose::BALANCER;
use crate::migrate;
use crate::objects::{self, COOKIE, PASSWORD, PODS};
use crate::plain_helm::{Family, plain, stable};
use crate::recover::stateful_set;
use crate::shown::{CONTEXT, HOME, Page, Stop};
use crate::world::World;

const MINE: &str = "prodmq-mqctl-credentials";
const WAITING: &str =
    "2026-11-22 08:57:48.000000+00:00 [info] <0.1.0> Waiting for Mnesia tables for 30000 ms, 9 retries left";

/// What helm renders of the chart, with the probe as mqctl sets it.
fn rendered(nodes: usize) -> String {
    let rendered: Value = serde_json::from_str(include_str!("rendered/stable.json")).unwrap();
    let manifest =
        rendered["manifest"].as_str().unwrap().replace("initialDelaySeconds: 120", "initialDelaySeconds: 600");
    manifest.replace("replicas: 3", &format!("replicas: {nodes}"))
}

/// What the Makefile's helm has made of it: the chart's own Secret, and its own probe.
fn by_hand() -> String {
    let manifest = rendered(2).replace(MINE, "prodmq").replace("initialDelaySeconds: 600", "initialDelaySeconds: 120");
    format!("---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: prodmq\n{manifest}")
}

/// RabbitMQ 4.0 on Mnesia, on so many nodes.
fn of(nodes: usize, text: &str) -> String {
    let text = text.replace("4.3.6", "4.0.5").replace("\"khepri\":true", "\"khepri\":false");
    let count = |text: String, key: &str| text.replace(&format!("\"{key}\":3"), &format!("\"{key}\":{nodes}"));
    let text = ["replicas", "readyReplicas", "updatedReplicas"].into_iter().fold(text, count);
    let third = "rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local";
    if nodes == 3 { text } else { text.replace(&format!(",\"{third}\""), "").replace(&format!(",'{third}'"), "") }
}

/// The StatefulSet as mqctl's chart has it by now.
fn set(family: &Family, policy: &str) -> Value {
    let mut set = family.stateful_set(MINE);
    set["spec"]["podManagementPolicy"] = policy.into();
    set["metadata"]["generation"] = 2.into();
    set["status"] = json!({"observedGeneration": 2, "updatedReplicas": 3, "readyReplicas": 3});
    set
}

/// So many nodes run, or come up with the next revision.
fn nodes(world: &World, folder: &str, count: usize) {
    for pod in &PODS[..count] {
        world
            .write(&format!("{folder}/pod.{pod}"), &of(count, &objects::pod(pod, &objects::running(true)).to_string()));
        world.write(&format!("{folder}/answer.{pod}"), &of(count, &objects::answer(pod).to_string()));
        let claim = format!("data-{pod}");
        world.object(&format!("persistentvolumeclaim.{claim}"), &objects::claim(&claim));
    }
}

/// What the Makefile has made, and what the first upgrade will put in its place.
fn world(family: &Family) -> World {
    let world = plain(family);
    for folder in ["cluster", "chart"] {
        ["pod.prodmq-2", "answer.prodmq-2"].iter().for_each(|file| world.remove(&format!("{folder}/{file}")));
        nodes(&world, folder, 2);
    }
    for file in
        ["cluster/persistentvolumeclaim.data-prodmq-2", "chart/persistentvolumeclaim.data-prodmq-2", "work/charts"]
    {
        world.remove(file);
    }
    std::fs::create_dir(world.path("work/charts")).unwrap();
    symlink(format!("{CHARTS}/stable-like"), world.path("work/charts/rabbitmq")).unwrap();
    symlink(env!("CARGO_BIN_EXE_mqctl"), world.path("bin/mqctl")).unwrap();
    std::fs::remove_dir(world.path("work/profiles")).unwrap();
    let live = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
    world.write("cluster/statefulset.prodmq", &of(2, &live));
    world.write("chart/statefulset.prodmq", &of(2, &set(family, "OrderedReady").to_string()));
    world.chart("release", &{
        let mut release = release(family.version);
        release["revision"] = "REVISION".into();
        release
    });
    world.write("cluster/manifest", &by_hand());
    world.object("next", &json!({"manifest": rendered(2)}));
    world.write("balancer", BALANCER);
    world
}

/// What happens before a command, by others than the reader.
fn meanwhile(world: &World, family: &Family, stop: &Stop, first: bool) {
    match stop.command.as_str() {
        "mqctl status prodmq" => world.write("cluster/manifest", &rendered(2)),
        command if command.starts_with("mqctl recover") && first => stopped(world),
        "mqctl doctor prodmq" => {
            for pod in &PODS[..2] {
                world.write(&format!("cluster/probe.{pod}"), &of(2, &doctor::probe(pod, true)));
            }
        }
        "mqctl upgrade prodmq --yes" if !first => {
            nodes(world, "chart", 3);
            world.write("chart/statefulset.prodmq", &of(3, &set(family, "Parallel").to_string()));
            world.object("next", &json!({"manifest": in_parallel()}));
        }
        "mqctl migrate prodmq --to-chart builtin --dry-run" => {
            // The built-in chart renders by itself.
            world.remove("cluster/next");
            migrate::to_be_left(world);
        }
        "mqctl plan prodmq --detailed-exitcode" => world.write("cluster/manifest", &in_parallel()),
        _ => {}
    }
}

fn in_parallel() -> String {
    rendered(3).replace("podManagementPolicy: OrderedReady", "podManagementPolicy: Parallel")
}

/// prodmq-1 saw prodmq-0 go; prodmq-0 was started first, and waits.
fn stopped(world: &World) {
    world.remove("cluster/pod.prodmq-1");
    world.object("pod.prodmq-0", &objects::pod("prodmq-0", &objects::running(false)));
    world.write("cluster/statefulset.prodmq", &of(2, &stateful_set("OrderedReady", false).to_string()));
    let headless = json!({"kind": "Service", "metadata": {"name": "prodmq-headless"}, "spec": {"clusterIP": "None"}});
    world.object("service.prodmq-headless", &headless);
    world.write("cluster/log.prodmq-0", &logged("prodmq-0", WAITING));
    world.write("cluster/probe.prodmq-0", &of(2, &probe("prodmq-0", &PODS[..2], &[], WAITS)));
    let gone = [("prodmq-0", 1_795_337_600)];
    world.write("cluster/probe.prodmq-1", &of(2, &probe("prodmq-1", &PODS[1..2], &gone, "")));
}

#[test]
fn every_command_of_the_page_says_what_the_page_shows() {
    let mut family = stable();
    (family.given["replicas"], family.given["image"]["tag"]) = (2.into(), "4.0.5-management".into());
    let world = world(&family);
    let mut seen_before: Vec<String> = Vec::new();
    for stop in Page::read("docs/from-a-makefile.md").stops() {
        let verb: String = stop.command.split(' ').take(2).collect::<Vec<_>>().join(" ");
        meanwhile(&world, &family, &stop, !seen_before.contains(&verb));
        seen_before.push(verb);
        // A stand-in reads what it is fed to the end.
        let command = if stop.command.starts_with("kubectl") {
            format!("{} </dev/null", stop.command)
        } else {
            stop.command.clone()
        };
        let mut shell = world.shell(&command, &[]);
        shell.env("PATH", format!("{}:/usr/bin:/bin", world.path("bin").display()));
        let (seen, code) = stop.at_terminal(shell, Duration::from_secs(60));
        assert_eq!(code != 0, stop.is_refused(), "`{}` ended with {code}: {seen}", stop.command);
        assert!(![COOKIE, PASSWORD].iter().any(|secret| seen.contains(secret)), "`{}`: {seen}", stop.command);
        let seen = seen.replace("test / rabbitmq", &format!("{CONTEXT} / rabbitmq"));
        stop.assert_shown(&seen.replace(&*world.path("home").to_string_lossy(), HOME));
    }
}
