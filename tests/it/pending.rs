//! A helm that was cut short on another chart, and fields of its objects that somebody changed beside helm.

use crate::dialects::{release, speak};
use crate::world::World;

const STATUSES: [(&str, &str); 4] = [
    ("pending-install", "uninstall"),
    ("uninstalling", "uninstall"),
    ("pending-upgrade", "rollback"),
    ("pending-rollback", "rollback"),
];

fn cut_short(chart: &str, version: &str, status: &str) -> World {
    let world = World::installed();
    speak(&world, chart, "");
    let mut listed = release(version);
    listed["status"] = status.into();
    world.object("release", &listed);
    world
}

#[test]
fn what_a_killed_helm_left_of_another_chart_is_cleared() {
    for (chart, version) in [("stable", "6.18.2"), ("bitnami", "16.0.16")] {
        for (status, clears) in STATUSES {
            let run = cut_short(chart, version, status).run(&["install", "prodmq", "--yes"]).ended(0);
            let verbs = run.changing_verbs();
            assert_eq!((verbs[0], verbs.contains(&"upgrade")), (clears, true), "{chart} {status}: {run}");
            let unlock = cut_short(chart, version, status).run(&["unlock", "prodmq", "--yes"]).ended(0);
            assert_eq!(unlock.changing_verbs(), [clears], "{chart} {status}: {unlock}");
        }
    }
}

#[test]
fn fields_of_others_on_another_chart_are_named_and_taken_back() {
    for (chart, version) in [("stable", "6.18.2"), ("bitnami", "16.0.16")] {
        let world = World::installed();
        speak(&world, chart, "");
        world.object("release", &release(version));
        let said = "error: Apply failed with 2 conflicts: conflict with \"kubectl-patch\" using policy/v1: .spec.maxUnavailable\nconflicts with \"kubectl\" with subresource \"scale\" using apps/v1:\n- .spec.replicas\n";
        world.write("cluster/conflicts", said);
        let plan = world.run(&["plan", "prodmq"]).ended(0).stdout;
        for words in [
            "take back 2 fields",
            ".spec.maxUnavailable  (changed by kubectl-patch)",
            ".spec.replicas  (changed by kubectl)",
        ] {
            assert!(plan.contains(words), "{chart}: {plan}");
        }
        let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(0);
        assert_eq!(run.changing_verbs(), ["apply", "upgrade"], "{chart}: {run}");
    }
}

/// Of an old chart, before anything is sent.
#[test]
fn an_api_that_the_new_revision_names_and_that_is_gone_is_refused() {
    let world = World::installed();
    speak(&world, "stable", "");
    world.object("release", &release("6.18.2"));
    let words = "error: resource mapping not found for name: \"prodmq\" namespace: \"\" from \"STDIN\": no matches for kind \"PodDisruptionBudget\" in version \"policy/v1beta1\"";
    world.write("cluster/conflicts", words);
    let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(65);
    run.changed_nothing();
    assert!(run.stderr.contains("no matches for kind"), "{run}");
}
