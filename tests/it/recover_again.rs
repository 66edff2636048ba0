//! A recovery that was killed, and run again; and `mqctl force-boot`, whose switch is always taken back.

use insta::assert_snapshot;

use crate::dialects::speak;
use crate::evidence::{RUNS, probe};
use crate::objects::{self, PODS};
use crate::recover::{AUTO, blank, deadlock, khepri, stateful_set, story, trap};
use crate::transcript::Transcript;
use crate::world::World;

/// What is left of switches and notes.
#[track_caller]
pub fn nothing_is_left(world: &World) {
    assert!(!world.path("cluster/configmap.prodmq-hold").exists(), "nobody is held back");
    let evidence = std::fs::read_to_string(world.path("cluster/configmap.prodmq-mqctl-evidence")).unwrap();
    assert!(!evidence.contains("recovery.json"), "{evidence}");
    let set = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
    assert!(!set.contains("mqctl/recovery") && !set.contains("OnDelete"), "{set}");
}

/// From now on the probes say what a cluster that is back says.
pub fn serves(world: &World) {
    for pod in PODS {
        let answers = world.path(&format!("cluster/pod.{pod}")).exists();
        if answers {
            world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS, &[], RUNS));
        }
    }
}

/// Kills at the call, before and after it did its work; the same command again ends well.
fn killed_at(pattern: &str, world: fn() -> World, args: &[&str]) {
    for moment in ["kill/before", "kill/after"] {
        let world = world();
        world.write(moment, &format!("{pattern}\n"));
        let killed = world.run_to_the_last_child(args);
        assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}: nobody was killed\n{killed}");
        let ready = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap_or_default();
        if ready.contains("\"readyReplicas\":3") {
            serves(&world);
        }
        let again: Transcript = world.run(args).ended(0);
        assert!(again.stdout.contains("prodmq is back") || again.stdout.contains("nothing stopped"), "{again}");
        nothing_is_left(&world);
    }
}

#[test]
fn killed_at_each_step_of_newest_first() {
    let calls = [
        "kubectl * --field-manager mqctl-recovery *",
        "kubectl * apply * <*-hold*",
        "kubectl * delete * pod/prodmq-0*",
        "kubectl * exec * <*rabbit_table:force_load*",
        "kubectl * delete * configmap/prodmq-hold*",
        "kubectl * exec * <*leaderless*",
        "kubectl * annotate statefulset * mqctl/recovery-",
    ];
    calls.iter().for_each(|call| killed_at(call, trap, &AUTO));
}

#[test]
fn killed_while_there_is_no_stateful_set() {
    fn world() -> World {
        let world = deadlock();
        PODS.iter().for_each(|pod| khepri(&world, pod));
        world
    }
    let calls = ["kubectl * delete statefulset *", "kubectl * delete * pod/*", "kubectl * apply * <*StatefulSet*"];
    calls.iter().for_each(|call| killed_at(call, world, &AUTO));
}

#[test]
fn status_says_that_a_recovery_was_cut_short() {
    let world = trap();
    world.write("kill/after", "kubectl * --field-manager mqctl-recovery *\n");
    world.run_to_the_last_child(&AUTO);
    world.write("kill/after", "kubectl * annotate statefulset *\n");
    world.run_to_the_last_child(&AUTO);
    let status = world.run(&["status", "prodmq"]);
    assert!(status.stdout.contains("recovery") && status.stdout.contains("mqctl recover prodmq"), "{status}");
    let json = world.run(&["status", "prodmq", "-o", "json"]).json();
    assert_eq!(json["recovery"], "newest-first");
}

