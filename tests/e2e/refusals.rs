//! Refused before anything is changed: a sentence that names the thing, a hint, the documented exit code.

use serde_json::json;

use crate::environment::{Helm, KHEPRI};
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for helm in [Helm::Three, Helm::Four] {
        tests.push(Test::new(format!("refused: class, context, address {}", helm.word()), move || refusals(helm)));
    }
    tests
}

fn refusals(helm: Helm) {
    storage_class(helm);
    other_context(helm);
    unreachable(helm);
}

fn storage_class(helm: Helm) {
    let mut world = World::new("refused: class", helm, KHEPRI, 1);
    let listed = world.namespace.kubectl(&["get", "storageclasses", "--output", "jsonpath={.items[*].metadata.name}"]);
    world.wish("/storage/class", "no-such-class".into());
    let ran = world.mqctl(&["install", NAME, "--yes"]).expect(78).says(&["`no-such-class`", "nothing was changed"]);
    for class in listed.split_whitespace() {
        assert!(ran.stderr.contains(class), "StorageClass {class} is not listed: {}", ran.said());
    }
    world.assert_nothing_changed();
}

fn other_context(helm: Helm) {
    let mut world = World::new("refused: context", helm, KHEPRI, 1);
    world.wish("/context", "no-such-context".into());
    for args in [&["install", NAME, "--yes"][..], &["status", NAME], &["delete", NAME, "--yes"]] {
        world.mqctl(args).expect(78).says(&["no-such-context", "hint: "]);
    }
    world.assert_nothing_changed();
}

/// A port of this machine on which nobody listens.
fn unreachable(helm: Helm) {
    let mut world = World::new("refused: address", helm, KHEPRI, 1);
    let file = world.root().join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "gone",
        "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "gone", "user": {"token": "none"}}],
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "gone"}}],
    });
    std::fs::write(&file, config.to_string()).expect("a kubeconfig");
    world.kubeconfig = Some(file);
    for args in [&["install", NAME, "--yes"][..], &["status", NAME], &["delete", NAME, "--yes"]] {
        let ran = world.mqctl(args).expect(69).says(&["127.0.0.1:1", "hint: "]);
        assert!(ran.took.as_secs() < 30, "{}", ran.said());
    }
    world.assert_nothing_changed();
}
