//! Side by side into the charts of others, out of those of others; and in place, where a chart finds the other one's data.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind, messages};
use crate::environment::Helm;
use crate::family::{CHARTS, Family};
use crate::killed::{MESSAGES, with_messages};
use crate::migrate::{
    NEW, RETIRE, assert_empty, assert_healthy, assert_nothing_of_a_move, drained, left_behind, retired,
};
use crate::recover::drain;
use crate::runner::Test;
use crate::running::becomes;
use crate::world::{NAME, World};

/// In each of two queues.
const COUNT: usize = 500;
const POD: &str = "mq-next-rabbitmq-0";
const BOOT: Duration = Duration::from_secs(300);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("migrate: stable to cloudpirates", to_cloudpirates).long(),
        Test::new("migrate: bitnami to groundhog2k", to_groundhog2k).long(),
        Test::new("migrate: in place, there and back", in_place).long(),
    ]
}

fn like(family: Family) -> String {
    format!("{CHARTS}/{}-like", family.word())
}

/// The new release is of the new chart, and as its profile wants it.
#[track_caller]
fn assert_settled(world: &World, name: &str, chart: &str) {
    let status = world.mqctl(&["status", name, "-o", "json"]).expect(0).json();
    assert_eq!((&status["verdict"], &status["credentialsAgree"]), (&json!("healthy"), &json!(true)), "{status:#}");
    world.mqctl(&["plan", name, "--detailed-exitcode"]).expect(0);
    let listed = world.helm(&["list", "--output", "json"]).expect(0).json();
    let release = listed.as_array().and_then(|all| all.iter().find(|release| release["name"] == name)).cloned();
    let made_of = release.as_ref().and_then(|release| release["chart"].as_str()).unwrap_or_default();
    assert!(made_of.starts_with(chart), "{listed:#}");
}

/// A queue in a virtual host that the profile's user may not use.
fn foreign(world: &World, password: &str) {
    let vhost = "rabbitmqctl add_vhost shop && rabbitmqctl set_permissions -p shop user '.*' '.*' '.*'";
    world.namespace.shell("mq-0", vhost);
    Broker::of(&world.namespace, "mq-0", password).at("shop").fill("e2e.foreign", Kind::Quorum, COUNT, None);
    world.namespace.shell("mq-0", "rabbitmqctl clear_permissions -p shop user");
}

fn to_cloudpirates() {
    let (world, password) = left_behind("migrate: stable", Helm::Three, Family::Stable, COUNT);
    foreign(&world, &password);
    let mut run = world.start(&["migrate", NAME, "--to-chart", &like(Family::CloudPirates), "--yes", "-v"]);
    becomes(BOOT, || run.stderr().contains("helm release installed") || run.status().is_some());
    let refused = world.mqctl(&["delete", NAME, "--yes"]).expect(75);
    refused.says(&["another mqctl is at work on `mq`", "migrate"]);
    let ran = run.wait(BOOT).expect(0);
    assert!(!ran.everything().contains(&password), "the password is shown");
    assert!(world.namespace.object("lease", "mq-mqctl").is_null(), "both are given back");
    assert_nothing_of_a_move(&world, POD);
    assert_empty(&world);
    assert_settled(&world, NEW, "rabbitmq-0.21");
    retired(&world);
    assert_settled(&world, NEW, "rabbitmq-0.21");
    drained(&world, POD, &password, COUNT);
    world.namespace.shell(POD, "rabbitmqctl set_permissions -p shop user '.*' '.*' '.*'");
    let broker = Broker::of(&world.namespace, POD, &password).at("shop");
    assert_eq!(broker.empty("e2e.foreign"), messages(Kind::Quorum, COUNT));
}

/// Somebody has written it beforehand, as small as the suite's own.
fn written(world: &World) {
    let mut profile = world.profile.clone();
    profile["chart"] = json!({"ref": like(Family::Groundhog2k)});
    profile["values"] = Family::Groundhog2k.values();
    profile["values"]["fullnameOverride"] = json!(NEW);
    profile["values"]["plugins"] = json!(["rabbitmq_shovel"]);
    std::fs::write(world.work().join(format!("profiles/{NEW}.yaml")), profile.to_string()).expect("the profile");
}