/// Between the end of the StatefulSet and the next one only the note knows of it.
#[test]
fn whoever_looks_while_there_is_no_stateful_set_is_sent_to_the_recovery() {
    let world = deadlock();
    world.write("kill/after", "kubectl * delete statefulset *\n");
    world.run_to_the_last_child(&AUTO);
    assert!(!world.path("cluster/statefulset.prodmq").exists());
    let doctor = world.run(&["doctor", "prodmq"]).ended(4);
    assert!(doctor.stdout.contains("× RECOVERY  a recovery (together) was cut short"), "{doctor}");
    assert!(!doctor.stdout.contains("mqctl install"), "{doctor}");
    let status = world.run(&["status", "prodmq"]);
    assert!(status.stdout.contains("recovery: together was cut short: mqctl recover prodmq"), "{status}");
    let install = world.run(&["install", "prodmq"]).ended(78);
    install.changed_nothing();
    assert_snapshot!(install.stderr, @"
    error: a recovery (together) of `prodmq` was cut short; nothing was changed
    hint: mqctl recover prodmq   # finishes it
    see: mqctl explain RECOVERY
    ");
    assert_eq!(world.run(&["plan", "prodmq"]).ended(78).stderr, install.stderr);
}

const FORCE: [&str; 6] = ["force-boot", "prodmq", "--node", "prodmq-2", "--confirm", "prodmq"];

fn forced(via: &str) -> (World, Transcript) {
    let world = trap();
    let run = world.run(&[&FORCE[..], &["--via", via]].concat()).ended(0);
    (world, run)
}

#[test]
fn a_force_boot_in_place() {
    let (world, run) = forced("live");
    nothing_is_left(&world);
    assert_snapshot!(story(&run), @r#"
    prodmq is back.   mqctl status prodmq
    the folders as they were are kept on their volumes; when nothing is missed, remove them from each pod:
        kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- sh -c 'rm -r /var/lib/rabbitmq/mnesia/mqctl-copy-of-*'
    what can be done
      1   start prodmq-2 and prodmq-1 first, then the others   loses nothing that prodmq-2 knew                               about 60 s   recommended
      2   force boot of prodmq-2, then the others              what another of prodmq-1, prodmq-2 knew and prodmq-2 did not   about 60 s
      -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
      -   forget              refused: no member's volume is lost
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: force-boot: 6 to change, 1 to destroy
       0.0s folders copied
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s prodmq-0, prodmq-1 held back
       0.0s prodmq-2 waiting for tables of its peers (9 tries left)
       0.0s prodmq-2 released
       0.0s prodmq-2 ready
       0.0s clients are served by prodmq-2
       0.0s no force_load left in prodmq-2
       0.0s the start gate is open
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
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-0 on data-prodmq-0) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-1 on data-prodmq-1) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-2 on data-prodmq-2) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "force-boot", first ["prodmq-2"])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=force-boot'
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name { "apiVersion": "v1", "data": { "pods": "prodmq-0\nprodmq-1\n" }, "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-hold" } }
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s dir=$RABBITMQ_MNESIA_DIR if [ -z "$dir" ]; then dir=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/${RABBITMQ_NODENAME:-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local}; fi rm -f "$dir/force_load"
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl exec prodmq-0 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-1 --container start-gate -- touch /tmp/go
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

