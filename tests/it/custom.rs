//! A chart of nobody's family, described by its profile: what it is told, where mqctl looks, and secrets that it takes as values.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects_forced::FORCE;
use crate::findings::killed;
use crate::objects::{self, COOKIE, PASSWORD};
use crate::transcript::{Recorded, Transcript};
use crate::world::World;

const CHARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts");

/// By an existing Secret.
pub const BY_SECRET: &str = "username: login.name, passwordSecret: login.secret, cookieSecret: login.secret";
/// As values.
pub const BY_VALUE: &str = "username: login.name, password: login.password, erlangCookie: login.cookie";

/// Its objects are called as the stand-in's are; `more` is what else stands in the description.
pub fn speak(world: &World, keys: &str, more: &str) {
    std::os::unix::fs::symlink(CHARTS, world.path("work/charts")).unwrap();
    world.profile(
        "prodmq",
        &format!(
            "format: 1\nnamespace: rabbitmq\nimage: {{repository: rabbitmq, tag: 4.3.6-management}}\nvalues: {{env: {{A: b}}}}\n\
             storage: {{class: standard, size: 1Gi}}\nchart:\n  ref: ../charts/custom-like\n  version: 1.2.0\n  dialect: custom\n  custom:\n    \
             statefulSet: prodmq\n    volumePath: /data\n    dataPath: /data/nodes\n    releaseLabel: release\n    podLabels: {{app: mq, release: prodmq}}\n    \
             keys: {{replicas: nodes, image: image, storageClass: disk.class, storageSize: disk.size, {keys}}}\n    \
             secretKeys: {{username: broker-user, password: broker-password, erlangCookie: broker-cookie}}\n{more}"
        ),
    );
}

/// Not the look ahead, which asks helm for the same and has no secret yet.
fn install(run: &Transcript) -> &Recorded {
    let has = |call: &Recorded, word: &str| call.args.iter().any(|arg| arg.starts_with(word));
    run.calls.iter().find(|call| has(call, "--install") && !has(call, "--dry-run")).unwrap()
}

