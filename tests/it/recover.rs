//! `mqctl recover`: the ladder shown, one rung carried out, its switches taken back.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::evidence::{WAITS, probe, waiting};
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
    assert_snapshot!(trap().run(&AUTO), @"");
}

#[test]
fn a_deadlock_whose_first_pod_may_be_newest_is_released_in_place() {
    assert_snapshot!(deadlock().run(&AUTO), @"");
}

#[test]
fn a_deadlock_of_khepri_is_cured_by_a_stateful_set_made_anew() {
    let world = deadlock();
    PODS.iter().for_each(|pod| khepri(&world, pod));
    assert_snapshot!(world.run(&AUTO), @"");
}

#[test]
fn without_a_start_gate_ordinals_hold_the_oldest_back() {
    let world = trap();
    world.object("statefulset.prodmq", &stateful_set("OrderedReady", false));
    let run = world.run(&AUTO).ended(0);
    let work: Vec<String> = run.work().iter().map(ToString::to_string).collect();
    assert_snapshot!(work.join("\n"), @"");
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
    assert_snapshot!(deletes.join("\n"), @"");
}

#[test]
fn a_lost_member_is_forgotten_by_typed_consent_only() {
    let world = trap();
    blank(&world, "prodmq-1");
    let run = world.run(&AUTO).ended(64);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept, and nothing else done: {run}");
    assert_snapshot!(run.stderr, @"");
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"]).ended(0);
    assert_snapshot!(run, @"");
}

#[test]
fn the_only_khepri_volume_goes_on_alone() {
    let world = trap();
    PODS[..2].iter().for_each(|pod| blank(&world, pod));
    khepri(&world, "prodmq-2");
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--confirm", "prodmq"]).ended(0);
    assert_snapshot!(run, @"");
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
    assert_snapshot!(run.words(), @"");
}

#[test]
fn a_dry_run_changes_nothing() {
    let run = trap().run(&["recover", "prodmq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @"");
}

#[test]
fn the_plan_as_a_script() {
    let run = trap().run(&["recover", "prodmq", "--strategy", "auto", "--as-script"]).ended(0);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept: {run}");
    assert_snapshot!(run.stdout, @"");
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
