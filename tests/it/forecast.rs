//! The forecast of `plan` and `inspect`: what a chart with these values comes to, before it is installed. The manifests are
//! what helm renders; each test changes one thing in them.

use insta::assert_snapshot;
use mqctl::explain::Code;
use mqctl::forecast::{Asked, Forecast, forecast};
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::transcript::Transcript;
use crate::world::{PROFILE, World};

/// As helm answers for the next revision.
pub fn rendered(family: &str) -> Value {
    let text = match family {
        "builtin" => include_str!("rendered/builtin.json"),
        "stable" => include_str!("rendered/stable.json"),
        _ => include_str!("rendered/bitnami.json"),
    };
    serde_json::from_str(text).unwrap()
}

pub fn manifest(family: &str) -> String {
    rendered(family)["manifest"].as_str().unwrap().to_owned()
}

/// The same as objects.
pub fn objects(family: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let text = manifest(family);
    serde_yaml::Deserializer::from_str(&text).map(|one| Value::deserialize(one).unwrap()).collect()
}

pub const ASKED: Asked<'_> = Asked {
    objects: &[],
    name: "prodmq",
    container: "rabbitmq",
    base: "/var/lib/rabbitmq/mnesia",
    family: "builtin",
    namespace: "rabbitmq",
    secret: Some("prodmq-mqctl-credentials"),
    secret_keys: &[],
};

pub fn told(family: &str, base: &str, objects: &[Value]) -> Vec<Forecast> {
    forecast(&Asked { objects, base, family, ..ASKED })
}

/// What is forecast for the built-in chart when something in its StatefulSet, its Services or its budget is another way.
fn changed(kind: &str, change: impl Fn(&mut Value)) -> Vec<(Code, String)> {
    let mut objects = objects("builtin");
    objects.iter_mut().filter(|object| object["kind"] == kind).for_each(change);
    let told = told("builtin", "/var/lib/rabbitmq/mnesia", &objects);
    told.into_iter().map(|one| (one.code, one.fix)).collect()
}

fn codes(kind: &str, change: impl Fn(&mut Value)) -> Vec<Code> {
    changed(kind, change).into_iter().map(|(code, _)| code).collect()
}

pub fn broker(set: &mut Value) -> &mut Value {
    &mut set["spec"]["template"]["spec"]["containers"][0]
}

#[test]
fn there_is_nothing_to_tell_of_the_built_in_chart() {
    assert_eq!(told("builtin", "/var/lib/rabbitmq/mnesia", &objects("builtin")), []);
    let world = World::new();
    world.rule("helm template *", 0, &manifest("builtin"), "");
    let page = world.run(&["inspect", "prodmq", "-o", "json"]).ended(0).json();
    assert_eq!((&page["rendered"], &page["forecast"]), (&json!(true), &json!([])));
    assert!(!world.run(&["inspect", "prodmq"]).ended(0).stdout.contains("forecast"));
}

#[test]
fn each_thing_by_itself() {
    let set = |path: &'static str, value: Value| {
        codes("StatefulSet", move |set| *set.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value.clone())
    };
    assert_eq!(set("/spec/podManagementPolicy", json!("OrderedReady")), [Code::KhepriLeader]);
    assert_eq!(set("/spec/volumeClaimTemplates", json!([])), [Code::Ephemeral]);
    assert_eq!(set("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted", json!("Delete")), [Code::Retention]);
    assert_eq!(set("/spec/persistentVolumeClaimRetentionPolicy/whenScaled", json!("Delete")), [Code::Retention]);
    assert_eq!(set("/spec/replicas", json!(2)), [Code::TwoNodes]);
    assert_eq!(set("/spec/replicas", json!(4)), [Code::TwoNodes]);
    assert_eq!(set("/spec/template/spec/terminationGracePeriodSeconds", json!(10)), [Code::Grace]);
    let by_hand = |set: &mut Value| set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    assert_eq!(codes("StatefulSet", by_hand), [Code::ConfNotRolled]);
    assert_eq!(codes("PodDisruptionBudget", |budget| budget["spec"]["maxUnavailable"] = json!(0)), [Code::PdbDrain]);
    assert_eq!(codes("PodDisruptionBudget", |budget| budget["kind"] = json!("Other")), [Code::PdbDrain]);
    let limit = |set: &mut Value| broker(set)["resources"]["limits"]["memory"] = json!("384Mi");
    assert_eq!(changed("StatefulSet", limit), [(Code::Mem, "values: {resources: {limits: {memory: 1Gi}}}".into())]);
    let hidden = |service: &mut Value| service["spec"]["publishNotReadyAddresses"] = json!(false);
    assert_eq!(codes("Service", hidden), [Code::Dns]);
    let alone = |map: &mut Value| map["data"] = json!({"rabbitmq.conf": "log.console = true\n"});
    assert_eq!(codes("ConfigMap", alone), [Code::Split]);
}

