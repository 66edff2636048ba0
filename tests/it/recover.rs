//! `mqctl recover`: the ladder shown, one rung carried out, its switches taken back.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::evidence::{WAITS, logged, probe, waiting};
use crate::objects::{self, COOKIE, PASSWORD, PODS};
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

#[test]
fn a_tie_without_the_lowest_name_starts_the_newest_first() {
    assert_snapshot!(trap().run(&AUTO), @r#"
    $ mqctl recover prodmq --strategy auto --yes   [exit 0]
    stdout | prodmq is back.   mqctl status prodmq
    stderr | test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read
    stderr | 
    stderr | who stopped last (read from the nodes)
    stderr | 
    stderr |   prodmq-0 ──► prodmq-1 ··· prodmq-2
    stderr | 
    stderr |   node       state                                            store    last change            saw running                    read
    stderr |   prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
    stderr |   prodmq-1   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now
    stderr |   prodmq-2   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now
    stderr | 
    stderr |   newest        prodmq-1 or prodmq-2: a tie
    stderr |   why           none of them is known to have seen the others stop
    stderr |   all at once   starting all nodes together loads the copy of prodmq-0: what was declared after it stopped would be lost
    stderr | 
    stderr | what can be done
    stderr |   1   start prodmq-1 and prodmq-2 first, then the others   loses nothing that prodmq-1 knew   about 60 s   recommended
    stderr |   -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
    stderr |   -   forget              refused: no member's volume is lost
    stderr |   -   force-boot          refused: prodmq-1 and prodmq-2 tie: `newest-first` starts both; or name one with --node
    stderr |   -   khepri-standalone   refused: the metadata is in Mnesia
    stderr | 
    stderr |    0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    stderr | test/rabbitmq/prodmq: recover: 5 to change, 0 to destroy
    stderr |    0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
    stderr |    0.0s prodmq-0 held back
    stderr |    0.0s prodmq-1 waiting for tables of its peers (9 tries left)
    stderr |    0.0s prodmq-2 waiting for tables of its peers (9 tries left)
    stderr |    0.0s prodmq-1 released
    stderr |    0.0s prodmq-1 ready
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s clients are served by prodmq-1, prodmq-2
    stderr |    0.0s the start gate is open
    stderr |    0.0s prodmq-0 ready
    stderr |    0.0s prodmq-1 ready
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s 3 nodes ready
    stderr |    0.0s all nodes agree, logged in as user
    stderr |    0.0s 37 queues, each with a leader
    stderr |    0.0s queues asked
    stderr |    0.0s nothing is under way any more
    1. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (19 access reviews)
    2. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    3. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    4. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    5. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2 configmap/prodmq-mqctl-evidence configmap/prodmq-hold pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    6. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400
    7. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400 --previous
    8. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence")
    9. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < {
      <   "apiVersion": "v1",
      <   "items": [
      <     {
      <       "apiVersion": "coordination.k8s.io/v1",
      <       "kind": "Lease",
      <       "metadata": {
      <         "annotations": {
      <           "mqctl/machine": "MACHINE",
      <           "mqctl/pid": "PID",
      <           "mqctl/started": "TICKS"
      <         },
      <         "labels": {
      <           "app.kubernetes.io/instance": "prodmq",
      <           "app.kubernetes.io/managed-by": "mqctl"
      <         },
      <         "name": "prodmq-mqctl",
      <         "namespace": "rabbitmq"
      <       },
      <       "spec": {
      <         "acquireTime": "NOW",
      <         "holderIdentity": "HOLDER",
      <         "leaseDurationSeconds": 45,
      <         "renewTime": "NOW"
      <       }
      <     }
      <   ],
      <   "kind": "List"
      < }
    10. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence": "newest-first", first ["prodmq-1","prodmq-2"])
    11. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first'
    12. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "data": {
      <     "pods": "prodmq-0\n"
      <   },
      <   "kind": "ConfigMap",
      <   "metadata": {
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-hold"
      <   }
      < }
    13. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-0
    14. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    15. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400
    16. CHANGES kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    17. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    18. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    19. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-0 --container start-gate -- touch /tmp/go
    20. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    21. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question for the queues)
    22. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    23. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    24. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    25. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite mqctl/recovery-
    26. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "kind": "ConfigMap",
      <   "metadata": {
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-mqctl-evidence"
      <   }
      < }
    27. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    "#);
}

