//! `mqctl install`: what it starts, in which order, with what on stdin, and what it says.

use insta::assert_snapshot;

use crate::objects;
use crate::transcript::{Recorded, Transcript};
use crate::world::{PROFILE, SECRETS_FILE, World};

#[test]
fn a_first_install_with_known_secrets() {
    let run = World::with_secrets().run(&["install", "prodmq", "--yes"]);
    assert_snapshot!(run, @r#"
    $ mqctl install prodmq --yes   [exit 0]
    stdout | prodmq is ready.   amqp://user@prodmq.rabbitmq.svc:5672     mqctl status prodmq     mqctl credentials show prodmq
    stderr | test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
    stderr |    0.0s Secret prodmq-mqctl-credentials written
    stderr |    0.0s helm release installed
    stderr |    0.0s prodmq-0 ready
    stderr |    0.0s prodmq-1 ready
    stderr |    0.0s prodmq-2 ready
    stderr |    0.0s 3 nodes ready
    stderr |    0.0s one cluster, no alarm, logged in as user
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (20 access reviews)
    3. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2
    4. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < {
      <   "apiVersion": "v1",
      <   "items": [
      <     {
      <       "apiVersion": "v1",
      <       "kind": "Namespace",
      <       "metadata": {
      <         "name": "rabbitmq"
      <       }
      <     },
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
      <     },
      <     {
      <       "apiVersion": "v1",
      <       "data": {
      <         ".erlang.cookie": "Q0FOQVJZQ09PS0lFMDEyMzQ1Njc4OQ==",
      <         "admin-password": "Y2FuYXJ5LXBhc3N3b3JkLTAxMjM0NTY3ODk=",
      <         "default-password": "Y2FuYXJ5LXBhc3N3b3JkLTAxMjM0NTY3ODk=",
      <         "erlang-cookie": "Q0FOQVJZQ09PS0lFMDEyMzQ1Njc4OQ==",
      <         "password": "Y2FuYXJ5LXBhc3N3b3JkLTAxMjM0NTY3ODk=",
      <         "rabbitmq-erlang-cookie": "Q0FOQVJZQ09PS0lFMDEyMzQ1Njc4OQ==",
      <         "rabbitmq-password": "Y2FuYXJ5LXBhc3N3b3JkLTAxMjM0NTY3ODk=",
      <         "username": "dXNlcg=="
      <       },
      <       "kind": "Secret",
      <       "metadata": {
      <         "annotations": {
      <           "mqctl/image-tag": "4.3.6-management"
      <         },
      <         "labels": {
      <           "app.kubernetes.io/instance": "prodmq",
      <           "app.kubernetes.io/managed-by": "mqctl"
      <         },
      <         "name": "prodmq-mqctl-credentials",
      <         "namespace": "rabbitmq"
      <       },
      <       "type": "Opaque"
      <     }
      <   ],
      <   "kind": "List"
      < }
    5. CHANGES helm upgrade --install prodmq '~/home/.cache/mqctl/charts/builtin-1.0.0-CHART' --values - --history-max 10 --timeout 600s --namespace rabbitmq --kube-context test
      < {
      <   "annotations": {
      <     "mqctl/values": "VALUES"
      <   },
      <   "credentials": {
      <     "existingSecret": "prodmq-mqctl-credentials"
      <   },
      <   "image": {
      <     "repository": "rabbitmq",
      <     "tag": "4.3.6-management"
      <   },
      <   "replicas": 3,
      <   "storage": {
      <     "class": "",
      <     "size": "8Gi"
      <   }
      < }
    6. reads kubectl --context test --namespace rabbitmq get statefulsets,pods --selector 'app.kubernetes.io/instance=prodmq' --output json
    7. CHANGES kubectl --context test --namespace rabbitmq annotate secret prodmq-mqctl-credentials --overwrite 'mqctl/booted-tag=4.3.6-management'
    8. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    9. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    10. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    11. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    wrote home/.cache/mqctl/charts (the built-in chart)
    "#);
}

