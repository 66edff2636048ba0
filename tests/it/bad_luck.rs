//! Bad luck: a namespace that goes away, a cluster that refuses or falls silent, clocks that disagree.

use insta::assert_snapshot;
use serde_json::json;

use crate::adopt::ADOPT;
use crate::bad_input::refused;
use crate::objects::{self, PASSWORD, base64};
use crate::transcript::Transcript;
use crate::world::{PROFILE, World};

const INSTALL: [&str; 3] = ["install", "prodmq", "--yes"];
const AWAY: &str = "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?";
const LOOK: &str = "kubectl * get statefulsets,pods *";

/// Somebody has deleted the namespace, and an object's finalizer holds it.
pub fn with_an_ending_namespace(world: &World) -> &World {
    let message =
        "Some content in the namespace has finalizers remaining: kubernetes.io/pvc-protection in 1 resource instances";
    let namespace = json!({
        "kind": "Namespace",
        "metadata": {"name": "rabbitmq", "deletionTimestamp": "2026-11-22T09:00:00Z"},
        "status": {"phase": "Terminating", "conditions": [
            {"type": "NamespaceContentRemaining", "status": "False", "message": "All content successfully removed"},
            {"type": "NamespaceFinalizersRemaining", "status": "True", "message": message},
        ]},
    });
    world.object("namespace.rabbitmq", &namespace);
    world
}

