//! The main job: install, publish, delete, install again as on a new laptop, and every message is there; then purge.

use serde_json::json;

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{Helm, KHEPRI, MNESIA, OLD};
use crate::runner::Test;
use crate::world::{NAME, World};

const MESSAGES: usize = 1000;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(Helm::Three, MNESIA),
        test(Helm::Four, KHEPRI).long(),
        test(Helm::Three, KHEPRI).long(),
        test(Helm::Four, MNESIA).long(),
        test(Helm::Three, OLD).long(),
    ]
}

fn test(helm: Helm, tag: &'static str) -> Test {
    let name = format!("journey {} {}", helm.word(), tag.trim_end_matches("-management"));
    Test::new(name.clone(), move || {
        let mut world = World::new(&name, helm, tag, 3);
        with_definitions(&mut world);
        journey(&world);
    })
}

fn journey(world: &World) {
    world.install();
    the_definitions_are_there(world);
    let before = world.credentials().agree();
    world.assert_healthy();
    a_second_install_changes_nothing(world);
    the_chart_lints_and_renders(world);
    publish(world, before.password());

    world.delete();
    assert_data_alone_is_kept(world);
    std::fs::remove_file(world.secrets_file()).expect("the secrets file was there");

    world.install();
    assert_eq!(world.credentials().agree(), before, "cookie and password are those of the volumes");
    let status = world.assert_healthy();
    assert_eq!(status["messages"]["ready"], 2 * MESSAGES, "{status:#}");
    assert_every_message_is_there(world, before.password());
    assert!(!world.namespace.shell("mq-0", "rabbitmqctl -q list_users").contains("shop"), "imported once, not again");

    world.purge();
    assert_nothing_is_kept(world);
}

/// As RabbitMQ exports them; the profile's own user is among them, with another password.
fn with_definitions(world: &mut World) {
    let hash = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
    let user = |name: &str| json!({"name": name, "password_hash": hash, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""});
    let queue = |name: &str, kind: &str| {
        let arguments = json!({"x-queue-type": kind});
        json!({"name": name, "vhost": "shop", "durable": true, "auto_delete": false, "arguments": arguments})
    };
    let definitions = json!({
        "vhosts": [{"name": "/"}, {"name": "shop"}],
        "users": [user("shop"), user("user")],
        "permissions": [{"user": "shop", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"}],
        "policies": [{"vhost": "shop", "name": "short", "pattern": "^tmp", "apply-to": "queues", "priority": 1,
            "definition": {"max-length": 10}}],
        "exchanges": [{"name": "sales", "vhost": "shop", "type": "topic", "durable": true, "auto_delete": false,
            "internal": false, "arguments": {}}],
        "queues": [queue("orders", "quorum"), queue("mails", "classic")],
        "bindings": [{"source": "sales", "vhost": "shop", "destination": "orders", "destination_type": "queue",
            "routing_key": "eu.#", "arguments": {}}],
    });
    std::fs::write(world.root().join("work/profiles/shop.json"), definitions.to_string()).expect("a file");
    world.wish("/definitions", json!("shop.json"));
}

/// And the profile's user has the profile's password: the install has logged in as it afterwards.
fn the_definitions_are_there(world: &World) {
    let said = |command: &str| world.namespace.shell("mq-1", &format!("rabbitmqctl -q {command}"));
    assert!(said("list_queues -p shop name").contains("mails") && said("list_users").contains("shop"));
    assert!(said("list_bindings -p shop").contains("eu.#") && said("list_policies -p shop").contains("max-length"));
    let status = world.namespace.shell("mq-1", "rabbitmq-queues -q quorum_status --vhost shop orders");
    assert!((0..3).all(|n| status.contains(&format!("rabbit@mq-{n}."))), "a member on each node: {status}");
    said("delete_user shop");
}

fn publish(world: &World, password: &str) {
    let broker = Broker::of(&world.namespace, "mq-1", password);
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
}

/// Through another node than the one that they were published through.
fn assert_every_message_is_there(world: &World, password: &str) {
    let broker = Broker::of(&world.namespace, "mq-2", password);
    for kind in Kind::BOTH {
        assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}: each once, in order");
        assert_eq!(broker.drain(kind), [""; 0], "{kind:?}: nothing more");
    }
}

fn a_second_install_changes_nothing(world: &World) {
    let (pods, releases) = (world.namespace.pods(), world.releases());
    let again = world.mqctl(&["install", NAME, "--no-input"]).expect(0);
    assert!(again.stdout.contains("nothing to change"), "{}", again.said());
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
    assert_eq!((world.namespace.pods(), world.releases()), (pods, releases), "pods and revision");
}

/// With the values that the release was installed with.
fn the_chart_lints_and_renders(world: &World) {
    let values = world.helm(&["get", "values", NAME, "--output", "json"]).expect(0).stdout;
    let file = world.root().join("tmp/values.json");
    std::fs::write(&file, values).expect("a file");
    let (chart, file) = (world.chart().display().to_string(), file.display().to_string());
    world.helm(&["lint", &chart, "--strict", "--values", &file]).expect(0);
    let rendered = world.helm(&["template", NAME, &chart, "--values", &file]).expect(0).stdout;
    let kinds: Vec<&str> = rendered.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    for kind in ["StatefulSet", "Service", "ConfigMap", "PodDisruptionBudget", "ServiceAccount"] {
        assert!(kinds.contains(&kind), "{} renders {kinds:?}", world.helm_word());
    }
    assert!(!kinds.contains(&"Secret"), "the release owns no Secret, so that no uninstall takes one");
}

fn assert_data_alone_is_kept(world: &World) {
    let there = world.namespace.names("pods,statefulsets,services,persistentvolumeclaims");
    let kept = [0, 1, 2].map(|n| format!("persistentvolumeclaim/data-mq-{n}"));
    assert_eq!(there, kept, "after delete");
    assert!(!world.namespace.object("secret", "mq-mqctl-credentials").is_null(), "mqctl's own Secret is kept");
    assert_eq!(world.releases(), [], "helm has no release");
    assert!(world.secrets_file().exists() && world.work().join("profiles/mq.yaml").exists());
    let status = world.mqctl(&["status", NAME]).expect(1);
    assert!(status.stdout.contains("not installed") && status.stdout.contains("data-mq-2"), "{}", status.said());
}

fn assert_nothing_is_kept(world: &World) {
    let there = world.namespace.names("pods,statefulsets,services,persistentvolumeclaims");
    assert_eq!(there, [""; 0], "after delete --purge");
    assert!(world.namespace.object("secret", "mq-mqctl-credentials").is_null(), "purge takes mqctl's Secret");
    assert!(world.secrets_file().exists(), "the secrets file is the person's");
}
