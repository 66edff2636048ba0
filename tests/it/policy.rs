//! How pods are created is kept by Kubernetes for ever: what is said to whoever wants it changed, and what comes of it.

use insta::assert_snapshot;
use serde_json::json;

use crate::dialects::drifted;
use crate::recover::stateful_set;
use crate::world::World;

const LINE: &str = ", podManagementPolicy: Parallel";

/// The profile has the line, and the StatefulSet is of before.
fn in_order() -> World {
    let world = drifted(LINE);
    let mut set = stateful_set("OrderedReady", false);
    set["status"]["readyReplicas"] = 3.into();
    world.object("statefulset.prodmq", &set);
    let manifest = |policy: &str| {
        format!(
            "---\nkind: StatefulSet\nmetadata:\n  name: prodmq\nspec:\n  podManagementPolicy: {policy}\n  replicas: 3\n"
        )
    };
    world.write("cluster/manifest", &manifest("OrderedReady"));
    world.write("cluster/next", &json!({"manifest": manifest("Parallel")}).to_string());
    world
}

#[test]
fn an_upgrade_says_how_the_line_takes_effect() {
    let world = in_order();
    let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @"
    error: StatefulSet `prodmq` cannot change spec.podManagementPolicy from OrderedReady to Parallel: Kubernetes keeps this field for ever; nothing was changed
    hint: mqctl upgrade prodmq --recreate-statefulset   # made anew around its pods, which stay with their volumes
    hint: or put the value back in the profile
    see: mqctl explain IMMUTABLE
    ");
    world.remove("cluster/statefulset.prodmq");
    let run = world.run(&["upgrade", "prodmq", "--dry-run"]).ended(0);
    assert!(run.stdout.contains("spec.podManagementPolicy: OrderedReady -> Parallel"), "{run}");
}
