//! The rights of a recovery: those that are asked for are those that its calls need, and none is missed without need.

use std::collections::BTreeSet;

use mqctl::kubectl::rights::{in_words, needed};
use mqctl::process::{Call, Part, Program};
use serde_json::Value;

use crate::dialects::{locked, release};
use crate::dialects_forced::{FORCE, stopped};
use crate::evidence::{RUNS, probe};
use crate::objects::PODS;
use crate::recover::{AUTO, deadlock, stateful_set, trap};
use crate::recover_again::serves;
use crate::recover_repair::refused_step;
use crate::recover_wizard::{majority_lost, one_volume_lost};
use crate::transcript::Transcript;
use crate::world::World;

const FORGET: [&str; 5] = ["recover", "prodmq", "--strategy", "auto", "--confirm"];
const REVIEW: &str = "SelfSubjectAccessReview";

fn by_ordinals() -> World {
    let world = trap();
    world.object("statefulset.prodmq", &stateful_set("OrderedReady", false));
    world
}

/// prodmq-1 lost its volume, and has started as a broker of its own beside the others.
pub fn stranger() -> World {
    let world = trap();
    let all = PODS.map(|pod| format!("'rabbit@{pod}.prodmq-headless.rabbitmq.svc.cluster.local'"));
    let alone = probe("prodmq-1", &PODS[1..2], &[], RUNS).replace(&all.join(","), &all[1]);
    world.write("cluster/probe.prodmq-1", &alone);
    world
}

fn cut_short() -> World {
    let world = stopped("bitnami");
    let mut pending = release("16.0.16");
    pending["status"] = "pending-upgrade".into();
    world.object("release", &pending);
    world
}

/// A force boot by the chart was killed before helm took the switch back.
fn switched_on() -> World {
    let world = stopped("bitnami");
    world.write("kill/before", "helm upgrade *\n");
    assert_eq!(world.run_to_the_last_child(&FORCE).code, Some(128 + 9));
    serves(&world);
    world
}

/// Every rung, by every way that it can go.
fn runs() -> Vec<Transcript> {
    let forget = [&FORGET[..], &["prodmq"]].concat();
    let force = |via| ["force-boot", "prodmq", "--node", "prodmq-2", "--confirm", "prodmq", "--via", via];
    let mut runs: Vec<Transcript> =
        [trap(), by_ordinals(), deadlock(), locked("stable", ""), refused_step()].map(|w| w.run(&AUTO)).into();
    runs.extend([one_volume_lost(), stranger(), majority_lost()].map(|world| world.run(&forget)));
    runs.extend(["live", "file", "statefulset"].map(|via| trap().run(&force(via))));
    runs.push(cut_short().run(&FORCE));
    runs.into_iter().map(|run| run.ended(0)).collect()
}

/// By the calls that were made.
fn needs(run: &Transcript) -> BTreeSet<String> {
    let kubectl = run.calls.iter().filter(|call| call.program == "kubectl" && !call.is_about_the_lease());
    let calls = kubectl.map(|call| Call::new(Program::Kubectl, &call.args).fed(vec![Part::Text(call.stdin.clone())]));
    calls.flat_map(|call| needed(&call)).map(|right| in_words(&right)).collect()
}

/// Without those for the Lease.
fn asked(run: &Transcript) -> BTreeSet<String> {
    let review = run.calls.iter().find(|call| call.stdin.contains(REVIEW)).unwrap();
    let list: Value = serde_json::from_str(&review.stdin).unwrap();
    let attributes = list["items"].as_array().unwrap().iter().map(|item| &item["spec"]["resourceAttributes"]);
    let text = |right: &Value, key: &str| right[key].as_str().unwrap().to_owned();
    let words = |right: &Value| match (text(right, "verb"), text(right, "resource"), text(right, "subresource")) {
        (verb, resource, sub) if sub.is_empty() => format!("{verb} {resource}"),
        (verb, resource, sub) => format!("{verb} {resource}/{sub}"),
    };
    attributes.map(words).filter(|right| !right.ends_with(" leases")).collect()
}

#[test]
fn what_is_asked_for_is_what_the_calls_need() {
    let runs = runs();
    let (mut of_calls, mut of_review) = (BTreeSet::new(), BTreeSet::new());
    for run in &runs {
        let (needs, asked) = (needs(run), asked(run));
        assert_eq!(needs.difference(&asked).collect::<Vec<_>>(), [""; 0], "not asked for: {run}");
        of_calls.extend(needs);
        // With a chart of others helm may have a part in it.
        if !asked.contains("create serviceaccounts") {
            of_review.extend(asked);
        }
    }
    assert_eq!(of_review.difference(&of_calls).collect::<Vec<_>>(), [""; 0], "asked for, and no rung needs it");
}

fn denied(world: &World, verb: &str, resource: &str) {
    let answer = format!(
        r#"{{"spec":{{"resourceAttributes":{{"verb":"{verb}","resource":"{resource}"}}}},"status":{{"allowed":false}}}}"#
    );
    world.rule("*create*SelfSubjectAccessReview*", 0, &answer, "");
}

#[test]
fn a_right_that_the_plan_needs_is_missed_before_anything_is_done() {
    type Case = (World, &'static str, &'static str);
    let cases: [Case; 4] = [
        (switched_on(), "create", "serviceaccounts"),
        (locked("stable", ""), "patch", "services"),
        (stranger(), "delete", "persistentvolumeclaims"),
        (by_ordinals(), "watch", "statefulsets"),
    ];
    for (world, verb, resource) in cases {
        denied(&world, verb, resource);
        let run = world.run(&[&FORGET[..], &["prodmq"]].concat()).ended(77);
        let words = format!(
            "error: not permitted in namespace `rabbitmq`: {verb} {resource}; nothing was changed\nhint: kubectl"
        );
        assert!(run.stderr.contains(&words), "{run}");
        let mut beyond = run.work();
        beyond.retain(|call| {
            !["-mqctl-reader-", "evidence.json"]
                .iter()
                .any(|word| call.to_string().contains(word) || call.stdin.contains(word))
        });
        assert_eq!(beyond.len(), 0, "volumes are read and the evidence is kept, and nothing else is done: {run}");
    }
}

#[test]
fn a_right_that_the_plan_does_not_need_is_not_missed() {
    for (verb, resource) in [("patch", "services"), ("delete", "persistentvolumeclaims"), ("watch", "statefulsets")] {
        let world = trap();
        denied(&world, verb, resource);
        world.run(&AUTO).ended(0);
    }
}

#[test]
fn a_script_is_for_people_who_may_not_run_it() {
    let world = trap();
    denied(&world, "delete", "pods");
    let forbidden =
        "Error from server (Forbidden): configmaps \"prodmq-mqctl-evidence\" is forbidden: User \"guest\" cannot patch";
    world.rule("*kubectl*apply*", 1, "", forbidden);
    let run = world.run(&["recover", "prodmq", "--strategy", "auto", "--as-script"]).ended(0);
    assert!(run.stdout.starts_with("#!/bin/sh") && run.stdout.contains("release prodmq-1"), "{run}");
    assert!(run.stderr.contains("cannot patch"), "that the first reading is not kept is told: {run}");
}
