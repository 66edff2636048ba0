//! Bad places to be in: flags and variables, kubeconfigs, programs that are too old, folders of a killed run.

use insta::assert_snapshot;

use crate::bad_input::{refused, refused_at_once};
use crate::transcript::Transcript;
use crate::world::World;

const INSTALL: [&str; 3] = ["install", "prodmq", "--yes"];

#[test]
fn times_that_cannot_be_meant() {
    for time in ["soon", "10", "0s", "25h", "-1m", "1m30"] {
        let flag = World::new().run(&["install", "prodmq", "--yes", &format!("--timeout={time}")]);
        let variable = World::new().run_with(("MQCTL_TIMEOUT", time), &INSTALL);
        for run in [flag, variable] {
            let said = refused_at_once(&run, 64);
            assert!(said.contains(&format!("invalid value '{time}' for '--timeout <TIME>': expected ")), "{said}");
        }
    }
}

#[test]
fn variables_with_values_that_cannot_be_meant() {
    for (name, value, words) in [
        ("MQCTL_OUTPUT", "yaml", "invalid value 'yaml' for '--output <OUTPUT>'"),
        ("MQCTL_COLOR", "red", "invalid value 'red' for '--color <COLOR>'"),
        ("MQCTL_VERBOSE", "lots", "invalid value 'lots' for '--verbose...'"),
        ("MQCTL_NAMESPACE", "Rabbit MQ", "`--namespace`: expected 1 to 63 of a-z, 0-9 and `-`"),
    ] {
        let said = refused_at_once(&World::new().run_with((name, value), &INSTALL), 64);
        assert!(said.contains(words), "{said}");
    }
    for (name, value, code, words) in [
        ("MQCTL_PROFILE", "none.yaml", 65, "no profile `prodmq`; looked for none.yaml"),
        ("MQCTL_KUBECONFIG", "none", 69, "no kubeconfig; looked for none"),
        ("MQCTL_CONFIRM", "other", 64, "`--confirm other` is not the release's name"),
    ] {
        let run = World::installed().run_with((name, value), &["delete", "prodmq", "--purge"]);
        let said = refused(&run, code);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    for name in ["MQCTL_TIMEOUT", "MQCTL_NAMESPACE", "MQCTL_PROFILE", "MQCTL_KUBECONFIG", "MQCTL_CONTEXT", "MQCTL_YES"]
    {
        let run = World::with_secrets().run_with((name, ""), &["plan", "prodmq"]).ended(0);
        assert_eq!(run.stdout, World::with_secrets().run(&["plan", "prodmq"]).stdout, "{name}");
    }
}

/// Whatever verb it is that needs a cluster.
fn each_verb(world: &World, code: i32) -> String {
    let run = |args: &[&str]| refused_at_once(&world.run(args), code);
    ["plan", "status", "upgrade"].iter().for_each(|verb| drop(run(&[verb, "prodmq"])));
    run(&INSTALL)
}

#[test]
fn no_kubeconfig() {
    let world = World::with_secrets();
    world.remove("home/kubeconfig");
    assert_snapshot!(each_verb(&world, 69), @"
    $ mqctl install prodmq --yes   [exit 69]
    error: no kubeconfig; looked for ~/home/kubeconfig
    hint: name one: --kubeconfig PATH, or KUBECONFIG
    ");
    let in_a_pod = world.run_with(("KUBERNETES_SERVICE_HOST", "10.0.0.1"), &["plan", "prodmq"]).ended(0);
    assert!(in_a_pod.stdout.starts_with("in-cluster / rabbitmq / prodmq"), "{in_a_pod}");
    world.run(&["inspect", "prodmq"]).ended(0);
}

#[test]
fn a_kubeconfig_that_cannot_be_read() {
    let world = World::with_secrets();
    world.write("home/kubeconfig", "apiVersion: v1\nusers: [{name: a, user: {token: CANARY}\n");
    let said = each_verb(&world, 69);
    assert!(!said.contains("CANARY"), "{said}");
    assert_snapshot!(said, @"
    $ mqctl install prodmq --yes   [exit 69]
    error: kubeconfig `~/home/kubeconfig`: not YAML
    hint: name one: --kubeconfig PATH, or KUBECONFIG
    ");
    world.remove("home/kubeconfig");
    std::fs::create_dir(world.path("home/kubeconfig")).unwrap();
    assert!(each_verb(&world, 69).contains("kubeconfig `~/home/kubeconfig`: Is a directory"));
}

#[test]
fn a_kubeconfig_without_a_context() {
    let world = World::with_secrets();
    world.write("home/kubeconfig", "apiVersion: v1\nkind: Config\ncurrent-context: ''\n");
    let words = "The connection to the server localhost:8080 was refused - did you specify the right host or port?";
    world.rule("kubectl *", 1, "", words);
    assert_snapshot!(refused(&world.run(&INSTALL), 69), @"
    $ mqctl install prodmq --yes   [exit 69]
    error: `kubectl get`: The connection to the server localhost:8080 was refused - did you specify the right host or port?
    hint: kubectl config use-context NAME   # without a context, kubectl asks this machine
    see: mqctl explain UNREACHABLE
    ");
}

#[test]
fn programs_that_are_too_old() {
    let world = World::with_secrets();
    world.rule("helm list *", 1, "", "Error: unknown flag: --superseded");
    assert_snapshot!(refused(&world.run(&INSTALL), 69), @"
    $ mqctl install prodmq --yes   [exit 69]
    error: `helm list`: unknown flag: --superseded
    hint: mqctl needs helm 3.8 or later and kubectl 1.22 or later: mqctl version
    ");
    let world = World::with_secrets();
    world.rule(
        "kubectl * create * <*Lease*",
        1,
        "",
        "Error: unknown flag: --validate\nSee 'kubectl create --help' for usage.",
    );
    let run = world.run(&INSTALL).ended(69);
    assert_eq!((run.changing_verbs(), run.wrote.len()), (vec!["create"], 0), "nothing came of it: {run}");
    assert!(run.stderr.contains("hint: mqctl needs helm 3.8 or later and kubectl 1.22 or later"), "{run}");
}

#[test]
fn what_a_killed_export_left_is_cleared() {
    let world = World::new();
    std::fs::create_dir_all(world.path("work/.mq.mqctl-new-4194305/templates")).unwrap();
    let run: Transcript = world.run(&["chart", "export", "mq"]).ended(0);
    assert!(!world.path("work/.mq.mqctl-new-4194305").exists() && world.path("work/mq/Chart.yaml").exists(), "{run}");
}
