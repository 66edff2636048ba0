//! `mqctl recover`: the ladder shown, one rung carried out, its switches taken back.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::evidence::{WAITS, logged, probe, waiting};
use crate::objects::{self, PODS};
use crate::transcript::Transcript;
use crate::world::World;

pub const AUTO: [&str; 5] = ["recover", "prodmq", "--strategy", "auto", "--yes"];

/// As the built-in chart makes it, or as a chart does that wants its pods one after the other.
pub fn stateful_set(policy: &str, gate: bool) -> Value {
    let gate = if gate { json!([{"name": "start-gate"}]) } else { json!([]) };
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"annotations": {"mqctl/values": "d"}, "generation": 1, "name": "prodmq", "uid": "u7"},
        "spec": {
            "podManagementPolicy": policy, "replicas": 3,
            "template": {"spec": {"containers": [{"name": "rabbitmq", "image": "rabbitmq:4.0.5-management"}], "initContainers": gate}},
            "updateStrategy": {"type": "RollingUpdate"},
        },
        "status": {"observedGeneration": 1, "updatedReplicas": 3, "readyReplicas": 0},
    })
}

/// All pods wait at once; prodmq-0 stopped first, the others in the same moment.
pub fn trap() -> World {
    let world = waiting();
    world.object("statefulset.prodmq", &stateful_set("Parallel", true));
    let gone = [("prodmq-0", 1_795_337_600)];
    for pod in &PODS[1..] {
        world.object(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(false)));
        world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS[1..], &gone, WAITS));
        let waits =
            "2026-11-22 08:57:48.000000+00:00 [info] <0.1.0> Waiting for Mnesia tables for 30000 ms, 9 retries left";
        world.write(&format!("cluster/log.{pod}"), &logged(pod, waits));
    }
    world
}

/// Only prodmq-0 is there, and waits; all were killed in the same moment.
pub fn deadlock() -> World {
    let world = waiting();
    world.object("statefulset.prodmq", &stateful_set("OrderedReady", false));
    for pod in PODS {
        world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS, &[], if pod == PODS[0] { WAITS } else { "" }));
    }
    world
}

/// The flags of Khepri in the place of Mnesia's files.
pub fn khepri(world: &World, pod: &str) {
    let file = format!("cluster/probe.{pod}");
    let text = std::fs::read_to_string(world.path(&file)).unwrap();
    let text = text.replace("[quorum_queue,", "[khepri_db,").replace("1795337000 schema.DAT\n", "");
    world.write(&file, &text);
}

pub fn blank(world: &World, pod: &str) {
    world.write(
        &format!("cluster/probe.{pod}"),
        &format!("\n@@ id\npod={pod} node= now=1795345200\n@@ times\n\n@@ end\n"),
    );
}

