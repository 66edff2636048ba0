//! The examples of pipelines, run by a shell on a real cluster, as a runner without a terminal would run them.

use std::process::Command;

use crate::environment::{Helm, KHEPRI};
use crate::runner::Test;
use crate::running::Ran;
use crate::scripts::{EXAMPLES, script};
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("pipelines: every example", all)]
}

/// One after the other on one release: the first installs it, the others find nothing to do.
fn all() {
    let mut world = World::new("pipelines", Helm::Four, KHEPRI, 1);
    world.wish(
        "/credentials",
        serde_json::json!({
            "password": {"env": "RABBITMQ_PASSWORD"}, "erlangCookie": {"env": "RABBITMQ_COOKIE"},
        }),
    );
    world.link_mqctl();
    for name in EXAMPLES {
        let ran = run(&world, name).expect(0);
        assert!(ran.stdout.contains("healthy"), "{name}: {}", ran.said());
        assert_eq!(world.releases(), [("deployed".to_owned(), "1".to_owned())], "{name}");
    }
    // A change is brought to the cluster by the one that looks for a difference.
    world.wish("/values/podAnnotations", serde_json::json!({"e2e/changed": "yes"}));
    run(&world, "pipeline.sh").expect(0);
    assert_eq!(world.releases(), [("deployed".to_owned(), "2".to_owned())]);
}

fn run(world: &World, name: &str) -> Ran {
    let mut shell: Command = world.command("sh");
    // The examples' release is called `prodmq`, this world's `mq`.
    shell.args(["-c", &script(name).replace("prodmq", NAME)]);
    let kubeconfig = std::env::var("KUBECONFIG").ok().and_then(|file| std::fs::read_to_string(file).ok());
    shell.env("CI", "true").env("KUBECONFIG_TEXT", kubeconfig.expect("KUBECONFIG names a file"));
    shell.env("RABBITMQ_PASSWORD", "a-password-of-the-pipeline").env("RABBITMQ_COOKIE", "ACOOKIEOFTHEPIPELINE");
    shell.env("RUNNER_TEMP", world.root().join("tmp")).env("GITHUB_ENV", world.root().join("tmp/env"));
    World::run(&mut shell)
}