/// Whatever the broker's container is called, and wherever it stands.
#[test]
fn a_sidecar_before_the_broker_is_not_taken_for_it() {
    let mut objects = objects("builtin");
    for set in objects.iter_mut().filter(|object| object["kind"] == "StatefulSet") {
        broker(set)["name"] = json!("broker");
        let sidecar = json!({"name": "proxy", "image": "proxy:4.3", "resources": {"limits": {"memory": "64Mi"}},
            "livenessProbe": {"tcpSocket": {"port": 8080}}});
        set["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().insert(0, sidecar);
    }
    assert_eq!(forecast(&Asked { objects: &objects, container: "broker", ..ASKED }), []);
}

#[test]
fn budgets_that_block_and_those_that_do_not() {
    let budget = |spec: Value| {
        codes("PodDisruptionBudget", move |budget| {
            let selector = budget["spec"]["selector"].clone();
            budget["spec"] = spec.clone();
            budget["spec"]["selector"] = selector;
        })
    };
    for blocks in [json!({"minAvailable": 3}), json!({"minAvailable": "100%"}), json!({"maxUnavailable": "0"})] {
        assert_eq!(budget(blocks.clone()), [Code::PdbDrain], "{blocks}");
    }
    for lets in [json!({"minAvailable": 2}), json!({"minAvailable": "50%"}), json!({"maxUnavailable": "34%"})] {
        assert_eq!(budget(lets.clone()), [], "{lets}");
    }
    let of_others = |budget: &mut Value| budget["spec"]["selector"] = json!({"matchLabels": {"app": "other"}});
    assert_eq!(codes("PodDisruptionBudget", of_others), [Code::PdbDrain], "it counts other pods");
}

#[test]
fn probes_that_kill_and_those_that_do_not() {
    let probe = |kind: &'static str, probe: Value| codes("StatefulSet", move |set| broker(set)[kind] = probe.clone());
    let check = |words: &str, delay: u64, period: u64, failures: u64| {
        json!({"exec": {"command": ["rabbitmq-diagnostics", "-q", words]}, "initialDelaySeconds": delay,
            "periodSeconds": period, "failureThreshold": failures})
    };
    assert_eq!(probe("livenessProbe", check("check_running", 120, 30, 6)), [Code::ProbeKill], "270 s");
    assert_eq!(probe("livenessProbe", check("check_running", 150, 30, 6)), [], "300 s");
    assert_eq!(probe("livenessProbe", check("ping", 120, 30, 6)), [], "a node that waits answers a ping");
    assert_eq!(probe("startupProbe", check("check_running", 10, 10, 10)), [Code::ProbeKill], "100 s");
    // A liveness probe begins when the startup probe has passed.
    let both = codes("StatefulSet", |set| {
        broker(set)["startupProbe"] = check("check_running", 10, 10, 31);
        broker(set)["livenessProbe"] = check("check_running", 0, 10, 3);
    });
    assert_eq!(both, []);
    let one_node = codes("StatefulSet", |set| {
        broker(set)["livenessProbe"] = check("check_running", 120, 30, 6);
        set["spec"]["replicas"] = json!(1);
    });
    assert_eq!(one_node, [], "it waits for nobody");
}

#[test]
fn a_volume_counts_where_the_data_are() {
    let volumes = |mounts: Value, volumes: Value, claims: Value| {
        codes("StatefulSet", move |set| {
            broker(set)["volumeMounts"] = mounts.clone();
            set["spec"]["template"]["spec"]["volumes"] = volumes.clone();
            set["spec"]["volumeClaimTemplates"] = claims.clone();
        })
    };
    let at = |path: &str, name: &str| json!({"name": name, "mountPath": path});
    let claim = json!([{"metadata": {"name": "data"}}]);
    let folder = json!([{"name": "data", "emptyDir": {}}]);
    assert_eq!(volumes(json!([at("/var/lib/rabbitmq/", "data")]), json!([]), claim.clone()), []);
    assert_eq!(volumes(json!([at("/var/lib/rabbitmq", "data")]), folder.clone(), json!([])), [Code::Ephemeral]);
    let existing = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "mine"}}]);
    assert_eq!(volumes(json!([at("/var/lib/rabbitmq", "data")]), existing, json!([])), []);
    let below = json!([at("/var/lib/rabbitmq", "all"), at("/var/lib/rabbitmq/mnesia", "data")]);
    let all = json!([{"name": "all", "emptyDir": {}}]);
    assert_eq!(volumes(below, all, claim.clone()), [], "the nearest one decides");
    assert_eq!(volumes(json!([at("/old/place", "data")]), json!([]), claim), [], "an older layout");
}

