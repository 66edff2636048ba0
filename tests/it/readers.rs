//! Volumes whose pods do not run are read by helper pods: made where nothing else helps, removed whatever happens.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::evidence::{RECOVER, probe, waiting};
use crate::objects::{self, PODS};
use crate::recover::trap;
use crate::world::World;

/// What reads a volume whose own pod would be made from this.
fn made_for(spec: Value) -> Value {
    let world = waiting();
    let mut set = objects::stateful_set(0, "");
    set["spec"]["template"]["spec"] = spec;
    world.object("statefulset.prodmq", &set);
    let run = world.run(&RECOVER).ended(0);
    let pods: Value = serde_json::from_str(&run.changes()[0].stdin).unwrap();
    let mut pod = pods["items"][0].clone();
    pod["spec"]["containers"][0]["command"][4] = json!("(the probe)");
    pod
}

/// The broker's own image and user; no label that a Service looks for; nothing that it could write to.
#[test]
fn a_helper_pod_mounts_its_volume_read_only() {
    let pod = made_for(json!({
        "imagePullSecrets": [{"name": "hub"}], "securityContext": {"runAsUser": 1234},
        "containers": [{"name": "rabbitmq", "image": "hub.example/rabbitmq:4.0.5", "securityContext": {"readOnlyRootFilesystem": true}}],
    }));
    assert_snapshot!(serde_json::to_string_pretty(&pod).unwrap(), @r#"
    {
      "apiVersion": "v1",
      "kind": "Pod",
      "metadata": {
        "labels": {
          "app.kubernetes.io/managed-by": "mqctl",
          "mqctl/reader": "prodmq"
        },
        "name": "prodmq-mqctl-reader-1"
      },
      "spec": {
        "activeDeadlineSeconds": 120,
        "automountServiceAccountToken": false,
        "containers": [
          {
            "command": [
              "sh",
              "-c",
              "timeout -k 2 \"$2\" sh -c \"$1\"; exit",
              "reader",
              "(the probe)",
              "50"
            ],
            "image": "hub.example/rabbitmq:4.0.5",
            "name": "reader",
            "resources": {
              "limits": {
                "memory": "256Mi"
              },
              "requests": {
                "cpu": "10m",
                "memory": "64Mi"
              }
            },
            "securityContext": {
              "readOnlyRootFilesystem": true
            },
            "volumeMounts": [
              {
                "mountPath": "/var/lib/rabbitmq",
                "name": "data",
                "readOnly": true
              }
            ]
          }
        ],
        "enableServiceLinks": false,
        "imagePullSecrets": [
          {
            "name": "hub"
          }
        ],
        "restartPolicy": "Never",
        "securityContext": {
          "runAsUser": 1234
        },
        "terminationGracePeriodSeconds": 0,
        "tolerations": [],
        "volumes": [
          {
            "name": "data",
            "persistentVolumeClaim": {
              "claimName": "data-prodmq-1",
              "readOnly": true
            }
          }
        ]
      }
    }
    "#);
}

/// The API server writes `{}` where a chart says nothing: as the image's root, without capabilities, nothing can be read.
#[test]
fn a_helper_pod_is_the_broker_s_user_where_the_chart_names_none() {
    let contexts = |pod: Value, broker: Value| {
        let containers = json!([{"name": "rabbitmq", "securityContext": broker}]);
        let made = made_for(json!({"securityContext": pod, "containers": containers}));
        let context = made["spec"]["securityContext"].clone();
        let ids = ["runAsUser", "runAsGroup", "fsGroup", "runAsNonRoot"].map(|key| context[key].clone());
        (json!(ids), made["spec"]["containers"][0]["securityContext"].clone())
    };
    let bare =
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
    // No group for the volume: a cookie on it has to stay its owner's alone.
    let filled = json!([999, 999, null, true]);
    assert_eq!(contexts(json!({}), json!({})), (filled.clone(), bare.clone()));
    assert_eq!(contexts(Value::Null, Value::Null), (filled.clone(), bare.clone()));
    let own = json!({"privileged": false});
    assert_eq!(contexts(json!({}), own.clone()), (filled, own), "the container's own stays");
    assert_eq!(contexts(json!({"fsGroup": 7}), json!({})).0, json!([999, 999, 7, true]), "the pod's own stays");
    for own in [json!({"runAsUser": 1234}), json!({"runAsNonRoot": true})] {
        let of_pod = json!([own["runAsUser"], null, 7, own["runAsNonRoot"]]);
        let mut pod = own.clone();
        pod["fsGroup"] = json!(7);
        assert_eq!(contexts(pod, json!({})), (of_pod, bare.clone()), "the user is the pod's own");
        let of_broker = contexts(json!({"fsGroup": 7}), own.clone());
        assert_eq!(of_broker, (json!([null, null, 7, null]), own), "the user is the container's own");
    }
}

#[test]
fn who_may_not_exec_or_make_pods_is_told_which() {
    let world = waiting();
    let forbidden = "Error from server (Forbidden): pods \"prodmq-0\" is forbidden: User \"ci\" cannot create resource \"pods/exec\"";
    world.rule("*exec*", 1, "", forbidden);
    world.rule(
        "*create*",
        1,
        "",
        "Error from server (Forbidden): pods is forbidden: User \"ci\" cannot create resource \"pods\"",
    );
    assert_snapshot!(world.run(&RECOVER).ended(3).words(), @r#"
    $ mqctl recover prodmq --evidence-only   [exit 3]
    test / rabbitmq / prodmq     down · builtin 1.0.0 · 0 of 3 nodes read

    who stopped last (read from the nodes)

      node       state                                            store   last change   saw running   read
      prodmq-0   waiting for tables of its peers (9 tries left)   -       -             -             no
      prodmq-1   not created yet                                  -       -             -             no
      prodmq-2   not created yet                                  -       -             -             no

      newest     not known: no node could be read
      not read   prodmq-0: `kubectl exec`: pods "prodmq-0" is forbidden: User "ci" cannot create resource "pods/exec"; `kubectl create`: pods is forbidden: User "ci" cannot create resource "pods"
      not read   prodmq-1: not created yet; `kubectl create`: pods is forbidden: User "ci" cannot create resource "pods"
      not read   prodmq-2: not created yet; `kubectl create`: pods is forbidden: User "ci" cannot create resource "pods"
    reading the volumes of prodmq-1, prodmq-2 through helper pods, removed afterwards
    reading the volumes of prodmq-0 through helper pods, removed afterwards
    "#);
}

#[test]
fn a_pod_that_hangs_has_its_volume_read() {
    let world = waiting();
    // `timeout` ended the probe in the container before it had looked at anything.
    world.rule("*exec*", 124, "", "command terminated with exit code 124");
    let run = world.run(&RECOVER).ended(0);
    assert!(
        run.stdout.contains("prodmq-mqctl-reader-0, prodmq-mqctl-reader-1, prodmq-mqctl-reader-2: made to read"),
        "{run}"
    );
    assert!(run.stdout.contains("prodmq-2: certain"), "{run}");
    // And one that hangs behind its files has been read as far as that.
    let world = waiting();
    let files = probe("prodmq-0", &PODS, &[], "");
    world.rule("*exec*", 124, files.split("@@ peers").next().unwrap(), "command terminated with exit code 124");
    let run = world.run(&RECOVER).ended(0);
    assert!(!run.stdout.contains("mqctl-reader-0") && run.stdout.contains("prodmq-2: certain"), "{run}");
}

#[test]
fn a_lost_volume_is_a_blank_one() {
    let world = waiting();
    world.remove("cluster/persistentvolumeclaim.data-prodmq-2");
    assert_snapshot!(world.run(&RECOVER).ended(0).stdout, @"
    test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 3 of 3 nodes read

    who stopped last (read from the nodes)

      prodmq-0 ──► prodmq-1
      prodmq-2 ···     nothing is known of its stop

      node       state                                            store    last change            saw running                    read
      prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-1   not created yet                                  Mnesia   2026-11-22T08:55:00Z   prodmq-1, prodmq-2             now
      prodmq-2   not created yet                                  blank    -                      -                              now

      newest        prodmq-1: likely
      why           nobody saw it stop; what another node knew is not there to be read
      all at once   not before the lost member is forgotten: its blank node may start as a broker of its own
      blank         prodmq-2: nothing on the volume; prodmq-0, prodmq-1 still count it as a member
      helper pods   prodmq-mqctl-reader-1: made to read volumes, removed again
    ");
    let run = world.run(&[&RECOVER[..], &["--no-helper-pods"]].concat()).ended(0);
    assert!(run.stdout.contains("blank         prodmq-2"), "that needs no helper pod to be seen: {run}");
}

#[test]
fn helper_pods_of_a_run_that_was_killed_are_removed_first() {
    let world = waiting();
    world.write("kill/after", "kubectl*create*\n");
    assert_eq!(world.run(&RECOVER).code, None);
    assert!(world.path("cluster/pod.prodmq-mqctl-reader-1").is_file());
    let run = world.run(&RECOVER).ended(0);
    assert_eq!(run.changing_verbs(), ["delete", "create", "delete", "apply"], "{run}");
    assert!(!world.path("cluster/pod.prodmq-mqctl-reader-1").exists());
}

#[test]
fn an_interrupted_run_removes_its_helper_pods() {
    let world = waiting();
    // They never end by themselves.
    world.rule("*get*json pod/prodmq-mqctl-reader-*", 0, "{\"items\":[]}", "");
    let mut child = world.command(&RECOVER).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let made = world.path("cluster/pod.prodmq-mqctl-reader-2");
    let limit = Instant::now() + Duration::from_secs(20);
    while !made.is_file() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!made.exists(), "it was left");
}

#[test]
fn without_helper_pods_what_cannot_be_asked_is_told() {
    let world = waiting();
    let run = world.run(&[&RECOVER[..], &["--no-helper-pods"]].concat()).ended(3);
    assert_eq!(run.changing_verbs(), ["apply"], "what was read is kept: {run}");
    assert_snapshot!(run.words(), @"
    $ mqctl recover prodmq --evidence-only --no-helper-pods   [exit 3]
    test / rabbitmq / prodmq     down · builtin 1.0.0 · Mnesia · 1 of 3 nodes read

    who stopped last (read from the nodes)

      prodmq-0 ··· prodmq-1 ··· prodmq-2

      node       state                                            store    last change            saw running                    read
      prodmq-0   waiting for tables of its peers (9 tries left)   Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-1   not created yet                                  -        -                      -                              no
      prodmq-2   not created yet                                  -        -                      -                              no

      newest        prodmq-0 or prodmq-1 or prodmq-2: a tie
      why           prodmq-1, prodmq-2 may be newer and could not be read
      all at once   starting all nodes together loads the copy of prodmq-0: what was declared after it stopped would be lost
      not read      prodmq-1: not created yet
      not read      prodmq-2: not created yet
       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    ");
}

/// What was kept of an earlier stop says nothing of this one, where no node can be read now.
#[test]
fn readings_of_an_earlier_stop_stand_for_nobody() {
    let world = waiting();
    world.run(&RECOVER).ended(0);
    PODS.iter().for_each(|pod| drop(std::fs::remove_file(world.path(&format!("cluster/pod.{pod}")))));
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--no-helper-pods", "--yes"]).ended(78);
    run.changed_nothing();
    assert!(run.stderr.contains("nothing that mqctl would propose helps here: no node could be read"), "{run}");
}

#[test]
fn a_dry_run_makes_no_pod_and_keeps_nothing() {
    let run = waiting().run(&[&RECOVER[..], &["--dry-run"]].concat()).ended(3);
    run.changed_nothing();
    assert!(run.stderr.contains("not done, as --dry-run says: ConfigMap prodmq-mqctl-evidence"), "{run}");
}

#[test]
fn what_waits_in_the_start_gate_is_asked_there() {
    let world = waiting();
    let gate = json!({"initContainerStatuses": [{"name": "start-gate", "state": {"running": {}}}]});
    world.object("pod.prodmq-1", &objects::pod("prodmq-1", &gate));
    let run = world.run(&RECOVER).ended(0);
    assert!(run.to_string().contains("exec --stdin prodmq-1 --container start-gate"), "{run}");
    assert!(run.stdout.contains("prodmq-mqctl-reader-2: made") && run.stdout.contains("at the start gate"), "{run}");
}

/// In back-off on a machine that its volume is attached to.
fn placed(world: &World, pod: &str, machine: &str) {
    let crashed = json!({"containerStatuses": [{"name": "rabbitmq", "restartCount": 4,
        "lastState": {"terminated": {"reason": "Error", "exitCode": 1}}, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    let mut object = objects::pod(pod, &crashed);
    object["spec"]["nodeName"] = json!(machine);
    world.object(&format!("pod.{pod}"), &object);
}

fn claimed(world: &World, pod: &str, mode: &str) {
    let name = format!("data-{pod}");
    let mut claim = objects::claim(&name);
    claim["spec"]["accessModes"] = json!([mode]);
    world.object(&format!("persistentvolumeclaim.{name}"), &claim);
}

#[test]
fn a_volume_is_read_where_its_own_pod_has_it_attached() {
    let world = waiting();
    PODS[1..].iter().for_each(|pod| placed(&world, pod, "machine-b"));
    claimed(&world, "prodmq-2", "ReadWriteMany");
    let run = world.run(&RECOVER).ended(0);
    let pods: Value = serde_json::from_str(&run.changes()[0].stdin).unwrap();
    let machines = [0, 1].map(|n| pods["items"][n]["spec"]["nodeName"].clone());
    assert_eq!(machines, [json!("machine-b"), Value::Null], "{run}");
}

#[test]
fn a_volume_that_only_its_own_pod_can_have_is_told_as_unread() {
    let world = waiting();
    placed(&world, "prodmq-1", "machine-b");
    claimed(&world, "prodmq-1", "ReadWriteOncePod");
    let run = world.run(&RECOVER).ended(3);
    assert!(!run.to_string().contains("mqctl-reader-1 on"), "{run}");
    let why = "prodmq-1: crashed: Error, exit code 1, restarts 4; data-prodmq-1 is ReadWriteOncePod: only prodmq-1 can have it";
    assert!(run.stdout.contains(why), "{run}");
}

#[test]
fn a_machine_without_room_for_a_helper_pod_is_told() {
    let world = waiting();
    placed(&world, "prodmq-1", "machine-b");
    let status = json!({"phase": "Failed", "reason": "OutOfmemory", "message": "Pod was rejected: Node didn't have enough resource: memory"});
    let refused = json!({"kind": "Pod", "metadata": {"name": "prodmq-mqctl-reader-1"}, "status": status});
    world.rule("*get*json pod/prodmq-mqctl-reader-1*", 0, &json!({"items": [refused]}).to_string(), "");
    world.rule("*logs*mqctl/reader=*", 0, "", "");
    let run = world.run(&RECOVER).ended(3);
    assert!(
        run.stdout.contains("the helper pod prodmq-mqctl-reader-1 did not come to read: Pod was rejected"),
        "{run}"
    );
}

const FORCED: [&str; 6] = ["force-boot", "prodmq", "--node", "prodmq-2", "--confirm", "prodmq"];

/// All pods wait, on one machine.
fn on_one_machine() -> World {
    let world = trap();
    for pod in PODS {
        let mut object = objects::pod(pod, &objects::running(false));
        object["spec"]["nodeName"] = "machine-b".into();
        world.object(&format!("pod.{pod}"), &object);
    }
    world
}

#[test]
fn folders_are_copied_where_their_pods_are_or_not_at_all() {
    let world = on_one_machine();
    let plan = world.run(&[&FORCED[..], &["--dry-run"]].concat()).ended(0);
    assert!(plan.stdout.contains("copy the folders of prodmq-0, prodmq-1, prodmq-2"), "{plan}");
    let run = world.run(&FORCED).ended(0);
    let helpers = run.changes().iter().filter(|call| call.stdin.contains(r#""nodeName":"machine-b""#)).count();
    assert_eq!(helpers, 3, "{run}");
    let world = on_one_machine();
    let mut claim = objects::claim("data-prodmq-1");
    claim["spec"]["accessModes"] = json!(["ReadWriteOncePod"]);
    world.object("persistentvolumeclaim.data-prodmq-1", &claim);
    let plan = world.run(&[&FORCED[..], &["--dry-run"]].concat()).ended(0);
    assert!(plan.stdout.contains("no folder is copied beforehand: data-prodmq-1 is ReadWriteOncePod"), "{plan}");
    assert!(!plan.stdout.contains("copy the folders"), "{plan}");
}