#[test]
fn a_force_boot_by_a_file_says_how_often_it_tried() {
    let world = trap();
    let gone = "error: unable to upgrade connection: container not found (\"rabbitmq\")";
    world.fails("kubectl * exec * <*touch*force_load*", 2, gone);
    let run = world.run(&[&FORCE[..], &["--via", "file"]].concat()).ended(0);
    nothing_is_left(&world);
    assert_snapshot!(story(&run), @r#"
    prodmq is back.   mqctl status prodmq
    the folders as they were are kept on their volumes; when nothing is missed, remove them from each pod:
        kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- sh -c 'rm -r /var/lib/rabbitmq/mnesia/mqctl-copy-of-*'
    what can be done
      1   start prodmq-2 and prodmq-1 first, then the others   loses nothing that prodmq-2 knew                               about 60 s   recommended
      2   force boot of prodmq-2, then the others              what another of prodmq-1, prodmq-2 knew and prodmq-2 did not   about 60 s
      -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
      -   forget              refused: no member's volume is lost
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: force-boot: 6 to change, 1 to destroy
       0.0s folders copied
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s prodmq-0, prodmq-1 held back
       0.0s prodmq-2 waiting for tables of its peers (9 tries left)
       0.0s succeeded at try 3
       0.0s force_load laid in prodmq-2, its container started again
       0.0s prodmq-2 ready
       0.0s clients are served by prodmq-2
       0.0s no force_load left in prodmq-2
       0.0s the start gate is open
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
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-0 on data-prodmq-0) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-1 on data-prodmq-1) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-2 on data-prodmq-2) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "force-boot", first ["prodmq-2"])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=force-boot'
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name { "apiVersion": "v1", "data": { "pods": "prodmq-0\nprodmq-1\n" }, "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-hold" } }
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s dir=$RABBITMQ_MNESIA_DIR if [ -z "$dir" ]; then dir=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/${RABBITMQ_NODENAME:-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local}; fi [ -e "$dir/schema.DAT" ] && touch "$dir/force_load"
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s dir=$RABBITMQ_MNESIA_DIR if [ -z "$dir" ]; then dir=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/${RABBITMQ_NODENAME:-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local}; fi [ -e "$dir/schema.DAT" ] && touch "$dir/force_load"
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s dir=$RABBITMQ_MNESIA_DIR if [ -z "$dir" ]; then dir=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/${RABBITMQ_NODENAME:-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local}; fi [ -e "$dir/schema.DAT" ] && touch "$dir/force_load"
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s kill -TERM 1
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s dir=$RABBITMQ_MNESIA_DIR if [ -z "$dir" ]; then dir=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/${RABBITMQ_NODENAME:-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local}; fi rm -f "$dir/force_load"
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl exec prodmq-0 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-1 --container start-gate -- touch /tmp/go
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

#[test]
fn a_force_boot_by_the_stateful_set_is_taken_back() {
    let (world, run) = forced("statefulset");
    nothing_is_left(&world);
    assert_snapshot!(story(&run), @r#"
    prodmq is back.   mqctl status prodmq
    the folders as they were are kept on their volumes; when nothing is missed, remove them from each pod:
        kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- sh -c 'rm -r /var/lib/rabbitmq/mnesia/mqctl-copy-of-*'
    what can be done
      1   start prodmq-2 and prodmq-1 first, then the others   loses nothing that prodmq-2 knew                               about 60 s   recommended
      2   force boot of prodmq-2, then the others              what another of prodmq-1, prodmq-2 knew and prodmq-2 did not   about 60 s
      -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
      -   forget              refused: no member's volume is lost
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: force-boot: 7 to change, 1 to destroy
       0.0s folders copied
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s prodmq-0, prodmq-1 held back
       0.0s prodmq-2 starts with a force boot
       0.0s prodmq-2 ready
       0.0s clients are served by prodmq-2
       0.0s no force_load left in prodmq-2
       0.0s the start gate is open
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s all pods ready
       0.0s StatefulSet prodmq is as it was
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
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-0 on data-prodmq-0) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-1 on data-prodmq-1) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-2 on data-prodmq-2) set -eu folder=/var/lib/rabbitmq/mnesia/rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local copy=/var/lib/rabbitmq/mnesia/mqctl-copy-of-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local n=1 rm -rf "$copy.new" while [ -e "$copy.$n" ]; do n=$((n + 1)); done needs=$(du -sk "$folder" | cut -f 1) set -- $(df -Pk "$folder" | tail -n 1) has=$4 if [ "$needs" -ge "$has" ]; then echo "a copy of $folder needs $needs KiB, and $has are free"; exit 1; fi cp -a "$folder" "$copy.new" mv "$copy.new" "$copy.$n"
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "force-boot", first ["prodmq-2"])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=force-boot'
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name { "apiVersion": "v1", "data": { "pods": "prodmq-0\nprodmq-1\n" }, "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-hold" } }
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"OnDelete"})
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-2
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s dir=$RABBITMQ_MNESIA_DIR if [ -z "$dir" ]; then dir=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/${RABBITMQ_NODENAME:-rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local}; fi rm -f "$dir/force_load"
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl exec prodmq-0 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-1 --container start-gate -- touch /tmp/go
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
    let calls = ["kubectl * apply * <*OnDelete*", "kubectl * delete * pod/prodmq-2*"];
    calls.iter().for_each(|call| killed_at(call, trap, &[&FORCE[..], &["--via", "statefulset"]].concat()));
}

