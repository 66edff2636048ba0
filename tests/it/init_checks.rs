//! What `mqctl init` says is missing, and what it refuses: the cluster, programs, rights, flags, names.

use insta::assert_snapshot;

use crate::init::world;
use crate::transcript::Transcript;

#[test]
fn a_cluster_that_does_not_answer_is_said() {
    let world = world();
    let words = "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?";
    world.rule("kubectl *", 1, "", words);
    let run = world.run(&["init", "prodmq", "--yes"]).ended(0);
    assert_snapshot!(run, @r"
    $ mqctl init prodmq --yes   [exit 0]
    stdout | profiles/prodmq.yaml is written.   mqctl plan prodmq     mqctl install prodmq
    stderr | test/rabbitmq/prodmq: init: 3 to change, 0 to destroy
    stderr | warning: the cluster was not looked at: `kubectl get`: The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?
    stderr |    0.0s profiles/prodmq.yaml written
    stderr |    0.0s profiles/.gitignore written
    stderr |    0.0s prodmq.secrets.yaml written
    1. reads helm version --short
    2. reads kubectl --context test --namespace rabbitmq get namespaces,storageclasses --output json
    3. reads kubectl --context test --namespace rabbitmq version --output json
    wrote work/profiles/.gitignore (644)
    wrote work/profiles/prodmq.secrets.yaml (600)
    wrote work/profiles/prodmq.yaml (644)
    ");
}

#[test]
fn programs_that_are_missing_are_said() {
    let world = world();
    ["bin/kubectl", "bin/helm"].iter().for_each(|file| world.remove(file));
    let run = world.run(&["init", "prodmq", "--dry-run"]).ended(0);
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   profiles/prodmq.yaml  new: every field with a comment, defaults commented out
      2  changes   profiles/.gitignore   *.secrets.yaml stays out of version control
      3  changes   prodmq.secrets.yaml   Erlang cookie and password: generated, 32 characters, mode 0600

    warning: the cluster was not looked at: `kubectl` is not on PATH
    warning: `helm` is not on PATH
    ");
}

#[test]
fn a_profile_of_the_same_name_elsewhere_is_said() {
    let world = world();
    std::fs::create_dir_all(world.path("home/.config/mqctl/profiles")).unwrap();
    world.write("home/.config/mqctl/profiles/prodmq.yaml", crate::world::PROFILE);
    let warning = |args: &[&str]| {
        let run = world.run(&[&["init", "prodmq", "--dry-run"], args].concat()).ended(0);
        run.stdout
            .lines()
            .filter(|line| line.starts_with("warning: "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_snapshot!(warning(&[]), @"warning: `prodmq` means profiles/prodmq.yaml in this folder, and ~/home/.config/mqctl/profiles/prodmq.yaml in others");
    assert_snapshot!(warning(&["--profile", "other/prodmq.yaml"]), @"warning: `prodmq` alone means ~/home/.config/mqctl/profiles/prodmq.yaml, which is looked for first; this one is --profile other/prodmq.yaml");
    assert_eq!(warning(&["--profile", "other/testmq.yaml"]), "");
}

/// What the cluster says to this pattern, and what init makes of it.
fn told(pattern: &str, code: i32, stdout: &str, stderr: &str, flags: &[&str]) -> Transcript {
    let world = world();
    world.rule(pattern, code, stdout, stderr);
    world.run(&[&["init", "prodmq", "--dry-run"], flags].concat()).ended(0)
}

#[test]
fn what_an_install_would_lack_is_said() {
    let old = told("helm version *", 0, "v2.17.0+ga690bad", "", &[]);
    assert!(old.stdout.contains("warning: `helm` is v2.17.0+ga690bad; mqctl drives 3.8 to 4.x"), "{old}");
    let none = told("kubectl * namespaces,storageclasses *", 0, r#"{"items":[]}"#, "", &[]);
    assert!(none.stdout.contains("the cluster has no default StorageClass; those that exist: none"), "{none}");
    let class = world().run(&["init", "prodmq", "--dry-run", "--storage-class", "quick"]).ended(0);
    let said = "warning: `storage.class`: the cluster has no StorageClass `quick`; those that exist: fast, standard";
    assert!(class.stdout.contains(said), "{class}");
    let even = world().run(&["init", "prodmq", "--dry-run", "--replicas", "2"]).ended(0);
    assert!(even.stdout.contains("warning: `replicas`: 2 nodes survive no more"), "{even}");
}

#[test]
fn rights_that_are_missing_are_said() {
    let denied = |verb: &str, resource: &str| {
        format!(
            r#"{{"spec":{{"resourceAttributes":{{"verb":"{verb}","resource":"{resource}","subresource":""}}}},"status":{{"allowed":false}}}}"#
        )
    };
    let answers = [denied("create", "statefulsets"), denied("create", "namespaces")].join("\n");
    let run = told("kubectl * create *", 0, &answers, "", &[]);
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   profiles/prodmq.yaml  new: every field with a comment, defaults commented out
      2  changes   profiles/.gitignore   *.secrets.yaml stays out of version control
      3  changes   prodmq.secrets.yaml   Erlang cookie and password: generated, 32 characters, mode 0600

    warning: namespace `rabbitmq` is missing, and you may not create it; have somebody do it: kubectl create namespace rabbitmq
    warning: an install needs in namespace `rabbitmq` what you may not: create statefulsets
    ");
}

#[test]
fn flags_that_make_no_profile_are_all_told() {
    let run = world().run(&["init", "prodmq", "--yes", "--replicas", "12", "--size", "8GB", "-n", "A_b"]).ended(64);
    run.changed_nothing();
    assert!(run.calls.is_empty(), "{run}");
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --yes --replicas 12 --size 8GB -n A_b   [exit 64]
    error: `--namespace`: expected 1 to 63 of a-z, 0-9 and `-`, a letter or digit at both ends, found `A_b`
      `--replicas`: expected 1 to 9 nodes, found `12`
      `--size`: expected a size such as 8Gi, found `8GB`; nothing was changed
    hint: mqctl init --help   # what each flag takes
    ");
}

#[test]
fn names_that_are_none() {
    for name in ["Prod", "../prodmq", "prodmq.yaml", "", "a/b"] {
        let run = world().run(&["init", name, "--yes"]).ended(64);
        run.changed_nothing();
        assert!(run.stderr.contains("cannot be the name of a profile: expected 1 to 40 of a-z"), "{run}");
    }
    let run = world().run(&["init", "--yes"]).ended(64);
    assert_snapshot!(run.words(), @r"
    $ mqctl init --yes   [exit 64]
    error: which profile? no NAME was given, and there is nobody to ask
    hint: mqctl init prodmq --yes
    ");
}

#[test]
fn nobody_there_and_no_consent() {
    let run = world().run(&["init", "prodmq"]).ended(64);
    run.changed_nothing();
    assert!(run.stderr.contains("init would change something, and there is nobody to ask"), "{run}");
}

#[test]
fn a_context_against_the_flag() {
    let run = world().run(&["init", "prodmq", "--yes", "--kube-context", "a", "--context", "b"]).ended(78);
    run.changed_nothing();
}