#[test]
fn a_deadlock_whose_first_pod_may_be_newest_is_released_in_place() {
    assert_snapshot!(deadlock().run(&AUTO), @r#"
    $ mqctl recover prodmq --strategy auto --yes   [exit 0]
    stdout | prodmq is back.   mqctl status prodmq
    stderr | reading the volumes of prodmq-1, prodmq-2 through helper pods, removed afterwards
    stderr | test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read
    stderr | 
    stderr | who stopped last (read from the nodes)
    stderr | 
    stderr |   prodmq-0 ··· prodmq-1 ··· prodmq-2
    stderr | 
    stderr |   node       state                                            store    last change            saw running                    read
    stderr |   prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
    stderr |   prodmq-1   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
    stderr |   prodmq-2   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
    stderr | 
    stderr |   newest        prodmq-0 or prodmq-1 or prodmq-2: a tie
    stderr |   why           none of them is known to have seen the others stop
    stderr |   all at once   starting all nodes together loads one of the newest copies
    stderr |   helper pods   prodmq-mqctl-reader-1, prodmq-mqctl-reader-2: made to read volumes, removed again
    stderr | 
    stderr | what can be done
    stderr |   1   start all together   loses nothing   about 30 s   recommended
    stderr |   -   newest-first        refused: no node is known to be older: there is nobody to hold back
    stderr |   -   forget              refused: no member's volume is lost
    stderr |   -   force-boot          refused: starting all together loses nothing, and a force boot may: take `together`
    stderr |   -   khepri-standalone   refused: the metadata is in Mnesia
    stderr | 
    stderr |    0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    stderr | test/rabbitmq/prodmq: recover: 1 to change, 0 to destroy
    stderr |    0.0s prodmq-0 waiting for tables of its peers (9 tries left)
    stderr |    0.0s prodmq-0 released
    stderr |    0.0s prodmq-0 ready
    stderr |    0.0s prodmq-1 ready
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s 3 nodes ready
    stderr |    0.0s all nodes agree, logged in as user
    stderr |    0.0s 37 queues, each with a leader
    stderr |    0.0s queues asked
    1. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (19 access reviews)
    2. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    3. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2 configmap/prodmq-mqctl-evidence configmap/prodmq-hold pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    4. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400
    5. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400 --previous
    6. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < (2 pods that read volumes)
    7. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    8. reads kubectl --context test --namespace rabbitmq logs --selector 'mqctl/reader=prodmq' --prefix --ignore-errors --tail -1
    9. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    10. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence")
    11. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < {
      <   "apiVersion": "v1",
      <   "items": [
      <     {
      <       "apiVersion": "coordination.k8s.io/v1",
      <       "kind": "Lease",
      <       "metadata": {
      <         "annotations": {
      <           "mqctl/machine": "MACHINE",
      <           "mqctl/pid": "PID",
      <           "mqctl/started": "TICKS"
      <         },
      <         "labels": {
      <           "app.kubernetes.io/instance": "prodmq",
      <           "app.kubernetes.io/managed-by": "mqctl"
      <         },
      <         "name": "prodmq-mqctl",
      <         "namespace": "rabbitmq"
      <       },
      <       "spec": {
      <         "acquireTime": "NOW",
      <         "holderIdentity": "HOLDER",
      <         "leaseDurationSeconds": 45,
      <         "renewTime": "NOW"
      <       }
      <     }
      <   ],
      <   "kind": "List"
      < }
    12. reads kubectl --context test --namespace rabbitmq get events --output json
    13. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    14. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400
    15. CHANGES kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    16. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question for the queues)
    17. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    18. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    19. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    20. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    21. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    "#);
}