#[track_caller]
fn refusal(world: &World, args: &[&str]) -> String {
    let run = world.run(&[&["force-boot", "prodmq", "--confirm", "prodmq"], args].concat()).ended(78);
    assert!(run.changing_verbs().iter().all(|verb| *verb == "apply"), "more than the evidence was kept: {run}");
    run.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_force_boot_that_cannot_help_is_refused() {
    let mut refusals = vec![refusal(&trap(), &[])];
    let world = trap();
    PODS.iter().for_each(|pod| khepri(&world, pod));
    refusals.push(refusal(&world, &["--node", "prodmq-2"]));
    let world = trap();
    blank(&world, "prodmq-1");
    refusals.push(refusal(&world, &["--node", "prodmq-1"]));
    refusals.push(refusal(&world, &["--node", "prodmq-2"]));
    refusals.push(refusal(&deadlock_with_all_pods(), &["--node", "prodmq-0"]));
    let world = World::installed();
    serves(&world);
    refusals.push(refusal(&world, &[]));
    assert_snapshot!(refusals.join("\n"), @"
    error: force-boot is refused: prodmq-1 and prodmq-2 tie: `newest-first` starts both; or name one with --node; nothing was changed
    error: force-boot is refused: on Khepri a force boot does nothing, and says success: take `together`; nothing was changed
    error: force-boot is refused: the volume of prodmq-1 is blank, and it would boot as an empty broker: take `forget`; nothing was changed
    error: force-boot is refused: a lost member has to be forgotten first, and that boots the newest: take `forget`; nothing was changed
    error: force-boot is refused: starting all together loses nothing, and a force boot may: take `together`; nothing was changed
    error: force-boot is refused: all nodes run: nothing stopped, and nothing is to be done; nothing was changed
    ");
}

/// All stopped in one moment: starting together would do.
fn deadlock_with_all_pods() -> World {
    let world = deadlock();
    for pod in PODS {
        world.object(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(false)));
    }
    world
}

#[test]
fn the_built_in_chart_has_no_value_for_it() {
    let run = trap().run(&[&FORCE[..], &["--via", "chart"]].concat()).ended(64);
    assert!(run.calls.is_empty(), "{run}");
    assert_snapshot!(run.words(), @"
    $ mqctl force-boot prodmq --node prodmq-2 --confirm prodmq --via chart   [exit 64]
    error: the built-in chart has no value for a force boot; nothing was changed
    hint: mqctl force-boot prodmq --via live
    ");
}

#[test]
fn a_force_boot_wants_the_release_s_name() {
    let run = trap().run(&["force-boot", "prodmq", "--node", "prodmq-2", "--yes"]).ended(64);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept, and nothing else done: {run}");
    assert!(run.stderr.contains("agree with --confirm prodmq"), "{run}");
}

/// prodmq-0 was released and serves clients; Kubernetes has made the next pod.
fn released() -> World {
    let world = deadlock();
    world.object("pod.prodmq-0", &objects::pod("prodmq-0", &objects::running(true)));
    world.write("cluster/probe.prodmq-0", &probe("prodmq-0", &PODS, &[], RUNS));
    world.object("pod.prodmq-1", &objects::pod("prodmq-1", &objects::running(false)));
    speak(&world, "bitnami", "");
    world
}

#[test]
fn pods_that_somebody_released_by_hand_stay_as_they_are() {
    let world = released();
    let mut set = stateful_set("OrderedReady", false);
    set["status"]["readyReplicas"] = 3.into();
    world.object("statefulset.prodmq", &set);
    let run = world.run(&AUTO).ended(0);
    let work: Vec<String> = run.work().iter().map(ToString::to_string).collect();
    assert!(work.iter().any(|call| call.contains("delete statefulset prodmq '--cascade=orphan'")), "{run}");
    assert!(!work.iter().any(|call| call.contains("--grace-period")), "no pod is made anew: {run}");
}
