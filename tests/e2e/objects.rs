//! What clients have declared, as `rabbitmqctl export_definitions` tells it: kept before a stop, compared after it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind};
use crate::world::World;

/// The sections of the export; what else is in it are versions.
const KINDS: [&str; 9] = [
    "users",
    "vhosts",
    "permissions",
    "topic_permissions",
    "parameters",
    "policies",
    "exchanges",
    "queues",
    "bindings",
];

/// Declares one of each kind beside what is there, through a node that serves clients; and keeps all.
#[track_caller]
pub(crate) fn make(world: &World, pod: &str, password: &str) {
    // An import on 3.10 may leave a binding out without a word.
    Broker::of(&world.namespace, pod, password).bind("sales", Kind::Quorum, "eu.#");
    // From a file, as it never hears the end of its input here.
    let import = "rabbitmqctl -q import_definitions \"$file\" >/dev/null || exit 1";
    let import = format!("file=$(mktemp)\ncat >\"$file\" <<'END'\n{}\nEND\n{import}\n", some());
    let all = exported(world, pod, &import);
    for kind in ["users", "vhosts", "permissions", "policies", "exchanges", "queues", "bindings"] {
        assert!(all.iter().any(|object| object.starts_with(kind)), "none of {kind}: {all:#?}");
    }
    world.objects.replace(Some(all));
}

fn some() -> Value {
    let hash = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
    json!({
        "vhosts": [{"name": "shop"}],
        "users": [{"name": "clerk", "password_hash": hash, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}],
        "permissions": [{"user": "clerk", "vhost": "shop", "configure": "", "write": ".*", "read": "^orders"}],
        "policies": [{"vhost": "shop", "name": "short", "pattern": "^tmp", "apply-to": "queues", "priority": 1,
            "definition": {"max-length": 10}}],
    })
}

/// Each object with its kind before it.
#[track_caller]
fn exported(world: &World, pod: &str, before: &str) -> BTreeSet<String> {
    let said = world.namespace.shell(pod, &format!("{before}rabbitmqctl -q export_definitions -"));
    let text = said.find('{').map_or("", |begin| &said[begin..]);
    let all: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("no definitions ({e}): {said}"));
    let of = |kind: &str| {
        let list = all[kind].as_array().into_iter().flatten();
        list.map(|object| format!("{kind} {object}")).collect::<Vec<_>>()
    };
    KINDS.into_iter().flat_map(of).collect()
}

/// These went as it was said beforehand.
pub(crate) fn without_queues(world: &World, names: &[&str]) {
    let is_called = |object: &String, name: &str| object.contains(&format!("\"name\":\"{name}\""));
    let is_lost = |object: &String| object.starts_with("queues ") && names.iter().any(|name| is_called(object, name));
    if let Some(all) = world.objects.borrow_mut().as_mut() {
        all.retain(|object| !is_lost(object));
    }
}

/// What was kept, and is not there any more.
#[track_caller]
pub(crate) fn gone(world: &World) -> Vec<String> {
    let before = world.objects.borrow();
    let before = before.as_ref().expect("a test keeps them before it stops the nodes");
    before.difference(&exported(world, "mq-0", "")).cloned().collect()
}

/// Everything is there that was kept; nothing is asked where nothing was.
#[track_caller]
pub(crate) fn assert_there(world: &World) {
    if world.objects.borrow().is_some() {
        assert_eq!(gone(world), [""; 0], "what clients had declared");
    }
}
