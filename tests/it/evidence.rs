//! `mqctl recover --evidence-only`: every node read in the gentlest way, the first reading kept, nothing started.

use std::io::Write as _;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::json;

use crate::objects::{self, COOKIE, PASSWORD, PODS};
use crate::world::World;

pub const RECOVER: [&str; 3] = ["recover", "prodmq", "--evidence-only"];

/// What the probe prints of a Mnesia node of 4.0 that saw these run, and these go.
pub fn probe(pod: &str, running: &[&str], gone: &[(&str, u32)], vm: &str) -> String {
    let node = |pod: &&str| format!("'rabbit@{pod}.prodmq-headless.rabbitmq.svc.cluster.local'");
    let list = |pods: &[&str]| pods.iter().map(node).collect::<Vec<_>>().join(",");
    let peers: Vec<String> =
        gone.iter().map(|(pod, at)| format!("down {} {at}\n", node(pod).trim_matches('\''))).collect();
    format!(
        "\n@@ id\npod={pod} node={} now=1795345200\n\n@@ flags\n[quorum_queue,\n stream_queue].\n\n\
        @@ nodes_running_at_shutdown\n[{}].\n\n@@ cluster_nodes.config\n{{[{all}],[{all}]}}.\n\n@@ times\n\
        1795337000 schema.DAT\n1795337700 LATEST.LOG\n1795337700 nodes_running_at_shutdown\n1795337000 rabbit_serial\n\n\
        @@ clean\n\n@@ sizes\n60 msg_stores\n92 quorum\n\n\
        @@ cookie\ne7e67c3955e2d982fe7cab051b533e780698f651058d5051df9ac36a2227a681\n{vm}\n@@ peers\n{}\n@@ end\n",
        node(&pod).trim_matches('\''),
        list(running),
        peers.concat(),
        all = list(&PODS),
    )
}

pub const WAITS: &str = "\n@@ vm\nmqctl {\"running\":false,\"version\":\"4.0.5\",\"khepri\":false,\"downs\":[]}\n";
pub const RUNS: &str = "\n@@ vm\nmqctl {\"running\":true,\"version\":\"4.0.5\",\"khepri\":false,\"downs\":[]}\n";

/// As kubectl prints the log of several pods.
pub fn logged(pod: &str, log: &str) -> String {
    log.lines().map(|line| ["[pod/", pod, "/rabbitmq] ", line, "\n"].concat()).collect()
}

/// Stopped one after the other; then prodmq-0 was started, which waits, and the others have no pod.
pub fn waiting() -> World {
    let world = World::installed();
    world.object("pod.prodmq-0", &objects::pod("prodmq-0", &objects::running(false)));
    world.object("statefulset.prodmq", &objects::stateful_set(0, ""));
    for pod in &PODS[1..] {
        world.remove(&format!("cluster/pod.{pod}"));
    }
    let log = "2026-11-22 08:57:46.942903+00:00 [info] <0.223.0> Starting RabbitMQ 4.0.5 on Erlang 27.3.4\n\
        2026-11-22 08:57:48.000000+00:00 [info] <0.223.0> Waiting for Mnesia tables for 30000 ms, 9 retries left\n";
    let log = logged("prodmq-0", log);
    world.write("cluster/log.prodmq-0", &log);
    world.write("cluster/probe.prodmq-0", &probe("prodmq-0", &PODS, &[], WAITS));
    world.write("cluster/probe.prodmq-1", &probe("prodmq-1", &PODS[1..], &[("prodmq-0", 1_795_337_600)], ""));
    let both = [("prodmq-0", 1_795_337_600), ("prodmq-1", 1_795_337_650)];
    world.write("cluster/probe.prodmq-2", &probe("prodmq-2", &PODS[2..], &both, ""));
    world
}

