//! Nodes that start all at once, and what is counted where somebody serves clients already.

use insta::assert_snapshot;
use serde_json::json;

use crate::evidence::{RUNS, probe};
use crate::objects::{self, PODS};
use crate::recover::{AUTO, stateful_set, trap};
use crate::recover_rights::stranger;
use crate::recover_wizard::{majority_lost, one_volume_lost};
use crate::transcript::Recorded;

#[test]
fn pods_in_back_off_start_together() {
    let world = trap();
    for pod in PODS {
        world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS, &[], ""));
    }
    let crashed = json!({"containerStatuses": [{"name": "rabbitmq", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    for pod in &PODS[..2] {
        world.object(&format!("pod.{pod}"), &objects::pod(pod, &crashed));
    }
    let mut set = stateful_set("Parallel", true);
    set["status"]["readyReplicas"] = json!(3);
    world.object("statefulset.prodmq", &set);
    let run = world.run(&AUTO).ended(0);
    let deletes: Vec<String> =
        run.work().iter().filter(|call| call.verb() == "delete").map(ToString::to_string).collect();
    assert_snapshot!(deletes.join("\n"), @"
    kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1
    kubectl --context test --namespace rabbitmq delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    ");
}

#[test]
fn where_somebody_serves_clients_messages_are_counted_before() {
    let world = trap();
    world.write("cluster/probe.prodmq-0", &probe("prodmq-0", &PODS, &[], RUNS));
    let mut set = stateful_set("Parallel", true);
    set["status"]["readyReplicas"] = json!(3);
    world.object("statefulset.prodmq", &set);
    let run = world.run(&[&AUTO[..], &["-o", "json"]].concat()).ended(0);
    let counted = run.json()["counted"].clone();
    assert_eq!(counted, json!({"before": {"queues": 37, "messages": 1204}, "after": {"queues": 37, "messages": 1204}}));
    assert!(run.stderr.contains("37 queues, each with a leader, 1204 messages; before: 1204 messages"), "{run}");
}

/// A member's volume goes, or its place in the cluster or in its queues, or its pod.
fn harms(call: &Recorded) -> bool {
    let words = ["forget_cluster_node", "persistentvolumeclaim", " delete --ignore-not-found --grace-period"];
    words.iter().any(|word| call.to_string().contains(word)) || call.stdin.contains("force_all_queues_shrink")
}

/// Killed when the gate was open: the forgotten member has joined anew by the next run, and has data of the cluster's.
#[test]
fn who_has_joined_anew_is_neither_forgotten_nor_wiped_again() {
    const FORGET: [&str; 6] = ["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"];
    for world in [one_volume_lost(), stranger(), majority_lost()] {
        world.write("kill/after", "kubectl * delete * configmap/prodmq-hold*\n");
        assert_eq!(world.run_to_the_last_child(&FORGET).code, Some(128 + 9), "it was killed");
        for pod in PODS {
            world.object(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(true)));
            world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS, &[], RUNS));
        }
        let mut set = stateful_set("Parallel", true);
        set["status"]["readyReplicas"] = json!(3);
        world.object("statefulset.prodmq", &set);
        let run = world.run(&FORGET).ended(0);
        assert!(run.stderr.contains(" was cut short: this finishes it"), "{run}");
        let harm: Vec<String> = run.work().iter().filter(|call| harms(call)).map(ToString::to_string).collect();
        assert_eq!(harm, [""; 0], "{run}");
    }
}
