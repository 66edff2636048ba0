//! A release that plain helm made, with password and cookie by `--set`, becomes mqctl's: no pod is touched by that, and the
//! upgrade after it keeps every message, also where a container restarts in the middle of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind};
use crate::environment::{Helm, MNESIA, image};
use crate::family::{BY_SECRET, Family, custom_chart};
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
        test(Helm::Three, Family::Bitnami8).long(),
        test(Helm::Four, Family::CloudPirates).long(),
        test(Helm::Four, Family::Groundhog2k).long(),
        Test::new("from release: custom helm4", || custom("from release: custom")).long(),
    ]
}

fn test(helm: Helm, family: Family) -> Test {
    let older = if matches!(family, Family::Bitnami8) { " 8" } else { "" };
    let name = format!("from release: {}{older} {}", family.word(), helm.word());
    Test::new(name.clone(), move || {
        let world = World::new(&name, helm, MNESIA, 3);
        // What init writes is what is upgraded.
        std::fs::remove_file(profile(&world)).expect("the world's profile");
        let chart = family.chart(&world);
        plain_helm(&world, &chart, &values(family), &secrets(family));
        taken_over(&world, family, &chart);
        handed_over(&world, "rabbitmq");
        let own = world.namespace.object("secret", NAME);
        // This family's charts say that helm never deletes theirs.
        assert_eq!(own.is_null(), !matches!(family, Family::CloudPirates), "the chart's own Secret: {own:#}");
        there_and_back(&world);
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

/// As somebody would have installed it who knows the chart's own switches for a cluster.
pub(crate) fn values(family: Family) -> Value {
    let (registry, repository) = registry();
    let mut values = family.values();
    values["image"] = json!({"registry": registry, "repository": repository, "tag": MNESIA});
    let size = json!("1Gi");
    match family {
        Family::Stable => {
            values["replicas"] = 3.into();
            values["persistence"] = json!({"size": size});
            return values;
        }
        Family::Bitnami | Family::Bitnami8 => {
            values["persistence"] = json!({"size": size});
            values["global"] = json!({"security": {"allowInsecureImages": true}});
        }
        Family::CloudPirates => {
            values["persistence"] = json!({"size": size});
            values["peerDiscoveryK8sPlugin"] = json!({"enabled": true});
            values["serviceAccount"] = json!({"automountServiceAccountToken": true});
        }
        Family::Groundhog2k => {
            values["storage"] = json!({"requestedSize": size});
            values["k8sPeerDiscoveryPlugin"] = json!({"enabled": true});
        }
        Family::Custom => {
            (values["nodes"], values["disk"]) = (3.into(), json!({"size": size}));
            values["image"] = format!("{}:{MNESIA}", image()).into();
            return values;
        }
    }
    values["replicaCount"] = 3.into();
    values
}

/// What `helm --set` was told.
fn secrets(family: Family) -> String {
    match family {
        Family::Stable => format!("rabbitmq.password={PASSWORD},rabbitmq.erlangCookie={COOKIE}"),
        Family::Bitnami | Family::Bitnami8 | Family::CloudPirates => {
            format!("auth.username=user,auth.password={PASSWORD},auth.erlangCookie={COOKIE}")
        }
        Family::Groundhog2k => {
            ["user.value=user", &format!("password.value={PASSWORD}"), &format!("erlangCookie.value={COOKIE}")]
                .map(|set| format!("authentication.{set}"))
                .join(",")
        }
        Family::Custom => format!("login.name=user,login.password={PASSWORD},login.cookie={COOKIE}"),
    }
}

/// Three nodes of plain helm's, with messages in both kinds of queue.
fn plain_helm(world: &World, chart: &str, values: &Value, set: &str) {
    let file = world.work().join("values.json");
    std::fs::write(&file, values.to_string()).expect("the values");
    let file = file.display().to_string();
    world.helm(&["install", NAME, chart, "--create-namespace", "--values", &file, "--set", set]).expect(0);
    world.namespace.until("3 nodes of plain helm's are ready", BOOT, |namespace| {
        namespace.object("statefulset", NAME)["status"]["readyReplicas"] == 3
    });
    let broker = Broker::of(&world.namespace, "mq-0", PASSWORD);
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
}

/// What the first plan says beside the steps: what changes, and why the pods restart for it.
fn first_plan(family: Family) -> &'static [&'static str] {
    match family {
        Family::Stable | Family::Bitnami | Family::Bitnami8 => {
            &["keep Secret mq", "they restart for that", "delete Secret mq"]
        }
        Family::CloudPirates => &["secretKeyRef.name: mq -> mq-mqctl-credentials"],
        // The old ones stand there in clear.
        Family::Groundhog2k => &[
            "data.rabbitmq.conf: - default_pass = (masked)",
            "env[ERLANG_COOKIE].value: - (masked)",
            "env[ERLANG_COOKIE].valueFrom",
            "startupProbe.failureThreshold: 75",
        ],
        Family::Custom => &["keep Secret mq-login", "they restart for that", "delete Secret mq-login"],
    }
}

fn assert_hidden(text: &str) {
    for secret in [PASSWORD, COOKIE] {
        assert!(!text.contains(secret), "a secret was shown: {text}");
    }
}

fn taken_over(world: &World, family: Family, chart: &str) {
    let pods = world.namespace.pods();
    let init = ["init", NAME, "--from-release", NAME, "-n", &world.namespace.0, "--chart", chart, "--yes", "-vv"];
    let ran = world.mqctl(&init).expect(0);
    assert_hidden(&ran.everything());
    assert_hidden(&std::fs::read_to_string(profile(world)).expect("the profile"));
    assert_eq!(world.namespace.pods(), pods, "no pod was touched");
    assert_eq!(world.credentials().agree().password(), PASSWORD);
    world.mqctl(&["credentials", "verify", NAME]).expect(0);
    let again = world.mqctl(&init).expect(0);
    assert!(again.stdout.contains("nothing to write"), "{}", again.said());
    let plan = world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
    for words in first_plan(family) {
        assert!(plan.stdout.contains(words), "{words}: {}", plan.said());
    }
    assert_hidden(&plan.everything());
    assert_eq!(world.namespace.pods(), pods, "no pod was touched");
}

/// A container that has not been replaced yet starts again, though the release has no Secret for it any more.
fn handed_over(world: &World, container: &str) {
    let before = world.namespace.pods();
    let run = world.start(&["upgrade", NAME, "--yes", "-v"]);
    world.namespace.until("mq-2 is replaced", BOOT, |namespace| {
        let now = namespace.pods();
        now.last().is_some_and(|pod| pod.0 == "mq-2" && Some(&pod.1) != before.last().map(|old| &old.1))
    });
    // Its exec ends with the container.
    world.namespace.command(&["exec", "mq-0", "--container", container, "--", "sh", "-c", "kill 1"]).status().ok();
    assert_hidden(&run.wait(BOOT + BOOT).expect(0).everything());
    let replaced = world.namespace.pods();
    let kept = replaced.iter().filter(|pod| before.iter().any(|old| old.1 == pod.1)).count();
    assert!(kept == 0 && replaced.len() == 3, "{replaced:?}");
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    world.assert_healthy();
}

/// From here on it is as any other release of mqctl's.
fn there_and_back(world: &World) {
    world.delete();
    assert_eq!(world.releases(), [], "helm has no release");
    world.mqctl(&["install", NAME, "--yes", "-v"]).expect(0);
    world.assert_healthy();
    assert_eq!(world.credentials().agree().password(), PASSWORD);
    drain(world, PASSWORD, &Kind::BOTH);
}

/// The refusal says what to do: a profile by hand, and the rest is the same.
fn custom(name: &str) {
    let mut world = World::new(name, Helm::Four, MNESIA, 3);
    let family = Family::Custom;
    let chart = family.chart(&world);
    plain_helm(&world, &chart, &values(family), &secrets(family));
    let pods = world.namespace.pods();
    let init = ["init", "other", "--from-release", NAME, "-n", &world.namespace.0, "--chart", &chart, "--yes"];
    let refused = world.mqctl(&init).expect(78);
    assert_hidden(&refused.everything());
    let told = ["dialect: custom", "headlessService: mq-nodes", "claimTemplate: mq-data", "volumePath: /data"];
    let way = ["A chart of your own", "mqctl credentials adopt other", "nothing was changed"];
    refused.says(&[&told[..], &way].concat());
    world.wish("/chart", custom_chart(&BY_SECRET));
    world.wish("/values", family.values());
    assert_hidden(&world.mqctl(&["credentials", "adopt", NAME, "--yes", "-vv"]).expect(0).everything());
    world.mqctl(&["credentials", "verify", NAME]).expect(0);
    let plan = world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
    for words in first_plan(family) {
        assert!(plan.stdout.contains(words), "{words}: {}", plan.said());
    }
    assert_eq!(world.namespace.pods(), pods, "no pod was touched");
    handed_over(&world, "broker");
    assert!(world.namespace.object("secret", "mq-login").is_null(), "the chart's own Secret is still there");
    there_and_back(&world);
}
