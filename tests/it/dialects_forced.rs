//! A force boot of a chart that has a switch for it, and by a command before the server of a chart of others.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::recover::{stateful_set, story};
use crate::recover_again::serves;
use crate::world::World;

pub const FORCE: [&str; 8] = ["force-boot", "prodmq", "--node", "prodmq-2", "--via", "chart", "--confirm", "prodmq"];

/// All are stopped; prodmq-0 before the others. The next revision of the chart brings all pods up.
pub fn stopped(chart: &str) -> World {
    let world = crate::recover::trap();
    speak(&world, chart, "");
    let mut set = stateful_set("OrderedReady", false);
    set["spec"]["template"]["spec"]["containers"][0]["command"] =
        json!(["sh", "-ec", "exec docker-entrypoint.sh rabbitmq-server"]);
    world.object("statefulset.prodmq", &set);
    set["spec"]["podManagementPolicy"] = "Parallel".into();
    set["status"]["readyReplicas"] = 3.into();
    world.chart("statefulset.prodmq", &set);
    world.chart("release", &release("6.18.2"));
    world
}

#[test]
fn a_force_boot_by_the_chart_is_taken_back() {
    let world = stopped("stable");
    assert_snapshot!(story(&world.run(&FORCE).ended(0)), @r#"
    prodmq is back.   mqctl status prodmq
    the StatefulSet is Parallel now; keep it so: add to profiles/prodmq.yaml
        values: {podManagementPolicy: Parallel}
    the folders as they were are kept on their volumes; when nothing is missed, remove them from each pod:
        kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- sh -c 'rm -r /opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia/mqctl-copy-of-*'
    what can be done
      1   start prodmq-2 and prodmq-1 first, then the others   loses nothing that prodmq-2 knew                               about 60 s   recommended
      2   force boot of prodmq-2, then the others              what another of prodmq-1, prodmq-2 knew and prodmq-2 did not   about 60 s
      -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
      -   forget              refused: no member's volume is lost
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: force-boot: 8 to change, 1 to destroy
       0.0s folders copied
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s prodmq-0, prodmq-1 held back
       0.0s prodmq-2 starts with the chart's force boot
       0.0s prodmq-2 ready
       0.0s clients are served by prodmq-2
       0.0s no force_load left in prodmq-2
       0.0s StatefulSet prodmq has all its ordinals
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s all pods ready
       0.0s StatefulSet prodmq is as it was
       0.0s the chart's force boot is off
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s all nodes agree, logged in as user
       0.0s 37 queues, each with a leader, 1204 messages
       0.0s queues asked
       0.0s nothing is under way any more
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-0 on data-prodmq-0) set -eu folder=/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia/rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local copy=/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-1 on data-prodmq-1) set -eu folder=/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia/rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local copy=/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-2 on data-prodmq-2) set -eu folder=/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia/rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local copy=/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "force-boot", first ["prodmq-2"])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=force-boot'
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1 pod/prodmq-2
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 0 replicas, ordinals {"start":2}, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=force-boot'
    kubectl wait statefulset/prodmq '--for=jsonpath={.spec.ordinals.start}=2' --timeout 5s
    kubectl scale statefulset prodmq --replicas 1
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (StatefulSet: null, null replicas, ordinals {"start":2}, update null)
    helm upgrade --install prodmq profiles/../charts/stable-like --values - --history-max 10 --timeout 600s --namespace rabbitmq --kube-context test { "forceBoot": { "enabled": true }, "fullnameOverride": "prodmq", "image": { "registry": "docker.io", "repository": "library/rabbitmq", "tag": "4.3.6-management" }, "livenessProbe": { "initialDelaySeconds": 600 }, "persistence": { "size": "8Gi" }, "podManagementPolicy": "Parallel", "rabbitmq": { "existingErlangSecret": "prodmq-mqctl-credentials", "existingPasswordSecret": "prodmq-mqctl-credentials", "username": "user" }, "replicas": 1 }
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-2
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s dir=$RABBITMQ_MNESIA_DIR if [ -z "$dir" ]; then dir=${RABBITMQ_MNESIA_BASE:-/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia}/${RABBITMQ_NODENAME:-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local}; fi rm -f "$dir/force_load"
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"OnDelete"})
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=force-boot'
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    helm upgrade --install prodmq profiles/../charts/stable-like --values - --history-max 10 --timeout 600s --namespace rabbitmq --kube-context test { "fullnameOverride": "prodmq", "image": { "registry": "docker.io", "repository": "library/rabbitmq", "tag": "4.3.6-management" }, "livenessProbe": { "initialDelaySeconds": 600 }, "persistence": { "size": "8Gi" }, "podManagementPolicy": "Parallel", "rabbitmq": { "existingErlangSecret": "prodmq-mqctl-credentials", "existingPasswordSecret": "prodmq-mqctl-credentials", "username": "user" }, "replicas": 3 }
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

#[test]
fn a_force_boot_by_the_chart_that_was_cut_short_is_finished() {
    for moment in ["before", "after"] {
        let world = stopped("bitnami");
        world.write(&format!("kill/{moment}"), "helm upgrade *\n");
        assert_eq!(world.run_to_the_last_child(&FORCE).code, Some(128 + 9));
        serves(&world);
        let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"]).ended(0);
        let mut revisions = run.calls.iter().filter(|call| call.args.iter().any(|arg| arg == "--install"));
        let last: Value = serde_json::from_str(&revisions.next_back().unwrap().stdin).unwrap();
        assert!(last["clustering"]["forceBoot"].is_null() && last["replicaCount"] == 3, "{run}");
    }
}

/// A rollback would start the pods that are held back.
#[test]
fn a_revision_that_was_cut_short_is_forgotten() {
    let world = stopped("bitnami");
    let mut pending = release("16.0.16");
    pending["status"] = "pending-upgrade".into();
    pending["revision"] = "7".into();
    world.object("release", &pending);
    let run = world.run(&FORCE).ended(0);
    let deleted =
        run.work().iter().position(|call| call.args.iter().any(|a| a == "secret/sh.helm.release.v1.prodmq.v7"));
    let upgraded = run.work().iter().position(|call| call.args.iter().any(|arg| arg == "--install"));
    assert!(deleted.is_some() && deleted < upgraded, "{run}");
    assert!(!run.calls.iter().any(|call| call.args.iter().any(|arg| arg == "rollback")), "{run}");
}

#[test]
fn a_chart_s_own_command_stays_behind_the_force_boot() {
    let world = stopped("bitnami");
    let args = FORCE.map(|word| if word == "chart" { "statefulset" } else { word });
    let run = world.run(&args).ended(0);
    let forced = run.calls.iter().find(|call| call.stdin.contains("mqctl-forced")).unwrap();
    let set: Value = serde_json::from_str(&forced.stdin).unwrap();
    let command = set.pointer("/spec/template/spec/containers/0/command").unwrap();
    assert!(command[2].as_str().unwrap().ends_with("exec \"$@\""), "{command}");
    assert_eq!(
        command.as_array().unwrap()[3..],
        [json!("sh"), json!("sh"), json!("-ec"), json!("exec docker-entrypoint.sh rabbitmq-server")]
    );
    let spec = [&set["spec"]["ordinals"]["start"], &set["spec"]["replicas"]];
    assert_eq!(spec, [&json!(2), &json!(1)], "the others are still held back");
}
