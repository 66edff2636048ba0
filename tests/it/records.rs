//! Records of helm's that name an API which the server does not serve: found before helm is run, and repaired in place.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::transcript::Transcript;
use crate::wizard::{at_terminal, to_the_end};
use crate::world::World;

const REPAIR: [&str; 4] = ["upgrade", "prodmq", "--repair-record", "--yes"];
const RECORD: &str = "cluster/secret.sh.helm.release.v1.prodmq.v4";
/// Values that a chart was given once, with a password in clear.
const CANARY: &str = "canary-of-the-values";

const SET: &str = "---\n# Source: rabbitmq/templates/statefulset.yaml\napiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: prodmq\nspec:\n  replicas: 3\n";
const BUDGET: &str = "---\n# Source: rabbitmq/templates/pdb.yaml\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: prodmq\nspec:\n  maxUnavailable: 1\n";
const INGRESS: &str = "---\napiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n  name: prodmq\nspec:\n  backend: {serviceName: prodmq, servicePort: 15672}\n";

/// A revision as helm writes it.
fn revision(manifest: &str, status: &str) -> String {
    let manifest = Value::from(manifest);
    format!(
        r#"{{"name":"prodmq","info":{{"status":"{status}","notes":"\u003c"}},"chart":{{"metadata":{{"name":"rabbitmq","version":"16.0.16"}}}},"config":{{"password":"{CANARY}"}},"manifest":{manifest},"version":4,"namespace":"rabbitmq"}}"#
    )
}

fn packed(text: &str) -> String {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(text.as_bytes()).unwrap();
    STANDARD.encode(STANDARD.encode(gzip.finish().unwrap()))
}

/// The revision in a Secret of the world.
fn unpacked(world: &World, file: &str) -> String {
    let object: Value = serde_json::from_str(&std::fs::read_to_string(world.path(file)).unwrap()).unwrap();
    let bytes = STANDARD.decode(STANDARD.decode(object["data"]["release"].as_str().unwrap()).unwrap()).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    text
}

fn record(number: u32, manifest: &str, status: &str) -> Value {
    let labels = json!({"name": "prodmq", "owner": "helm", "status": status, "version": number.to_string()});
    let name = format!("sh.helm.release.v1.prodmq.v{number}");
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"labels": labels, "name": name, "resourceVersion": "17"},
        "data": {"release": packed(&revision(manifest, status))},
    })
}

/// A release of another chart whose last revision, the fourth, has this status and these objects.
fn with_record(manifest: &str, status: &str) -> World {
    let world = World::installed();
    speak(&world, "bitnami", "");
    let mut listed = release("16.0.16");
    (listed["revision"], listed["status"]) = ("4".into(), status.into());
    world.object("release", &listed);
    world.object("secret.sh.helm.release.v1.prodmq.v4", &record(4, manifest, status));
    for api in ["policy/v1beta1", "extensions/v1beta1"] {
        let gone = "Error from server (NotFound): the server could not find the requested resource";
        world.rule(&format!("kubectl * get --raw /apis/{api}"), 1, "", gone);
    }
    world
}

pub fn broken(status: &str) -> World {
    with_record(&format!("{SET}{BUDGET}"), status)
}

/// One that names nothing that is gone.
pub fn whole() -> World {
    with_record(SET, "deployed")
}

/// Helm's own words, should it be asked on such a record.
fn helm_refuses(world: &World) {
    let words = "Error: UPGRADE FAILED: current release manifest contains removed kubernetes api(s) for this kubernetes version";
    world.rule("helm upgrade *", 1, "", words);
    world.rule("helm uninstall *", 1, "", words);
}

/// A copy's name ends in a digest of what is packed in it.
fn without_digest(text: &str) -> String {
    let parts: Vec<&str> = text.split("-mqctl-record-v4-").collect();
    let rest = parts[1..].iter().map(|part| format!("-mqctl-record-v4-DIGEST{}", &part[12..]));
    rest.fold(parts[0].to_owned(), |all, part| all + &part)
}

fn copy_of(world: &World) -> String {
    let files = world.files_below("cluster");
    files.keys().find(|file| file.contains("-mqctl-record-v4-")).expect("a copy").clone()
}

