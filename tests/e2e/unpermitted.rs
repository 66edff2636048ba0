//! A person with too few rights: exit 77, the missing verb and resource by name, nothing changed.

use serde_json::{Value, json};

use crate::environment::{Helm, KHEPRI};
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for helm in [Helm::Three, Helm::Four] {
        tests.push(Test::new(format!("not permitted: {}", helm.word()), move || refused(helm)));
    }
    tests.push(Test::new("not permitted: no more rights than needed", enough));
    tests
}

/// Becomes a service account with these rules in its own namespace and none elsewhere.
fn become_limited(world: &mut World, rules: &Value) {
    let namespace = world.namespace.0.clone();
    world.namespace.kubectl(&["create", "namespace", &namespace]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"});
    let metadata = json!({"name": "limited", "namespace": namespace});
    world.namespace.apply(&[
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules}),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata, "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "name": "limited", "namespace": namespace}],
        }),
    ]);
    let token = world.namespace.kubectl(&["create", "token", "limited"]);
    let text = world.namespace.kubectl(&["config", "view", "--raw", "--minify", "--flatten", "--output", "json"]);
    let mut config: Value = serde_json::from_str(&text).expect("a kubeconfig");
    config["users"][0]["user"] = json!({"token": token.trim()});
    let file = world.root().join("kubeconfig");
    std::fs::write(&file, config.to_string()).expect("a kubeconfig");
    world.kubeconfig = Some(file);
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

const READ: [&str; 3] = ["get", "list", "watch"];

fn refused(helm: Helm) {
    let everything = rule(&["", "apps", "policy"], &["*"], &READ);
    let write = rule(&[""], &["secrets", "configmaps", "services", "serviceaccounts"], &["create", "patch"]);
    refused_with(helm, &json!([everything, write]), &["create statefulsets", "patch statefulsets", "create pods/exec"]);
    // Without the right to read helm's records nothing can be decided at all.
    let others = ["pods", "statefulsets", "services", "persistentvolumeclaims", "configmaps", "events"];
    let pods = rule(&["", "apps"], &others, &READ);
    refused_with(helm, &json!([pods]), &["cannot ", "resource \"secrets\""]);
}

fn refused_with(helm: Helm, rules: &Value, words: &[&str]) {
    let mut world = World::new("not permitted", helm, KHEPRI, 1);
    become_limited(&mut world, rules);
    let before = world.namespace.names("all,secrets,configmaps,persistentvolumeclaims,serviceaccounts");
    world.mqctl(&["install", NAME, "--yes"]).expect(77).says(words).says(&["hint: "]);
    world.mqctl(&["delete", NAME, "--yes"]).expect(77).says(&["hint: "]);
    let after = world.namespace.names("all,secrets,configmaps,persistentvolumeclaims,serviceaccounts");
    assert_eq!(before, after);
    assert!(!world.secrets_file().exists(), "the secrets file was written");
}

/// In a namespace that somebody else made, with rights in it alone: the whole way.
fn enough() {
    let mut world = World::new("permitted", Helm::Four, KHEPRI, 1);
    let change = ["get", "list", "watch", "create", "patch", "update", "delete"];
    let rules = json!([
        rule(&[""], &["secrets", "configmaps", "services", "serviceaccounts"], &change),
        rule(&["apps"], &["statefulsets"], &change),
        rule(&["apps"], &["statefulsets/scale"], &["get", "patch"]),
        rule(&["policy"], &["poddisruptionbudgets"], &change),
        rule(&["coordination.k8s.io"], &["leases"], &change),
        rule(&[""], &["pods", "events", "persistentvolumeclaims"], &READ),
        rule(&[""], &["pods"], &["patch"]),
        rule(&[""], &["pods/log"], &["get"]),
        rule(&[""], &["pods/exec"], &["create"]),
        rule(&[""], &["persistentvolumeclaims"], &["delete"]),
    ]);
    become_limited(&mut world, &rules);
    world.install();
    world.assert_healthy();
    world.delete();
    world.install();
    world.purge();
}