#[test]
fn a_deadlock_of_khepri_is_cured_by_a_stateful_set_made_anew() {
    let world = deadlock();
    PODS.iter().for_each(|pod| khepri(&world, pod));
    assert_snapshot!(world.run(&AUTO), @r#"
    $ mqctl recover prodmq --strategy auto --yes   [exit 0]
    stdout | prodmq is back.   mqctl status prodmq
    stderr | reading the volumes of prodmq-1, prodmq-2 through helper pods, removed afterwards
    stderr | test / rabbitmq / prodmq     down · builtin 1.0.0 · Khepri · 3 of 3 nodes read
    stderr | 
    stderr | who stopped last (read from the nodes)
    stderr | 
    stderr |   node       state                                            store    last change            its log ends at                read
    stderr |   prodmq-0   waiting for tables of its peers (9 tries left)   Khepri   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
    stderr |   prodmq-1   not created yet                                  Khepri   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
    stderr |   prodmq-2   not created yet                                  Khepri   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
    stderr | 
    stderr |   newest        3 of 3 volumes are there: any majority boots by itself, whoever stopped last
    stderr |   helper pods   prodmq-mqctl-reader-1, prodmq-mqctl-reader-2: made to read volumes, removed again
    stderr | 
    stderr | what can be done
    stderr |   1   start all together   loses nothing   about 30 s   recommended
    stderr |   -   newest-first        refused: on Khepri any majority decides, whoever stopped last
    stderr |   -   forget              refused: on Khepri a blank member joins again by itself
    stderr |   -   force-boot          refused: on Khepri a force boot does nothing, and says success
    stderr |   -   khepri-standalone   refused: a majority of volumes is left, and boots by itself: take `together`
    stderr | 
    stderr |    0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    stderr | test/rabbitmq/prodmq: recover: 3 to change, 0 to destroy
    stderr |    0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
    stderr |    0.0s StatefulSet prodmq is Parallel
    stderr |    0.0s prodmq-0 ready
    stderr |    0.0s prodmq-1 ready
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s 3 nodes ready
    stderr |    0.0s all nodes agree, logged in as user
    stderr |    0.0s 37 queues, each with a leader
    stderr |    0.0s queues asked
    stderr |    0.0s nothing is under way any more
    1. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (19 access reviews)
    2. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    3. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2 configmap/prodmq-mqctl-evidence configmap/prodmq-hold pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    4. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400
    5. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400 --previous
    6. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < (2 pods that read volumes)
    7. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    8. reads kubectl --context test --namespace rabbitmq logs --selector 'mqctl/reader=prodmq' --prefix --ignore-errors --tail -1
    9. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    10. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence")
    11. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < {
      <   "apiVersion": "v1",
      <   "items": [
      <     {
      <       "apiVersion": "coordination.k8s.io/v1",
      <       "kind": "Lease",
      <       "metadata": {
      <         "annotations": {
      <           "mqctl/machine": "MACHINE",
      <           "mqctl/pid": "PID",
      <           "mqctl/started": "TICKS"
      <         },
      <         "labels": {
      <           "app.kubernetes.io/instance": "prodmq",
      <           "app.kubernetes.io/managed-by": "mqctl"
      <         },
      <         "name": "prodmq-mqctl",
      <         "namespace": "rabbitmq"
      <       },
      <       "spec": {
      <         "acquireTime": "NOW",
      <         "holderIdentity": "HOLDER",
      <         "leaseDurationSeconds": 45,
      <         "renewTime": "NOW"
      <       }
      <     }
      <   ],
      <   "kind": "List"
      < }
    12. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence": "together", first [])
    13. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    14. CHANGES kubectl --context test --namespace rabbitmq delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    15. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-0
    16. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager helm --filename -
      < (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    17. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    18. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question for the queues)
    19. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    20. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    21. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    22. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    23. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite mqctl/recovery-
    24. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "kind": "ConfigMap",
      <   "metadata": {
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-mqctl-evidence"
      <   }
      < }
    25. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    "#);
}

