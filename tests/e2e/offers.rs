//! Refusals that are offers: a StatefulSet made anew around its pods, volumes that grow, objects that are taken over, and
//! helm's own record put right where it names an API that is not served. And what others have left on a release: fields
//! of their own, a helm that died, no Secret where the chart looks for it.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::amqp::Kind;
use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::killed::{kill_after, with_messages};
use crate::recover::{drain, ready};
use crate::runner::Test;
use crate::running::Running;
use crate::world::{NAME, World};

const UPGRADE: [&str; 3] = ["upgrade", NAME, "--yes"];
const RECREATE: [&str; 4] = ["upgrade", NAME, "--recreate-statefulset", "--yes"];
const REPAIR: [&str; 4] = ["upgrade", NAME, "--repair-record", "--yes"];
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts/bitnami-like");
/// A volume of the suite's own cluster grows within a second.
const GROWTH: Duration = Duration::from_secs(60);
/// What a plain helm takes on a busy machine.
const BY_HAND: Duration = Duration::from_secs(120);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("offers: pods at once by helm4", || policy(Helm::Four)).long(),
        Test::new("offers: pods at once by helm3, killed in between", || policy(Helm::Three)).long(),
        Test::new("offers: volumes grow, and never shrink", growth),
        Test::new("offers: volumes of a class that does not let them grow", no_growth).long(),
        Test::new("offers: an object that is there already", || taken_over(Helm::Four)),
        Test::new("offers: an object that is there already, by helm3", || taken_over(Helm::Three)).long(),
        Test::new("offers: a record with an API that is gone, by helm4", || record(Helm::Four)),
        Test::new("offers: a record with an API that is gone, by helm3", || record(Helm::Three)).long(),
        Test::new("offers: a record with a custom resource that is gone", record_of_a_custom_resource).long(),
        Test::new("offers: fields of others, by helm4", fields_of_others).long(),
        Test::new("offers: a plain helm4 that died in an upgrade", || died(Helm::Four)).long(),
        Test::new("offers: a plain helm3 that died in an upgrade", || died(Helm::Three)).long(),
        Test::new("offers: a chart that looks for its Secret", looks_for_its_secret).long(),
    ]
}

/// On a chart whose pods come in order.
fn on_other_chart(what: &str, helm: Helm, replicas: u32) -> World {
    let mut world = World::new(&format!("offers: {what} {}", helm.word()), helm, MNESIA, replicas);
    world.wish("/chart", json!({"ref": CHART}));
    let env = [
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"),
        ("RABBITMQ_CTL_ERL_ARGS", "+S 1:1 +sbwt none"),
    ];
    let values = json!({
        "fullnameOverride": NAME, "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "extraEnvVars": env.map(|(name, value)| json!({"name": name, "value": value})),
    });
    world.wish("/values", values);
    world
}

/// Refused without the flag; with it no pod is touched. With helm 3 the run is killed when there is no StatefulSet.
fn policy(helm: Helm) {
    let mut world = on_other_chart("policy", helm, 3);
    world.wish("/values/podManagementPolicy", json!("OrderedReady"));
    let password = with_messages(&world);
    let pods = world.namespace.pods();
    world.wish("/values/podManagementPolicy", json!("Parallel"));
    world.mqctl(&UPGRADE).expect(78).says(&["podManagementPolicy", "mqctl upgrade mq --recreate-statefulset"]);
    assert_eq!(world.namespace.object("statefulset", NAME)["spec"]["podManagementPolicy"], "OrderedReady");
    if helm == Helm::Three {
        kill_after(&world, &RECREATE, "taken away from its pods");
    }
    world.mqctl(&RECREATE).expect(0);
    let set = world.namespace.object("statefulset", NAME);
    assert_eq!(set["spec"]["podManagementPolicy"], "Parallel", "{set:#}");
    assert_eq!(world.namespace.pods(), pods, "the same pods, and none was restarted");
    let evidence = world.namespace.object("configmap", "mq-mqctl-evidence");
    assert!(evidence["data"]["stateful-set.json"].is_null(), "nothing is kept any more: {evidence:#}");
    world.assert_healthy();
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    drain(&world, &password, &Kind::BOTH);
}

fn sizes(world: &World, pointer: &str) -> Vec<Value> {
    let claims = world.namespace.list("persistentvolumeclaims");
    claims.iter().map(|claim| claim.pointer(pointer).cloned().unwrap_or_default()).collect()
}

/// Whether the default class, of which the volumes are, lets them grow.
fn grows(world: &World) -> bool {
    let classes = world.namespace.list("storageclasses");
    let default = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
    let default = classes.iter().find(|class| class.pointer(default) == Some(&json!("true")));
    default.is_some_and(|class| class["allowVolumeExpansion"] == true)
}