#[test]
fn a_record_with_an_api_that_is_gone_is_refused_before_helm_is_run() {
    for status in ["deployed", "uninstalling", "failed"] {
        let world = broken(status);
        helm_refuses(&world);
        for verb in ["plan", "upgrade", "install", "delete"] {
            let run = world.run(&[verb, "prodmq", "--no-input"]).ended(78);
            run.changed_nothing();
            assert!(run.stderr.contains("see: mqctl explain RECORD-API"), "{verb}: {run}");
            assert!(!run.calls.iter().any(|call| call.program == "helm" && call.verb() != "list"), "{verb}: {run}");
        }
        assert!(!world.run(&["delete", "prodmq"]).words().contains("mqctl upgrade"), "the hint is of this command");
    }
    assert_snapshot!(broken("deployed").run(&["upgrade", "prodmq", "--yes"]).words(), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: helm's record of `prodmq` (revision 4) names PodDisruptionBudget/prodmq of policy/v1beta1, which this cluster does not serve: helm can neither upgrade nor uninstall with it; nothing was changed
    hint: mqctl upgrade prodmq --repair-record   # the record alone is changed, and a copy kept
    see: mqctl explain RECORD-API
    ");
    let unlock = broken("uninstalling").run(&["unlock", "prodmq", "--yes"]).ended(78);
    unlock.changed_nothing();
}

#[test]
fn the_plan_of_a_repair() {
    let world = with_record(&format!("{SET}{INGRESS}{BUDGET}"), "uninstalling");
    let run = world.run(&["upgrade", "prodmq", "--repair-record", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(without_digest(&run.stdout), @"
    test / rabbitmq / prodmq     helm's record is repaired; what is to change is planned after that

      1  changes   helm's record, revision 4  as it is now it stays in Secret prodmq-mqctl-record-v4-DIGEST
                   Ingress/prodmq: leaves the record, as nothing that is served fits extensions/v1beta1; the object itself is left alone
                   PodDisruptionBudget/prodmq: policy/v1beta1 -> policy/v1
                   status: uninstalling -> deployed
    ");
}

/// What the repaired record says, and that nothing else of it differs.
#[track_caller]
fn assert_repaired(world: &World, run: &Transcript) {
    let budget = BUDGET.replace("policy/v1beta1", "policy/v1");
    assert_eq!(unpacked(world, RECORD), revision(&format!("{SET}{budget}"), "deployed"), "{run}");
    let object: Value = serde_json::from_str(&std::fs::read_to_string(world.path(RECORD)).unwrap()).unwrap();
    let metadata = &object["metadata"];
    assert_eq!((&metadata["labels"]["status"], &metadata["labels"]["owner"]), (&"deployed".into(), &"helm".into()));
    assert_eq!((&metadata["resourceVersion"], &object["type"]), (&"17".into(), &"helm.sh/release.v1".into()));
}

#[test]
fn the_record_is_rewritten_in_place_and_a_copy_kept() {
    for status in ["deployed", "uninstalling"] {
        let world = broken(status);
        let run = world.run(&[&REPAIR[..], &["-vv"]].concat()).ended(0);
        assert_repaired(&world, &run);
        let copy = copy_of(&world);
        assert_eq!(unpacked(&world, &copy), revision(&format!("{SET}{BUDGET}"), status));
        let kept = std::fs::read_to_string(world.path(&copy)).unwrap();
        assert!(!kept.contains("\"owner\":\"helm\"") && kept.contains("\"app.kubernetes.io/managed-by\":\"mqctl\""));
        assert_eq!(run.changing_verbs(), ["create", "replace"], "{run}");
        assert!(run.stdout.contains("nothing to change (revision 4"), "the upgrade goes on: {run}");
        assert_secret(&run);
    }
    let run = broken("uninstalling").run(&REPAIR).ended(0);
    assert_snapshot!(without_digest(&run.stderr), @"
    test/rabbitmq/prodmq: upgrade: 1 to change, 0 to destroy
       0.0s helm's record, revision 4 repaired; as it was: Secret prodmq-mqctl-record-v4-DIGEST
    ");
}

/// Neither the values nor their packed form are shown or handed over in an argument.
#[track_caller]
fn assert_secret(run: &Transcript) {
    let said = format!("{}{}", run.stdout, run.stderr);
    let args = run.calls.iter().flat_map(|call| &call.args).fold(said, |all, arg| all + arg);
    let packed = packed(&revision(&format!("{SET}{BUDGET}"), "deployed"));
    for canary in [CANARY, &STANDARD.encode(CANARY), &packed[..60], "H4sI"] {
        assert!(!args.contains(canary), "{canary}: {args}");
    }
}

#[test]
fn a_repair_killed_at_any_call_is_finished_by_the_same_command() {
    for pattern in ["kubectl * create * <*mqctl-record-v*", "kubectl * replace *"] {
        for moment in ["kill/before", "kill/after"] {
            let world = broken("uninstalling");
            world.write(moment, &format!("{pattern}\n"));
            world.run_to_the_last_child(&REPAIR).ended(128 + 9);
            let run = world.run(&REPAIR).ended(0);
            assert_repaired(&world, &run);
            let copies = world.files_below("cluster").into_keys().filter(|file| file.contains("-mqctl-record-v"));
            assert_eq!(copies.count(), 1, "{moment} {pattern}: {run}");
        }
    }
}

#[test]
fn a_delete_repairs_the_record_and_a_purge_takes_the_copy() {
    let world = broken("uninstalling");
    let run = world.run(&["delete", "prodmq", "--repair-record", "--yes"]).ended(0);
    let verbs = run.changing_verbs();
    assert_eq!((&verbs[..2], verbs.last()), (&["create", "replace"][..], Some(&"uninstall")), "{run}");
    assert!(!copy_of(&world).is_empty());
    world.remove(RECORD);
    let purge = world.run(&["delete", "prodmq", "--purge", "--confirm", "prodmq"]).ended(0);
    assert!(purge.stderr.contains("the copy of helm's record deleted"), "{purge}");
    let left = world.files_below("cluster").into_keys().any(|file| file.contains("-mqctl-record-v"));
    assert!(!left, "{purge}");
}

#[test]
fn the_deployed_revision_counts_as_well_as_the_last() {
    let world = with_record(SET, "failed");
    world.object("secret.sh.helm.release.v1.prodmq.v3", &record(3, &format!("{SET}{BUDGET}"), "deployed"));
    world.object("secret.sh.helm.release.v1.prodmq.v2", &record(2, &format!("{SET}{BUDGET}"), "superseded"));
    let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(78);
    assert!(run.stderr.contains("(revision 3)"), "{run}");
    let run = world.run(&REPAIR).ended(0);
    assert_eq!(run.changing_verbs(), ["create", "replace", "upgrade"], "{run}");
    // Where another one is deployed, an uninstall has failed on one that was not.
    let world = broken("uninstalling");
    world.object("secret.sh.helm.release.v1.prodmq.v3", &record(3, SET, "deployed"));
    let plan = world.run(&["upgrade", "prodmq", "--repair-record", "--dry-run"]).ended(0).stdout;
    assert!(plan.contains("status: uninstalling -> failed"), "{plan}");
}

#[test]
fn what_is_served_needs_no_repair() {
    let world = World::installed();
    speak(&world, "bitnami", "");
    world.object("release", &release("16.0.16"));
    let monitor = "---\napiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata:\n  name: prodmq\n";
    world.object("secret.sh.helm.release.v1.prodmq.v1", &record(1, &format!("{SET}{monitor}"), "deployed"));
    let there = json!({"resources": [{"kind": "ServiceMonitor"}]}).to_string();
    world.rule("kubectl * get --raw /apis/monitoring.coreos.com/v1", 0, &there, "");
    world.run(&["upgrade", "prodmq", "--repair-record", "--yes"]).ended(0).changed_nothing();
    assert!(!world.run(&["status", "prodmq"]).ended(0).stdout.contains("record"));
}

#[test]
fn the_status_names_it_and_is_healthy_all_the_same() {
    let run = broken("deployed").run(&["status", "prodmq"]).ended(0);
    let line = run.stdout.lines().find(|line| line.contains("record")).unwrap_or_default();
    assert_snapshot!(line.trim(), @"record        names PodDisruptionBudget/prodmq of policy/v1beta1, which is not served: helm can do nothing with it: mqctl upgrade prodmq --repair-record");
    let page = broken("deployed").run(&["status", "prodmq", "-o", "json"]).ended(0).json();
    assert_eq!(page["outdatedRecord"], json!(["PodDisruptionBudget/prodmq of policy/v1beta1"]));
}

#[test]
fn at_a_terminal_the_repair_is_offered() {
    let world = broken("uninstalling");
    let mut session = at_terminal(&world, &["upgrade", "prodmq"]);
    let page = session.exp_string("Go on?").unwrap();
    assert!(page.contains("policy/v1beta1 -> policy/v1"), "{page}");
    session.send_line("y").unwrap();
    let (words, code) = to_the_end(session);
    assert_eq!(code, 0, "{words}");
    assert!(words.contains("nothing to change (revision 4"), "{words}");
    let world = broken("uninstalling");
    let mut session = at_terminal(&world, &["upgrade", "prodmq"]);
    session.exp_string("Go on?").unwrap();
    session.send_line("n").unwrap();
    assert_eq!(to_the_end(session).1, 1);
    assert_eq!(world.calls().iter().filter(|call| !call.reads()).count(), 0);
}

#[test]
fn a_record_that_somebody_changes_meanwhile_is_left_alone() {
    let world = broken("deployed");
    let words =
        "Error from server (Conflict): error when replacing \"STDIN\": Operation cannot be fulfilled on secrets";
    world.rule("kubectl * replace * <*sh.helm.release*", 1, "", words);
    let run = world.run(&REPAIR).ended(1);
    assert!(run.stderr.contains("Operation cannot be fulfilled"), "{run}");
    assert_eq!(unpacked(&world, RECORD), revision(&format!("{SET}{BUDGET}"), "deployed"));
}
