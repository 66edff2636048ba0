//! A new password on charts whose probes log in with it: nobody is killed for having the old one.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::objects::{self, PASSWORD, PODS};
use crate::recover::stateful_set;
use crate::transcript::Transcript;
use crate::world::{SECRETS_FILE, World};

const ROTATE: [&str; 4] = ["credentials", "rotate", "prodmq", "--yes"];
const DRY: [&str; 4] = ["credentials", "rotate", "prodmq", "--dry-run"];
const SECRET: &str = "prodmq-mqctl-credentials";

/// A release of such a chart that runs; whose pods are made anew has another uid.
fn runs(chart: &str, version: &str, more: &str) -> World {
    let world = World::installed();
    speak(&world, chart, more);
    world.object("release", &release(version));
    world.object("statefulset.prodmq", &set_with(SECRET));
    world.object(
        "service.prodmq-headless",
        &json!({"kind": "Service", "metadata": {"name": "prodmq-headless"}, "spec": {
            "clusterIP": "None", "publishNotReadyAddresses": chart != "stable",
        }}),
    );
    for pod in PODS {
        for (life, put) in [("old", true), ("new", false)] {
            let mut object = objects::pod(pod, &objects::running(true));
            object["metadata"]["uid"] = format!("{life}-{pod}").into();
            let file = format!("pod.{pod}");
            if put { world.object(&file, &object) } else { world.chart(&file, &object) }
        }
    }
    world
}