/// On a cluster whose class lets no volume grow the refusal is what is shown.
fn growth() {
    let mut world = World::new("offers: growth", Helm::Four, KHEPRI, 3);
    let password = with_messages(&world);
    world.wish("/storage/size", json!("2Gi"));
    if !grows(&world) {
        world.mqctl(&RECREATE).expect(78).says(&["lets no volume grow", "nothing was changed"]);
        return;
    }
    world.mqctl(&UPGRADE).expect(78).says(&["--recreate-statefulset"]);
    assert_eq!(sizes(&world, "/spec/resources/requests/storage"), ["1Gi", "1Gi", "1Gi"]);
    kill_after(&world, &RECREATE, "grown to 2Gi");
    world.mqctl(&RECREATE).expect(0);
    assert_eq!(sizes(&world, "/spec/resources/requests/storage"), ["2Gi", "2Gi", "2Gi"]);
    world.namespace.until("the volumes have grown", GROWTH, |_| {
        sizes(&world, "/status/capacity/storage").iter().all(|size| size == "2Gi")
    });
    let set = world.namespace.object("statefulset", NAME);
    let template = set.pointer("/spec/volumeClaimTemplates/0/spec/resources/requests/storage");
    assert_eq!(template, Some(&json!("2Gi")), "{set:#}");
    world.assert_healthy();
    world.wish("/storage/size", json!("1Gi"));
    world.mqctl(&RECREATE).expect(78).says(&["no volume shrinks", "nothing was changed"]);
    world.wish("/storage/size", json!("2Gi"));
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    drain(&world, &password, &Kind::BOTH);
}

/// A class of the test's own with the default one's provisioner.
fn no_growth() {
    let mut world = World::new("offers: fixed", Helm::Three, KHEPRI, 1);
    let name = format!("fixed-{}", std::process::id());
    let classes = world.namespace.list("storageclasses");
    let default = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
    let default = classes.iter().find(|class| class.pointer(default) == Some(&json!("true")));
    let mut class = default.expect("a default class").clone();
    (class["metadata"], class["allowVolumeExpansion"]) = (json!({"name": name}), json!(false));
    world.namespace.apply(&[class]);
    world.wish("/storage/class", json!(name));
    world.install();
    world.wish("/storage/size", json!("2Gi"));
    let refused = world.mqctl(&RECREATE);
    world.namespace.kubectl(&["delete", "storageclass", &name]);
    refused.expect(78).says(&[name.as_str(), "lets no volume grow", "nothing was changed"]);
    assert_eq!(sizes(&world, "/spec/resources/requests/storage"), ["1Gi"]);
}

/// A Service that somebody made by hand has the name of the chart's.
fn taken_over(helm: Helm) {
    let world = World::new(&format!("offers: object {}", helm.word()), helm, KHEPRI, 1);
    world.namespace.kubectl(&["create", "namespace", &world.namespace.0]);
    let ports = json!([{"name": "amqp", "port": 5672, "targetPort": "amqp"}]);
    world.namespace.apply(&[json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": {"ports": ports, "selector": {"by": "hand"}},
    })]);
    let before = world.namespace.object("service", NAME);
    let refused = world.mqctl(&["install", NAME, "--yes"]).expect(78);
    refused.says(&["`Service/mq` is there already", "mqctl install mq --adopt-objects", "nothing was changed"]);
    assert_eq!(world.namespace.object("service", NAME), before);
    world.mqctl(&["install", NAME, "--adopt-objects", "--yes"]).expect(0);
    world.assert_healthy();
    let after = world.namespace.object("service", NAME);
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "the same object");
    assert_eq!(after["metadata"]["annotations"]["meta.helm.sh/release-name"], NAME);
    assert!(after["spec"]["selector"]["app.kubernetes.io/instance"] == NAME, "{after:#}");
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    world.delete();
    assert!(world.namespace.object("service", NAME).is_null(), "it is helm's by now");
}

/// The revision in a Secret of helm's.
fn unpacked(secret: &Value) -> Value {
    let data = secret["data"]["release"].as_str().expect("a record");
    let bytes = STANDARD.decode(STANDARD.decode(data).expect("base64")).expect("base64 in it");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).expect("gzip in that");
    serde_json::from_str(&text).expect("JSON in that")
}

fn packed(revision: &Value) -> String {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(revision.to_string().as_bytes()).expect("memory");
    STANDARD.encode(STANDARD.encode(gzip.finish().expect("memory")))
}