fn to_groundhog2k() {
    let (world, password) = left_behind("migrate: to groundhog2k", Helm::Four, Family::Bitnami, COUNT);
    written(&world);
    let migrate = ["migrate", NAME, "--to-chart", &like(Family::Groundhog2k), "--yes", "-v"];
    let report = world.mqctl(&[&migrate[..], &["-o", "json"]].concat()).expect(0).json();
    let side = |messages: usize| json!({"queues": 2, "messages": messages});
    assert_eq!(report["moved"]["after"], json!({"old": side(0), "new": side(2 * COUNT)}), "{report:#}");
    assert_nothing_of_a_move(&world, "mq-next-0");
    assert_empty(&world);
    assert_settled(&world, NEW, "rabbitmq-2.");
    uncounted(&world);
    assert_healthy(&world);
    drained(&world, "mq-next-0", &password, COUNT);
}

/// Nobody can say what is left in the old side when none of its nodes runs.
fn uncounted(world: &World) {
    world.namespace.kubectl(&["scale", "statefulset", NAME, "--replicas", "0"]);
    world.namespace.until("the old nodes are gone", BOOT, |namespace| {
        !namespace.names("pods").iter().any(|pod| pod.starts_with("pod/mq-") && !pod.contains("next"))
    });
    world.mqctl(&RETIRE).expect(78).says(&["no node of `mq` is ready"]);
    for args in [&["delete", NAME, "--yes"][..], &["delete", NAME, "--purge", "--confirm", NAME]] {
        world.mqctl(args).expect(78).says(&["nobody can count what is left", "mqctl delete mq --confirm mq"]);
    }
    world.mqctl(&["delete", NAME, "--confirm", NAME]).expect(0);
    assert!(world.namespace.object("statefulset", NAME).is_null());
    for n in 0..3 {
        assert!(!world.namespace.object("persistentvolumeclaim", &format!("data-mq-{n}")).is_null());
    }
}

/// As the page says it: delete, two fields of the profile, install. The built-in chart, and back again.
fn in_place() {
    let mut world = World::new("migrate: in place", Helm::Three, crate::environment::MNESIA, 3);
    world.wish("/chart", json!({"ref": like(Family::CloudPirates)}));
    world.wish("/values", Family::CloudPirates.values());
    let password = with_messages(&world);
    let volumes = volumes(&world);
    over(&mut world, "builtin", "mqctl-rabbitmq-1");
    over(&mut world, &like(Family::CloudPirates), "rabbitmq-0.21");
    assert_eq!(self::volumes(&world), volumes, "the same volumes");
    drain(&world, &password, &Kind::BOTH);
}

fn volumes(world: &World) -> Vec<(Value, Value)> {
    let claims = world.namespace.list("persistentvolumeclaims");
    claims.iter().map(|claim| (claim["metadata"]["name"].clone(), claim["metadata"]["uid"].clone())).collect()
}

fn over(world: &mut World, to: &str, chart: &str) {
    let args = ["migrate", NAME, "--to-chart", to, "--yes"];
    let fit = world.mqctl(&[&args[..], &["-o", "json"]].concat()).expect(0).json();
    assert_eq!((&fit["kind"], &fit["inPlace"]), (&json!("Fit"), &json!(true)), "{fit:#}");
    let page = world.mqctl(&args).expect(0);
    let page = page.stdout.lines().map(str::trim);
    let after = |head: &str| {
        let line = page.clone().find_map(|line| line.strip_prefix(head));
        line.unwrap_or_else(|| panic!("no `{head}` on the page")).to_owned()
    };
    let (delete, install) = (after("1  mqctl "), after("3  mqctl "));
    let fields = ["chart: ", "values: "].map(|head| serde_json::from_str::<Value>(&after(head)).expect("a mapping"));
    let command =
        |line: &str| line.split_once('#').expect("a comment").0.split_whitespace().map(str::to_owned).collect();
    for (line, then) in [(delete, Some(fields)), (install, None)] {
        let words: Vec<String> = command(&line);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--yes"]).collect();
        world.mqctl(&words).expect(0);
        if let Some([chart, values]) = then {
            world.wish("/chart", chart);
            world.wish("/values", values);
        }
    }
    assert_settled(world, NAME, chart);
    let counted = world.namespace.shell("mq-0", "rabbitmqctl -q list_queues messages --no-table-headers");
    assert_eq!(counted.split_whitespace().collect::<Vec<_>>(), [MESSAGES.to_string(), MESSAGES.to_string()]);
}