#[test]
fn missing_secrets_are_generated_and_kept_first() {
    let world = World::new();
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    assert_eq!(run.wrote, ["home/.cache/mqctl/charts (the built-in chart)", "work/profiles/prodmq.secrets.yaml (600)"]);
    assert_snapshot!(run.stderr, @r"
    test/rabbitmq/prodmq: install: 3 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
       0.0s prodmq.secrets.yaml written
       0.0s helm release installed
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
    ");
    let kept = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    for (key, manifest_keys) in
        [("erlangCookie", ["erlang-cookie", ".erlang.cookie"]), ("password", ["password", "default-password"])]
    {
        let secret = kept.lines().find_map(|l| l.strip_prefix(&format!("{key}: \""))?.strip_suffix('"')).unwrap();
        assert!(secret.len() == 32 && secret.chars().all(|c| c.is_ascii_alphanumeric()), "{key}: {kept}");
        manifest_keys.iter().for_each(|k| assert_eq!(applied(&run, k), objects::base64(secret)));
    }
}

/// One entry of the applied Secret's data.
fn applied(run: &Transcript, key: &str) -> String {
    let apply = run.work()[0];
    let list: serde_json::Value = serde_json::from_str(&apply.stdin).unwrap();
    let secret = list["items"].as_array().unwrap().iter().find(|o| o["kind"] == "Secret").unwrap();
    secret["data"][key].as_str().unwrap().to_owned()
}

#[test]
fn five_children_at_most_come_before_the_wait() {
    let run = World::new().run(&["install", "prodmq", "--yes"]);
    let wait = |call: &&Recorded| {
        ["exec", "annotate", "delete"].contains(&call.verb()) || call.args.iter().any(|arg| arg == "statefulsets,pods")
    };
    let waiting = run.calls.iter().filter(wait).count();
    assert_eq!(waiting, 1 + 1 + 3 + 1, "one look, a note of the boot, a question to each broker, the Lease:\n{run}");
    assert!(run.calls.len() - waiting <= 5, "more than five children before the wait:\n{run}");
}

#[test]
fn the_account_as_json() {
    let run = World::with_secrets().run(&["install", "prodmq", "--yes", "-o", "json"]).ended(0);
    let mut report = run.json();
    report["done"].as_array_mut().unwrap().iter_mut().for_each(|step| step["seconds"] = 0.into());
    assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
    {
      "apiVersion": "mqctl/v1",
      "done": [
        {
          "seconds": 0,
          "title": "Secret prodmq-mqctl-credentials written"
        },
        {
          "seconds": 0,
          "title": "helm release installed"
        },
        {
          "seconds": 0,
          "title": "3 nodes ready"
        },
        {
          "seconds": 0,
          "title": "one cluster, no alarm, logged in as user"
        }
      ],
      "exitCode": 0,
      "failed": null,
      "kind": "Report",
      "notReached": [],
      "outcome": "done or healthy",
      "target": {
        "context": "test",
        "namespace": "rabbitmq",
        "release": "prodmq"
      },
      "verb": "install"
    }
    "#);
}

#[test]
fn a_dry_run_shows_the_plan_and_does_nothing() {
    let run = World::new().run(&["install", "prodmq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl install prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password: generated, 32 characters; namespace rabbitmq is created
      2  changes   prodmq.secrets.yaml              Erlang cookie and password: as in the Secret, mode 0600
      3  changes   helm install                     1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount
      4  waits     3 nodes booted                   up to 10m
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    let json = World::new().run(&["install", "prodmq", "--dry-run", "--yes", "-o", "json"]).ended(0);
    json.changed_nothing();
    assert_eq!((&json.json()["kind"], &json.json()["changes"]), (&"Plan".into(), &true.into()));
}

#[test]
fn nothing_to_do_is_said_and_nothing_is_done() {
    let run = World::installed().run(&["install", "prodmq"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run, @r"
    $ mqctl install prodmq   [exit 0]
    stdout | test / rabbitmq / prodmq     nothing to change (revision 1, 3 nodes ready)
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (20 access reviews)
    3. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2
    ");
}

#[test]
fn a_changed_profile_is_one_helm_upgrade() {
    let world = World::installed();
    world.profile("prodmq", &format!("{PROFILE}values: {{erlangArguments: \"+S 2:2\"}}\n"));
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    assert_eq!(run.changing_verbs(), ["upgrade"]);
    assert!(run.work()[0].stdin.contains(r#""erlangArguments":"+S 2:2""#), "{run}");
    world.run(&["install", "prodmq"]).ended(0).changed_nothing();
}

#[test]
fn a_namespace_that_is_there_is_left_alone() {
    let world = World::with_secrets();
    world.object("namespace.rabbitmq", &objects::named("Namespace", "rabbitmq"));
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    assert!(!run.work()[0].stdin.contains("Namespace"), "{run}");
}

#[test]
fn every_child_is_told_the_same_target() {
    let world = World::with_secrets();
    let kubeconfig = world.path("home/kubeconfig");
    let given = ["--kubeconfig", kubeconfig.to_str().unwrap(), "--context", "other", "-n", "elsewhere"];
    let run = world.run(&[&["install", "prodmq", "--yes"], &given[..]].concat()).ended(0);
    for call in &run.calls {
        let line = call.args.join(" ");
        let context = if call.program == "helm" { "--kube-context other" } else { "--context other" };
        let all = ["--kubeconfig ~/home/kubeconfig", context, "--namespace elsewhere"];
        assert!(all.iter().all(|part| line.contains(part)), "{call}");
    }
}

#[test]
fn a_failed_step_ends_the_run_and_is_told() {
    let world = World::with_secrets();
    world.rule("helm upgrade *", 1, "", "Error: INSTALLATION FAILED: no such luck");
    let run = world.run(&["install", "prodmq", "--yes"]).ended(1);
    assert_snapshot!(run.words(), @r"
    $ mqctl install prodmq --yes   [exit 1]
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
    error: install: helm install: `helm upgrade`: INSTALLATION FAILED: no such luck
    not reached: 3 nodes booted, login as user
    ");
    let json = world.run(&["install", "prodmq", "--yes", "-o", "json"]).ended(1).json();
    assert_eq!(json["failed"]["title"], "helm install");
    assert_eq!(json["notReached"], serde_json::json!(["3 nodes booted", "login as user"]));
}

#[test]
fn another_helm_at_work_is_no_lasting_failure() {
    let world = World::with_secrets();
    let words = "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress";
    world.rule("helm upgrade *", 1, "", words);
    assert_snapshot!(world.run(&["install", "prodmq", "--yes"]).ended(75).words(), @r"
    $ mqctl install prodmq --yes   [exit 75]
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
    error: install: helm install: `helm upgrade`: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress: another helm is at work on this release
    hint: run the same command again in a minute
    see: mqctl explain HELM-PENDING
    not reached: 3 nodes booted, login as user
    ");
}

#[test]
fn a_time_out_says_where_each_pod_stands() {
    let world = World::with_secrets();
    world.chart("statefulset.prodmq", &objects::stateful_set(0, "DIGEST"));
    world.chart("pod.prodmq-0", &objects::pod("prodmq-0", &objects::running(false)));
    world.chart("pod.prodmq-1", &objects::pod("prodmq-1", &objects::unscheduled()));
    world.chart("pod.prodmq-2", &objects::pod("prodmq-2", &objects::without_image()));
    let log = "[pod/prodmq-0/rabbitmq] Starting RabbitMQ 4.0.5\n\
        [pod/prodmq-0/rabbitmq] Waiting for Mnesia tables for 30000 ms, 7 retries left\n";
    world.write("cluster/log.prodmq-0", log);
    assert_snapshot!(world.run(&["install", "prodmq", "--yes", "--timeout", "1s"]).ended(75).words(), @r#"
    $ mqctl install prodmq --yes --timeout 1s   [exit 75]
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
       0.0s helm release installed
       0.0s prodmq-0 waiting for tables of its peers (7 tries left)
       0.0s prodmq-1 cannot be scheduled: 0/3 nodes are available: 3 Insufficient memory.
       0.0s prodmq-2 image: ImagePullBackOff: Back-off pulling image "rabbitmq:9.9.9"
    error: install: 3 nodes booted: not ready after 1s: 0 of 3 nodes; nothing was undone
      prodmq-0   waiting for tables of its peers (7 tries left)
        | Starting RabbitMQ 4.0.5
        | Waiting for Mnesia tables for 30000 ms, 7 retries left
      prodmq-1   cannot be scheduled: 0/3 nodes are available: 3 Insufficient memory.
      prodmq-2   image: ImagePullBackOff: Back-off pulling image "rabbitmq:9.9.9"
    hint: run the same command again: it goes on where it stands
    hint: kubectl --namespace rabbitmq get events --sort-by .lastTimestamp   # what prodmq ran into
    see: mqctl explain UNSCHEDULABLE
    not reached: login as user
    "#);
}

#[test]
fn ready_pods_are_not_believed_before_the_brokers() {
    let world = World::with_secrets();
    let mut foreign = objects::answer("prodmq-2");
    foreign["cookie"] = "00".repeat(32).into();
    world.chart("answer.prodmq-2", &foreign);
    let run = world.run(&["install", "prodmq", "--yes"]).ended(78);
    assert_snapshot!(run.stderr, @r"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
       0.0s helm release installed
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
    error: install: login as user: `prodmq-2` runs with another Erlang cookie
    see: mqctl explain CRED-MISMATCH
    ");
}