#[test]
fn an_install_tells_the_chart_what_its_profile_says_it_takes() {
    let world = World::with_secrets();
    speak(&world, BY_SECRET, "");
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    let values: Value = serde_json::from_str(&install(&run).stdin).unwrap();
    assert_snapshot!(values.to_string(), @r#"{"disk":{"class":"standard","size":"1Gi"},"env":{"A":"b"},"image":"rabbitmq:4.3.6-management","login":{"name":"user","secret":"prodmq-mqctl-credentials"},"nodes":3}"#);
    let secret = std::fs::read_to_string(world.path("cluster/secret.prodmq-mqctl-credentials")).unwrap();
    let keys: Value = serde_json::from_str(&secret).unwrap();
    for key in ["broker-user", "broker-password", "broker-cookie"] {
        assert!(keys["data"][key].is_string(), "{key}: {keys:#}");
    }
    assert_eq!(keys["data"]["broker-password"], keys["data"]["password"]);
    let selectors = run
        .calls
        .iter()
        .filter_map(|call| call.args.iter().position(|arg| arg == "--selector").map(|at| &call.args[at + 1]));
    let selectors: Vec<&String> = selectors.collect();
    assert!(!selectors.is_empty() && selectors.iter().all(|label| *label == "release=prodmq"), "{selectors:?}");
}

#[test]
fn a_secret_that_lacks_the_chart_s_keys_is_written_again() {
    let world = World::installed();
    speak(&world, BY_SECRET, "");
    world.object(
        "release",
        &json!({"name": "prodmq", "revision": "1", "status": "deployed", "chart": "mq-1.2.0", "updated": ""}),
    );
    let run = world.run(&["upgrade", "prodmq", "--dry-run"]).ended(0);
    assert!(run.stdout.contains("Secret prodmq-mqctl-credentials"), "{run}");
}

#[test]
fn the_broker_s_container_is_the_one_that_is_named() {
    let world = World::installed();
    speak(
        &world,
        BY_SECRET,
        "    container: broker\n    claimTemplate: mq-data\n    clientService: prodmq-clients\n    headlessService: prodmq-nodes\n",
    );
    let run = world.run(&["status", "prodmq"]);
    let asked: Vec<&Recorded> = run.calls.iter().filter(|call| call.verb() == "exec").collect();
    let container = |call: &&Recorded| call.args.windows(2).any(|pair| pair == ["--container", "broker"]);
    assert!(asked.len() == 3 && asked.iter().all(container), "{run}");
    let page = world.run(&["inspect", "prodmq", "-o", "json"]).json();
    let objects = page["objects"].to_string();
    assert!(objects.contains("mq-data-prodmq-2"), "{objects}");
    assert_eq!(page["chart"]["dialect"], "custom");
}

#[test]
fn a_probe_that_kills_the_named_container_is_found() {
    let killed_of = |container: &str| {
        let world = World::installed();
        speak(&world, BY_SECRET, "    container: broker\n");
        let mut pod = objects::pod("prodmq-2", &objects::running(false));
        let status = &mut pod["status"]["containerStatuses"][0];
        status["name"] = json!("broker");
        status["restartCount"] = json!(3);
        status["lastState"] = json!({"terminated": {"exitCode": 0, "reason": "Completed",
            "startedAt": "2026-11-22T08:50:00Z", "finishedAt": "2026-11-22T08:54:30Z"}});
        world.object("pod.prodmq-2", &pod);
        let mut event = killed("prodmq-2", "2026-11-22T08:54:25Z");
        event["message"] = json!(format!("Container {container} failed liveness probe, will be restarted"));
        world.object("event.1", &event);
        world.run(&["doctor", "prodmq"]).stdout.contains("prodmq-2 is killed by its livenessProbe")
    };
    assert!(killed_of("broker"));
    assert!(!killed_of("rabbitmq"), "that is a sidecar's");
}

#[test]
fn secrets_as_values_are_holes_until_helm_reads_them() {
    let world = World::with_secrets();
    speak(&world, BY_VALUE, "");
    let run = world.run(&["install", "prodmq", "--dry-run"]).ended(0);
    for name in ["erlangCookie", "password"] {
        assert!(run.stdout.contains(&format!("`chart.custom.keys.{name}`: the chart takes the ")), "{run}");
    }
    assert!(run.stdout.contains("and helm keeps values in its record of each revision"), "{run}");
    let run = world.run(&["install", "prodmq", "--yes", "-vv"]).ended(0);
    let values: Value = serde_json::from_str(&install(&run).stdin).unwrap();
    assert_eq!(values["login"], json!({"name": "user", "password": PASSWORD, "cookie": COOKIE}));
    assert!(
        run.stderr.contains("\"password\":(password)") && run.stderr.contains("\"cookie\":(Erlang cookie)"),
        "{run}"
    );
    assert_hidden(&run);
}

/// Neither told nor given as an argument.
#[track_caller]
fn assert_hidden(run: &Transcript) {
    let args = run.calls.iter().flat_map(|call| &call.args);
    for text in [&run.stdout, &run.stderr].into_iter().chain(args) {
        assert!(!text.contains(PASSWORD) && !text.contains(COOKIE), "{text}");
    }
}

#[test]
fn a_plan_shows_nothing_of_an_object_with_a_secret_in_it() {
    let world = World::installed();
    speak(&world, BY_VALUE, "");
    world.object(
        "release",
        &json!({"name": "prodmq", "revision": "1", "status": "deployed", "chart": "mq-1.2.0", "updated": ""}),
    );
    let manifest = |login: &str, hosts: &str| {
        format!(
            "---\nkind: ConfigMap\nmetadata:\n  name: conf\ndata:\n  login: {login}\n---\nkind: ConfigMap\nmetadata:\n  name: hosts\ndata:\n  list: {hosts}\n"
        )
    };
    world.write("cluster/manifest", &manifest("user:of-before", "a"));
    world.write("cluster/next", &json!({"manifest": manifest(&format!("user:{PASSWORD}"), "b")}).to_string());
    let run = world.run(&["plan", "prodmq", "-vv"]).ended(0);
    assert!(run.stdout.contains("data.login: (masked) -> (masked)") && !run.stdout.contains("of-before"), "{run}");
    assert!(run.stdout.contains("data.list: a -> b"), "{run}");
    assert_hidden(&run);
    let dry: Vec<&Recorded> = run.calls.iter().filter(|call| call.verb() == "apply").collect();
    assert!(dry.is_empty(), "what is rendered with secrets goes no further: {run}");
}

#[test]
fn a_rotation_does_not_reach_such_a_chart() {
    let world = World::installed();
    speak(&world, BY_VALUE, "");
    let run = world.run(&["credentials", "rotate", "prodmq", "--yes"]).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @"
    error: the chart takes its secrets as values, and keeps them in objects of its own; nothing was changed
    hint: name the values of an existing Secret under `chart.custom.keys`: passwordSecret, cookieSecret
    ");
}

#[test]
fn a_force_boot_by_the_chart_wants_its_key() {
    let world = World::installed();
    speak(&world, BY_SECRET, "");
    let run = world.run(&FORCE).ended(64);
    assert!(
        run.stderr.contains("`chart.custom.keys` has no `forceBoot`: the chart knows none; nothing was changed"),
        "{run}"
    );
}

#[test]
fn a_force_boot_by_the_chart_wants_a_say_in_how_pods_are_created() {
    let forced = |keys: &str, more: &str| {
        let world = World::installed();
        speak(&world, &format!("{BY_SECRET}, forceBoot: recovery.force{keys}"), more);
        world.run(&FORCE)
    };
    let run = forced("", "").ended(64);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @"
    error: `chart.custom.keys` has no `podManagementPolicy`: while it forces a boot, the chart would want the pods in order, and Kubernetes refuses that; nothing was changed
    hint: mqctl force-boot prodmq --via live
    ");
    let fixed = "`chart.custom.keys` has no `podManagementPolicy`";
    assert!(!forced(", podManagementPolicy: pods.policy", "").stderr.contains(fixed));
    assert!(!forced("", "    parallel: true\n").stderr.contains(fixed), "it creates them all at once in any case");
}

/// As a recovery has left it; helm has sent `OrderedReady`, and the chart renders this.
fn recovered(more: &str, rendered: &str) -> World {
    let world = World::installed();
    speak(&world, BY_SECRET, more);
    world.object(
        "release",
        &json!({"name": "prodmq", "revision": "1", "status": "deployed", "chart": "mq-1.2.0", "updated": ""}),
    );
    let manifest = |policy: &str| {
        format!(
            "---\nkind: StatefulSet\nmetadata:\n  name: prodmq\nspec:\n  podManagementPolicy: {policy}\n  replicas: 3\n"
        )
    };
    world.write("cluster/manifest", &manifest("OrderedReady"));
    world.write("cluster/next", &json!({"manifest": manifest(rendered)}).to_string());
    let mut set = objects::stateful_set(3, "");
    set["spec"]["podManagementPolicy"] = "Parallel".into();
    world.object("statefulset.prodmq", &set);
    world
}

/// Kubernetes refuses its every upgrade.
#[test]
fn a_chart_that_is_always_in_order_is_made_anew_after_a_recovery() {
    for more in ["", "    parallel: true\n"] {
        for verb in ["upgrade", "install", "plan"] {
            let run = recovered(more, "OrderedReady").run(&[verb, "prodmq"]).ended(78);
            run.changed_nothing();
            assert!(run.stderr.contains("mqctl upgrade prodmq --recreate-statefulset"), "{verb}: {run}");
        }
        let world = recovered(more, "OrderedReady");
        let run = world.run(&["upgrade", "prodmq", "--recreate-statefulset", "--yes"]).ended(0);
        let last = run.changing_verbs().split_off(1);
        assert_eq!(last, ["apply", "delete", "upgrade", "apply"], "the chart's keys go into the Secret first: {run}");
    }
    assert_snapshot!(recovered("", "OrderedReady").run(&["upgrade", "prodmq"]).stderr, @"
    error: StatefulSet `prodmq` cannot change spec.podManagementPolicy from Parallel to OrderedReady: Kubernetes keeps this field for ever; nothing was changed
    hint: mqctl upgrade prodmq --recreate-statefulset   # made anew around its pods, which stay with their volumes
    hint: or have the chart take it as a value, and name that as `chart.custom.keys.podManagementPolicy`
    see: mqctl explain IMMUTABLE
    ");
}

#[test]
fn a_chart_that_is_always_parallel_has_to_be_described_so() {
    let run = recovered("", "Parallel").run(&["upgrade", "prodmq", "--yes"]).ended(78);
    run.changed_nothing();
    assert!(run.stderr.contains("hint: chart: {custom: {parallel: true}}   # in the profile"), "{run}");
    recovered("    parallel: true\n", "Parallel").run(&["upgrade", "prodmq", "--yes"]).ended(0);
}

#[test]
fn all_mistakes_of_a_description_at_once() {
    let world = World::new();
    speak(
        &world,
        "replica: nodes, storageclass: a, password: 'hunter 2', forceBoot: login",
        "    statefulset: mq\n    container: Broker\n",
    );
    let run = world.run(&["plan", "prodmq"]).ended(65);
    run.changed_nothing();
    assert!(!run.stderr.contains("hunter"), "{run}");
    assert_snapshot!(run.stderr, @"
    error: profiles/prodmq.yaml has 7 mistakes
     16:11  `chart.custom.keys.cookieSecret`   missing: the value for the name of an existing Secret, or else `erlangCookie` for the text itself
     16:11  `chart.custom.keys.username`   missing: the chart takes the first user's name from no Secret
     16:93  `chart.custom.keys.replica`    unknown key; did you mean `replicas`?
     16:109 `chart.custom.keys.storageclass`   unknown key; did you mean `storageClass`?
     16:136 `chart.custom.keys.password`   expected the path of a value such as auth.username
     18:5   `chart.custom.statefulset`     unknown key; did you mean `statefulSet`?
     19:16  `chart.custom.container`       expected a name of a-z, 0-9, `-` and `.`
    hint: mqctl profile schema   # a JSON Schema, for your editor
    ");
}