const BUDGET: &str = "---\n# Source: rabbitmq/templates/pdb.yaml\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: mq-old\nspec:\n  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app: mq-old\n";
const RECORD: &str = "sh.helm.release.v1.mq.v1";

/// As a cluster leaves it that was upgraded to a Kubernetes without policy/v1beta1.
fn break_record(world: &World, gone: &str) -> Value {
    let mut secret = world.namespace.object("secret", RECORD);
    let mut revision = unpacked(&secret);
    let manifest = revision["manifest"].as_str().expect("a manifest").to_owned();
    revision["manifest"] = format!("{manifest}{gone}").into();
    secret["data"]["release"] = packed(&revision).into();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("record.json");
    std::fs::write(&file, secret.to_string()).expect("a file in it");
    world.namespace.kubectl(&["replace", "--filename", &file.display().to_string()]);
    revision
}

/// Helm itself can do nothing with it, and makes it worse; mqctl repairs it, upgrades, and later deletes.
fn record(helm: Helm) {
    let mut world = on_other_chart("record", helm, 1);
    let password = with_messages(&world);
    let mut broken = break_record(&world, BUDGET);
    let pods = world.namespace.pods();
    for verb in ["upgrade", "install", "plan", "delete"] {
        world.mqctl(&[verb, NAME, "--no-input"]).expect(78).says(&["PodDisruptionBudget/mq-old of policy/v1beta1"]);
    }
    assert_ne!(world.helm(&["uninstall", NAME]).code, Some(0), "helm cannot uninstall");
    assert_eq!(world.releases()[0].0, "uninstalling");
    for page in [world.mqctl(&["status", NAME]).expect(0), world.mqctl(&["doctor", NAME]).expect(4)] {
        assert!(page.stdout.contains("mqctl upgrade mq --repair-record"), "{}", page.said());
    }
    world.mqctl(&["unlock", NAME, "--yes"]).expect(78).says(&["RECORD-API"]);
    world.wish("/values/terminationGracePeriodSeconds", json!(90));
    world.mqctl(&[&REPAIR[..], &["-vv"]].concat()).expect(0);
    // The same but for the version; an upgrade has superseded it since.
    let manifest = broken["manifest"].as_str().expect("a manifest").replace("policy/v1beta1", "policy/v1");
    broken["manifest"] = manifest.into();
    let mut repaired = unpacked(&world.namespace.object("secret", RECORD));
    for revision in [&mut broken, &mut repaired] {
        revision["info"] = Value::Null;
    }
    assert_eq!(repaired, broken);
    let copies = world.namespace.names("secrets").into_iter().filter(|name| name.contains("mq-mqctl-record-v1-"));
    assert_eq!(copies.count(), 1);
    world.assert_healthy();
    assert_ne!(world.namespace.pods(), pods, "the upgrade was carried out");
    drain(&world, &password, &Kind::BOTH);
    world.delete();
    world.mqctl(&["delete", NAME, "--purge", "--confirm", NAME]).expect(0);
    let left = world.namespace.names("secrets");
    assert!(!left.iter().any(|name| name.contains("-mqctl-record-")), "{left:?}");
}

const CUSTOM: &str = "---\n# Source: rabbitmq/templates/gone.yaml\napiVersion: gone.mqctl.example/v1\nkind: Gone\nmetadata:\n  name: mq-old\n";

/// Its definition went with whatever was uninstalled that had brought it.
fn record_of_a_custom_resource() {
    let world = on_other_chart("custom resource", Helm::Four, 1);
    world.install();
    break_record(&world, CUSTOM);
    for verb in ["status", "doctor"] {
        let page = world.mqctl(&[verb, NAME]).expect(0);
        for words in ["Gone/mq-old of gone.mqctl.example/v1", "mqctl upgrade mq --repair-record"] {
            assert!(page.stdout.contains(words), "`{words}`: {}", page.said());
        }
    }
    world.mqctl(&["delete", NAME, "--yes"]).expect(78).says(&["Gone/mq-old", "--repair-record"]);
    world.mqctl(&REPAIR).expect(0);
    let manifest = unpacked(&world.namespace.object("secret", RECORD))["manifest"].to_string();
    assert!(!manifest.contains("gone.mqctl.example") && manifest.contains("StatefulSet"), "{manifest}");
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    world.delete();
}

/// A plain upgrade with one value more, as somebody would run it by hand.
fn plain_upgrade(world: &World, more: &[&str]) -> Running {
    let args = ["upgrade", NAME, CHART, "--reuse-values", "--set", "terminationGracePeriodSeconds=99"];
    let place = ["--namespace", &world.namespace.0];
    Running::start(world.command(world.root().join("bin/helm")).args(args).args(place).args(more))
}

