//! `mqctl status`: one page, from helm, one `get` and one question to every broker, all side by side.

use insta::assert_snapshot;
use serde_json::json;

use crate::objects::{self, PASSWORD, PODS};
use crate::world::World;

#[test]
fn a_healthy_release_on_one_page() {
    let run = World::installed().run(&["status", "prodmq"]);
    assert_snapshot!(run, @r"
    $ mqctl status prodmq   [exit 0]
    stdout | test / rabbitmq / prodmq     healthy     builtin 1.0.0 · RabbitMQ 4.3.6 (Khepri) · revision 1, deployed
    stdout | 
    stdout |   node       state   up      memory           disk free   leaders
    stdout |   prodmq-0   ready   2d 4h   310Mi of 1.0Gi   6.1Gi       12
    stdout |   prodmq-1   ready   2d 4h   310Mi of 1.0Gi   6.1Gi       12
    stdout |   prodmq-2   ready   2d 4h   310Mi of 1.0Gi   6.1Gi       12
    stdout | 
    stdout |   queues        35
    stdout |   messages      1212   ready 1200   unacked 12
    stdout |   credentials   profile, Secret and broker agree
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    3. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    4. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    5. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2
    ");
}

#[test]
fn it_starts_two_children_and_one_a_pod() {
    for world in [World::installed(), World::new()] {
        let run = world.run(&["status", "prodmq"]);
        assert_eq!(run.calls.len(), 2 + PODS.len(), "{run}");
        run.changed_nothing();
    }
}

#[test]
fn the_page_as_json() {
    let run = World::installed().run(&["status", "prodmq", "-o", "json"]).ended(0);
    let mut page = run.json();
    page["nodes"].as_array_mut().unwrap().truncate(1);
    assert_snapshot!(serde_json::to_string_pretty(&page).unwrap(), @r#"
    {
      "apiVersion": "mqctl/v1",
      "credentialsAgree": true,
      "drift": [],
      "exposed": null,
      "kind": "Status",
      "lockedBy": null,
      "messages": {
        "ready": 1200,
        "unacked": 12
      },
      "nodes": [
        {
          "broker": {
            "alarms": [],
            "diskFree": 6600000000,
            "flagsOff": null,
            "khepri": true,
            "leaders": 12,
            "login": true,
            "members": [
              "rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local",
              "rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local",
              "rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local"
            ],
            "memory": 325058560,
            "memoryLimit": 1073741824,
            "node": "rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local",
            "queues": 35,
            "ready": 400,
            "running": true,
            "unacked": 4,
            "up": [
              "rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local",
              "rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local",
              "rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local"
            ],
            "uptime": 187440,
            "version": "4.3.6"
          },
          "message": null,
          "pod": "prodmq-0",
          "restarts": 0,
          "state": "ready"
        }
      ],
      "outdatedRecord": [],
      "queues": 35,
      "recovery": null,
      "release": {
        "chart": "mqctl-rabbitmq-1.0.0",
        "revision": "1",
        "status": "deployed"
      },
      "target": {
        "context": "test",
        "namespace": "rabbitmq",
        "release": "prodmq"
      },
      "verdict": "healthy",
      "volumes": [
        {
          "name": "data-prodmq-0",
          "phase": "Bound",
          "size": "8Gi"
        },
        {
          "name": "data-prodmq-1",
          "phase": "Bound",
          "size": "8Gi"
        },
        {
          "name": "data-prodmq-2",
          "phase": "Bound",
          "size": "8Gi"
        }
      ]
    }
    "#);
}

#[test]
fn what_is_not_there_is_not_healthy() {
    assert_snapshot!(World::new().run(&["status", "prodmq"]).ended(1).words(), @r"
    $ mqctl status prodmq   [exit 1]
    test / rabbitmq / prodmq     not installed     builtin 1.0.0 · RabbitMQ 4.3.6-management · no release
      install it: mqctl install prodmq
    ");
}

#[test]
fn a_deleted_release_shows_what_is_kept() {
    let world = World::installed();
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
    assert_snapshot!(world.run(&["status", "prodmq"]).ended(1).words(), @r"
    $ mqctl status prodmq   [exit 1]
    test / rabbitmq / prodmq     not installed     builtin 1.0.0 · RabbitMQ 4.3.6-management · no release
      kept volumes: data-prodmq-0, data-prodmq-1, data-prodmq-2
      kept Secret: prodmq-mqctl-credentials
      install it: mqctl install prodmq
    ");
}

#[test]
fn a_pod_that_is_gone_degrades_the_release() {
    let world = World::installed();
    world.remove("cluster/pod.prodmq-2");
    world.object("statefulset.prodmq", &objects::stateful_set(2, &world.digest()));
    assert_snapshot!(world.run(&["status", "prodmq"]).ended(1).words(), @"
    $ mqctl status prodmq   [exit 1]
    test / rabbitmq / prodmq     degraded     builtin 1.0.0 · RabbitMQ 4.3.6 (Khepri) · revision 1, deployed

      node       state             up      memory           disk free   leaders
      prodmq-0   ready             2d 4h   310Mi of 1.0Gi   6.1Gi       12
      prodmq-1   ready             2d 4h   310Mi of 1.0Gi   6.1Gi       12
      prodmq-2   not created yet

      queues        35
      messages      808   ready 800   unacked 8
      credentials   profile, Secret and broker agree
    ");
    assert_eq!(world.run(&["status", "prodmq", "-o", "json"]).ended(1).json()["verdict"], "degraded");
}

#[test]
fn an_alarm_degrades_the_release() {
    let world = World::installed();
    let mut alarmed = objects::answer("prodmq-1");
    alarmed["alarms"] = json!(["{resource_limit,memory,'rabbit@prodmq-1'}"]);
    world.object("answer.prodmq-1", &alarmed);
    assert_snapshot!(world.run(&["status", "prodmq"]).ended(1).stdout, @r"
    test / rabbitmq / prodmq     degraded     builtin 1.0.0 · RabbitMQ 4.3.6 (Khepri) · revision 1, deployed

      node       state   up      memory           disk free   leaders
      prodmq-0   ready   2d 4h   310Mi of 1.0Gi   6.1Gi       12
      prodmq-1   ready   2d 4h   310Mi of 1.0Gi   6.1Gi       12
      prodmq-2   ready   2d 4h   310Mi of 1.0Gi   6.1Gi       12

      queues        35
      messages      1212   ready 1200   unacked 12
      credentials   profile, Secret and broker agree
      alarms        {resource_limit,memory,'rabbit@prodmq-1'}
    ");
}

/// Every pod in this state, and no broker that answers.
fn silent(status: &serde_json::Value) -> World {
    let world = World::installed();
    for pod in PODS {
        world.object(&format!("pod.{pod}"), &objects::pod(pod, status));
        world.remove(&format!("cluster/answer.{pod}"));
    }
    world
}

#[test]
fn what_no_broker_could_say_is_not_zero() {
    let world = silent(&objects::running(false));
    assert_snapshot!(world.run(&["status", "prodmq"]).ended(1).words(), @r"
    $ mqctl status prodmq   [exit 1]
    test / rabbitmq / prodmq     starting     builtin 1.0.0 · RabbitMQ 4.3.6-management · revision 1, deployed

      node       state      up   memory   disk free   leaders
      prodmq-0   starting
      prodmq-1   starting
      prodmq-2   starting

      queues        -
      messages      -
      credentials   profile and Secret agree; no broker to ask
    ");
    let json = world.run(&["status", "prodmq", "-o", "json"]).ended(1).json();
    assert_eq!((&json["queues"], &json["messages"]), (&json!(null), &json!({"ready": null, "unacked": null})));
}

#[test]
fn pods_that_nothing_starts_are_down() {
    assert_snapshot!(silent(&objects::without_image()).run(&["status", "prodmq"]).ended(1).words(), @r#"
    $ mqctl status prodmq   [exit 1]
    test / rabbitmq / prodmq     down     builtin 1.0.0 · RabbitMQ 4.3.6-management · revision 1, deployed

      node       state                                                              up   memory   disk free   leaders
      prodmq-0   image: ImagePullBackOff: Back-off pulling image "rabbitmq:9.9.9"
      prodmq-1   image: ImagePullBackOff: Back-off pulling image "rabbitmq:9.9.9"
      prodmq-2   image: ImagePullBackOff: Back-off pulling image "rabbitmq:9.9.9"

      queues        -
      messages      -
      credentials   profile and Secret agree; no broker to ask
    "#);
}

#[test]
fn secrets_that_differ_degrade_the_release() {
    let world = World::installed();
    world.secrets_file("ANOTHERCOOKIE", PASSWORD);
    let run = world.run(&["status", "prodmq"]).ended(1);
    assert!(run.stdout.contains("credentials   they differ: mqctl credentials show prodmq"), "{run}");
    let json = world.run(&["status", "prodmq", "-o", "json"]).ended(1).json();
    assert_eq!((&json["credentialsAgree"], &json["verdict"]), (&json!(false), &json!("degraded")));
}

#[test]
fn without_the_password_nobody_logs_in_and_the_page_is_there() {
    let world = World::installed();
    world.remove(crate::world::SECRETS_FILE);
    let run = world.run(&["status", "prodmq"]).ended(0);
    assert!(run.stdout.contains("healthy"), "{run}");
    assert!(run.calls.iter().all(|call| !call.stdin.contains("check_user_pass_login")), "{run}");
}