#[test]
fn who_stopped_last_is_read_through_pods_and_volumes() {
    let run = waiting().run(&RECOVER);
    // In the order that they come in: some are made side by side.
    assert_eq!(run.calls.len(), 7, "{run}");
    assert_snapshot!(run.words(), @"
    $ mqctl recover prodmq --evidence-only   [exit 0]
    test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read

    who stopped last (read from the nodes)

      prodmq-0 ──► prodmq-1 ──► prodmq-2

      node       state                                            store    last change            saw running                    read
      prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-1   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now
      prodmq-2   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-2                       now

      newest        prodmq-2: certain
      why           it saw all others stop, and nobody saw it stop
      all at once   starting all nodes together loads the newest copy
      helper pods   prodmq-mqctl-reader-1, prodmq-mqctl-reader-2: made to read volumes, removed again
    reading the volumes of prodmq-1, prodmq-2 through helper pods, removed afterwards
       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    ");
}

#[test]
fn the_page_as_json() {
    let mut page = waiting().run(&[&RECOVER[..], &["-o", "json"]].concat()).ended(0).json();
    page["nodes"].as_array_mut().unwrap().drain(..2);
    page["taken"] = json!("TAKEN");
    page["rungs"] = page["rungs"][0]["strategy"].clone();
    assert_snapshot!(serde_json::to_string_pretty(&page).unwrap(), @r#"
    {
      "apiVersion": "mqctl/v1",
      "healthy": false,
      "helperPods": [
        "prodmq-mqctl-reader-1",
        "prodmq-mqctl-reader-2"
      ],
      "keptIn": "prodmq-mqctl-evidence",
      "kind": "Evidence",
      "message": "newest: prodmq-2: certain",
      "nodes": [
        {
          "countedBy": [
            "prodmq-0",
            "prodmq-1"
          ],
          "origin": "now",
          "pod": "prodmq-2",
          "reading": {
            "bytes": {
              "msg_stores": 61440,
              "quorum": 94208
            },
            "cleanStop": false,
            "cookie": "sha256:e7e67c3955e2",
            "forceLoad": false,
            "lastRun": null,
            "members": [
              "prodmq-0",
              "prodmq-1",
              "prodmq-2"
            ],
            "node": "rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local",
            "pod": "prodmq-2",
            "runningAtShutdown": [
              "prodmq-2"
            ],
            "sights": [
              {
                "at": "2026-11-22T08:53:20Z",
                "down": true,
                "peer": "prodmq-0"
              },
              {
                "at": "2026-11-22T08:54:10Z",
                "down": true,
                "peer": "prodmq-1"
              }
            ],
            "silent": null,
            "store": "mnesia",
            "tables": null,
            "taken": "2026-11-22T11:00:00Z",
            "vm": null,
            "written": {
              "LATEST.LOG": "2026-11-22T08:55:00Z",
              "nodes_running_at_shutdown": "2026-11-22T08:55:00Z",
              "rabbit_serial": "2026-11-22T08:43:20Z",
              "schema.DAT": "2026-11-22T08:43:20Z"
            }
          },
          "running": false,
          "startedAt": null,
          "state": "not created yet",
          "unread": null
        }
      ],
      "rungs": "together",
      "taken": "TAKEN",
      "target": {
        "context": "test",
        "namespace": "rabbitmq",
        "release": "prodmq"
      },
      "verdict": {
        "confidence": "certain",
        "contradictions": [],
        "kind": "mnesia",
        "lowestMayBeNewest": false,
        "lowestName": "prodmq-0",
        "newest": [
          "prodmq-2"
        ],
        "runnerUp": "prodmq-1",
        "stoppedBefore": [
          {
            "first": "prodmq-0",
            "then": "prodmq-1"
          },
          {
            "first": "prodmq-0",
            "then": "prodmq-2"
          },
          {
            "first": "prodmq-1",
            "then": "prodmq-2"
          }
        ],
        "togetherIsSafe": true,
        "why": {
          "code": "saw-all-stop",
          "message": "it saw all others stop, and nobody saw it stop"
        },
        "winner": "prodmq-2"
      },
      "warnings": [
        "helper pods: prodmq-mqctl-reader-1, prodmq-mqctl-reader-2: made to read volumes, removed again"
      ]
    }
    "#);
}

/// All pods run and answer.
fn healthy() -> World {
    let world = World::installed();
    for pod in PODS {
        world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS, &[], RUNS));
    }
    world
}

