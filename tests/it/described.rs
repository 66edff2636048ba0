//! A StatefulSet that is not what the profile says of the chart: nobody looks for volumes under a wrong name.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::custom::{BY_SECRET, speak};
use crate::objects::{self, PODS};
use crate::recover::{deadlock, stateful_set};
use crate::world::World;

fn set(change: impl Fn(&mut Value)) -> Value {
    let mut set = stateful_set("OrderedReady", false);
    set["spec"]["serviceName"] = "prodmq-headless".into();
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "logs"}}, {"metadata": {"name": "data"}}]);
    change(&mut set);
    set
}

/// Deadlocked, where the volumes that count are not those that the profile names.
fn custom(change: impl Fn(&mut Value)) -> World {
    let world = deadlock();
    speak(&world, BY_SECRET, "");
    world.object("statefulset.prodmq", &set(change));
    world
}

fn named_otherwise(set: &mut Value) {
    set["spec"]["volumeClaimTemplates"][1]["metadata"]["name"] = "mq-data".into();
}

#[test]
fn volumes_are_not_looked_for_under_a_wrong_name() {
    for verb in [&["recover", "prodmq", "--strategy", "auto", "--yes"][..], &["doctor", "prodmq"]] {
        let run = custom(named_otherwise).run(verb).ended(65);
        run.changed_nothing();
        let words = "profiles/prodmq.yaml: `chart.custom.claimTemplate` is `data`, and StatefulSet `prodmq` has logs or mq-data; nothing was changed\n\
                     hint: claimTemplate: logs or mq-data   # under `chart.custom`; then the same command again";
        assert!(run.stderr.contains(words), "{run}");
    }
    custom(|_| ()).run(&["recover", "prodmq"]).ended(64);
}

#[test]
fn nor_are_a_container_and_the_nodes_names() {
    let said = |change: &dyn Fn(&mut Value)| custom(change).run(&["recover", "prodmq"]).ended(65).stderr;
    assert_snapshot!(said(&|set| set["spec"]["template"]["spec"]["containers"][0]["name"] = "broker".into()), @"
    error: profiles/prodmq.yaml: `chart.custom.container` is `rabbitmq`, and StatefulSet `prodmq` has broker; nothing was changed
    hint: container: broker   # under `chart.custom`; then the same command again
    ");
    assert_snapshot!(said(&|set| set["spec"]["serviceName"] = "prodmq-nodes".into()), @"
    error: profiles/prodmq.yaml: `chart.custom.headlessService` is `prodmq-headless`, and StatefulSet `prodmq` has prodmq-nodes; nothing was changed
    hint: headlessService: prodmq-nodes   # under `chart.custom`; then the same command again
    ");
}

/// By which everything of the release is found.
#[test]
fn nor_are_pods_that_another_label_tells() {
    let labelled = |label: &str| {
        let labels = json!({"app": "mq", label: "prodmq"});
        custom(move |set| set["spec"]["template"]["metadata"] = json!({"labels": labels}))
    };
    let said = labelled("helm").run(&["recover", "prodmq"]).ended(65).stderr;
    assert!(said.contains("`chart.custom.releaseLabel` is `release`, and StatefulSet `prodmq` has helm;"), "{said}");
    let run = custom(|set| set["spec"]["selector"] = json!({"matchLabels": {"app": "mq", "helm": "prodmq"}}));
    assert!(
        run.run(&["recover", "prodmq"]).ended(65).stderr.contains("has helm;"),
        "claims have those of the selector"
    );
    labelled("release").run(&["recover", "prodmq"]).ended(64);
}

/// By the one its logs are asked for; the other is where the volume is looked at.
#[test]
fn nor_are_pod_labels_and_the_place_of_the_volume() {
    let said = |change: &dyn Fn(&mut Value)| custom(change).run(&["recover", "prodmq"]).ended(65).stderr;
    let labels = json!({"labels": {"app": "broker", "release": "prodmq"}});
    let other = said(&|set| set["spec"]["template"]["metadata"] = labels.clone());
    assert!(other.contains("`chart.custom.podLabels` is `{app: mq, release: prodmq}`, and StatefulSet `prodmq` has {app: broker, release: prodmq};"), "{other}");
    let mounted = |path: &'static str| {
        move |set: &mut Value| {
            set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
                json!([{"name": "data", "mountPath": path}]);
        }
    };
    let other = said(&mounted("/var/lib/rabbitmq"));
    assert!(
        other.contains("`chart.custom.volumePath` is `/data`, and StatefulSet `prodmq` has /var/lib/rabbitmq;"),
        "{other}"
    );
    custom(mounted("/data/")).run(&["recover", "prodmq"]).ended(64);
}

#[test]
fn a_family_s_chart_that_is_another_is_told() {
    let world = deadlock();
    world.object("statefulset.prodmq", &set(named_otherwise));
    assert_snapshot!(world.run(&["recover", "prodmq"]).ended(65).stderr, @"
    error: profiles/prodmq.yaml: charts of `builtin` have `data` as claimTemplate, and StatefulSet `prodmq` has logs or mq-data; nothing was changed
    hint: name the chart that made it, or describe it: `chart.dialect: custom`
    ");
}

/// As helm renders it, before the first install.
#[test]
fn an_install_compares_what_the_chart_makes() {
    let world = World::with_secrets();
    speak(&world, BY_SECRET, "");
    let render = |change: fn(&mut Value)| {
        let mut set = set(change);
        set["metadata"]["namespace"] = "rabbitmq".into();
        world.write("cluster/next", &json!({"manifest": set.to_string()}).to_string());
    };
    render(named_otherwise);
    for verb in ["install", "plan"] {
        let run = world.run(&[verb, "prodmq"]).ended(65);
        run.changed_nothing();
        assert!(run.stderr.contains("`chart.custom.claimTemplate` is `data`"), "{run}");
    }
    render(|_| ());
    world.run(&["plan", "prodmq"]).ended(0);
}

/// A chart may bring a database along, with the release's label on all that it has.
#[test]
fn what_is_another_s_is_neither_stopped_nor_purged() {
    let world = World::installed();
    let mut database = stateful_set("OrderedReady", false);
    database["metadata"]["name"] = "prodmq-db".into();
    database["spec"]["replicas"] = 1.into();
    world.object("statefulset.prodmq-db", &database);
    world.object("pod.prodmq-db-0", &objects::pod("prodmq-db-0", &objects::running(true)));
    let others = ["data-prodmq-db-0", "data-db-prodmq-0"];
    for name in others {
        let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "status": {"phase": "Bound"}});
        world.object(&format!("persistentvolumeclaim.{name}"), &claim);
    }
    let logs =
        json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "logs-prodmq-0"}, "status": {"phase": "Bound"}});
    world.object("persistentvolumeclaim.logs-prodmq-0", &logs);
    world.object("statefulset.prodmq", &set(|_| ()));
    let run = world.run(&["delete", "prodmq", "--purge", "--confirm", "prodmq"]).ended(0);
    let touched = run.work().iter().any(|call| call.to_string().contains("prodmq-db"));
    assert!(!touched && run.stderr.contains(PODS[2]), "{run}");
    assert!(others.iter().all(|name| world.path(&format!("cluster/persistentvolumeclaim.{name}")).exists()), "{run}");
    assert!(!world.path("cluster/persistentvolumeclaim.logs-prodmq-0").exists(), "a volume of the broker's own pod");
}
