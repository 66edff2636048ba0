//! A release that plain helm made, with password and cookie by `--set`, becomes mqctl's: no pod is touched by that, and the
//! upgrade after it keeps every message, also where a container restarts in the middle of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind};
use crate::dialects::{CHARTS, Family};
use crate::environment::{Helm, MNESIA, image};
use crate::killed::MESSAGES;
use crate::recover::drain;
use crate::runner::Test;
use crate::world::{NAME, World};

const PASSWORD: &str = "e2e0PlainHelmPassword0of32Letter";
const COOKIE: &str = "E2E0PLAIN0HELM0COOKIE0OF32LETTER";
const BOOT: Duration = Duration::from_secs(300);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(Helm::Four, Family::Stable),
        test(Helm::Three, Family::Bitnami).long(),
        test(Helm::Three, Family::Stable).long(),
        test(Helm::Four, Family::Bitnami).long(),
    ]
}

fn test(helm: Helm, family: Family) -> Test {
    let name = format!("from release: {} {}", family.word(), helm.word());
    Test::new(name.clone(), move || {
        let world = World::new(&name, helm, MNESIA, 3);
        // What init writes is what is upgraded.
        std::fs::remove_file(profile(&world)).expect("the world's profile");
        plain_helm(&world, family);
        let broker = Broker::of(&world.namespace, "mq-0", PASSWORD);
        for kind in Kind::BOTH {
            broker.publish(kind, MESSAGES);
        }
        drop(broker);
        taken_over(&world, family);
        handed_over(&world);
        drain(&world, PASSWORD, &Kind::BOTH);
    })
}

fn profile(world: &World) -> std::path::PathBuf {
    world.work().join("profiles/mq.yaml")
}

/// Registry and repository, as these charts want them.
fn registry() -> (String, String) {
    let image = image();
    match image.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) => (host.to_owned(), rest.to_owned()),
        Some(_) => ("docker.io".to_owned(), image),
        None => ("docker.io".to_owned(), format!("library/{image}")),
    }
}

pub(crate) fn values(family: Family) -> Value {
    let (registry, repository) = registry();
    let mut values = family.values();
    values["image"] = json!({"registry": registry, "repository": repository, "tag": MNESIA});
    values["persistence"] = json!({"size": "1Gi"});
    match family {
        Family::Stable => values["replicas"] = 3.into(),
        Family::Bitnami | Family::Bitnami8 | Family::CloudPirates | Family::Groundhog2k => {
            values["replicaCount"] = 3.into();
            values["global"] = json!({"security": {"allowInsecureImages": true}});
        }
    }
    values
}

fn plain_helm(world: &World, family: Family) {
    let file = world.work().join("values.json");
    std::fs::write(&file, values(family).to_string()).expect("the values");
    let section = if matches!(family, Family::Stable) { "rabbitmq" } else { "auth" };
    let set = format!("{section}.password={PASSWORD},{section}.erlangCookie={COOKIE}");
    let (chart, file) = (chart(family), file.display().to_string());
    world.helm(&["install", NAME, &chart, "--create-namespace", "--values", &file, "--set", &set]).expect(0);
    world.namespace.until("3 nodes of plain helm's are ready", BOOT, |namespace| {
        namespace.object("statefulset", NAME)["status"]["readyReplicas"] == 3
    });
}

fn chart(family: Family) -> String {
    format!("{CHARTS}/{}-like", family.word())
}

fn taken_over(world: &World, family: Family) {
    let pods = world.namespace.pods();
    let (namespace, chart) = (world.namespace.0.clone(), chart(family));
    let init = ["init", NAME, "--from-release", NAME, "-n", &namespace, "--chart", &chart, "--yes", "-vv"];
    let ran = world.mqctl(&init).expect(0);
    let written = std::fs::read_to_string(profile(world)).expect("the profile");
    for secret in [PASSWORD, COOKIE] {
        assert!(!ran.everything().contains(secret) && !written.contains(secret), "a secret was shown");
    }
    assert_eq!(world.namespace.pods(), pods, "no pod was touched");
    assert_eq!(world.credentials().agree().password(), PASSWORD);
    world.mqctl(&["credentials", "verify", NAME]).expect(0);
    let again = world.mqctl(&init).expect(0);
    assert!(again.stdout.contains("nothing to write"), "{}", again.said());
    let plan = world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
    for words in ["keep Secret mq", "they restart for that", "delete Secret mq"] {
        assert!(plan.stdout.contains(words), "{words}: {}", plan.said());
    }
    assert_eq!(world.namespace.pods(), pods, "no pod was touched");
}

/// A container that has not been replaced yet starts again, though the release has no Secret for it any more.
fn handed_over(world: &World) {
    let before = world.namespace.pods();
    let run = world.start(&["upgrade", NAME, "--yes", "-v"]);
    world.namespace.until("mq-2 is replaced", BOOT, |namespace| {
        let now = namespace.pods();
        now.last().is_some_and(|pod| pod.0 == "mq-2" && Some(&pod.1) != before.last().map(|old| &old.1))
    });
    // Its exec ends with the container.
    world.namespace.command(&["exec", "mq-0", "--container", "rabbitmq", "--", "sh", "-c", "kill 1"]).status().ok();
    let ran = run.wait(BOOT + BOOT).expect(0);
    for secret in [PASSWORD, COOKIE] {
        assert!(!ran.everything().contains(secret), "a secret was shown");
    }
    let replaced = world.namespace.pods();
    let kept = replaced.iter().filter(|pod| before.iter().any(|old| old.1 == pod.1)).count();
    assert!(kept == 0 && replaced.len() == 3, "{replaced:?}");
    assert!(world.namespace.object("secret", NAME).is_null(), "the chart's own Secret is still there");
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    world.assert_healthy();
}