#[test]
fn a_namespace_that_is_being_deleted() {
    let world = World::installed();
    with_an_ending_namespace(&world);
    assert_snapshot!(refused(&world.run(&INSTALL), 75), @"
    $ mqctl install prodmq --yes   [exit 75]
    error: namespace `rabbitmq` is being deleted (Some content in the namespace has finalizers remaining: kubernetes.io/pvc-protection in 1 resource instances); nothing was changed
    hint: kubectl wait --for=delete namespace/rabbitmq --timeout=5m   # then the same command again
    see: mqctl explain NAMESPACE
    ");
    let refused_too: [&[&str]; 5] =
        [&["upgrade", "prodmq", "--yes"], &["plan", "prodmq"], &["expose", "prodmq", "--yes"], &ROTATE, &ADOPT];
    for verb in refused_too {
        assert!(refused(&world.run(verb), 75).contains("error: namespace `rabbitmq` is being deleted (Some content"));
    }
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
}

const ROTATE: [&str; 4] = ["credentials", "rotate", "prodmq", "--yes"];

#[test]
fn a_namespace_that_is_deleted_in_the_middle() {
    let world = World::with_secrets();
    let words = "Error from server (Forbidden): secrets \"prodmq-mqctl-credentials\" is forbidden: unable to create new \
        content in namespace rabbitmq because it is being terminated";
    world.rule("kubectl * create * <*Lease*", 1, "", words);
    assert_snapshot!(world.run(&INSTALL).ended(75).stderr, @r#"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
    error: install: Secret prodmq-mqctl-credentials: `kubectl create`: secrets "prodmq-mqctl-credentials" is forbidden: unable to create new content in namespace rabbitmq because it is being terminated
    hint: run the same command again when the namespace is gone
    see: mqctl explain NAMESPACE
    not reached: helm install, 3 nodes booted, login as user
    "#);
}

#[test]
fn init_says_that_the_namespace_goes_away() {
    let world = crate::init::world();
    with_an_ending_namespace(&world);
    let run = world.run(&["init", "prodmq", "--dry-run"]).ended(0);
    assert!(run.stdout.contains("warning: namespace `rabbitmq` is being deleted; an install has to wait"), "{run}");
}

#[test]
fn a_quota_that_refuses_the_chart_s_objects() {
    let world = World::with_secrets();
    let words = "Error: INSTALLATION FAILED: services \"prodmq\" is forbidden: exceeded quota: small, requested: \
        services=1, used: services=0, limited: services=0";
    world.rule("helm upgrade *", 1, "", words);
    assert_snapshot!(world.run(&INSTALL).ended(78).stderr, @r#"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
    error: install: helm install: `helm upgrade`: INSTALLATION FAILED: services "prodmq" is forbidden: exceeded quota: small, requested: services=1, used: services=0, limited: services=0
    hint: ask for room, or change the profile until it fits; then run the same command again
    see: mqctl explain ADMISSION
    not reached: 3 nodes booted, login as user
    "#);
}

#[test]
fn a_policy_that_refuses_says_all_that_it_wants() {
    let world = World::with_secrets();
    let words = "Error: INSTALLATION FAILED: 1 error occurred:\n\t* admission webhook \"validate.kyverno.svc-fail\" denied \
        the request: \n\nresource StatefulSet/rabbitmq/prodmq was blocked due to the following policies \n\nteam-label:\n  \
        check: 'validation error: a label `team` is wanted'";
    world.rule("helm upgrade *", 1, "", words);
    assert_snapshot!(world.run(&INSTALL).ended(78).stderr, @r#"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
    error: install: helm install: `helm upgrade`: admission webhook "validate.kyverno.svc-fail" denied the request:
      resource StatefulSet/rabbitmq/prodmq was blocked due to the following policies
      team-label:
        check: 'validation error: a label `team` is wanted'
    hint: ask for room, or change the profile until it fits; then run the same command again
    see: mqctl explain ADMISSION
    not reached: 3 nodes booted, login as user
    "#);
}

#[test]
fn a_policy_that_repeats_the_secret_is_masked() {
    let world = World::with_secrets();
    let words = format!(
        "Error from server: admission webhook \"w\" denied the request:\n{{\"password\":\"{}\"}}",
        base64(PASSWORD)
    );
    world.rule("kubectl * create * <*Lease*", 1, "", &words);
    let run = world.run(&["install", "prodmq", "--yes", "-vv"]).ended(78);
    assert!(!run.stderr.contains(&base64(PASSWORD)) && run.stderr.contains("{\"password\":\"(password)=\"}"), "{run}");
}

/// The StatefulSet may create no pod, for this reason.
fn without_pods(reason: &str) -> Transcript {
    let world = World::with_secrets();
    world.chart("statefulset.prodmq", &objects::stateful_set(0, "DIGEST"));
    for pod in objects::PODS {
        world.remove(&format!("chart/pod.{pod}"));
    }
    let message = format!("create Pod prodmq-0 in StatefulSet prodmq failed error: {reason}");
    let event =
        json!({"kind": "Event", "reason": "FailedCreate", "lastTimestamp": "2026-11-22T09:00:00Z", "message": message});
    world.object("event.1", &event);
    world.run(&["install", "prodmq", "--yes", "--timeout", "1s"]).ended(75)
}

#[test]
fn a_quota_that_refuses_the_pods() {
    let reason =
        "pods \"prodmq-0\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0";
    assert_snapshot!(without_pods(reason).stderr, @r#"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
       0.0s helm release installed
       0.0s prodmq-0 not created yet
       0.0s prodmq-1 not created yet
       0.0s prodmq-2 not created yet
       0.0s prodmq-0 create Pod prodmq-0 in StatefulSet prodmq failed error: pods "prodmq-0" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0
    error: install: 3 nodes booted: not ready after 1s: 0 of 3 nodes; nothing was undone
      prodmq-0   create Pod prodmq-0 in StatefulSet prodmq failed error: pods "prodmq-0" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0
      prodmq-1   not created yet
      prodmq-2   not created yet
    hint: run the same command again: it goes on where it stands
    hint: kubectl --namespace rabbitmq get events --sort-by .lastTimestamp   # what prodmq ran into
    see: mqctl explain ADMISSION
    not reached: login as user
    "#);
}

#[test]
fn a_policy_that_refuses_the_pods_is_told_to_its_last_line() {
    let reason = "admission webhook \"w\" denied the request: \n\nteam-label:\n  check: a label `team` is wanted\n";
    let run = without_pods(reason);
    assert!(run.stderr.contains("denied the request: team-label: check: a label `team` is wanted\n"), "{run}");
}

#[test]
fn an_api_server_that_comes_back_ends_no_wait() {
    let world = World::with_secrets();
    world.fails(LOOK, 2, AWAY);
    // Just started, it has not read its rules yet.
    world.fails(LOOK, 1, "Error from server (Forbidden): pods is forbidden: User \"ci\" cannot list resource \"pods\"");
    assert_snapshot!(world.run(&INSTALL).ended(0).stderr, @"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
       0.0s helm release installed
       0.0s the API server does not answer; the wait goes on
       0.0s the API server answers again
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
    ");
}

#[test]
fn an_api_server_that_stays_away_ends_the_wait_at_its_limit() {
    let world = World::with_secrets();
    world.rule(LOOK, 1, "", AWAY);
    assert_snapshot!(world.run(&["install", "prodmq", "--yes", "--timeout", "2s"]).ended(69).stderr, @"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
       0.0s helm release installed
       0.0s the API server does not answer; the wait goes on
    error: install: 3 nodes booted: the API server did not come back within 2s; nothing was undone
    hint: run the same command again when it is there: it goes on where it stands
    see: mqctl explain UNREACHABLE
    not reached: login as user
    ");
}

#[test]
fn an_api_server_that_goes_away_while_pods_stop() {
    let world = World::installed();
    world.fails("kubectl * get --ignore-not-found --output json pod/*", 1, AWAY);
    let run = world.run(&["delete", "prodmq", "--yes"]).ended(0);
    assert!(run.stderr.contains("the API server does not answer; the wait goes on"), "{run}");
    assert!(run.stderr.contains("the API server answers again"), "{run}");
}

/// Every time that the cluster tells lies in the next century: its clock is wrong, or this one is.
fn in_the_future(world: &World) {
    for (file, bytes) in world.files_below("cluster") {
        let text = String::from_utf8(bytes).unwrap().replace("2026-11-22", "2126-11-22");
        world.write(
            &file,
            &text.replace("\"metadata\":{", "\"metadata\":{\"creationTimestamp\":\"2126-11-22T09:00:00Z\","),
        );
    }
}

#[test]
fn clocks_that_disagree_change_nothing() {
    for args in
        [&["status", "prodmq"][..], &["install", "prodmq"], &["plan", "prodmq"], &["credentials", "verify", "prodmq"]]
    {
        let (right, wrong) = (World::installed(), World::installed());
        in_the_future(&wrong);
        let (right, wrong) = (right.run(args).ended(0), wrong.run(args).ended(0));
        assert_eq!(right.to_string(), wrong.to_string());
    }
    let world = World::installed();
    world.profile("prodmq", &format!("{PROFILE}replicas: 1\n"));
    in_the_future(&world);
    refused(&world.run(&INSTALL), 78);
}