#[test]
fn ports_for_nodes_alone_are_not_for_clients_outside() {
    for family in ["stable", "bitnami"] {
        for (kind, open) in [("ClusterIP", false), ("LoadBalancer", true), ("NodePort", true)] {
            let mut objects = objects(family);
            let client = |object: &&mut Value| object["kind"] == "Service" && object["spec"]["clusterIP"] != "None";
            objects.iter_mut().filter(client).for_each(|service| service["spec"]["type"] = kind.into());
            let told = told(family, "/nowhere", &objects);
            let found = told.iter().find(|one| one.code == Code::DistOpen);
            assert_eq!(found.is_some(), open, "{family} {kind}");
            let fix = found.map_or("", |one| one.fix.as_str());
            assert!(!open || fix.starts_with(&format!("expose: {{type: {kind}, ports: [amqp]}}")), "{fix}");
        }
    }
    let clients_alone = codes("Service", |service| {
        if service["spec"]["clusterIP"] != "None" {
            service["spec"]["type"] = "LoadBalancer".into();
            service["spec"]["ports"] = json!([{"name": "amqp", "port": 5672}]);
        }
    });
    assert_eq!(clients_alone, []);
}

/// Without what the built-in chart has to say.
pub fn section(run: &Transcript) -> String {
    let lines = run.stdout.lines().skip_while(|line| !line.starts_with("forecast"));
    lines.collect::<Vec<_>>().join("\n")
}

pub fn wished(family: &str) -> World {
    let world = World::new();
    speak(&world, family, "");
    world.rule("helm template *", 0, &manifest(family), "");
    world.object("next", &rendered(family));
    world
}

