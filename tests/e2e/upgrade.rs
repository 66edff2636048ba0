//! `mqctl upgrade` on a release that holds messages, and what it refuses before anything is changed.

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{Helm, KHEPRI, MNESIA, OLD};
use crate::runner::Test;
use crate::world::{NAME, World};

const MESSAGES: usize = 1000;
const UPGRADE: [&str; 3] = ["upgrade", NAME, "--yes"];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        journey(Helm::Four, KHEPRI),
        journey(Helm::Three, MNESIA).long(),
        journey(Helm::Four, OLD).long(),
        Test::new("upgrade: refused before anything is changed", refusals),
        Test::new("upgrade: a field changed beside helm4", || changed_beside(Helm::Four)),
        Test::new("upgrade: a field changed beside helm3", || changed_beside(Helm::Three)).long(),
    ]
}

fn journey(helm: Helm, tag: &'static str) -> Test {
    let version = tag.trim_end_matches("-management");
    let name = format!("upgrade: journey {} {version}", helm.word());
    Test::new(name.clone(), move || {
        let mut world = World::new(&name, helm, tag, 3);
        world.install();
        let password = world.credentials().agree().password().to_owned();
        let broker = Broker::of(&world.namespace, "mq-0", &password);
        Kind::BOTH.into_iter().for_each(|kind| broker.publish(kind, MESSAGES));
        a_resource_limit(&mut world);
        one_more_replica(&mut world);
        another_image_of_the_version(&mut world, version);
        let broker = Broker::of(&world.namespace, "mq-1", &password);
        for kind in Kind::BOTH {
            assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}: each once, in order");
        }
    })
}

/// One change: it is in the plan, it is made, every message stays, and nothing is left to do.
#[track_caller]
fn upgraded(world: &World, planned: &[&str]) {
    let plan = world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
    for words in planned {
        assert!(plan.stdout.contains(words), "`{words}` is not in the plan: {}", plan.said());
    }
    world.mqctl(&UPGRADE).expect(0);
    assert_eq!(world.assert_healthy()["messages"]["ready"], 2 * MESSAGES);
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    let (pods, releases) = (world.namespace.pods(), world.releases());
    let again = world.mqctl(&["upgrade", NAME]).expect(0);
    assert!(again.stdout.contains("nothing to change"), "{}", again.said());
    assert_eq!((world.namespace.pods(), world.releases()), (pods, releases));
}

fn a_resource_limit(world: &mut World) {
    let before = world.namespace.pods();
    world.wish("/values/resources/limits/memory", "600Mi".into());
    upgraded(world, &["limits.memory: 512Mi -> 600Mi", "mq-2, mq-1, mq-0: one by one", "save the definitions"]);
    for (old, new) in before.iter().zip(world.namespace.pods()) {
        assert!(old.0 == new.0 && old.1 != new.1, "{} was not made anew", old.0);
    }
    a_backup_is_kept(world);
}

fn a_backup_is_kept(world: &World) {
    let folder = world.root().join("home/.local/state/mqctl/mq");
    let files: Vec<_> =
        std::fs::read_dir(folder).expect("backups").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(&files[0]).expect("a backup");
    let saved: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(saved["queues"].as_array().map(Vec::len), Some(Kind::BOTH.len()), "{saved:#}");
}

fn one_more_replica(world: &mut World) {
    let before = world.namespace.pods();
    world.wish("/replicas", 4.into());
    upgraded(world, &["spec.replicas: 3 -> 4"]);
    assert_eq!(world.namespace.pods()[..3], before, "the others go on");
}

/// As if somebody had built the image of the same version once more, under another tag.
fn another_image_of_the_version(world: &mut World, version: &str) {
    world.wish("/image/tag", version.into());
    upgraded(world, &[&format!("{version}-management -> ")]);
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