/// Its pods take the password from this Secret, and log in with it.
pub fn set_with(secret: &str) -> Value {
    let mut set = probed_by("curl -f --user user:$RABBITMQ_PASSWORD 127.0.0.1:15672/api/health/checks/virtual-hosts");
    let password = json!({"secretKeyRef": {"name": secret, "key": "rabbitmq-password"}});
    set["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "RABBITMQ_PASSWORD", "valueFrom": password}]);
    set
}

fn probed_by(command: &str) -> Value {
    let mut set = stateful_set("OrderedReady", false);
    set["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] =
        json!({"exec": {"command": ["/bin/bash", "-ec", command]}});
    set["status"]["readyReplicas"] = 3.into();
    set
}

/// They have it as a file.
fn set_with_file() -> Value {
    let mut set =
        probed_by("curl -f --user user:$(< $RABBITMQ_PASSWORD_FILE) 127.0.0.1:15672/api/health/checks/virtual-hosts");
    let pod = &mut set["spec"]["template"]["spec"];
    pod["containers"][0]["env"] =
        json!([{"name": "RABBITMQ_PASSWORD_FILE", "value": "/opt/bitnami/rabbitmq/secrets/rabbitmq-password"}]);
    pod["containers"][0]["volumeMounts"] = json!([{"name": "secrets", "mountPath": "/opt/bitnami/rabbitmq/secrets"}]);
    pod["volumes"] = json!([{"name": "secrets", "projected": {"sources": [{"secret": {"name": SECRET}}]}}]);
    set
}

fn stable() -> World {
    runs("stable", "6.18.2", "")
}

fn kept(world: &World) -> String {
    std::fs::read_to_string(world.path(&format!("cluster/secret.{SECRET}"))).unwrap()
}

fn in_file(world: &World) -> String {
    let text = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    text.lines().find_map(|line| line.strip_prefix("password: \"")).unwrap().trim_end_matches('"').to_owned()
}

#[track_caller]
fn assert_rotated(world: &World, run: &Transcript) {
    let (password, secret) = (in_file(world), kept(world));
    assert!(password != PASSWORD && secret.contains(&objects::base64(&password)), "{run}");
    assert!(!secret.contains("next-") && !secret.contains("mqctl/rotating"), "{secret}");
    assert!(!secret.contains(&objects::base64(PASSWORD)), "{secret}");
}

#[track_caller]
fn assert_all_anew(world: &World) {
    for pod in PODS {
        let object = std::fs::read_to_string(world.path(&format!("cluster/pod.{pod}"))).unwrap();
        assert!(object.contains(&format!("new-{pod}")), "{object}");
    }
}

#[test]
fn pods_with_the_password_in_a_variable_restart_one_by_one() {
    let world = stable();
    assert_snapshot!(world.run(&DRY).ended(0).words(), @"
    $ mqctl credentials rotate prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     a new password while the broker runs; probes of this chart log in: pods are restarted one by one

      1  changes   Secret prodmq-mqctl-credentials  new password: generated, 32 characters; pods that start from now on have it
      2  changes   Service prodmq-headless          names pods that are not ready too: nodes that wait find each other
      3  changes   restart prodmq-2                 its probes have the password that it was started with
      4  changes   restart prodmq-1                 its probes have the password that it was started with
      5  changes   password of user                 in the broker, through prodmq-0; open connections stay open
      6  changes   restart prodmq-0                 its probes have the password that it was started with
      7  changes   prodmq.secrets.yaml              the new password in the place of the old one
      8  changes   Secret prodmq-mqctl-credentials  the new password alone
      9  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    let run = world.run(&ROTATE).ended(0);
    assert_rotated(&world, &run);
    assert_all_anew(&world);
    assert_snapshot!(run.stderr, @"
    test/rabbitmq/prodmq: credentials rotate: 8 to change, 0 to destroy
       0.0s new password kept in the Secret
       0.0s Service prodmq-headless names pods that are not ready too
       0.0s prodmq-2 ready
       0.0s prodmq-2 restarted
       0.0s prodmq-1 ready
       0.0s prodmq-1 restarted
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s the broker has the new password of user
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s prodmq-0 restarted
       0.0s prodmq.secrets.yaml rewritten
       0.0s Secret prodmq-mqctl-credentials written
       0.0s all nodes agree, logged in as user
    ");
}

#[test]
fn one_node_restarts_when_the_broker_has_been_told() {
    let world = stable();
    let mut set = set_with(SECRET);
    set["spec"]["replicas"] = 1.into();
    for count in ["readyReplicas", "updatedReplicas"] {
        set["status"][count] = 1.into();
    }
    world.object("statefulset.prodmq", &set);
    PODS[1..].iter().for_each(|pod| world.remove(&format!("cluster/pod.{pod}")));
    let profile = std::fs::read_to_string(world.path("work/profiles/prodmq.yaml")).unwrap();
    world.profile("prodmq", &format!("{profile}replicas: 1\n"));
    assert_snapshot!(world.run(&DRY).ended(0).words(), @"
    $ mqctl credentials rotate prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     a new password while the broker runs; probes of this chart log in: pods are restarted one by one

      1  changes   Secret prodmq-mqctl-credentials  new password: generated, 32 characters; pods that start from now on have it
      2  changes   password of user                 in the broker, through prodmq-0; open connections stay open
      3  changes   restart prodmq-0                 its probes have the password that it was started with
      4  changes   prodmq.secrets.yaml              the new password in the place of the old one
      5  changes   Secret prodmq-mqctl-credentials  the new password alone
      6  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
}

#[test]
fn pods_with_the_password_in_a_file_stay() {
    let world = runs("bitnami", "16.0.16", "");
    world.object("statefulset.prodmq", &set_with_file());
    assert_snapshot!(world.run(&DRY).ended(0).words(), @"
    $ mqctl credentials rotate prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     a new password while the broker runs; probes of this chart log in, and read it from a file: no pod restarts

      1  changes   Secret prodmq-mqctl-credentials  new password: generated, 32 characters; pods that start from now on have it
      2  changes   password of user                 in the broker, through prodmq-0; open connections stay open
      3  changes   the pods' files                  the kubelets are made to write them at once
      4  changes   prodmq.secrets.yaml              the new password in the place of the old one
      5  changes   Secret prodmq-mqctl-credentials  the new password alone
      6  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    let run = world.run(&ROTATE).ended(0);
    assert_rotated(&world, &run);
    assert!(!run.changing_verbs().contains(&"delete"), "{run}");
}

/// What a chart of this version has by default is no matter: plugins, definitions or probes of the user's change it.
#[test]
fn what_the_probes_of_the_stateful_set_do_decides() {
    let said = |chart: &str, version: &str, set: &Value| {
        let world = runs(chart, version, "");
        world.object("statefulset.prodmq", set);
        let run = world.run(&DRY).ended(0).words();
        ["restarted one by one", "from a file"].map(|words| run.contains(words))
    };
    let mut by_cli = set_with(SECRET);
    by_cli["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["exec"]["command"][2] =
        "rabbitmq-diagnostics -q ping".into();
    assert_eq!(said("bitnami", "16.0.16", &set_with(SECRET)), [true, false]);
    assert_eq!(said("bitnami", "16.0.16", &by_cli), [false, false]);
    assert_eq!(said("cloudpirates", "0.21.18", &set_with(SECRET)), [true, false]);
    assert_eq!(said("groundhog2k", "2.3.6", &by_cli), [false, false]);
    let mut by_script = by_cli;
    let pod = &mut by_script["spec"]["template"]["spec"];
    pod["volumes"] = json!([{"name": "scripts", "configMap": {"name": "prodmq-scripts"}}]);
    pod["containers"][0]["volumeMounts"] = json!([{"name": "scripts", "mountPath": "/scripts"}]);
    pod["containers"][0]["livenessProbe"]["exec"]["command"] = json!(["/scripts/alive.sh"]);
    assert_eq!(said("groundhog2k", "2.3.6", &by_script), [true, false]);
    let pod = &mut by_script["spec"]["template"]["spec"];
    pod["containers"][0]["env"] = json!([]);
    assert_eq!(said("groundhog2k", "2.3.6", &by_script), [false, false], "it has no password");
}

/// Where it goes on with the pods that are left, with the same password.
#[test]
fn killed_at_any_call_the_rest_is_done() {
    let patterns = [
        "kubectl * apply *",
        "kubectl * patch service *",
        "kubectl * delete *pod/prodmq-2",
        "kubectl * delete *pod/prodmq-1",
        "kubectl * exec *change_password*",
        "kubectl * delete *pod/prodmq-0",
        "kubectl * apply *",
    ];
    for pattern in patterns {
        for moment in ["kill/before", "kill/after"] {
            let world = stable();
            world.write(moment, &format!("{pattern}\n"));
            let killed = world.run_to_the_last_child(&ROTATE);
            assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}\n{killed}");
            if kept(&world).contains("next-") {
                for verb in ["install", "upgrade"] {
                    let refused = world.run(&[verb, "prodmq", "--yes"]).ended(78);
                    assert!(refused.stderr.contains("was cut short; nothing was changed"), "{refused}");
                }
            }
            let run = world.run(&ROTATE).ended(0);
            assert_rotated(&world, &run);
            assert_all_anew(&world);
        }
    }
}

#[test]
fn who_has_restarted_does_not_restart_again() {
    let world = stable();
    world.write("kill/after", "kubectl * delete *pod/prodmq-1\n");
    world.run_to_the_last_child(&ROTATE);
    let run = world.run(&ROTATE).ended(0);
    assert!(run.stderr.contains("prodmq-0 restarted") && !run.stderr.contains("prodmq-1 restarted"), "{run}");
}

/// Every probe fails already: somebody has given the broker another password.
#[test]
fn where_no_pod_is_ready_the_broker_is_told_first() {
    let world = stable();
    for pod in PODS {
        let mut object = objects::pod(pod, &objects::running(false));
        object["metadata"]["uid"] = format!("old-{pod}").into();
        world.object(&format!("pod.{pod}"), &object);
    }
    assert_snapshot!(world.run(&DRY).ended(0).words(), @"
    $ mqctl credentials rotate prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     a new password while the broker runs; probes of this chart log in: pods are restarted one by one

      1  changes   Secret prodmq-mqctl-credentials  new password: generated, 32 characters; pods that start from now on have it
      2  changes   Service prodmq-headless          names pods that are not ready too: nodes that wait find each other
      3  changes   password of user                 in the broker, through prodmq-0; open connections stay open
      4  changes   restart prodmq-0                 its probes have the password that it was started with
      5  changes   restart prodmq-1                 its probes have the password that it was started with
      6  changes   restart prodmq-2                 its probes have the password that it was started with
      7  changes   prodmq.secrets.yaml              the new password in the place of the old one
      8  changes   Secret prodmq-mqctl-credentials  the new password alone
      9  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    let run = world.run(&ROTATE).ended(0);
    assert_rotated(&world, &run);
    assert_all_anew(&world);
}

#[test]
fn a_cluster_that_lacks_a_node_loses_no_other_by_it() {
    let world = stable();
    world.object("pod.prodmq-1", &objects::pod("prodmq-1", &objects::running(false)));
    let run = world.run(&ROTATE).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @"
    error: `prodmq-1` is not ready; a new password restarts node after node, and needs all the others; nothing was changed
    hint: mqctl status prodmq
    see: mqctl explain NOT-WHOLE
    ");
}

#[test]
fn containers_that_change_the_password_at_their_start_are_not_restarted_for_it() {
    let world = runs("bitnami", "16.0.16", "");
    let mut set = set_with(SECRET);
    let env = &mut set["spec"]["template"]["spec"]["containers"][0]["env"];
    env.as_array_mut().unwrap().push(json!({"name": "RABBITMQ_UPDATE_PASSWORD", "value": "yes"}));
    world.object("statefulset.prodmq", &set);
    let run = world.run(&ROTATE).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @"
    error: the containers give the broker their password when they start: the first that restarts would have the probes of all others fail; nothing was changed
    hint: values: {auth: {updatePassword: false}}   # in the profile; then: mqctl upgrade prodmq
    ");
    // With the password in a file no pod restarts.
    let mut set = set_with_file();
    let env = &mut set["spec"]["template"]["spec"]["containers"][0]["env"];
    env.as_array_mut().unwrap().push(json!({"name": "RABBITMQ_UPDATE_PASSWORD", "value": "yes"}));
    world.object("statefulset.prodmq", &set);
    world.run(&ROTATE).ended(0);
}

/// Whose probes log in is known only from the cluster: what the plan does by it is asked for in the same question.
#[test]
fn who_may_not_restart_pods_changes_nothing() {
    let denied = r#"{"spec":{"resourceAttributes":{"verb":"delete","resource":"pods"}},"status":{"allowed":false}}"#;
    let world = stable();
    world.rule("kubectl * create *", 0, denied, "");
    let run = world.run(&ROTATE).ended(77);
    run.changed_nothing();
    assert!(run.stderr.contains("not permitted in namespace `rabbitmq`: delete pods; nothing was changed"), "{run}");
    let world = runs("cloudpirates", "0.21.18", "");
    world.object("statefulset.prodmq", &probed_by("rabbitmq-diagnostics -q ping"));
    world.rule("kubectl * create * <*SelfSubjectAccessReview*", 0, denied, "");
    world.run(&ROTATE).ended(0);
}

/// They would start again with the old password, and never be ready.
#[test]
fn pods_of_a_release_that_was_just_taken_over_have_it_from_elsewhere() {
    let world = stable();
    world.object("statefulset.prodmq", &set_with("prodmq"));
    let run = world.run(&ROTATE).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @"
    error: the probes of `prodmq` log in with a password that is not from Secret `prodmq-mqctl-credentials`; nothing was changed
    hint: mqctl upgrade prodmq   # hands the pods that Secret; then the same command again
    ");
}

/// No pod is ready before the broker has been told, so that nobody waits for that.
#[test]
fn cut_short_and_stopped_it_is_finished_by_the_next_boot() {
    let world = stable();
    world.write("kill/after", "kubectl * delete *pod/prodmq-1\n");
    world.run_to_the_last_child(&ROTATE);
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
    let run = world.run(&ROTATE).ended(0);
    assert!(run.stdout.contains("boot the nodes, and they are told: mqctl install prodmq"), "{run}");
    assert!(!kept(&world).contains("mqctl/rotating"), "{run}");
    let plan = world.run(&["install", "prodmq", "--dry-run"]).ended(0).words();
    let at = |words: &str| plan.find(words).unwrap_or_else(|| panic!("no {words}: {plan}"));
    assert!(at("password of user") < at("3 nodes booted"), "{plan}");
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    assert_rotated(&world, &run);
}
