//! `mqctl delete`: the order of the stop, what stays, and what a purge takes.

use insta::assert_snapshot;

use crate::objects;
use crate::world::{SECRETS_FILE, World};

#[test]
fn nodes_stop_in_order_and_the_data_stays() {
    let world = World::installed();
    let run = world.run(&["delete", "prodmq", "--yes"]);
    assert_snapshot!(run, @r#"
    $ mqctl delete prodmq --yes   [exit 0]
    stdout | kept: the volumes data-prodmq-0, data-prodmq-1, data-prodmq-2, the Secret prodmq-mqctl-credentials, the profile
    stdout | back again, with every message: mqctl install prodmq     gone for good: mqctl delete prodmq --purge
    stderr | test/rabbitmq/prodmq: delete: 5 to change, 0 to destroy
    stderr |    0.0s stop announced
    stderr |    0.0s prodmq-2 stopped
    stderr |    0.0s prodmq-1 stopped
    stderr |    0.0s prodmq-0 stopped
    stderr |    0.0s release uninstalled
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (13 access reviews)
    3. reads kubectl --context test --namespace rabbitmq get statefulsets,pods,services,persistentvolumeclaims,secrets,leases --selector 'app.kubernetes.io/instance=prodmq' --output json
    4. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
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
    5. CHANGES kubectl --context test --namespace rabbitmq annotate pods --selector 'app.kubernetes.io/instance=prodmq' --overwrite 'mqctl/stopping=true'
    6. CHANGES kubectl --context test --namespace rabbitmq scale statefulset prodmq --replicas 2
    7. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json pod/prodmq-2
    8. CHANGES kubectl --context test --namespace rabbitmq scale statefulset prodmq --replicas 1
    9. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json pod/prodmq-1
    10. CHANGES kubectl --context test --namespace rabbitmq scale statefulset prodmq --replicas 0
    11. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json pod/prodmq-0
    12. CHANGES helm uninstall prodmq --timeout 3m --namespace rabbitmq --kube-context test
    13. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json pod/prodmq-0 pod/prodmq-1 pod/prodmq-2
    14. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    "#);
    let left = world.files_below("cluster");
    for kept in [
        "secret.prodmq-mqctl-credentials",
        "persistentvolumeclaim.data-prodmq-0",
        "persistentvolumeclaim.data-prodmq-2",
    ] {
        assert!(left.contains_key(&format!("cluster/{kept}")), "{kept} is gone");
    }
    assert!(world.path(SECRETS_FILE).is_file());
}

#[test]
fn a_purge_takes_volumes_and_secret_as_well() {
    let world = World::installed();
    let run = world.run(&["delete", "prodmq", "--purge", "--confirm", "prodmq"]).ended(0);
    assert_eq!(run.changing_verbs(), ["annotate", "scale", "scale", "scale", "uninstall", "delete", "delete"]);
    assert_snapshot!(run.words(), @r"
    $ mqctl delete prodmq --purge --confirm prodmq   [exit 0]
    purged. The profile and its secrets file stay: mqctl install prodmq starts afresh with the same credentials.
    test/rabbitmq/prodmq: delete: 5 to change, 2 to destroy
       0.0s stop announced
       0.0s prodmq-2 stopped
       0.0s prodmq-1 stopped
       0.0s prodmq-0 stopped
       0.0s release uninstalled
       0.0s 3 volumes (24Gi) deleted
       0.0s Secret prodmq-mqctl-credentials deleted
    ");
    assert!(world.path(SECRETS_FILE).is_file() && run.wrote.is_empty(), "{run}");
}

#[test]
fn a_dry_run_shows_what_a_purge_destroys() {
    let run = World::installed().run(&["delete", "prodmq", "--purge", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl delete prodmq --purge --dry-run   [exit 0]
    test / rabbitmq / prodmq     delete, and purge volumes and Secret

      1  changes   announce the stop                so that no node waits for a quorum that will not come back
      2  changes   stop prodmq-2
      3  changes   stop prodmq-1
      4  changes   stop prodmq-0                    last, so that it knows what the others knew
      5  changes   helm uninstall                   StatefulSet, Services, ConfigMap; no volume, no Secret of mqctl's
      6  DESTROYS  3 volumes (24Gi)                 every message, queue, user and definition in them
      7  DESTROYS  Secret prodmq-mqctl-credentials  the secrets file beside the profile stays
    ");
}

#[test]
fn nothing_to_delete_is_said() {
    let world = World::with_secrets();
    let run = world.run(&["delete", "prodmq"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl delete prodmq   [exit 0]
    test / rabbitmq / prodmq     nothing to delete
    ");
    world.object("persistentvolumeclaim.data-prodmq-0", &objects::claim("data-prodmq-0"));
    let run = world.run(&["delete", "prodmq"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl delete prodmq   [exit 0]
    test / rabbitmq / prodmq     nothing to delete; 1 volume is kept (--purge takes it)
    ");
}

#[test]
fn install_brings_a_deleted_release_back_also_without_the_secrets_file() {
    let world = World::installed();
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
    let secret = world.files_below("cluster").remove("cluster/secret.prodmq-mqctl-credentials");
    world.remove(SECRETS_FILE);
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    assert_eq!(run.changing_verbs(), ["upgrade"]);
    assert_eq!(world.files_below("cluster").remove("cluster/secret.prodmq-mqctl-credentials"), secret);
}

#[test]
fn a_step_that_fails_stops_the_delete() {
    let world = World::installed();
    world.rule("kubectl * --replicas 1", 1, "", "Error from server: etcdserver: request timed out");
    let run = world.run(&["delete", "prodmq", "--yes", "-o", "json"]).ended(1);
    assert_eq!(run.changing_verbs(), ["annotate", "scale", "scale"]);
    let mut report = run.json();
    report["done"].as_array_mut().unwrap().iter_mut().for_each(|step| step["seconds"] = 0.into());
    assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
    {
      "apiVersion": "mqctl/v1",
      "done": [
        {
          "seconds": 0,
          "title": "stop announced"
        },
        {
          "seconds": 0,
          "title": "prodmq-2 stopped"
        }
      ],
      "exitCode": 1,
      "failed": {
        "code": null,
        "message": "`kubectl scale`: etcdserver: request timed out",
        "title": "stop prodmq-1"
      },
      "kind": "Report",
      "notReached": [
        "stop prodmq-0",
        "helm uninstall"
      ],
      "outcome": "failed",
      "target": {
        "context": "test",
        "namespace": "rabbitmq",
        "release": "prodmq"
      },
      "verb": "delete"
    }
    "#);
}

#[test]
fn the_announcement_is_a_courtesy() {
    let world = World::installed();
    world.rule("kubectl * annotate *", 1, "", "error: pods is forbidden");
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
}
