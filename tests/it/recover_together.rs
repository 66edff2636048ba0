//! Nodes that start all at once, and what is counted where somebody serves clients already.

use insta::assert_snapshot;
use serde_json::json;

use crate::evidence::{RUNS, probe};
use crate::objects::{self, PODS};
use crate::recover::{AUTO, blank, khepri, stateful_set, trap};
use crate::recover_rights::stranger;
use crate::recover_wizard::{majority_lost, one_volume_lost};
use crate::transcript::Recorded;
use crate::world::World;

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

/// Its template may have been mended meanwhile: Kubernetes changes no pod that it could not place.
#[test]
fn pods_without_a_place_start_with_the_others() {
    let world = trap();
    for pod in PODS {
        world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS, &[], ""));
    }
    world.object("pod.prodmq-1", &objects::pod("prodmq-1", &objects::unscheduled()));
    let mut set = stateful_set("Parallel", true);
    set["status"]["readyReplicas"] = json!(3);
    world.object("statefulset.prodmq", &set);
    let run = world.run(&AUTO).ended(0);
    let made_anew = |call: &&Recorded| call.args.contains(&"10".to_owned()) && call.verb() == "delete";
    let deletes: Vec<String> = run.work().iter().filter(|call| made_anew(call)).map(ToString::to_string).collect();
    assert!(deletes.len() == 1 && deletes[0].ends_with(" pod/prodmq-1"), "{run}");
}

/// prodmq-0 serves clients, and the others wait.
fn one_serves() -> World {
    let world = trap();
    world.write("cluster/probe.prodmq-0", &probe("prodmq-0", &PODS, &[], RUNS));
    let mut set = stateful_set("Parallel", true);
    set["status"]["readyReplicas"] = json!(3);
    world.object("statefulset.prodmq", &set);
    world
}

#[test]
fn where_somebody_serves_clients_messages_are_counted_before() {
    let run = one_serves().run(&[&AUTO[..], &["-o", "json"]].concat()).ended(0);
    let counted = run.json()["counted"].clone();
    let all = json!({"queues": 37, "messages": 1204});
    assert_eq!(counted, json!({"before": all, "after": all, "missing": [], "warnings": []}));
    assert!(run.stderr.contains("37 queues, each with a leader, 1204 messages; before: 1204 messages"), "{run}");
}

/// What is said behind the plan, where the first count was this one and the second is the stand-in's.
fn told_after(names: usize, messages: u32, code: i32) -> String {
    let world = one_serves();
    let queues: Vec<String> = (1..=names).map(|n| format!("/ q{n}")).collect();
    let before = json!({"queues": queues, "leaderless": [], "messages": messages});
    world.once("*exec* < *leaderless*", &format!("mqctl {before}"));
    let run = world.run(&AUTO).ended(code);
    run.stderr.lines().skip_while(|line| !line.contains("queues asked")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_queue_that_is_missing_is_a_warning_and_no_success() {
    assert_snapshot!(told_after(38, 1204, 3), @"
       0.0s queues asked
    warning: 1 of the 38 queues of before is missing: `/ q38`
    hint: mqctl recover prodmq --evidence-only -o json   # what was read of the nodes
    ");
}

#[test]
fn messages_that_clients_may_have_taken_are_a_difference() {
    assert_snapshot!(told_after(37, 1300, 0), @"
       0.0s queues asked
    warning: 1300 messages before, 1204 now: clients were served meanwhile, and may have taken them
    ");
}

/// Queues on a volume that is lost were agreed to be lost.
#[test]
fn a_queue_that_the_plan_gave_up_is_told_and_no_failure() {
    let world = one_serves();
    blank(&world, "prodmq-1");
    world.object("pod.prodmq-2", &objects::pod("prodmq-2", &objects::running(true)));
    let queues: Vec<String> = (1..=38).map(|n| format!("/ q{n}")).collect();
    let before = json!({"queues": queues, "leaderless": [], "messages": 1204});
    world.once("*exec* < *leaderless*", &format!("mqctl {before}"));
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"]).ended(0);
    let told = "warning: 1 of the 38 queues of before is missing, as the plan said of queues on lost volumes: `/ q38`";
    assert!(run.stderr.contains(told), "{run}");
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

/// One that boots before the others, the first pod above all, makes a cluster of its own.
fn one_blank_of_khepri(blank_pod: &str) -> World {
    let world = trap();
    for pod in PODS {
        if pod == blank_pod { blank(&world, pod) } else { khepri(&world, pod) }
    }
    world
}

#[test]
fn a_blank_member_of_khepri_waits_until_the_majority_serves() {
    let world = one_blank_of_khepri("prodmq-0");
    world.object("statefulset.prodmq", &stateful_set("OrderedReady", true));
    let run = world.run(&AUTO).ended(0);
    let said: Vec<&str> = run.stderr.lines().map(str::trim_start).collect();
    let at =
        |words: &str| said.iter().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {run}"));
    let offered = "start prodmq-1 and prodmq-2 together, then the others   classic queues of prodmq-0 come back empty";
    assert!(at(offered) < at("0.0s prodmq-0 held back"), "{run}");
    let served = at("0.0s clients are served by prodmq-1, prodmq-2");
    assert!(at("0.0s prodmq-0 held back") < served && served < at("0.0s the start gate is open"), "{run}");
    assert!(!run.stderr.contains("released"), "nobody is forced: {run}");
}

#[test]
fn without_a_start_gate_a_blank_member_between_others_starts_with_them() {
    let without_gate = |pod: &str| {
        let world = one_blank_of_khepri(pod);
        let mut set = stateful_set("Parallel", false);
        set["status"]["readyReplicas"] = json!(3);
        world.object("statefulset.prodmq", &set);
        world.run(&AUTO)
    };
    let between = without_gate("prodmq-1");
    assert!(!between.stderr.contains("held back"), "the first pod has data, and no other begins a cluster: {between}");
    let first = without_gate("prodmq-0");
    assert!(first.stderr.contains("prodmq-0 held back") && first.to_string().contains("ordinals"), "{first}");
}
