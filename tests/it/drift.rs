//! Drift: in what a release is another one than its profile wants, as `status` and `plan` tell it, in text and in JSON;
//! here by its revision and its objects.

use std::fmt::Write as _;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::expose::with_profile;
use crate::objects::{self, PODS};
use crate::transcript::Transcript;
use crate::world::{PROFILE, World};

/// The StatefulSet as the API server has it: every field that is compared.
fn set(world: &World) -> Value {
    let mut set = objects::stateful_set(3, &world.digest());
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    let image = format!("rabbitmq:{}", mqctl::profile::Image::TAG);
    set["spec"]["template"] = json!({"spec": {"containers": [{"name": "rabbitmq", "image": image}]}});
    let requests = json!({"resources": {"requests": {"storage": "8Gi"}}});
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": requests}]);
    set
}

pub fn installed() -> World {
    let world = World::installed();
    world.object("statefulset.prodmq", &set(&world));
    let published = json!({"clusterIP": "None", "publishNotReadyAddresses": true});
    let headless = json!({"kind": "Service", "metadata": {"name": "prodmq-headless"}, "spec": published});
    world.object("service.prodmq-headless", &headless);
    world
}

/// Somebody has changed the StatefulSet.
fn with_set(change: impl Fn(&mut Value)) -> World {
    let world = installed();
    let mut set = set(&world);
    change(&mut set);
    world.object("statefulset.prodmq", &set);
    world
}

/// Each broker says this, too.
pub fn with_answers(says: &Value) -> World {
    let world = installed();
    answers(&world, says);
    world
}

pub fn answers(world: &World, says: &Value) {
    for pod in PODS {
        let mut answer = objects::answer(pod);
        answer.as_object_mut().unwrap().extend(says.as_object().unwrap().clone());
        world.object(&format!("answer.{pod}"), &answer);
    }
}

/// The lines of a page that tell of it.
fn rows(run: &Transcript) -> Vec<String> {
    let lines = run.stdout.lines().skip_while(|line| !line.trim_start().starts_with("drift"));
    lines.map(|line| line.trim_end().to_owned()).take_while(|line| !line.starts_with("forecast")).collect()
}

fn in_json(list: &Value) -> String {
    let line = |one: &Value| {
        let text = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
        format!("{} {}: {} / {}", text("with"), text("kind"), text("wished"), text("found"))
    };
    list.as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("; ")
}

/// What both commands say, in both formats.
pub fn told(world: &World) -> String {
    let mut told = String::new();
    for verb in ["status", "plan"] {
        let run = world.run(&[verb, "prodmq"]);
        run.changed_nothing();
        writeln!(told, "{verb} [exit {}]", run.code.unwrap()).unwrap();
        rows(&run).iter().chain(&refusal(&run)).for_each(|line| writeln!(told, "{line}").unwrap());
        let json = world.run(&[verb, "prodmq", "-o", "json"]);
        if !json.stdout.is_empty() {
            writeln!(told, "json: {}", in_json(&json.json()["drift"])).unwrap();
        }
    }
    told
}

/// A plan that is none.
fn refusal(run: &Transcript) -> Vec<String> {
    run.stderr.lines().filter(|line| line.starts_with("error")).map(str::to_owned).collect()
}

