//! `mqctl expose`: the Service beside the release, its address, a connection through it; and the key `expose`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::objects;
use crate::world::{PROFILE, World};

/// Nobody listens there: a loopback address that no program binds to.
pub const BALANCER: &str = "127.83.0.1";

/// Installed; the nodes of its pods have this machine's address.
fn on_this_machine() -> World {
    let world = World::installed();
    for pod in objects::PODS {
        let mut status = objects::running(true);
        status["hostIP"] = json!("127.0.0.1");
        world.object(&format!("pod.{pod}"), &objects::pod(pod, &status));
        world.chart(&format!("pod.{pod}"), &objects::pod(pod, &status));
    }
    world
}

/// A broker's first words to each client, on the node port that the Service will get.
pub fn broker(world: &World) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut header = [0; 8];
            client.read_exact(&mut header).unwrap();
            assert_eq!(&header, b"AMQP\0\0\x09\x01");
            client.write_all(b"\x01\0\0\0\0\x02\x0f\0\x0a\0\x0a\0\x09").unwrap();
        }
    });
    world.write("nodeport", &port.to_string());
    port
}

/// A port that differs from run to run becomes a word.
fn without(port: u16, text: &str) -> String {
    text.replace(&port.to_string(), "NODEPORT")
}

pub fn with_profile(world: World, expose: &str) -> World {
    world.profile("prodmq", &format!("{PROFILE}expose: {expose}\n"));
    world
}

#[test]
fn a_node_port_is_opened_and_proven() {
    let world = on_this_machine();
    let port = broker(&world);
    let run = world.run(&["expose", "prodmq", "--type", "NodePort", "--yes"]).ended(0);
    assert_snapshot!(without(port, &run.to_string()), @r#"
    $ mqctl expose prodmq --type NodePort --yes   [exit 0]
    stdout | from outside: amqp://user@127.0.0.1:NODEPORT
    stderr | test/rabbitmq/prodmq: expose: 1 to change, 0 to destroy
    stderr |    0.0s Service prodmq-external written
    stderr |    0.0s address for clients outside
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (8 access reviews)
    3. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2
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
    5. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "kind": "Service",
      <   "metadata": {
      <     "annotations": {
      <       "mqctl/exposed": "143d13a7a2dcbbb2"
      <     },
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-external",
      <     "namespace": "rabbitmq"
      <   },
      <   "spec": {
      <     "ports": [
      <       {
      <         "name": "amqp",
      <         "port": 5672,
      <         "protocol": "TCP",
      <         "targetPort": 5672
      <       }
      <     ],
      <     "publishNotReadyAddresses": false,
      <     "selector": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/name": "rabbitmq"
      <     },
      <     "type": "NodePort"
      <   }
      < }
    6. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json service/prodmq-external pod/prodmq-0 pod/prodmq-1 pod/prodmq-2
    7. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    "#);
    let again = world.run(&["expose", "prodmq", "--type", "NodePort"]).ended(0);
    again.changed_nothing();
    assert_snapshot!(without(port, &again.words()), @r"
    $ mqctl expose prodmq --type NodePort   [exit 0]
    test / rabbitmq / prodmq     nothing to change   amqp://user@127.0.0.1:NODEPORT
    ");
}

