//! The tour of the README, with stand-ins for helm and kubectl: each command works, and says what is shown.

use std::os::unix::fs::symlink;
use std::time::Duration;

use serde_json::json;

use crate::expose::broker;
use crate::objects::{self, PODS};
use crate::shown::{CONTEXT, HOME, stops};
use crate::world::World;

/// As in the chart: what the memory limit comes to.
fn manifest(limit: &str, bytes: u32) -> String {
    let resources = format!("resources: {{limits: {{memory: {limit}}}}}");
    format!(
        "---\nkind: ConfigMap\nmetadata: {{name: prodmq-config}}\ndata:\n  10-defaults.conf: |\n    total_memory_available_override_value = {bytes}\n\
         ---\nkind: StatefulSet\nmetadata: {{name: prodmq}}\nspec:\n  replicas: 3\n  template:\n    spec:\n      \
         initContainers: [{{name: start-gate, {resources}}}]\n      containers: [{{name: rabbitmq, {resources}}}]\n"
    )
}

/// An empty cluster and an empty folder, and what brokers without a queue say once they run.
fn world() -> World {
    let world = World::new();
    broker(&world);
    world.remove("work/profiles/prodmq.yaml");
    std::fs::remove_dir(world.path("work/profiles")).unwrap();
    symlink(env!("CARGO_BIN_EXE_mqctl"), world.path("bin/mqctl")).unwrap();
    for pod in PODS {
        let mut answer = objects::answer(pod);
        for count in ["queues", "leaders", "ready", "unacked"] {
            answer[count] = json!(0);
        }
        world.chart(&format!("answer.{pod}"), &answer);
        let mut status = objects::running(true);
        status["hostIP"] = json!("127.0.0.1");
        world.chart(&format!("pod.{pod}"), &objects::pod(pod, &status));
    }
    let log = "2026-01-01T00:00:00.000000000Z 2026-01-01 00:00:00+00:00 [info] <0.1.0> Server startup complete; 5 plugins started.\n";
    world.write("cluster/said.prodmq-0.1", log);
    world.write("cluster/manifest", &manifest("1Gi", 858_993_459));
    world.object("next", &json!({"manifest": manifest("2Gi", 1_717_986_918)}));
    world
}

#[test]
fn every_stop_of_the_tour_says_what_the_readme_shows() {
    let world = world();
    for stop in stops() {
        let mut shell = world.shell(&stop.command, &[]);
        shell.env("PATH", format!("{}:/usr/bin:/bin", world.path("bin").display()));
        let (seen, code) = stop.at_terminal(shell, Duration::from_secs(60));
        let seen = seen.replace("test / rabbitmq", &format!("{CONTEXT} / rabbitmq"));
        let seen = seen.replace(&*world.path("home").to_string_lossy(), HOME);
        assert_eq!(code, 0, "`{}`: {seen}", stop.command);
        stop.assert_shown(&seen);
    }
}
