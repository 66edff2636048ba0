//! A force boot that was killed, and finished by another way: whoever finishes takes its switches back.

use insta::assert_snapshot;
use serde_json::Value;

use crate::dialects_forced::{self, stopped};
use crate::evidence::{WAITS, probe};
use crate::objects::{self, PODS};
use crate::recover::{story, trap};
use crate::recover_again::nothing_is_left;
use crate::world::World;

const TOGETHER: [&str; 5] = ["recover", "prodmq", "--strategy", "together", "--yes"];
const RECOVER: [&str; 8] =
    ["recover", "prodmq", "--strategy", "force-boot", "--confirm", "prodmq", "--node", "prodmq-2"];
const FORCE: [&str; 8] = ["force-boot", "prodmq", "--node", "prodmq-2", "--via", "statefulset", "--confirm", "prodmq"];

/// All nodes have run since, and were killed in one moment: a new stop, in which nobody is newer.
fn all_stop_again(world: &World) {
    for pod in PODS {
        world.object(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(false)));
        let probe = probe(pod, &PODS, &[], WAITS).replace("1795337000 rabbit_serial", "1795341000 rabbit_serial");
        world.write(&format!("cluster/probe.{pod}"), &probe);
    }
}

#[test]
fn the_chart_s_switch_is_taken_back_by_another_way() {
    for moment in ["before", "after"] {
        let world = stopped("bitnami");
        world.write(&format!("kill/{moment}"), "helm upgrade *\n");
        assert_eq!(world.run_to_the_last_child(&dialects_forced::FORCE).code, Some(128 + 9));
        all_stop_again(&world);
        let run = world.run(&TOGETHER).ended(0);
        let mut revisions = run.calls.iter().filter(|call| call.args.iter().any(|arg| arg == "--install"));
        let last: Value = serde_json::from_str(&revisions.next_back().unwrap().stdin).unwrap();
        assert!(last["clustering"]["forceBoot"].is_null() && last["replicaCount"] == 3, "{run}");
        let set = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
        assert!(!set.contains("ordinals"), "{set}");
        nothing_is_left(&world);
    }
}

#[test]
fn the_command_in_the_stateful_set_is_taken_back_by_another_way() {
    let world = trap();
    world.write("kill/after", "kubectl * apply * <*OnDelete*\n");
    assert_eq!(world.run_to_the_last_child(&FORCE).code, Some(128 + 9));
    all_stop_again(&world);
    let left = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
    assert!(left.contains("mqctl-forced"), "{left}");
    let run = world.run(&TOGETHER).ended(0);
    let story = story(&run);
    let calls: Vec<&str> = story.lines().filter(|line| line.starts_with("kubectl ")).collect();
    assert_snapshot!(calls.join("\n"), @r#"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s dir=$RABBITMQ_MNESIA_DIR if [ -z "$dir" ]; then dir=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/${RABBITMQ_NODENAME:-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local}; fi rm -f "$dir/force_load"
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "together", first [])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1 pod/prodmq-2
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl exec prodmq-0 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-1 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-2 --container start-gate -- touch /tmp/go
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
    let set = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
    assert!(!set.contains("mqctl-forced"), "{set}");
    nothing_is_left(&world);
}

/// It has loaded its copy, and boots: its files say now that it is newest, so that nothing but what was begun speaks for it.
fn forced_and_booting() -> World {
    let world = trap();
    world.write("kill/after", "kubectl * apply * <*OnDelete*\n");
    assert_eq!(world.run_to_the_last_child(&FORCE).code, Some(128 + 9));
    world.object("pod.prodmq-2", &objects::pod("prodmq-2", &objects::running(false)));
    let alone =
        probe("prodmq-2", &["prodmq-2"], &[], WAITS).replace("1795337000 rabbit_serial", "1795341000 rabbit_serial");
    world.write("cluster/probe.prodmq-2", &alone);
    world
}

#[test]
fn a_force_boot_whose_node_boots_is_finished_by_whoever_names_it() {
    for args in [&FORCE[..], &RECOVER, &RECOVER[..6]] {
        let world = forced_and_booting();
        let run = world.run(args).ended(0);
        assert!(run.stderr.contains("an earlier force-boot was cut short: this finishes it"), "{run}");
        nothing_is_left(&world);
    }
}

#[test]
fn a_force_boot_of_another_node_is_judged_by_the_evidence() {
    let world = forced_and_booting();
    let run = world.run(&[&RECOVER[..6], &["--node", "prodmq-1"]].concat()).ended(78);
    assert!(run.stderr.contains("error: force-boot is refused: "), "{run}");
}