/// Helm 4 stops at each of them, with its revision marked as failed.
fn fields_of_others() {
    let mut world = on_other_chart("fields", Helm::Four, 3);
    let password = with_messages(&world);
    let conf = json!({"data": {"rabbitmq.conf": STANDARD.encode("log.console = true\n")}}).to_string();
    world.namespace.kubectl(&["patch", "secret", "mq-config", "--patch", &conf]);
    let hidden = json!({"spec": {"publishNotReadyAddresses": false}}).to_string();
    world.namespace.kubectl(&["patch", "service", "mq-headless", "--patch", &hidden]);
    world.namespace.kubectl(&["scale", "statefulset", NAME, "--replicas", "2"]);
    let refused = plain_upgrade(&world, &[]).wait(BY_HAND);
    assert!(refused.code != Some(0) && refused.stderr.contains("conflict"), "{}", refused.said());
    assert_eq!(world.releases(), [("failed".to_owned(), "2".to_owned())]);
    world.wish("/values/terminationGracePeriodSeconds", json!(90));
    let plan = world.mqctl(&["plan", NAME]).expect(0);
    for words in
        ["take back 2 fields", ".data.rabbitmq.conf  (changed by kubectl-patch)", ".spec.replicas  (changed by"]
    {
        assert!(plan.stdout.contains(words), "`{words}`: {}", plan.said());
    }
    world.mqctl(&UPGRADE).expect(0);
    world.assert_healthy();
    assert_eq!(world.namespace.object("service", "mq-headless")["spec"]["publishNotReadyAddresses"], true);
    assert_eq!(world.namespace.object("statefulset", NAME)["spec"]["replicas"], 3);
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    drain(&world, &password, &Kind::BOTH);
}

/// Nobody can know whether it is at work: mqctl waits to be told, and says by what.
fn died(helm: Helm) {
    let world = on_other_chart("died", helm, 1);
    let password = with_messages(&world);
    let run = plain_upgrade(&world, &["--wait"]);
    world.namespace.until("helm is at work", BY_HAND, |_| world.releases()[0].0 == "pending-upgrade");
    run.signal("KILL");
    assert_eq!(run.wait(BY_HAND).signal, Some(9));
    world.mqctl(&UPGRADE).expect(75).says(&["`mq` is pending-upgrade since", "mqctl unlock mq", "HELM-PENDING"]);
    let init = ["init", "other", "--from-release", NAME, "-n", &world.namespace.0, "--chart", CHART, "--yes"];
    world.mqctl(&init).expect(75).says(&["helm rollback mq", "nothing was changed"]);
    assert_eq!(world.releases(), [("pending-upgrade".to_owned(), "2".to_owned())]);
    world.mqctl(&["unlock", NAME, "--yes"]).expect(0);
    assert_eq!(world.releases()[0].0, "deployed");
    world.namespace.until("mq-0 is ready as it was before", BY_HAND, |namespace| {
        let (set, pod) = (namespace.object("statefulset", NAME), namespace.object("pod", "mq-0"));
        let settled = set["status"]["observedGeneration"] == set["metadata"]["generation"];
        let old = pod["metadata"]["labels"]["controller-revision-hash"] == set["status"]["updateRevision"];
        settled && old && pod["metadata"]["deletionTimestamp"].is_null() && ready(&pod)
    });
    world.mqctl(&UPGRADE).expect(0);
    world.assert_healthy();
    drain(&world, &password, &Kind::BOTH);
}

/// The one that mqctl tells it of: found where the cluster is asked, and told by name where it is gone.
fn looks_for_its_secret() {
    let mut world = on_other_chart("passwords", Helm::Four, 1);
    let password = with_messages(&world);
    let blind = plain_upgrade(&world, &["--dry-run=client"]).wait(BY_HAND);
    assert!(blind.code != Some(0) && blind.stderr.contains("PASSWORDS ERROR"), "{}", blind.said());
    world.wish("/values/terminationGracePeriodSeconds", json!(90));
    world.mqctl(&UPGRADE).expect(0);
    world.namespace.kubectl(&["delete", "secret", "mq-mqctl-credentials"]);
    world.wish("/values/terminationGracePeriodSeconds", json!(91));
    world.mqctl(&UPGRADE).expect(78).says(&["PASSWORDS ERROR", "nothing was changed", "HELM-PASSWORDS"]);
    world.mqctl(&["credentials", "adopt", NAME, "--yes"]).expect(0);
    world.mqctl(&UPGRADE).expect(0);
    world.assert_healthy();
    drain(&world, &password, &Kind::BOTH);
}