#[test]
fn a_first_install_of_stable() {
    let world = wished("stable");
    let run = world.run(&["plan", "prodmq"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @"
    $ mqctl plan prodmq   [exit 0]
    test / rabbitmq / prodmq     stable rabbitmq-6.18.2 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password: generated, 32 characters; namespace rabbitmq is created
      2  changes   prodmq.secrets.yaml              Erlang cookie and password: as in the Secret, mode 0600
      3  changes   helm install                     1 StatefulSet, 2 Services, and what else the chart has
                   livenessProbe.initialDelaySeconds: 600   a node may wait 300 s for its peers, and the default kills it after 270
      4  waits     3 nodes booted                   up to 10m
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word

    forecast: what this comes to, and what prevents it
      BOOT-MNESIA  the next full stop ends in a deadlock: prodmq-0 waits for nodes that are created when it is ready; clients have no broker until somebody recovers it, and no message is lost by that
                   fix: values: {podManagementPolicy: Parallel}
      DNS          nodes that wait for each other have no names until they are ready: after a full stop they do not meet, and clients have no broker, also where all pods are there
                   fix: no value of this chart publishes them; `mqctl recover` does, and leaves them published
      PROBE-KILL   the livenessProbe kills a node 270 s after its start, and one that waits for its peers may need 300 s: killed again and again, it has more to recover each time
                   fix: values: {livenessProbe: {initialDelaySeconds: 210}}
      GRACE        a node has 10 s to stop and is killed then: messages that were not confirmed are lost, and its next boot takes longer
                   fix: no value of this chart changes it; a chart with terminationGracePeriodSeconds of 120 or more does
      PDB-DRAIN    no disruption budget: a drain of machines may stop all nodes at once, and clients have no broker
                   fix: kubectl --namespace rabbitmq create poddisruptionbudget prodmq --selector app=rabbitmq,release=prodmq --max-unavailable 1
    ");
    assert_eq!(run.calls.len(), 4, "one more than for the built-in chart: its objects have to be rendered\n{run}");
    assert_eq!(section(&world.run(&["inspect", "prodmq"]).ended(0)), section(&run));
}

#[test]
fn a_first_install_of_bitnami_as_json() {
    let world = wished("bitnami");
    let plan = world.run(&["plan", "prodmq", "-o", "json"]).ended(0).json();
    assert_snapshot!(serde_json::to_string_pretty(&plan["forecast"]).unwrap(), @r#"
    [
      {
        "code": "BOOT-MNESIA",
        "fix": "values: {podManagementPolicy: Parallel}",
        "message": "the next full stop ends in a deadlock: prodmq-0 waits for nodes that are created when it is ready; clients have no broker until somebody recovers it, and no message is lost by that",
        "subject": "StatefulSet/prodmq"
      },
      {
        "code": "PROBE-KILL",
        "fix": "values: {livenessProbe: {initialDelaySeconds: 210}}",
        "message": "the livenessProbe kills a node 270 s after its start, and one that waits for its peers may need 300 s: killed again and again, it has more to recover each time",
        "subject": "StatefulSet/prodmq"
      },
      {
        "code": "PDB-DRAIN",
        "fix": "values: {pdb: {create: true, minAvailable: \"\", maxUnavailable: 1}}",
        "message": "no disruption budget: a drain of machines may stop all nodes at once, and clients have no broker",
        "subject": "StatefulSet/prodmq"
      },
      {
        "code": "MEM",
        "fix": "values: {resources: {limits: {memory: 1Gi}}}",
        "message": "with 384Mi a broker is killed under load, or in its boot: messages that were not confirmed are lost",
        "subject": "StatefulSet/prodmq"
      }
    ]
    "#);
    let page = world.run(&["inspect", "prodmq", "-o", "json"]).ended(0).json();
    assert_eq!(page["forecast"], plan["forecast"]);
}

#[test]
fn what_is_installed_is_told_too() {
    let world = World::installed();
    speak(&world, "bitnami", "");
    world.object("release", &release("16.0.16"));
    world.write("cluster/manifest", &manifest("bitnami"));
    world.object("next", &rendered("bitnami"));
    let run = world.run(&["plan", "prodmq"]).ended(0);
    assert!(run.stdout.contains("nothing to change"), "{run}");
    assert!(section(&run).contains("BOOT-MNESIA"), "{run}");
}

#[test]
fn an_install_in_a_pipeline_says_it_before_it_begins() {
    let run = wished("bitnami").run(&["install", "prodmq", "--yes"]).ended(0);
    let first = run.stderr.lines().position(|line| line.starts_with("forecast: BOOT-MNESIA: the next full stop"));
    let helm = run.stderr.lines().position(|line| line.contains("helm release installed"));
    assert!(first.is_some() && first < helm, "{run}");
}

#[test]
fn the_number_of_nodes_is_told_once() {
    let world = World::new();
    world.profile("prodmq", &format!("{PROFILE}replicas: 2\nvalues: {{podLabels: {{a: b}}}}\n"));
    let two = manifest("builtin").replace("\n  replicas: 3", "\n  replicas: 2");
    world.rule("helm template *", 0, &two, "");
    world.object("next", &json!({"manifest": two}));
    for verb in ["plan", "inspect"] {
        let run = world.run(&[verb, "prodmq"]).ended(0);
        assert!(section(&run).contains("TWO-NODES") && !run.stdout.contains("warning"), "{run}");
        let json = world.run(&[verb, "prodmq", "-o", "json"]).ended(0).json();
        assert_eq!((&json["forecast"][0]["code"], &json["warnings"]), (&json!("TWO-NODES"), &json!([])), "{json:#}");
    }
}

#[test]
fn what_does_not_render_is_refused_before_anything_changes() {
    let world = World::with_secrets();
    speak(&world, "bitnami", "");
    world.rule("helm upgrade * --dry-run *", 1, "", "Error: execution error at (rabbitmq/templates/x.yaml:1:1): no");
    let run = world.run(&["install", "prodmq", "--yes"]).ended(65);
    run.changed_nothing();
    assert!(run.stderr.contains("nothing was changed"), "{run}");
}