#[test]
fn without_a_start_gate_ordinals_hold_the_oldest_back() {
    let world = trap();
    world.object("statefulset.prodmq", &stateful_set("OrderedReady", false));
    let run = world.run(&AUTO).ended(0);
    let work: Vec<String> = run.work().iter().map(ToString::to_string).collect();
    assert_snapshot!(work.join("\n"), @r#"
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence")
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence": "newest-first", first ["prodmq-1","prodmq-2"])
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first'
    kubectl --context test --namespace rabbitmq delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1 pod/prodmq-2
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager helm --filename -
      < (StatefulSet: "Parallel", 0 replicas, ordinals {"start":1}, update {"type":"RollingUpdate"})
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first'
    kubectl --context test --namespace rabbitmq wait statefulset/prodmq '--for=jsonpath={.spec.ordinals.start}=1' --timeout 5s
    kubectl --context test --namespace rabbitmq scale statefulset prodmq --replicas 2
    kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    kubectl --context test --namespace rabbitmq delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager helm --filename -
      < (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first'
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "kind": "ConfigMap",
      <   "metadata": {
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-mqctl-evidence"
      <   }
      < }
    "#);
}

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
    kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    ");
}

#[test]
fn a_lost_member_is_forgotten_by_typed_consent_only() {
    let world = trap();
    blank(&world, "prodmq-1");
    let run = world.run(&AUTO).ended(64);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept, and nothing else done: {run}");
    assert_snapshot!(run.stderr, @"
    test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read

    who stopped last (read from the nodes)

      prodmq-0 ──► prodmq-2
      prodmq-1 ···     nothing is known of its stop

      node       state                                            store    last change            saw running                    read
      prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-1   waiting for tables of its peers (9 tries left)   blank    -                      -                              now
      prodmq-2   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now

      newest        prodmq-2: likely
      why           nobody saw it stop; what another node knew is not there to be read
      all at once   not before the lost member is forgotten: its blank node may start as a broker of its own
      blank         prodmq-1: nothing on the volume

    what can be done
      1   start prodmq-2, forget prodmq-1, let it join anew   classic queues of prodmq-1, whose messages went with the volume; and what nobody else knew   about 90 s   recommended
      -   together            refused: the volume of prodmq-1 is blank: its node would start as an empty broker beside the others
      -   newest-first        refused: the volume of prodmq-1 is blank: its node would start as an empty broker beside the others
      -   force-boot          refused: a lost member has to be forgotten first, and that boots the newest: take `forget`
      -   khepri-standalone   refused: the metadata is in Mnesia

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: recover: 6 to change, 1 to destroy
    error: this destroys data, and there is nobody to ask; nothing was changed
    hint: see it first with --dry-run, then agree with --confirm prodmq
    see: mqctl explain CONSENT
    ");
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"]).ended(0);
    assert_snapshot!(run, @r#"
    $ mqctl recover prodmq --strategy auto --confirm prodmq   [exit 0]
    stdout | prodmq is back.   mqctl status prodmq
    stderr | test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read
    stderr | 
    stderr | who stopped last (read from the nodes; first reading 2026-11-22T11:00:00Z, kept in ConfigMap prodmq-mqctl-evidence)
    stderr | 
    stderr |   prodmq-0 ──► prodmq-2
    stderr |   prodmq-1 ···     nothing is known of its stop
    stderr | 
    stderr |   node       state                                            store    last change            saw running                    read
    stderr |   prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   first at 2026-11-22T11:00:00Z
    stderr |   prodmq-1   waiting for tables of its peers (9 tries left)   blank    -                      -                              now
    stderr |   prodmq-2   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             first at 2026-11-22T11:00:00Z
    stderr | 
    stderr |   newest        prodmq-2: likely
    stderr |   why           nobody saw it stop; what another node knew is not there to be read
    stderr |   all at once   not before the lost member is forgotten: its blank node may start as a broker of its own
    stderr |   blank         prodmq-1: nothing on the volume
    stderr | 
    stderr | what can be done
    stderr |   1   start prodmq-2, forget prodmq-1, let it join anew   classic queues of prodmq-1, whose messages went with the volume; and what nobody else knew   about 90 s   recommended
    stderr |   -   together            refused: the volume of prodmq-1 is blank: its node would start as an empty broker beside the others
    stderr |   -   newest-first        refused: the volume of prodmq-1 is blank: its node would start as an empty broker beside the others
    stderr |   -   force-boot          refused: a lost member has to be forgotten first, and that boots the newest: take `forget`
    stderr |   -   khepri-standalone   refused: the metadata is in Mnesia
    stderr | 
    stderr | test/rabbitmq/prodmq: recover: 6 to change, 1 to destroy
    stderr |    0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
    stderr |    0.0s prodmq-0, prodmq-1 held back
    stderr |    0.0s prodmq-2 waiting for tables of its peers (9 tries left)
    stderr |    0.0s prodmq-2 released
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s clients are served by prodmq-2
    stderr |    0.0s prodmq-1 forgotten
    stderr |    0.0s the start gate is open
    stderr |    0.0s prodmq-0 ready
    stderr |    0.0s prodmq-1 ready
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s 3 nodes ready
    stderr |    0.0s quorum queues have prodmq-1 again
    stderr |    0.0s all nodes agree, logged in as user
    stderr |    0.0s 37 queues, each with a leader
    stderr |    0.0s queues asked
    stderr |    0.0s nothing is under way any more
    1. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (19 access reviews)
    2. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    3. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    4. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    5. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2 configmap/prodmq-mqctl-evidence configmap/prodmq-hold pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    6. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400
    7. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400 --previous
    8. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < {
      <   "apiVersion": "v1",
      <   "items": [
      <     {
      <       "apiVersion": "coordination.k8s.io/v1",
      <       "kind": "Lease",
      <       "metadata": {
      <         "annotations": {
      <           "mqctl/machine": "MACHINE",
      <           "mqctl/pid": "PID",
      <           "mqctl/started": "TICKS"
      <         },
      <         "labels": {
      <           "app.kubernetes.io/instance": "prodmq",
      <           "app.kubernetes.io/managed-by": "mqctl"
      <         },
      <         "name": "prodmq-mqctl",
      <         "namespace": "rabbitmq"
      <       },
      <       "spec": {
      <         "acquireTime": "NOW",
      <         "holderIdentity": "HOLDER",
      <         "leaseDurationSeconds": 45,
      <         "renewTime": "NOW"
      <       }
      <     }
      <   ],
      <   "kind": "List"
      < }
    9. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence": "forget", first ["prodmq-2"])
    10. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=forget'
    11. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "data": {
      <     "pods": "prodmq-0\nprodmq-1\n"
      <   },
      <   "kind": "ConfigMap",
      <   "metadata": {
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-hold"
      <   }
      < }
    12. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    13. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    14. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400
    15. CHANGES kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    16. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    17. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmqctl forget_cluster_node rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local
    18. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < false = lists:member('rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local', (try rabbit_nodes:list_members() catch _:_ -> rabbit_nodes:all() end)).
    19. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    20. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-0 --container start-gate -- touch /tmp/go
    21. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-1 --container start-gate -- touch /tmp/go
    22. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    23. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmq-queues grow rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local all
    24. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    25. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    26. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question for the queues)
    27. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    28. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite mqctl/recovery-
    29. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "kind": "ConfigMap",
      <   "metadata": {
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-mqctl-evidence"
      <   }
      < }
    30. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    "#);
}