/// What was said behind the evidence, and what was done to the cluster, a line each; without the Lease.
pub fn story(run: &Transcript) -> String {
    let told = run.stderr.lines().skip_while(|line| !line.starts_with("what can be done"));
    let mut lines: Vec<String> = run.stdout.lines().chain(told).map(str::to_owned).collect();
    for call in run.work() {
        let text = call.to_string().replace(" --context test --namespace rabbitmq", "");
        lines.push(text.lines().map(|line| line.trim_start_matches([' ', '<'])).collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}

#[test]
fn a_tie_without_the_lowest_name_starts_the_newest_first() {
    assert_snapshot!(story(&trap().run(&AUTO).ended(0)), @r#"
    prodmq is back.   mqctl status prodmq
    what can be done
      1   start prodmq-1 and prodmq-2 first, then the others   loses nothing that prodmq-1 knew   about 60 s   recommended
      -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
      -   forget              refused: no member's volume is lost
      -   force-boot          refused: prodmq-1 and prodmq-2 tie: `newest-first` starts both; or name one with --node
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: recover: 5 to change, 0 to destroy
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s prodmq-0 held back
       0.0s prodmq-1 waiting for tables of its peers (9 tries left)
       0.0s prodmq-2 waiting for tables of its peers (9 tries left)
       0.0s prodmq-1 released
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s clients are served by prodmq-1, prodmq-2
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
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "newest-first", first ["prodmq-1","prodmq-2"])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first'
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name { "apiVersion": "v1", "data": { "pods": "prodmq-0\n" }, "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-hold" } }
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0
    kubectl exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl exec prodmq-0 --container start-gate -- touch /tmp/go
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

#[test]
fn a_deadlock_becomes_parallel_around_the_pod_that_waits() {
    assert_snapshot!(story(&deadlock().run(&AUTO).ended(0)), @r#"
    prodmq is back.   mqctl status prodmq
    what can be done
      1   start all together   loses nothing   about 30 s   recommended
      -   newest-first        refused: no node is known to be older: there is nobody to hold back
      -   forget              refused: no member's volume is lost
      -   force-boot          refused: starting all together loses nothing, and a force boot may: take `together`
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: recover: 3 to change, 0 to destroy
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s StatefulSet prodmq is Parallel
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s all nodes agree, logged in as user
       0.0s 37 queues, each with a leader, 1204 messages
       0.0s queues asked
       0.0s nothing is under way any more
    kubectl create '--validate=false' --filename - --output json (2 pods that read volumes)
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "together", first [])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

#[test]
fn a_deadlock_of_khepri_is_cured_by_a_stateful_set_made_anew() {
    let world = deadlock();
    PODS.iter().for_each(|pod| khepri(&world, pod));
    assert_snapshot!(story(&world.run(&AUTO).ended(0)), @r#"
    prodmq is back.   mqctl status prodmq
    what can be done
      1   start all together   loses nothing   about 30 s   recommended
      -   newest-first        refused: on Khepri any majority decides, whoever stopped last
      -   forget              refused: on Khepri a blank member joins again by itself
      -   force-boot          refused: on Khepri a force boot does nothing, and says success: take `together`
      -   khepri-standalone   refused: a majority of volumes is left, and boots by itself: take `together`
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: recover: 3 to change, 0 to destroy
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s StatefulSet prodmq is Parallel
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s all nodes agree, logged in as user
       0.0s 37 queues, each with a leader, 1204 messages
       0.0s queues asked
       0.0s nothing is under way any more
    kubectl create '--validate=false' --filename - --output json (2 pods that read volumes)
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "together", first [])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

#[test]
fn without_a_start_gate_ordinals_hold_the_oldest_back() {
    let world = trap();
    world.object("statefulset.prodmq", &stateful_set("OrderedReady", false));
    let run = world.run(&AUTO).ended(0);
    assert_snapshot!(story(&run), @r#"
    prodmq is back.   mqctl status prodmq
    what can be done
      1   start prodmq-1 and prodmq-2 first, then the others   loses nothing that prodmq-1 knew   about 60 s   recommended
      -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
      -   forget              refused: no member's volume is lost
      -   force-boot          refused: prodmq-1 and prodmq-2 tie: `newest-first` starts both; or name one with --node
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: recover: 5 to change, 0 to destroy
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s prodmq-0 held back
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s prodmq-1 released
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s clients are served by prodmq-1, prodmq-2
       0.0s StatefulSet prodmq has all its ordinals
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s all nodes agree, logged in as user
       0.0s 37 queues, each with a leader, 1204 messages
       0.0s queues asked
       0.0s nothing is under way any more
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "newest-first", first ["prodmq-1","prodmq-2"])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first'
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1 pod/prodmq-2
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 0 replicas, ordinals {"start":1}, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first'
    kubectl wait statefulset/prodmq '--for=jsonpath={.spec.ordinals.start}=1' --timeout 5s
    kubectl scale statefulset prodmq --replicas 2
    kubectl exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first'
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

#[test]
fn a_lost_member_is_forgotten_by_typed_consent_only() {
    let world = trap();
    blank(&world, "prodmq-1");
    let run = world.run(&AUTO).ended(64);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept, and nothing else done: {run}");
    assert_snapshot!(story(&run), @r#"
    what can be done
      1   start prodmq-2, forget prodmq-1, let it join anew   classic queues of prodmq-1, whose messages went with the volume; and what nobody else knew   about 90 s   recommended
      -   together            refused: the volume of prodmq-1 is blank: its node would start as an empty broker beside the others
      -   newest-first        refused: the volume of prodmq-1 is blank: its node would start as an empty broker beside the others
      -   force-boot          refused: a lost member has to be forgotten first, and that boots the newest: take `forget`
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: recover: 7 to change, 1 to destroy
    error: this destroys data, and there is nobody to ask; nothing was changed
    hint: see it first with --dry-run, then agree with --confirm prodmq
    see: mqctl explain CONSENT
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    "#);
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"]).ended(0);
    assert_snapshot!(story(&run), @r#"
    prodmq is back.   mqctl status prodmq
    what can be done
      1   start prodmq-2, forget prodmq-1, let it join anew   classic queues of prodmq-1, whose messages went with the volume; and what nobody else knew   about 90 s   recommended
      -   together            refused: the volume of prodmq-1 is blank: its node would start as an empty broker beside the others
      -   newest-first        refused: the volume of prodmq-1 is blank: its node would start as an empty broker beside the others
      -   force-boot          refused: a lost member has to be forgotten first, and that boots the newest: take `forget`
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

    test/rabbitmq/prodmq: recover: 7 to change, 1 to destroy
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s prodmq-0, prodmq-1 held back
       0.0s prodmq-2 waiting for tables of its peers (9 tries left)
       0.0s prodmq-2 released
       0.0s prodmq-2 ready
       0.0s clients are served by prodmq-2
       0.0s prodmq-1 forgotten
       0.0s prodmq-0 started
       0.0s prodmq-0 ready
       0.0s clients are served by prodmq-0 too
       0.0s the start gate is open
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s quorum queues have prodmq-1 again
       0.0s all nodes agree, logged in as user
       0.0s 37 queues, each with a leader, 1204 messages
       0.0s queues asked
       0.0s nothing is under way any more
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "forget", first ["prodmq-2"])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=forget'
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name { "apiVersion": "v1", "data": { "pods": "prodmq-0\nprodmq-1\n" }, "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-hold" } }
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    kubectl exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmqctl forget_cluster_node rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name { "apiVersion": "v1", "data": { "pods": "prodmq-1\n" }, "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-hold" } }
    kubectl exec prodmq-0 --container start-gate -- touch /tmp/go
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl exec prodmq-0 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-1 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmq-queues grow rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local all
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

#[test]
fn the_only_khepri_volume_goes_on_alone() {
    let world = trap();
    PODS[..2].iter().for_each(|pod| blank(&world, pod));
    khepri(&world, "prodmq-2");
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"]).ended(0);
    assert_snapshot!(story(&run), @r#"
    prodmq is back.   mqctl status prodmq
    what can be done
      1   let prodmq-2 go on alone, and prodmq-0 and prodmq-1 join anew   classic queues of prodmq-0, prodmq-1 come back empty; what only they knew is lost   about 90 s   recommended
      -   together       refused: no majority of volumes is left: blank nodes would form an empty broker of their own
      -   newest-first   refused: on Khepri any majority decides, whoever stopped last
      -   forget         refused: on Khepri a blank member joins again by itself
      -   force-boot     refused: on Khepri a force boot does nothing, and says success: take `khepri-standalone`
      -   repair         refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: recover: 6 to change, 2 to destroy
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s prodmq-0, prodmq-1 held back
       0.0s prodmq-2 goes on alone
       0.0s prodmq-2 ready
       0.0s clients are served by prodmq-2
       0.0s quorum queues shrunk
       0.0s the start gate is open
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s quorum queues have prodmq-0 again
       0.0s quorum queues have prodmq-1 again
       0.0s all nodes agree, logged in as user
       0.0s 37 queues, each with a leader, 1204 messages
       0.0s queues asked
       0.0s nothing is under way any more
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "khepri-standalone", first ["prodmq-2"])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=khepri-standalone'
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name { "apiVersion": "v1", "data": { "pods": "prodmq-0\nprodmq-1\n" }, "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-hold" } }
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    kubectl exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmqctl force_standalone_khepri_boot
    kubectl exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval rabbit_quorum_queue:force_all_queues_shrink_member_to_current_member().
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl exec prodmq-0 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-1 --container start-gate -- touch /tmp/go
    kubectl exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmq-queues grow rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local all
    kubectl exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmq-queues grow rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local all
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}
