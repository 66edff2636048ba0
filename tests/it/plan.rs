//! `mqctl plan`: the install's plan as a page and as JSON; it never changes anything.

use insta::assert_snapshot;

use crate::world::{PROFILE, World};

#[test]
fn the_plan_of_a_first_install() {
    let run = World::new().run(&["plan", "prodmq"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl plan prodmq   [exit 0]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password: generated, 32 characters; namespace rabbitmq is created
      2  changes   prodmq.secrets.yaml              Erlang cookie and password: as in the Secret, mode 0600
      3  changes   helm install                     1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount
      4  waits     3 nodes booted                   up to 10m
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
}

#[test]
fn the_plan_as_json_has_the_calls_to_paste_and_no_secret() {
    let run = World::with_secrets().run(&["plan", "prodmq", "-o", "json"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @r#"
    {
      "apiVersion": "mqctl/v1",
      "changes": true,
      "drift": [],
      "forecast": [],
      "kind": "Plan",
      "objects": [],
      "steps": [
        {
          "calls": [
            "kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json"
          ],
          "danger": "changes",
          "detail": "cookie and password from prodmq.secrets.yaml; namespace rabbitmq is created",
          "step": 1,
          "title": "Secret prodmq-mqctl-credentials"
        },
        {
          "calls": [
            "helm upgrade --install prodmq ~/home/.cache/mqctl/charts/builtin-1.0.0-CHART --values - --history-max 10 --timeout 600s --namespace rabbitmq --kube-context test"
          ],
          "danger": "changes",
          "detail": "1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount",
          "step": 2,
          "title": "helm install"
        },
        {
          "calls": [
            "kubectl --context test --namespace rabbitmq annotate secret prodmq-mqctl-credentials --overwrite 'mqctl/booted-tag=4.3.6-management'"
          ],
          "danger": "waits",
          "detail": "up to 10m",
          "step": 3,
          "title": "3 nodes booted"
        },
        {
          "calls": [],
          "danger": "reads",
          "detail": "members, alarms, cookie, by the brokers' own word",
          "step": 4,
          "title": "login as user"
        }
      ],
      "target": {
        "context": "test",
        "namespace": "rabbitmq",
        "release": "prodmq"
      },
      "told": [],
      "verb": "install",
      "warnings": []
    }
    "#);
}

#[test]
fn the_exit_code_tells_a_difference_where_it_is_asked_for() {
    let detailed = ["plan", "prodmq", "--detailed-exitcode"];
    World::new().run(&detailed).ended(2).changed_nothing();
    World::installed().run(&detailed).ended(0).changed_nothing();
}

#[test]
fn the_plan_of_an_installed_release_is_empty() {
    let run = World::installed().run(&["plan", "prodmq"]).ended(0);
    assert_snapshot!(run.words(), @r"
    $ mqctl plan prodmq   [exit 0]
    test / rabbitmq / prodmq     nothing to change (revision 1, 3 nodes ready)
    ");
    let json = World::installed().run(&["plan", "prodmq", "-o", "json"]).ended(0).json();
    assert_eq!((&json["changes"], json["steps"].as_array().unwrap().len()), (&false.into(), 0));
}

#[test]
fn what_is_allowed_but_better_known_is_a_warning() {
    let world = World::new();
    world.profile("prodmq", &format!("{PROFILE}replicas: 2\n"));
    let run = world.run(&["plan", "prodmq"]).ended(0);
    assert_snapshot!(run.words(), @r"
    $ mqctl plan prodmq   [exit 0]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 2 nodes · 8Gi default class

      1  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password: generated, 32 characters; namespace rabbitmq is created
      2  changes   prodmq.secrets.yaml              Erlang cookie and password: as in the Secret, mode 0600
      3  changes   helm install                     1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount
      4  waits     2 nodes booted                   up to 10m
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word

    warning: `replicas`: 2 nodes survive no more failures than 1; take an odd number
    ");
}

#[test]
fn a_plan_asks_nobody_and_needs_no_consent() {
    let run = World::new().run(&["plan", "prodmq", "--no-input"]).ended(0);
    assert!(run.stderr.is_empty(), "{run}");
}