#[test]
fn a_load_balancer_that_does_not_answer_from_here_is_a_warning() {
    let world = World::installed();
    world.write("balancer", BALANCER);
    let flags =
        ["--ip", BALANCER, "--port", "amqp,management", "--source-range", "10.0.0.0/8", "--annotation", "a/b=c"];
    let run = world.run(&[&["expose", "prodmq", "--yes", "--timeout", "1s"], &flags[..]].concat()).ended(0);
    assert_snapshot!(run, @r#"
    $ mqctl expose prodmq --yes --timeout 1s --ip 127.83.0.1 --port amqp,management --source-range 10.0.0.0/8 --annotation 'a/b=c'   [exit 0]
    stdout | from outside: amqp://user@127.83.0.1:5672   http://127.83.0.1:15672
    stderr | test/rabbitmq/prodmq: expose: 1 to change, 0 to destroy
    stderr |    0.0s Service prodmq-external written
    stderr | warning: 127.83.0.1:5672 does not answer from 127.0.0.1: connection refused; try it from where its clients are
    stderr |    0.0s address for clients outside
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (8 access reviews)
    3. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2
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
    5. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "kind": "Service",
      <   "metadata": {
      <     "annotations": {
      <       "a/b": "c",
      <       "mqctl/exposed": "a12a6f3d58dcef36"
      <     },
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl"
      <     },
      <     "name": "prodmq-external",
      <     "namespace": "rabbitmq"
      <   },
      <   "spec": {
      <     "loadBalancerIP": "127.83.0.1",
      <     "loadBalancerSourceRanges": [
      <       "10.0.0.0/8"
      <     ],
      <     "ports": [
      <       {
      <         "name": "amqp",
      <         "port": 5672,
      <         "protocol": "TCP",
      <         "targetPort": 5672
      <       },
      <       {
      <         "name": "management",
      <         "port": 15672,
      <         "protocol": "TCP",
      <         "targetPort": 15672
      <       }
      <     ],
      <     "publishNotReadyAddresses": false,
      <     "selector": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/name": "rabbitmq"
      <     },
      <     "type": "LoadBalancer"
      <   }
      < }
    6. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json service/prodmq-external pod/prodmq-0 pod/prodmq-1 pod/prodmq-2
    7. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
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
fn an_address_that_does_not_come_is_explained() {
    let world = World::installed();
    let run = world.run(&["expose", "prodmq", "--yes", "--timeout", "1s"]).ended(75);
    assert_snapshot!(run.words(), @r"
    $ mqctl expose prodmq --yes --timeout 1s   [exit 75]
    test/rabbitmq/prodmq: expose: 1 to change, 0 to destroy
    warning: `sourceRanges`: none, so whoever reaches the load balancer reaches the broker's login
       0.0s Service prodmq-external written
    error: expose: address for clients outside: `prodmq-external` has no address after 1s: no load balancer answered; kind, k3d and bare metal have none unless one was installed; the Service stays
    hint: mqctl expose prodmq --type NodePort   # needs no load balancer
    hint: run the same command again: it goes on waiting
    ");
    world.rule(
        "kubectl * get events *",
        0,
        &events("SyncLoadBalancerFailed", "Error syncing load balancer: quota exceeded"),
        "",
    );
    let mut service = live(&world);
    service["metadata"]["uid"] = json!("u-1");
    world.object("service.prodmq-external", &service);
    // The Service is there: nothing to change, so nobody is asked, and the wait goes on.
    let run = world.run(&["expose", "prodmq", "--timeout", "1s"]).ended(75);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl expose prodmq --timeout 1s   [exit 75]
    test/rabbitmq/prodmq: expose: 0 to change, 0 to destroy
    warning: `sourceRanges`: none, so whoever reaches the load balancer reaches the broker's login
    error: expose: address for clients outside: `prodmq-external` has no address after 1s: error syncing load balancer: quota exceeded; the Service stays
    hint: mqctl expose prodmq --type NodePort   # needs no load balancer
    hint: run the same command again: it goes on waiting
    ");
}

fn events(reason: &str, message: &str) -> String {
    json!({"items": [{
        "involvedObject": {"uid": "u-1"}, "reason": reason, "message": message, "lastTimestamp": "2026-01-01T00:00:00Z",
    }]})
    .to_string()
}

/// The Service as it is in the cluster.
pub fn live(world: &World) -> Value {
    let text = std::fs::read_to_string(world.path("cluster/service.prodmq-external")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_plan_names_what_was_changed_by_hand() {
    let world = World::installed();
    world.write("balancer", BALANCER);
    world.run(&["expose", "prodmq", "--yes", "--timeout", "1s"]).ended(0);
    let mut service = live(&world);
    let foreign = json!({"name": "management", "port": 15672, "targetPort": 15672});
    service["spec"]["ports"].as_array_mut().unwrap().push(foreign);
    service["spec"]["loadBalancerSourceRanges"] = json!(["10.0.0.0/8"]);
    world.object("service.prodmq-external", &service);
    let run = world.run(&["expose", "prodmq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @r"
    test / rabbitmq / prodmq     expose by LoadBalancer, amqp

      1  changes   Service prodmq-external      ports amqp instead of amqp and management; source ranges none instead of 10.0.0.0/8
      2  waits     address for clients outside  up to 2m; then a connection through it

    warning: `sourceRanges`: none, so whoever reaches the load balancer reaches the broker's login
    ");
    let run = world.run(&["expose", "prodmq", "--yes", "--timeout", "1s"]).ended(0);
    assert_eq!(run.changing_verbs(), ["apply", "patch"], "{run}");
}

#[test]
fn the_report_as_json() {
    let world = on_this_machine();
    let port = broker(&world);
    let run = world.run(&["expose", "prodmq", "--type", "NodePort", "--yes", "-o", "json"]).ended(0);
    let report = run.json();
    assert_snapshot!(without(port, &serde_json::to_string_pretty(&report["exposed"]).unwrap()), @r#"
    {
      "addresses": [
        "127.0.0.1"
      ],
      "answers": true,
      "connections": [
        "amqp://user@127.0.0.1:NODEPORT"
      ],
      "ports": [
        {
          "name": "amqp",
          "port": NODEPORT
        }
      ],
      "type": "NodePort"
    }
    "#);
    let plan = world.run(&["expose", "prodmq", "--port", "mqtt", "--dry-run", "-o", "json"]).ended(0).json();
    assert_snapshot!(serde_json::to_string_pretty(&plan["steps"]).unwrap(), @r#"
    [
      {
        "calls": [
          "kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name",
          "kubectl --context test --namespace rabbitmq patch service prodmq-external --field-manager mqctl --type merge --patch '{\"spec\":{\"ports\":[{\"name\":\"mqtt\",\"port\":1883,\"protocol\":\"TCP\",\"targetPort\":1883}]}}'"
        ],
        "danger": "changes",
        "detail": "type LoadBalancer instead of NodePort; ports mqtt instead of amqp",
        "step": 1,
        "title": "Service prodmq-external"
      },
      {
        "calls": [],
        "danger": "waits",
        "detail": "up to 2m; then a connection through it",
        "step": 2,
        "title": "address for clients outside"
      }
    ]
    "#);
}