#[test]
fn the_only_khepri_volume_goes_on_alone() {
    let world = trap();
    PODS[..2].iter().for_each(|pod| blank(&world, pod));
    khepri(&world, "prodmq-2");
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"]).ended(0);
    assert_snapshot!(run, @r#"
    $ mqctl recover prodmq --strategy auto --confirm prodmq   [exit 0]
    stdout | prodmq is back.   mqctl status prodmq
    stderr | test / rabbitmq / prodmq     down · builtin 1.0.0 · Khepri · 3 of 3 nodes read
    stderr | 
    stderr | who stopped last (read from the nodes)
    stderr | 
    stderr |   node       state                                            store    last change            its log ends at      read
    stderr |   prodmq-0   waiting for tables of its peers (9 tries left)   blank    -                      -                    now
    stderr |   prodmq-1   waiting for tables of its peers (9 tries left)   blank    -                      -                    now
    stderr |   prodmq-2   waiting for tables of its peers (9 tries left)   Khepri   2026-11-22T08:55:00Z   prodmq-1, prodmq-2   now
    stderr | 
    stderr |   newest   prodmq-2, the only volume left
    stderr |   why      1 of 3 volumes are there: no majority, so none boots by itself
    stderr |   blank    prodmq-0, prodmq-1: nothing on the volume
    stderr | 
    stderr | what can be done
    stderr |   1   let prodmq-2 go on alone, and prodmq-0 and prodmq-1 join anew   classic queues of prodmq-0, prodmq-1 come back empty; what only they knew is lost   about 90 s   recommended
    stderr |   -   together       refused: no majority of volumes is left: blank nodes would form an empty broker of their own
    stderr |   -   newest-first   refused: on Khepri any majority decides, whoever stopped last
    stderr |   -   forget         refused: on Khepri a blank member joins again by itself
    stderr |   -   force-boot     refused: on Khepri a force boot does nothing, and says success
    stderr | 
    stderr |    0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    stderr | test/rabbitmq/prodmq: recover: 6 to change, 2 to destroy
    stderr |    0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
    stderr |    0.0s prodmq-0, prodmq-1 held back
    stderr |    0.0s prodmq-2 goes on alone
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s clients are served by prodmq-2
    stderr |    0.0s quorum queues shrunk
    stderr |    0.0s the start gate is open
    stderr |    0.0s prodmq-0 ready
    stderr |    0.0s prodmq-1 ready
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s 3 nodes ready
    stderr |    0.0s quorum queues have prodmq-0 again
    stderr |    0.0s quorum queues have prodmq-1 again
    stderr |    0.0s all nodes agree, logged in as user
    stderr |    0.0s 37 queues, each with a leader
    stderr |    0.0s queues asked
    stderr |    0.0s nothing is under way any more
    1. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (19 access reviews)
    2. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    3. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    4. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    5. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2 configmap/prodmq-mqctl-evidence configmap/prodmq-hold pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    6. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400
    7. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq' --container rabbitmq --prefix --ignore-errors --tail 400 --previous
    8. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence")
    9. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < {
      <   "apiVersion": "v1",
      <   "items": [
      <     {
      <       "apiVersion": "coordination.k8s.io/v1",
      <       "kind": "Lease",
      <       "metadata": {
      <         "annotations": {
      <           "mqctl/machine": "MACHINE",
      <           "mqctl/pid": "PID",
      <           "mqctl/started": "TICKS"
      <         },
      <         "labels": {
      <           "app.kubernetes.io/instance": "prodmq",
      <           "app.kubernetes.io/managed-by": "mqctl"
      <         },
      <         "name": "prodmq-mqctl",
      <         "namespace": "rabbitmq"
      <       },
      <       "spec": {
      <         "acquireTime": "NOW",
      <         "holderIdentity": "HOLDER",
      <         "leaseDurationSeconds": 45,
      <         "renewTime": "NOW"
      <       }
      <     }
      <   ],
      <   "kind": "List"
      < }
    10. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < (ConfigMap "prodmq-mqctl-evidence": "khepri-standalone", first ["prodmq-2"])
    11. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=khepri-standalone'
    12. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "data": {
      <     "pods": "prodmq-0\nprodmq-1\n"
      <   },
      <   "kind": "ConfigMap",
      <   "metadata": {
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-hold"
      <   }
      < }
    13. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-0 pod/prodmq-1
    14. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmqctl force_standalone_khepri_boot
    15. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    16. CHANGES kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < rabbit_quorum_queue:force_all_queues_shrink_member_to_current_member().
    17. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    18. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-0 --container start-gate -- touch /tmp/go
    19. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-1 --container start-gate -- touch /tmp/go
    20. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    21. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmq-queues grow rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local all
    22. CHANGES kubectl --context test --namespace rabbitmq exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmq-queues grow rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local all
    23. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    24. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    25. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question for the queues)
    26. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    27. CHANGES kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite mqctl/recovery-
    28. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "kind": "ConfigMap",
      <   "metadata": {
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-mqctl-evidence"
      <   }
      < }
    29. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    "#);
}

