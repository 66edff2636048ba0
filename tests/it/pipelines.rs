//! The examples of pipelines, run by a shell as their runners would run them.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::objects::{COOKIE, PASSWORD};
use crate::scripts::{EXAMPLES, script};
use crate::world::{PROFILE, World};

/// A shell in a runner's folder, without a terminal.
fn runner(world: &World, name: &str) -> Command {
    let mut shell = world.shell(&script(name), &[]);
    shell.env("CI", "true").env("RABBITMQ_PASSWORD", PASSWORD).env("RABBITMQ_COOKIE", COOKIE);
    shell.env("RUNNER_TEMP", world.path("home")).env("GITHUB_ENV", world.path("home/env"));
    shell.env("KUBECONFIG_TEXT", "apiVersion: v1\nkind: Config\ncurrent-context: test\n");
    shell
}

#[test]
fn each_example_installs_and_then_changes_nothing() {
    for name in EXAMPLES {
        let world = World::new();
        symlink(env!("CARGO_BIN_EXE_mqctl"), world.path("bin/mqctl")).unwrap();
        let credentials = "credentials: {password: {env: RABBITMQ_PASSWORD}, erlangCookie: {env: RABBITMQ_COOKIE}}\n";
        world.profile("prodmq", &format!("{PROFILE}{credentials}"));
        let first = world.transcribe(&[name], &mut runner(&world, name)).ended(0);
        assert_eq!(first.changing_verbs(), ["create", "upgrade", "annotate"], "{name}: {first}");
        assert!(first.stdout.contains("healthy"), "{name}: {first}");
        assert!(!format!("{}{}", first.stdout, first.stderr).contains(PASSWORD), "{name}: {first}");
        let again = world.transcribe(&[name], &mut runner(&world, name)).ended(0);
        assert_eq!(again.changing_verbs(), [""; 0], "{name}: {again}");
    }
}
