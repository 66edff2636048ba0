//! Bad luck on a real cluster: an API server that goes away, a namespace that does, volumes that are not the profile's.

use std::time::Duration;

use serde_json::json;

use crate::door::Door;
use crate::environment::{Helm, KHEPRI};
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("bad luck: the API server is away during a wait", away),
        Test::new("bad luck: the namespace is being deleted", ending),
        Test::new("bad luck: another size in the profile after a delete", resized).long(),
    ]
}

fn away() {
    let mut world = World::new("bad luck: away", Helm::Four, KHEPRI, 3);
    let door = Door::open(&world.namespace, &world.root());
    world.kubeconfig = Some(door.kubeconfig.clone());
    let mut install = world.start(&["install", NAME, "--yes"]);
    install.until_said("helm release installed", Duration::from_secs(120));
    door.shut_for(Duration::from_secs(20));
    let ran = install.wait(Duration::from_secs(400)).expect(0);
    let ran = ran.says(&["the API server does not answer; the wait goes on", "the API server answers again"]);
    assert_eq!(ran.stderr.matches("does not answer; the wait goes on").count(), 1, "told once: {}", ran.said());
    world.assert_healthy();
}

fn ending() {
    let world = World::new("bad luck: ending", Helm::Three, KHEPRI, 1);
    let namespace = &world.namespace;
    namespace.kubectl(&["create", "namespace", &namespace.0]);
    let held = json!({"name": "held", "namespace": namespace.0, "finalizers": ["mqctl.example/hold"]});
    namespace.apply(&[json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})]);
    namespace.kubectl(&["delete", "namespace", &namespace.0, "--wait=false"]);
    namespace.until("the namespace says what holds it", Duration::from_secs(60), |namespace| {
        namespace.object("namespace", &namespace.0).to_string().contains("mqctl.example/hold")
    });
    let refused = world.mqctl(&["install", NAME, "--yes"]);
    let written = world.secrets_file().exists();
    // Before any assertion, so that the namespace goes away after a failed one, too.
    namespace.kubectl(&[
        "patch",
        "configmap",
        "held",
        "--type",
        "merge",
        "--patch",
        r#"{"metadata":{"finalizers":null}}"#,
    ]);
    refused.expect(75).says(&["is being deleted", "mqctl.example/hold", "nothing was changed", "hint: kubectl wait"]);
    assert!(!written, "the secrets file was written");
    namespace.until("the namespace is gone", Duration::from_secs(60), |namespace| !namespace.exists());
    world.install();
    world.assert_healthy();
}

fn resized() {
    let mut world = World::new("bad luck: resized", Helm::Four, KHEPRI, 1);
    world.install();
    world.delete();
    let claims = world.namespace.names("persistentvolumeclaims");
    for (size, words) in [("2Gi", "hint: kubectl --namespace "), ("512Mi", "no volume shrinks")] {
        world.wish("/storage/size", size.into());
        let said = ["`storage.size`", "is 1Gi, not ", "nothing was changed", words];
        world.mqctl(&["install", NAME, "--yes"]).expect(78).says(&said);
        assert!(world.releases().is_empty() && world.namespace.names("statefulsets,pods").is_empty(), "{size}");
    }
    world.wish("/storage/size", "1024Mi".into());
    world.install();
    world.assert_healthy();
    assert_eq!(world.namespace.names("persistentvolumeclaims"), claims);
}
