//! Objects that the chart makes and that are there already: found before helm is run, taken over where it is asked for.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::objects;
use crate::transcript::Transcript;
use crate::wizard::{at_terminal, to_the_end};
use crate::world::World;

const ADOPT: [&str; 4] = ["install", "prodmq", "--adopt-objects", "--yes"];

/// An object that carries the marks of a release.
fn of_release(kind: &str, name: &str, release: &str, namespace: &str) -> Value {
    let annotations = json!({"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace});
    let labels = json!({"app.kubernetes.io/managed-by": "Helm"});
    json!({"kind": kind, "metadata": {"annotations": annotations, "labels": labels, "name": name}})
}

/// Nothing is installed, and this object is there.
fn with_object(file: &str, object: &Value) -> World {
    let world = World::with_secrets();
    world.object("namespace.rabbitmq", &objects::named("Namespace", "rabbitmq"));
    world.object(file, object);
    world
}

/// A Service that somebody made by hand.
fn by_hand() -> World {
    with_object("service.prodmq", &objects::named("Service", "prodmq"))
}

#[track_caller]
fn refused(run: &Transcript) -> String {
    assert_eq!(run.code, Some(78), "{run}");
    run.changed_nothing();
    run.stderr.clone()
}

#[test]
fn an_object_that_is_there_is_found_before_helm_is_run() {
    for verb in ["install", "plan"] {
        assert!(refused(&by_hand().run(&[verb, "prodmq"])).contains("see: mqctl explain OWNERSHIP"), "{verb}");
    }
    assert_snapshot!(refused(&by_hand().run(&["install", "prodmq", "--yes"])), @"
    error: `Service/prodmq` is there already, and helm did not make it; nothing was changed
    hint: mqctl install prodmq --adopt-objects   # it becomes the release's, with the chart's content
    hint: another `release` in the profile, or `fullnameOverride` under its `values`
    see: mqctl explain OWNERSHIP
    ");
}

#[test]
fn it_is_taken_over_where_that_is_asked_for() {
    let plan = by_hand().run(&["install", "prodmq", "--adopt-objects", "--dry-run"]).ended(0);
    plan.changed_nothing();
    assert_snapshot!(plan.stdout, @"
    test / rabbitmq / prodmq     objects that are there become the release's; what is to change is planned after that

      1  changes   take over 1 object  they get the chart's content, and helm's marks of this release
                   Service/prodmq, and helm did not make it
    ");
    let world = by_hand();
    let run = world.run(&ADOPT).ended(0);
    assert_eq!(run.changing_verbs(), ["apply", "create", "upgrade", "annotate"], "{run}");
    let list: Value = serde_json::from_str(&run.work()[0].stdin).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "this object alone: {list:#}");
    assert_eq!(list["items"][0]["metadata"]["annotations"]["meta.helm.sh/release-name"], "prodmq");
    assert!(run.work()[0].args.contains(&"--force-conflicts".to_owned()), "{run}");
    assert!(run.stdout.contains("prodmq is ready."), "the install goes on: {run}");
}

#[test]
fn killed_after_it_the_same_command_goes_on() {
    let world = by_hand();
    world.write("kill/after", "kubectl * apply --server-side --force-conflicts --field-manager helm *\n");
    world.run_to_the_last_child(&ADOPT).ended(128 + 9);
    let run = world.run(&ADOPT).ended(0);
    assert_eq!(run.changing_verbs(), ["create", "upgrade", "annotate"], "{run}");
}

/// What a chart keeps when its release goes, as a Secret with the only copy of a password.
#[test]
fn what_a_release_left_behind_can_be_taken_and_what_another_has_cannot() {
    let left = with_object("service.prodmq", &of_release("Service", "prodmq", "old", "rabbitmq"));
    assert!(refused(&left.run(&["install", "prodmq"])).contains("left behind by a release `old` that is gone"));
    assert_eq!(left.run(&ADOPT).ended(0).changing_verbs()[0], "apply");
    let lives = with_object("service.prodmq", &of_release("Service", "prodmq", "old", "rabbitmq"));
    let mut old = objects::release("deployed", "3");
    old["name"] = "old".into();
    lives.rule("helm list --filter ^old$ *", 0, &json!([old]).to_string(), "");
    assert_snapshot!(refused(&lives.run(&ADOPT)), @"
    error: `Service/prodmq` is there already, of the release `old`; nothing was changed
    hint: another `release` in the profile, or `fullnameOverride` under its `values`
    see: mqctl explain OWNERSHIP
    ");
    let elsewhere = with_object("service.prodmq", &of_release("Service", "prodmq", "prodmq2", "other"));
    assert!(refused(&elsewhere.run(&ADOPT)).contains("of the release `prodmq2`"));
}

#[test]
fn what_the_chart_s_object_does_not_fit_is_not_taken() {
    let world = by_hand();
    let words = "The Service \"prodmq\" is invalid: spec.clusterIPs[0]: Invalid value: []string{\"None\"}: may not change once set";
    world.rule("kubectl * apply * --dry-run=server *", 1, "", words);
    assert_snapshot!(refused(&world.run(&ADOPT)), @r#"
    error: `Service/prodmq` is there already, and helm did not make it, and the chart's does not fit in its place: The Service "prodmq" is invalid: spec.clusterIPs[0]: Invalid value: []string{"None"}: may not change once set; nothing was changed
    hint: another `release` in the profile, or `fullnameOverride` under its `values`
    see: mqctl explain OWNERSHIP
    "#);
}

#[test]
fn what_is_helm_s_of_this_release_is_none_of_it() {
    let world = with_object("service.prodmq", &of_release("Service", "prodmq", "prodmq", "rabbitmq"));
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    assert!(!run.changing_verbs().contains(&"apply"), "{run}");
}

#[test]
fn all_objects_of_another_chart_are_looked_at() {
    let world = with_object("configmap.prodmq-config", &objects::named("ConfigMap", "prodmq-config"));
    speak(&world, "bitnami", "");
    assert!(refused(&world.run(&["install", "prodmq", "--yes"])).contains("`ConfigMap/prodmq-config`"));
}

/// Helm's own refusal to render is the sign that there is one; its words name one only.
#[test]
fn an_upgrade_that_helm_would_refuse_names_them_all() {
    let world = World::installed();
    speak(&world, "bitnami", "");
    world.object("release", &release("16.0.16"));
    for object in ["PodDisruptionBudget", "ServiceAccount"] {
        world.object(&format!("{}.prodmq", object.to_lowercase()), &objects::named(object, "prodmq"));
    }
    for object in ["service.prodmq", "service.prodmq-headless", "statefulset.prodmq"] {
        let text = std::fs::read_to_string(world.path(&format!("cluster/{object}"))).unwrap();
        let mut live: Value = serde_json::from_str(&text).unwrap();
        let marks = of_release("", "", "prodmq", "rabbitmq");
        (live["metadata"]["labels"], live["metadata"]["annotations"]) =
            (marks["metadata"]["labels"].clone(), marks["metadata"]["annotations"].clone());
        world.object(object, &live);
    }
    let words = "Error: UPGRADE FAILED: Unable to continue with update: ServiceAccount \"prodmq\" in namespace \"rabbitmq\" exists and cannot be imported into the current release: invalid ownership metadata; label validation error";
    world.fails("helm upgrade * --dry-run *", 1, words);
    let stderr = refused(&world.run(&["upgrade", "prodmq", "--yes"]));
    assert!(stderr.contains("(and 1 more)") && stderr.contains("mqctl upgrade prodmq --adopt-objects"), "{stderr}");
}

#[test]
fn an_object_that_a_new_revision_makes_is_looked_at() {
    let world = crate::upgrade::changed(&format!(
        "{}---\nkind: Service\nmetadata: {{name: prodmq-new}}\n",
        crate::upgrade::DEPLOYED
    ));
    world.run(&["upgrade", "prodmq", "--dry-run"]).ended(0).changed_nothing();
    world.object("service.prodmq-new", &objects::named("Service", "prodmq-new"));
    assert!(refused(&world.run(&["upgrade", "prodmq", "--yes"])).contains("`Service/prodmq-new`"));
}

#[test]
fn at_a_terminal_it_is_offered() {
    let world = by_hand();
    let mut session = at_terminal(&world, &["install", "prodmq"]);
    let page = session.exp_string("Go on?").unwrap();
    assert!(page.contains("take over 1 object"), "{page}");
    session.send_line("y").unwrap();
    session.exp_string("helm install").unwrap();
    session.exp_string("Go on?").unwrap();
    session.send_line("y").unwrap();
    let (words, code) = to_the_end(session);
    assert_eq!(code, 0, "{words}");
}