#[test]
fn a_healthy_cluster_says_so_in_a_line() {
    let run = healthy().run(&RECOVER).ended(0);
    run.changed_nothing();
    assert_snapshot!(run, @"
    $ mqctl recover prodmq --evidence-only   [exit 0]
    stdout | test / rabbitmq / prodmq     all 3 nodes run: nothing stopped
    1. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    2. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    3. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    4. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2 configmap/prodmq-mqctl-evidence configmap/prodmq-hold pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    5. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq,app.kubernetes.io/name=rabbitmq' --container rabbitmq --prefix --ignore-errors --tail 400
    ");
}

/// No answer comes before all have been asked: one after the other they would wait for ever.
#[test]
fn nodes_are_asked_side_by_side() {
    let world = healthy();
    let pipes = PODS.map(|pod| (world.path(&format!("cluster/probe.{pod}")), probe(pod, &PODS, &[], RUNS)));
    for (pipe, _) in &pipes {
        std::fs::remove_file(pipe).unwrap();
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let answers = std::thread::spawn(move || {
        let open = |(pipe, text)| (std::fs::File::create(pipe).unwrap(), text);
        let asked: Vec<(std::fs::File, String)> = pipes.into_iter().map(open).collect();
        asked.into_iter().for_each(|(mut pipe, text)| pipe.write_all(text.as_bytes()).unwrap());
    });
    let run = world.run(&RECOVER).ended(0);
    answers.join().unwrap();
    assert_eq!(run.calls.len(), 2 + PODS.len(), "one look, one for the logs, and one a pod: {run}");
}

#[test]
fn a_tie_is_told_as_a_tie() {
    let world = waiting();
    let gone = [("prodmq-0", 1_795_337_600)];
    for pod in &PODS[1..] {
        world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS[1..], &gone, ""));
    }
    assert_snapshot!(world.run(&RECOVER).ended(0).stdout, @"
    test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read

    who stopped last (read from the nodes)

      prodmq-0 ──► prodmq-1 ··· prodmq-2

      node       state                                            store    last change            saw running                    read
      prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-1   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now
      prodmq-2   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now

      newest        prodmq-1 or prodmq-2: a tie
      why           none of them is known to have seen the others stop
      all at once   starting all nodes together loads the copy of prodmq-0: what was declared after it stopped would be lost
      helper pods   prodmq-mqctl-reader-1, prodmq-mqctl-reader-2: made to read volumes, removed again
    ");
}

#[test]
fn the_first_reading_stays_when_the_files_decay() {
    let world = waiting();
    world.run(&RECOVER).ended(0);
    // prodmq-1 and prodmq-2 have waited together since.
    let rewritten = |pod: &str| probe(pod, &["prodmq-0"], &[], "").replace("1795337700", "1795341948");
    for pod in &PODS[1..] {
        world.write(&format!("cluster/probe.{pod}"), &rewritten(pod));
    }
    let run = world.run(&RECOVER).ended(0);
    assert_snapshot!(run.stdout, @"
    test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read

    who stopped last (read from the nodes; first reading 2026-11-22T11:00:00Z, kept in ConfigMap prodmq-mqctl-evidence)

      prodmq-0 ──► prodmq-1 ──► prodmq-2

      node       state                                            store    last change            saw running                    read
      prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   first at 2026-11-22T11:00:00Z
      prodmq-1   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             first at 2026-11-22T11:00:00Z; rewritten since
      prodmq-2   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-2                       first at 2026-11-22T11:00:00Z; rewritten since

      newest        prodmq-2: certain
      why           it saw all others stop, and nobody saw it stop
      all at once   starting all nodes together loads the newest copy
      helper pods   prodmq-mqctl-reader-1, prodmq-mqctl-reader-2: made to read volumes, removed again
    ");
    assert!(run.changes().iter().all(|call| !call.stdin.contains("\"kind\":\"ConfigMap\"")), "{run}");
}

#[test]
fn another_stop_takes_the_place_of_the_kept_one_only_where_somebody_agrees() {
    let world = waiting();
    world.run(&RECOVER).ended(0);
    for pod in PODS {
        let file = format!("cluster/probe.{pod}");
        let text = std::fs::read_to_string(world.path(&file)).unwrap();
        world.write(&file, &text.replace("1795337000 rabbit_serial", "1795337500 rabbit_serial"));
    }
    let kept = std::fs::read_to_string(world.path("cluster/configmap.prodmq-mqctl-evidence")).unwrap();
    let run = world.run(&RECOVER).ended(64);
    assert!(run.stdout.contains("prodmq-2: certain"), "the page is there all the same: {run}");
    assert_snapshot!(run.stderr, @"
    reading the volumes of prodmq-1, prodmq-2 through helper pods, removed afterwards
    test/rabbitmq/prodmq: recover: 1 to change, 0 to destroy
    error: recover would change something, and there is nobody to ask; nothing was changed
    hint: see it first with --dry-run, then agree with --yes
    see: mqctl explain CONSENT
    ");
    assert_eq!(std::fs::read_to_string(world.path("cluster/configmap.prodmq-mqctl-evidence")).unwrap(), kept);
    world.run(&[&RECOVER[..], &["--yes"]].concat()).ended(0);
    let now = std::fs::read_to_string(world.path("cluster/configmap.prodmq-mqctl-evidence")).unwrap();
    assert_ne!(now, kept);
}

#[test]
fn no_secret_is_read_kept_or_shown() {
    let world = waiting();
    let run = world.run(&[&RECOVER[..], &["-vv"]].concat()).ended(0);
    let kept = std::fs::read_to_string(world.path("cluster/configmap.prodmq-mqctl-evidence")).unwrap();
    for text in [run.to_string(), kept] {
        for canary in [COOKIE, PASSWORD, &objects::base64(COOKIE), &objects::base64(PASSWORD)] {
            assert!(!text.contains(canary), "{text}");
        }
    }
}

#[test]
fn a_node_that_serves_clients_is_what_others_copy() {
    let world = waiting();
    world.object("pod.prodmq-0", &objects::pod("prodmq-0", &objects::running(true)));
    world.write("cluster/probe.prodmq-0", &probe("prodmq-0", &PODS, &[], RUNS));
    let run = world.run(&RECOVER).ended(0);
    assert_eq!(run.changing_verbs(), ["create", "delete"], "nothing is kept while a node runs: {run}");
    assert_snapshot!(run.stdout, @"
    test / rabbitmq / prodmq     1 of 3 nodes run · builtin 1.0.0 · Mnesia · 3 of 3 nodes read

    who stopped last (read from the nodes)

      node       state             store    last change            saw running                    read
      prodmq-0   ready             Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-1   not created yet   Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now
      prodmq-2   not created yet   Mnesia   2026-11-22T08:55:00Z   prodmq-2                       now

      newest        prodmq-0: what serves clients is what others copy
      helper pods   prodmq-mqctl-reader-1, prodmq-mqctl-reader-2: made to read volumes, removed again
    ");
}

#[test]
fn ready_nodes_that_may_not_be_asked_are_left_alone() {
    let world = healthy();
    world.rule("*exec*", 1, "", "Error from server (Forbidden): pods \"prodmq-0\" is forbidden: no pods/exec");
    world.rule("*logs*", 1, "", "Error from server (Forbidden): pods is forbidden: no pods/log");
    let run = world.run(&RECOVER).ended(0);
    run.changed_nothing();
    assert!(run.stdout.contains("all 3 nodes run: nothing stopped"), "{run}");
}

#[test]
fn logs_of_the_stopped_run_say_who_was_seen_to_go() {
    let world = waiting();
    let gone = [("prodmq-0", 1_795_337_600)];
    for pod in &PODS[1..] {
        world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS[1..], &gone, ""));
    }
    // A tie by the files; but prodmq-2's container crashed, and its log has one more line.
    let ended = json!({"containerStatuses": [{"name": "rabbitmq", "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    world.object("pod.prodmq-2", &objects::pod("prodmq-2", &ended));
    let log = "2026-11-22 08:43:20.000000+00:00 [info] <0.578.0> Server startup complete; 3 plugins started.\n\
        2026-11-22 08:54:10.000000+00:00 [info] <0.465.0> rabbit on node 'rabbit@prodmq-1.prodmq-headless' down\n";
    let log = logged("prodmq-2", log);
    world.write("cluster/previous.prodmq-2", &log);
    let run = world.run(&RECOVER).ended(0);
    assert!(run.stdout.contains("prodmq-2: certain"), "{run}");
}
