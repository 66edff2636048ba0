//! What `mqctl upgrade` refuses before anything is changed, and what it takes back that was changed beside it.

use serde_json::{Value, json};

use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::runner::Test;
use crate::world::{NAME, World};

const UPGRADE: [&str; 3] = ["upgrade", NAME, "--yes"];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("upgrade: refused before anything is changed", refusals),
        Test::new("upgrade: a field changed beside helm4", || changed_beside(Helm::Four)),
        Test::new("upgrade: a field changed beside helm3", || changed_beside(Helm::Three)).long(),
    ]
}

/// RabbitMQ 4.3 on the volumes of a 4.0 with Mnesia would take all metadata away while every pod stays Ready.
fn refusals() {
    let mut world = World::new("upgrade: refused", Helm::Three, MNESIA, 1);
    world.mqctl(&UPGRADE).expect(78).says(&["there is no release `mq`", "mqctl install mq"]);
    world.install();
    let (pods, releases, objects) = (world.namespace.pods(), world.releases(), versions_of(&world));
    world.wish("/image/tag", KHEPRI.into());
    for verb in ["upgrade", "install"] {
        world.mqctl(&[verb, NAME, "--yes", "--confirm", NAME]).expect(78).says(&["nothing was changed"]);
    }
    world.mqctl(&UPGRADE).expect(78).says(&["keeps its metadata in Mnesia", "mqctl upgrade mq --to 4.3"]);
    world.wish("/image/tag", "3.13.7-management".into());
    world.mqctl(&UPGRADE).expect(78).says(&["does not go back"]);
    world.wish("/image/tag", MNESIA.into());
    world.wish("/storage/size", "2Gi".into());
    world.mqctl(&UPGRADE).expect(78).says(&["volumeClaimTemplates", "1Gi to 2Gi", "nothing was changed"]);
    world.wish("/storage/size", "1Gi".into());
    world.wish("/values/resources/requests/memory", "900Mi".into());
    world.mqctl(&UPGRADE).expect(65).says(&["must be less than or equal to memory limit", "nothing was changed"]);
    assert_eq!((world.namespace.pods(), world.releases(), versions_of(&world)), (pods, releases, objects));
    assert_eq!(tables(&world), "22", "the metadata of a healthy 4.0 on Mnesia");
}

/// The resource versions of what an upgrade would write: a write leaves another one.
fn versions_of(world: &World) -> Vec<Value> {
    let list = world.namespace.list("statefulsets,services,configmaps,secrets,poddisruptionbudgets");
    let one = |object: &Value| {
        json!([object["kind"], object["metadata"]["name"], object["metadata"]["generation"], object["data"]])
    };
    list.iter().filter(|object| object["type"] != "helm.sh/release.v1").map(one).collect()
}

fn tables(world: &World) -> String {
    world.namespace.shell("mq-0", "rabbitmqctl -q eval 'length(mnesia:system_info(tables)).'").trim().to_owned()
}

fn changed_beside(helm: Helm) {
    let mut world = World::new(&format!("upgrade: beside {}", helm.word()), helm, KHEPRI, 1);
    world.install();
    let patch = json!({"metadata": {"labels": {"app.kubernetes.io/version": "mine"}}, "spec": {"replicas": 1}});
    world.namespace.kubectl(&["patch", "statefulset", NAME, "--patch", &patch.to_string()]);
    world.wish("/values/podAnnotations", json!({"e2e/changed": "yes"}));
    let plan = world.mqctl(&["plan", NAME]).expect(0);
    for words in ["take back 1 field", "app.kubernetes.io/version  (changed by kubectl-patch)"] {
        assert!(plan.stdout.contains(words), "`{words}`: {}", plan.said());
    }
    world.mqctl(&UPGRADE).expect(0);
    world.assert_healthy();
    let set = world.namespace.object("statefulset", NAME);
    assert_eq!(set["metadata"]["labels"]["app.kubernetes.io/version"], KHEPRI, "helm's own again");
    assert_eq!(set.pointer("/spec/template/metadata/annotations/e2e~1changed"), Some(&json!("yes")));
}
