//! `mqctl init`: the files that it writes, what it never replaces, and that it can be killed anywhere.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use crate::objects;
use crate::world::{PROFILE, SECRETS_FILE, World};

pub const FILE: &str = "work/profiles/prodmq.yaml";

/// No profile yet, and a StorageClass that is the cluster's default.
pub fn world() -> World {
    let world = World::new();
    world.remove(FILE);
    let marked = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    let class = json!({"kind": "StorageClass", "metadata": {"name": "standard", "annotations": marked}});
    world.object("storageclass.standard", &class);
    world.object("storageclass.fast", &objects::named("StorageClass", "fast"));
    world
}

pub fn read(world: &World, file: &str) -> String {
    fs::read_to_string(world.path(file)).unwrap()
}

#[test]
fn a_profile_by_flags_alone() {
    let world = world();
    let run = world.run(&["init", "prodmq", "--yes", "--replicas", "5", "--size", "20Gi", "--storage-class", "fast"]);
    assert_snapshot!(run, @r#"
    $ mqctl init prodmq --yes --replicas 5 --size 20Gi --storage-class fast   [exit 0]
    stdout | profiles/prodmq.yaml is written.   mqctl plan prodmq     mqctl install prodmq
    stderr | test/rabbitmq/prodmq: init: 4 to change, 0 to destroy
    stderr |    0.0s profiles/prodmq.yaml written
    stderr |    0.0s profiles/.gitignore written
    stderr |    0.0s prodmq.secrets.yaml written
    stderr |    0.0s namespace rabbitmq created
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads helm version --short
    3. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (22 access reviews)
    4. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 pod/prodmq-3 pod/prodmq-4 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2 persistentvolumeclaim/data-prodmq-3 persistentvolumeclaim/data-prodmq-4
    5. reads kubectl --context test --namespace rabbitmq get namespaces,storageclasses --output json
    6. reads kubectl --context test --namespace rabbitmq version --output json
    7. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "kind": "Namespace",
      <   "metadata": {
      <     "name": "rabbitmq"
      <   }
      < }
    wrote work/profiles/.gitignore (644)
    wrote work/profiles/prodmq.secrets.yaml (600)
    wrote work/profiles/prodmq.yaml (644)
    "#);
    assert_snapshot!(read(&world, FILE), @"
    # What is wished of the RabbitMQ cluster `prodmq`. No secret stands here, so it is safe to commit.
    # A line that is commented out shows a default, or an example.

    format: 1                            # of this file
    # release: prodmq                    # of Helm; StatefulSet, Services and pods are named after it
    namespace: rabbitmq                  # is created if it is not there
    # context: prod-eu1                  # the only kube context to act on; without it any
    # protected: false                   # true: what destroys data takes the name typed at a terminal
    # chart:                             # which chart is installed
    #   ref: builtin                     # builtin is the one inside mqctl: mqctl inspect --chart
    # image:                             # what the broker runs
    #   repository: rabbitmq             # without its tag; for the built-in chart laid out like the official one
    #   tag: 4.3.6-management            # its version; the built-in chart takes 3.10 to 4.3
    replicas: 5                          # nodes, 1 to 9; take an odd number
    storage:                             # the volume of each node
      class: fast                        # StorageClass; without it the cluster's default one
      size: 20Gi                         # 64Mi or more
    # credentials:                       # sources only; no password belongs here
    #   username: user                   # the broker's first user
    #   password: {env: PASSWORD}        # or file, command, secret; without it prodmq.secrets.yaml
    #   erlangCookie: {env: COOKIE}      # the same for the Erlang cookie
    # expose:                            # a Service for clients outside the cluster; without it none
    #   type: LoadBalancer               # or NodePort; more: mqctl expose --help
    #   sourceRanges: [10.0.0.0/8]       # the networks that may come in
    # definitions: definitions.json      # users, queues, policies for the first install
    # values: {}                         # anything else for the chart: mqctl inspect --chart
    # timeouts:                          # how long an install waits
    #   install: 10m                     # for helm's own part
    #   boot: 10m                        # from the start of the pods to one cluster
    ");
    assert_eq!(read(&world, "work/profiles/.gitignore"), "*.secrets.yaml\n");
}

#[test]
fn what_it_writes_is_what_install_takes() {
    let world = world();
    world.run(&["init", "prodmq", "--yes"]).ended(0);
    let secrets = read(&world, SECRETS_FILE);
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    assert_eq!(run.changing_verbs(), ["create", "upgrade", "annotate"], "{run}");
    assert_eq!(read(&world, SECRETS_FILE), secrets);
    world.run(&["status", "prodmq"]).ended(0);
}

#[test]
fn the_same_answers_again_change_nothing() {
    let world = world();
    let flags = ["init", "prodmq", "--yes", "--size", "20Gi"];
    world.run(&flags).ended(0);
    let run = world.run(&flags).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --yes --size 20Gi   [exit 0]
    test / rabbitmq / prodmq     nothing to write: profiles/prodmq.yaml says this already
    ");
}

#[test]
fn the_plan_alone() {
    let run = world().run(&["init", "prodmq", "--dry-run", "-n", "shop"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --dry-run -n shop   [exit 0]
    test / shop / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   profiles/prodmq.yaml  new: every field with a comment, defaults commented out
      2  changes   profiles/.gitignore   *.secrets.yaml stays out of version control
      3  changes   prodmq.secrets.yaml   Erlang cookie and password: generated, 32 characters, mode 0600
      4  changes   namespace shop        is created
    ");
    let json = world().run(&["init", "prodmq", "--dry-run", "-o", "json"]).ended(0).json();
    assert_eq!((&json["kind"], &json["verb"], &json["changes"]), (&json!("Plan"), &json!("init"), &json!(true)));
}

#[test]
fn the_account_as_json() {
    let report = world().run(&["init", "prodmq", "--yes", "-o", "json"]).ended(0).json();
    let done: Vec<&str> =
        report["done"].as_array().unwrap().iter().map(|step| step["title"].as_str().unwrap()).collect();
    let files = ["profiles/prodmq.yaml written", "profiles/.gitignore written", "prodmq.secrets.yaml written"];
    assert_eq!(done, [&files[..], &["namespace rabbitmq created"]].concat());
    assert_eq!((&report["kind"], &report["exitCode"]), (&json!("Report"), &json!(0)));
}

/// Another profile of the same name is there.
fn with_other() -> World {
    let world = world();
    world.profile("prodmq", &format!("{PROFILE}# mine\nreplicas: 5\nvalues: {{erlangArguments: \"+S 1:1\"}}\n"));
    world
}

#[test]
fn a_profile_that_says_something_else_is_not_replaced() {
    let world = with_other();
    let run = world.run(&["init", "prodmq", "--yes"]).ended(64);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --yes   [exit 64]
    error: `profiles/prodmq.yaml` is there and says something else; nothing was changed
    --- profiles/prodmq.yaml
    +++ these answers
    @@ -2,4 +2 @@
     namespace: rabbitmq
    -replicas: 5
    -values:
    -  erlangArguments: +S 1:1
    hint: replace it: the same command with --force
    hint: see what it comes to: mqctl inspect prodmq
    ");
    let run = world.run(&["init", "prodmq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   profiles/prodmq.yaml  replaced, comments and all; the difference is below
      2  changes   profiles/.gitignore   *.secrets.yaml stays out of version control
      3  changes   prodmq.secrets.yaml   Erlang cookie and password: generated, 32 characters, mode 0600
      4  changes   namespace rabbitmq    is created

    --- profiles/prodmq.yaml
    +++ these answers
    @@ -2,4 +2 @@
     namespace: rabbitmq
    -replicas: 5
    -values:
    -  erlangArguments: +S 1:1
    ");
}

#[test]
fn force_replaces_it_and_still_needs_consent() {
    let world = with_other();
    let run = world.run(&["init", "prodmq", "--force"]).ended(64);
    run.changed_nothing();
    assert!(run.stderr.contains("hint: see it first with --dry-run, then agree with --yes"), "{run}");
    let run = world.run(&["init", "prodmq", "--force", "--yes"]).ended(0);
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --force --yes   [exit 0]
    profiles/prodmq.yaml is written.   mqctl plan prodmq     mqctl install prodmq
    test/rabbitmq/prodmq: init: 4 to change, 0 to destroy
    --- profiles/prodmq.yaml
    +++ these answers
    @@ -2,4 +2 @@
     namespace: rabbitmq
    -replicas: 5
    -values:
    -  erlangArguments: +S 1:1
       0.0s profiles/prodmq.yaml written
       0.0s profiles/.gitignore written
       0.0s prodmq.secrets.yaml written
       0.0s namespace rabbitmq created
    ");
    assert!(read(&world, FILE).contains("# replicas: 3"), "{run}");
}

#[test]
fn a_profile_that_means_the_same_is_left_as_it_is() {
    let world = world();
    let own = "# by hand\nnamespace: rabbitmq\nformat: 1\nreplicas: 3\n";
    world.profile("prodmq", own);
    let run = world.run(&["init", "prodmq", "--yes"]).ended(0);
    assert_eq!(run.wrote, ["work/profiles/.gitignore (644)", "work/profiles/prodmq.secrets.yaml (600)"]);
    assert_eq!(read(&world, FILE), own);
}

#[test]
fn a_profile_with_mistakes_is_not_shown() {
    let world = world();
    world.profile("prodmq", &format!("{PROFILE}credentials: {{password: {}}}\n", objects::PASSWORD));
    let run = world.run(&["init", "prodmq", "--yes"]).ended(64);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl init prodmq --yes   [exit 64]
    error: `profiles/prodmq.yaml` is there and has mistakes; nothing was changed
    hint: replace it: the same command with --force
    hint: see its mistakes: mqctl inspect prodmq
    ");
    let run = world.run(&["init", "prodmq", "--yes", "--force", "-vv"]).ended(0);
    assert!(!run.to_string().contains(objects::PASSWORD), "{run}");
}

#[test]
fn secrets_that_exist_are_never_replaced() {
    let world = world();
    world.secrets_file(objects::COOKIE, objects::PASSWORD);
    let before = read(&world, SECRETS_FILE);
    let run = world.run(&["init", "prodmq", "--yes", "-vv"]).ended(0);
    assert_eq!(read(&world, SECRETS_FILE), before);
    assert!(!run.to_string().contains(objects::PASSWORD), "{run}");
}

/// A profile that was lost, of a release that is there.
#[test]
fn secrets_of_the_cluster_are_taken_from_there() {
    let world = World::installed();
    [FILE, SECRETS_FILE].iter().for_each(|file| world.remove(file));
    let run = world.run(&["init", "prodmq", "--yes", "-vv"]).ended(0);
    assert!(read(&world, SECRETS_FILE).contains(objects::PASSWORD), "{run}");
    assert!(!run.stdout.contains(objects::PASSWORD) && !run.stderr.contains(objects::PASSWORD), "{run}");
    world.run(&["install", "prodmq"]).ended(0).changed_nothing();
}

#[test]
fn volumes_whose_secrets_nobody_knows() {
    let world = World::installed();
    [FILE, SECRETS_FILE, "cluster/secret.prodmq-mqctl-credentials"].iter().for_each(|file| world.remove(file));
    let run = world.run(&["init", "prodmq", "--yes"]).ended(78);
    run.changed_nothing();
    assert!(run.stderr.contains("nobody knows the Erlang cookie and the password"), "{run}");
}

#[test]
fn the_rule_is_added_to_what_is_there() {
    let world = world();
    world.write("work/profiles/.gitignore", "*.bak");
    world.run(&["init", "prodmq", "--yes"]).ended(0);
    assert_eq!(read(&world, "work/profiles/.gitignore"), "*.bak\n*.secrets.yaml\n");
}

#[test]
fn the_namespace_is_left_alone_where_it_is_there_or_not_wanted() {
    let there = world();
    there.object("namespace.rabbitmq", &objects::named("Namespace", "rabbitmq"));
    let left = there.run(&["init", "prodmq", "--yes"]).ended(0);
    let unwanted = world().run(&["init", "prodmq", "--yes", "--files-only"]).ended(0);
    for run in [left, unwanted] {
        assert!(run.changes().is_empty() && run.wrote.len() == 3, "{run}");
    }
}

#[test]
fn a_file_of_one_s_own_is_written_where_it_is_wished() {
    let world = world();
    let run = world.run(&["init", "--profile", "mq/shop.yaml", "--yes", "--kube-context", "test"]).ended(0);
    assert_snapshot!(run.words(), @r"
    $ mqctl init --profile mq/shop.yaml --yes --kube-context test   [exit 0]
    mq/shop.yaml is written.   mqctl plan --profile mq/shop.yaml     mqctl install --profile mq/shop.yaml
    test/rabbitmq/shop: init: 4 to change, 0 to destroy
       0.0s mq/shop.yaml written
       0.0s mq/.gitignore written
       0.0s shop.secrets.yaml written
       0.0s namespace rabbitmq created
    ");
    assert!(read(&world, "work/mq/shop.yaml").contains("\ncontext: test "), "{run}");
    world.run(&["plan", "--profile", "mq/shop.yaml"]).ended(0);
}

#[test]
fn generated_secrets_stand_in_their_file_alone() {
    for output in ["text", "json"] {
        let world = world();
        let run = world.run(&["init", "prodmq", "--yes", "-vv", "-o", output]).ended(0);
        let kept = read(&world, SECRETS_FILE);
        let secrets: Vec<&str> = kept.lines().filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(secrets.iter().map(|secret| secret.len()).collect::<Vec<_>>(), [32, 32], "{run}");
        for secret in secrets {
            let encoded = objects::base64(secret);
            assert!(!run.to_string().contains(secret) && !run.to_string().contains(&encoded), "{run}");
            assert!(!read(&world, FILE).contains(secret), "{run}");
        }
    }
}

#[test]
fn killed_at_any_call_and_run_again() {
    for pattern in ["kubectl * apply *", "helm list*", "kubectl * version *"] {
        for moment in ["kill/before", "kill/after"] {
            let world = world();
            world.write(moment, &format!("{pattern}\n"));
            let init = ["init", "prodmq", "--yes"];
            assert_eq!(world.run_to_the_last_child(&init).code, Some(128 + 9));
            let secrets = fs::read_to_string(world.path(SECRETS_FILE)).unwrap_or_default();
            world.run(&init).ended(0);
            assert!(read(&world, SECRETS_FILE).starts_with(&secrets));
            world.run(&init).ended(0).changed_nothing();
        }
    }
}