#[test]
fn what_agrees_is_not_told() {
    assert_snapshot!(told(&installed()), @"
    status [exit 0]
    json: 
    plan [exit 0]
    json:
    ");
    let users = json!([{"name": "user", "tags": ["administrator"]}]);
    assert_snapshot!(told(&with_answers(&json!({"users": users, "flagsOff": []}))), @"
    status [exit 0]
    json: 
    plan [exit 0]
    json:
    ");
}

#[test]
fn a_plan_that_changes_nothing_asks_the_brokers_too() {
    let run = installed().run(&["plan", "prodmq"]).ended(0);
    assert_eq!(run.calls.len(), 3 + PODS.len(), "{run}");
    let run = installed().run(&["upgrade", "prodmq"]).ended(0);
    assert_eq!(run.calls.len(), 3, "whoever changes something goes on: {run}");
}

#[test]
fn values_of_the_last_revision() {
    let world = installed();
    world.profile("prodmq", &format!("{PROFILE}values: {{podLabels: {{a: b}}}}\n"));
    let told = told(&world).replace(&world.digest(), "WISHED");
    world.profile("prodmq", PROFILE);
    assert_snapshot!(told.replace(&world.digest(), "FOUND"), @"
    status [exit 0]
      drift         the last revision was made with other values, or by another mqctl: mqctl upgrade prodmq
    json: release values: WISHED / FOUND
    plan [exit 0]
    json:
    ");
}

#[test]
fn what_the_profile_s_own_fields_explain_is_told_by_them_alone() {
    let world = installed();
    world.profile("prodmq", &format!("{PROFILE}image: {{tag: 4.3.7-management}}\n"));
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         the StatefulSet runs rabbitmq:4.3.6-management, the profile wants rabbitmq:4.3.7-management: mqctl upgrade prodmq
    json: objects image: rabbitmq:4.3.7-management / rabbitmq:4.3.6-management
    plan [exit 0]
    json: objects image: rabbitmq:4.3.7-management / rabbitmq:4.3.6-management
    ");
}

#[test]
fn an_image_that_was_set_beside_helm_is_taken_back() {
    let world = with_set(|set| set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("rabbitmq:4.3.5"));
    let said = "Apply failed with 1 conflict: conflict with \"kubectl-set\" using apps/v1: .spec.template.spec.containers[name=\"rabbitmq\"].image\n";
    world.write("cluster/conflicts", said);
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         the StatefulSet runs rabbitmq:4.3.5, the profile wants rabbitmq:4.3.6-management: mqctl upgrade prodmq
    json: objects image: rabbitmq:4.3.6-management / rabbitmq:4.3.5
    plan [exit 0]
    json: objects field: - / -
    ");
    let plan = world.run(&["plan", "prodmq"]).ended(0);
    assert!(plan.stdout.contains("image  (changed by kubectl-set)"), "named once, below its step: {plan}");
}

#[test]
fn the_number_of_nodes() {
    assert_snapshot!(told(&with_set(|set| set["spec"]["replicas"] = json!(5))), @"
    status [exit 0]
      drift         the StatefulSet has 5 nodes, the profile wants 3: replicas: 5   # in the profile
    json: objects replicas: 3 / 5
    plan [exit 78]
    error: `replicas`: `prodmq` runs with 5, and taking members away is not an install; nothing was changed
    ");
    assert_snapshot!(told(&with_set(|set| set["spec"]["replicas"] = json!(2))), @"
    status [exit 0]
      drift         the StatefulSet has 2 nodes, the profile wants 3: mqctl upgrade prodmq
    json: objects replicas: 3 / 2
    plan [exit 0]
    json: objects replicas: 3 / 2
    ");
    let plan = with_set(|set| set["spec"]["replicas"] = json!(2)).run(&["plan", "prodmq"]).ended(0);
    assert!(plan.stdout.contains("~ the StatefulSet has 2 nodes, the profile wants 3\n"), "below its step: {plan}");
    let recovered = with_set(|set| {
        set["spec"]["replicas"] = json!(2);
        set["metadata"]["annotations"]["mqctl/recovery"] = json!("newest-first");
    });
    assert!(!recovered.run(&["status", "prodmq"]).stdout.contains("drift"), "a recovery holds one back");
}

#[test]
fn volumes_of_another_size_or_class() {
    let world = installed();
    let mut claim = objects::claim("data-prodmq-1");
    claim["spec"]["resources"]["requests"]["storage"] = json!("16Gi");
    world.object("persistentvolumeclaim.data-prodmq-1", &claim);
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         volume data-prodmq-1 has 16Gi, the profile wants 8Gi: storage: {size: 16Gi}   # in the profile
    json: objects storage: 8Gi / 16Gi
    plan [exit 0]
    drift: what is other than the profile wants, and what ends it
      objects  volume data-prodmq-1 has 16Gi, the profile wants 8Gi
               fix: storage: {size: 16Gi}   # in the profile
    json: objects storage: 8Gi / 16Gi
    ");
    let world = installed();
    let wish = |class: &str| world.profile("prodmq", &format!("{PROFILE}storage: {{class: {class}}}\n"));
    wish("standard");
    let mut live = set(&world);
    live["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] = json!("standard");
    world.object("statefulset.prodmq", &live);
    wish("fast");
    let status = world.run(&["status", "prodmq", "-o", "json"]).ended(0).json();
    assert_eq!(in_json(&status["drift"]), "objects storageClass: fast / standard");
    world.profile("prodmq", PROFILE);
    let status = world.run(&["status", "prodmq"]).ended(0);
    assert!(rows(&status)[0].contains("of class standard, the profile wants the cluster's default"), "{status}");
}

#[test]
fn pods_in_order_that_would_better_be_created_at_once() {
    let world = with_set(|set| set["spec"]["podManagementPolicy"] = json!("OrderedReady"));
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         the StatefulSet is OrderedReady, and pods in order wait for each other for ever after a full stop: mqctl upgrade prodmq --recreate-statefulset   # its pods stay
    json: objects podManagementPolicy: Parallel / OrderedReady
    plan [exit 0]
    drift: what is other than the profile wants, and what ends it
      objects  the StatefulSet is OrderedReady, and pods in order wait for each other for ever after a full stop
               fix: mqctl upgrade prodmq --recreate-statefulset   # its pods stay
    json: objects podManagementPolicy: Parallel / OrderedReady
    ");
}

#[test]
fn names_that_are_no_longer_published() {
    let world = installed();
    let hidden = json!({"clusterIP": "None", "publishNotReadyAddresses": false});
    let headless = json!({"kind": "Service", "metadata": {"name": "prodmq-headless"}, "spec": hidden});
    world.object("service.prodmq-headless", &headless);
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         Service prodmq-headless names ready pods only, so that nodes that wait do not meet: mqctl upgrade prodmq
    json: objects publishedAddresses: all pods / ready pods
    plan [exit 0]
    json: objects publishedAddresses: all pods / ready pods
    ");
}

#[test]
fn a_service_that_is_missing_comes_back_with_an_upgrade() {
    let world = installed();
    world.remove("cluster/service.prodmq");
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         Service prodmq is missing: mqctl upgrade prodmq
    json: objects service: - / -
    plan [exit 0]
    json: objects service: - / -
    ");
    let plan = world.run(&["plan", "prodmq"]).ended(0);
    assert!(plan.stdout.contains("~ Service prodmq is missing\n"), "named once, below its step: {plan}");
    world.run(&["upgrade", "prodmq", "--yes"]).ended(0);
    assert!(!world.run(&["status", "prodmq"]).ended(0).stdout.contains("drift"));
}

#[test]
fn mqctl_s_own_secret() {
    let world = installed();
    world.remove("cluster/secret.prodmq-mqctl-credentials");
    world.object("runs-with", &objects::runs_with(Some(objects::COOKIE), objects::PASSWORD, objects::PASSWORD));
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         mqctl's Secret prodmq-mqctl-credentials is missing, and with it the cluster's copy of password and cookie: mqctl upgrade prodmq
    json: objects secret: - / -
    plan [exit 0]
    json:
    ");
}

#[test]
fn the_way_in_from_outside() {
    let world = with_profile(installed(), "{type: NodePort}");
    assert_snapshot!(told(&world), @"
    status [exit 0]
    json: objects expose: - / -
    plan [exit 0]
    json:
    ");
    let status = world.run(&["status", "prodmq"]).ended(0);
    assert!(status.stdout.contains("exposed       not yet: mqctl expose prodmq"), "named once: {status}");
    world.run(&["expose", "prodmq", "--type", "LoadBalancer", "--yes", "--timeout", "1s"]);
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         the profile wants Service prodmq-external with type NodePort instead of LoadBalancer: mqctl expose prodmq
    json: objects expose: - / -
    plan [exit 0]
    json:
    ");
}

#[test]
fn another_first_user() {
    let world = installed();
    world.profile("prodmq", &format!("{PROFILE}credentials: {{username: shop}}\n"));
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         it was installed with the user `user`, the profile wants `shop`: credentials: {username: user}   # in the profile
    json: release username: shop / user
    plan [exit 78]
    error: `credentials.username`: `prodmq` was installed with `user`, not `shop`; nothing was changed
    ");
}

#[test]
fn another_chart_is_compared_by_the_profile_s_fields() {
    let world = installed();
    speak(&world, "bitnami", ", podManagementPolicy: Parallel");
    world.object("release", &release("16.0.16"));
    let mut set = set(&World::installed());
    set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("mirror.example:5000/mq/rabbitmq:4.3.5");
    world.object("statefulset.prodmq", &set);
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         the StatefulSet runs mirror.example:5000/mq/rabbitmq:4.3.5, the profile wants rabbitmq:4.3.6-management: mqctl upgrade prodmq
    json: objects image: rabbitmq:4.3.6-management / mirror.example:5000/mq/rabbitmq:4.3.5
    plan [exit 0]
    json: objects image: rabbitmq:4.3.6-management / mirror.example:5000/mq/rabbitmq:4.3.5
    ");
    set["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!("mirror.example:5000/mq/rabbitmq:4.3.6-management");
    world.object("statefulset.prodmq", &set);
    assert!(!told(&world).contains("image"), "the registry is the chart's");
}