#[test]
fn what_the_evidence_speaks_against_is_refused() {
    for strategy in ["together", "forget", "khepri-standalone", "force-boot"] {
        let world = trap();
        let run = world.run(&["recover", "prodmq", "--strategy", strategy, "--confirm", "prodmq"]).ended(78);
        assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept, and nothing else done: {run}");
        assert!(run.stderr.contains(&format!("error: {strategy} is refused: ")), "{run}");
    }
}

#[test]
fn without_anybody_to_ask_the_ladder_is_shown_and_nothing_done() {
    let run = trap().run(&["recover", "prodmq"]).ended(64);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept: {run}");
    assert_snapshot!(run.words(), @"
    $ mqctl recover prodmq   [exit 64]
    test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read

    who stopped last (read from the nodes)

      prodmq-0 ──► prodmq-1 ··· prodmq-2

      node       state                                            store    last change            saw running                    read
      prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-1   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now
      prodmq-2   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now

      newest        prodmq-1 or prodmq-2: a tie
      why           none of them is known to have seen the others stop
      all at once   starting all nodes together loads the copy of prodmq-0: what was declared after it stopped would be lost

    what can be done
      1   start prodmq-1 and prodmq-2 first, then the others   loses nothing that prodmq-1 knew   about 60 s   recommended
      -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
      -   forget              refused: no member's volume is lost
      -   force-boot          refused: prodmq-1 and prodmq-2 tie: `newest-first` starts both; or name one with --node
      -   khepri-standalone   refused: the metadata is in Mnesia

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    error: which way? there is nobody to ask; nothing was started or stopped
    hint: mqctl recover prodmq --strategy auto --yes
    ");
}

#[test]
fn a_dry_run_changes_nothing() {
    let run = trap().run(&["recover", "prodmq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @"
    test / rabbitmq / prodmq     recover (newest-first)

      1  changes   ConfigMap prodmq-mqctl-evidence           what is under way, and the StatefulSet as it will be
      2  changes   hold back prodmq-0                        at the start gate, by ConfigMap prodmq-hold
      3  changes   release prodmq-1                          in place, as soon as it waits: it loads its own copy
      4  waits     clients are served by prodmq-1, prodmq-2
      5  changes   open the start gate                       ConfigMap prodmq-hold is deleted
      6  waits     3 nodes ready                             up to 10m
      7  reads     login as user                             members, alarms, cookie, by the brokers' own word
      8  reads     a leader for every queue                  each is asked itself
      9  changes   the note of what is under way             taken away again
    ");
}

#[test]
fn the_plan_as_a_script() {
    let run = trap().run(&["recover", "prodmq", "--strategy", "auto", "--as-script"]).ended(0);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept: {run}");
    assert_snapshot!(run.stdout, @r#"
    #!/bin/sh
    # test/rabbitmq/prodmq: recover (newest-first)
    # Made for what was seen at that moment: run it soon, from top to bottom, and stop where a command fails.
    set -eu

    # 1. changes ConfigMap prodmq-mqctl-evidence: what is under way, and the StatefulSet as it will be
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name <<'END'
    {"apiVersion":"v1","data":{"recovery.json":"{\"strategy\":\"newest-first\",\"way\":{\"first\":[\"prodmq-1\",\"prodmq-2\"],\"lost\":[],\"strangers\":[]},\"statefulSet\":{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"annotations\":{\"mqctl/values\":\"d\"},\"name\":\"prodmq\"},\"spec\":{\"podManagementPolicy\":\"Parallel\",\"replicas\":3,\"template\":{\"spec\":{\"containers\":[{\"image\":\"rabbitmq:4.0.5-management\",\"name\":\"rabbitmq\"}],\"initContainers\":[{\"name\":\"start-gate\"}]}},\"updateStrategy\":{\"type\":\"RollingUpdate\"}}}}"},"kind":"ConfigMap","metadata":{"labels":{"app.kubernetes.io/instance":"prodmq","app.kubernetes.io/managed-by":"mqctl"},"name":"prodmq-mqctl-evidence"}}
    END
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first' || true   # whatever comes of it

    # 2. changes hold back prodmq-0: at the start gate, by ConfigMap prodmq-hold
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name <<'END'
    {"apiVersion":"v1","data":{"pods":"prodmq-0\n"},"kind":"ConfigMap","metadata":{"labels":{"app.kubernetes.io/instance":"prodmq","app.kubernetes.io/managed-by":"mqctl"},"name":"prodmq-hold"}}
    END
    kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-0

    # 3. changes release prodmq-1: in place, as soon as it waits: it loads its own copy
    until kubectl --context test --namespace rabbitmq logs prodmq-1 --container rabbitmq --tail 400 | grep -qE 'Waiting for Mnesia tables|startup complete'; do sleep 1; done
    until kubectl --context test --namespace rabbitmq logs prodmq-2 --container rabbitmq --tail 400 | grep -qE 'Waiting for Mnesia tables|startup complete'; do sleep 1; done
    kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval <<'END'
    case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    END

    # 4. waits clients are served by prodmq-1, prodmq-2
    until kubectl --context test --namespace rabbitmq get pod/prodmq-1 pod/prodmq-2 >/dev/null 2>&1; do sleep 1; done
    kubectl --context test --namespace rabbitmq wait --for=condition=Ready pod/prodmq-1 pod/prodmq-2 --timeout=600s

    # 5. changes open the start gate: ConfigMap prodmq-hold is deleted
    kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl --context test --namespace rabbitmq exec prodmq-0 --container start-gate -- touch /tmp/go || true   # whatever comes of it

    # 6. waits 3 nodes ready: up to 10m
    until kubectl --context test --namespace rabbitmq get pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 >/dev/null 2>&1; do sleep 1; done
    kubectl --context test --namespace rabbitmq wait --for=condition=Ready pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 --timeout=600s

    # 7. reads login as user: members, alarms, cookie, by the brokers' own word
    kubectl --context test --namespace rabbitmq exec prodmq-0 --container rabbitmq -- timeout -k 2 60 rabbitmqctl cluster_status
    kubectl --context test --namespace rabbitmq exec prodmq-1 --container rabbitmq -- timeout -k 2 60 rabbitmqctl cluster_status
    kubectl --context test --namespace rabbitmq exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmqctl cluster_status

    # 8. reads a leader for every queue: each is asked itself
    kubectl --context test --namespace rabbitmq exec prodmq-1 --container rabbitmq -- timeout -k 2 60 rabbitmqctl list_queues name state leader

    # 9. changes the note of what is under way: taken away again
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name <<'END'
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"labels":{"app.kubernetes.io/instance":"prodmq","app.kubernetes.io/managed-by":"mqctl"},"name":"prodmq-mqctl-evidence"}}
    END
    "#);
}

#[test]
fn no_secret_is_in_a_script_a_note_or_the_conversation() {
    let world = trap();
    let script = world.run(&["recover", "prodmq", "--strategy", "auto", "--as-script"]).ended(0);
    let run = world.run(&[&AUTO[..], &["-vv"]].concat()).ended(0);
    for text in [script.to_string(), run.stdout.clone(), run.stderr.clone()] {
        for canary in [COOKIE, PASSWORD, &objects::base64(COOKIE), &objects::base64(PASSWORD)] {
            assert!(!text.contains(canary), "{text}");
        }
    }
}

#[test]
fn rights_that_are_missing_are_named() {
    let world = trap();
    let denied =
        r#"{"spec":{"resourceAttributes":{"verb":"delete","resource":"statefulsets"}},"status":{"allowed":false}}"#;
    world.rule("*create*SelfSubjectAccessReview*", 0, denied, "");
    let run = world.run(&AUTO).ended(77);
    run.changed_nothing();
    assert!(run.stderr.contains("delete statefulsets"), "{run}");
}

#[test]
fn a_release_that_is_not_there_is_installed_not_recovered() {
    let world = trap();
    world.remove("cluster/statefulset.prodmq");
    PODS.iter().for_each(|pod| world.remove(&format!("cluster/pod.{pod}")));
    let run = world.run(&AUTO).ended(78);
    assert!(
        run.stderr.contains("there is no StatefulSet `prodmq`") && run.stderr.contains("mqctl install prodmq"),
        "{run}"
    );
}
