//! Pods that cannot become ready: exit 75 with the words of the one who knows why, and a way on.

use serde_json::{Value, json};

use crate::doctor::assert_cause;
use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::killed::{assert_stopped, finish_install};
use crate::runner::Test;
use crate::running::Ran;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("unready: image cannot be pulled", image),
        Test::new("unready: pod cannot be scheduled", unschedulable),
        Test::new("unready: pod is refused by the API server", refused).long(),
        Test::new("unready: held at the start gate, then deleted", held),
    ]
}

#[track_caller]
pub(crate) fn install_in_vain(world: &World, seconds: &str) -> Ran {
    let ran = world.mqctl(&["install", NAME, "--yes", "--timeout", seconds]).expect(75);
    // Helm's part is done; what is there is left for the next run.
    ran.says(&["hint:", "nothing was undone"])
}

fn image() {
    let mut world = World::new("unready: image", Helm::Four, KHEPRI, 3);
    // A version that nobody made, of another series: it never ran, so that the way back is no step to another version.
    world.wish("/image/tag", "4.0.999-management".into());
    install_in_vain(&world, "20s").says(&["mq-0", "image: ", "4.0.999-management"]);
    assert_cause(&world, "IMG");
    world.wish("/image/tag", KHEPRI.into());
    finish_install(&world);
    // Now that one has run, another series is refused, whatever the pods look like.
    world.wish("/image/tag", MNESIA.into());
    let before = world.namespace.pods();
    world.mqctl(&["install", NAME, "--yes"]).expect(78).says(&["the volumes of `mq` were written by", KHEPRI]);
    assert_eq!(world.namespace.pods(), before, "nothing was changed");
}

fn unschedulable() {
    let mut world = World::new("unready: unschedulable", Helm::Three, MNESIA, 1);
    let small = world.profile["values"]["resources"].clone();
    world.wish("/values/resources", memory("900Gi", "900Gi"));
    install_in_vain(&world, "10s").says(&["mq-0", "cannot be scheduled: ", "Insufficient memory"]);
    assert_cause(&world, "UNSCHEDULABLE");
    world.wish("/values/resources", small);
    finish_install(&world);
}

/// The API server refuses the pods to the StatefulSet's controller: there is no pod that could say why.
fn refused() {
    let world = World::new("unready: refused", Helm::Four, KHEPRI, 1);
    world.namespace.kubectl(&["create", "namespace", &world.namespace.0]);
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}});
    world.namespace.apply(&[quota]);
    install_in_vain(&world, "10s").says(&[
        "mq-0",
        "exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0",
        "see: mqctl explain ADMISSION",
    ]);
    world.namespace.kubectl(&["delete", "resourcequota", "small"]);
    finish_install(&world);
}

fn memory(request: &str, limit: &str) -> Value {
    json!({"requests": {"memory": request}, "limits": {"memory": limit}})
}

fn held() {
    let world = World::new("unready: held", Helm::Four, KHEPRI, 1);
    world.namespace.kubectl(&["create", "namespace", &world.namespace.0]);
    world.namespace.kubectl(&["create", "configmap", "mq-hold", "--from-literal", "pods=mq-0"]);
    install_in_vain(&world, "20s").says(&["mq-0", "at the start gate"]);
    let deleted = world.delete();
    assert!(deleted.took.as_secs() < 60, "{}", deleted.said());
    assert_stopped(&world);
}
