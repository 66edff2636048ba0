//! `mqctl install` on what an earlier one left: each state that a kill can leave, and what people lose.

use insta::assert_snapshot;

use crate::objects::{self, COOKIE, PASSWORD};
use crate::world::{SECRETS_FILE, World};

const AGAIN: [&str; 3] = ["install", "prodmq", "--yes"];

fn put_secret(world: &World) {
    world.object("namespace.rabbitmq", &objects::named("Namespace", "rabbitmq"));
    world.object("secret.prodmq-mqctl-credentials", &objects::secret(COOKIE, PASSWORD));
}

#[test]
fn with_the_secrets_file_but_no_secret_the_secret_comes_next() {
    let run = World::with_secrets().run(&AGAIN).ended(0);
    assert_eq!(run.changing_verbs(), ["create", "upgrade", "annotate"]);
    assert!(!run.wrote.iter().any(|file| file.contains("secrets.yaml")), "{run}");
}

#[test]
fn with_the_secret_but_no_release_helm_comes_next() {
    let world = World::with_secrets();
    put_secret(&world);
    assert_eq!(world.run(&AGAIN).ended(0).changing_verbs(), ["upgrade"]);
}

#[test]
fn a_release_that_helm_never_finished_is_cleared_first() {
    for (status, clears) in [
        ("pending-install", "uninstall"),
        ("uninstalling", "uninstall"),
        ("pending-upgrade", "rollback"),
        ("pending-rollback", "rollback"),
    ] {
        let world = World::installed();
        world.object("release", &objects::release(status, "1"));
        let run = world.run(&AGAIN).ended(0);
        assert_eq!(run.changing_verbs(), [clears, "upgrade"], "{status}");
        assert!(run.stderr.contains(&format!("{status} cleared")), "{run}");
        world.run(&["install", "prodmq"]).ended(0).changed_nothing();
    }
}

#[test]
fn a_release_that_failed_is_upgraded() {
    let world = World::installed();
    world.object("release", &objects::release("failed", "1"));
    assert_eq!(world.run(&AGAIN).ended(0).changing_verbs(), ["upgrade"]);
}

/// The controller would wait for the first of the new pods, which waits for the second, which is still old.
#[test]
fn pods_that_do_not_run_are_replaced_after_a_change() {
    let world = World::installed();
    world.object("statefulset.prodmq", &objects::stateful_set(1, "of other values"));
    world.object("pod.prodmq-1", &objects::pod("prodmq-1", &objects::without_image()));
    world.object("pod.prodmq-2", &objects::pod("prodmq-2", &objects::unscheduled()));
    let run = world.run(&AGAIN).ended(0);
    assert_eq!(run.changing_verbs(), ["upgrade", "delete"]);
    let delete = &run.work()[1].args;
    assert!(delete.ends_with(&["pod/prodmq-1".to_owned(), "pod/prodmq-2".to_owned()]), "{run}");
}

#[test]
fn with_a_release_whose_pods_still_boot_it_only_waits() {
    let world = World::installed();
    world.object("statefulset.prodmq", &objects::stateful_set(2, "not yet known"));
    let noted = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
    world.write("cluster/statefulset.prodmq", &noted.replace("not yet known", &world.digest()));
    world.object("pod.prodmq-2", &objects::pod("prodmq-2", &objects::running(false)));
    world.write("cluster/log.prodmq-2", "[pod/prodmq-2/rabbitmq] Recovering 3 queues of type rabbit_classic_queue\n");
    let run = world.run(&["install", "prodmq", "--timeout", "1s"]).ended(75);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @r"
    test/rabbitmq/prodmq: install: 0 to change, 0 to destroy
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 recovering queues
    error: install: 3 nodes booted: not ready after 1s: 2 of 3 nodes; nothing was undone
      prodmq-0   ready
      prodmq-1   ready
      prodmq-2   recovering queues
        | Recovering 3 queues of type rabbit_classic_queue
    hint: run the same command again: it goes on where it stands
    hint: kubectl --namespace rabbitmq get events --sort-by .lastTimestamp   # what prodmq ran into
    see: mqctl explain NOT-READY
    not reached: login as user
    ");
}

#[test]
fn a_lost_secrets_file_comes_back_from_the_cluster() {
    let world = World::installed();
    world.remove(SECRETS_FILE);
    let run = world.run(&AGAIN).ended(0);
    assert_eq!(run.wrote.last().unwrap(), "work/profiles/prodmq.secrets.yaml (600)");
    let kept = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    assert!(kept.contains(&format!("erlangCookie: \"{COOKIE}\"\npassword: \"{PASSWORD}\"\n")), "{kept}");
    assert_snapshot!(run.stderr, @r"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
       0.0s prodmq.secrets.yaml written
       0.0s helm release upgraded
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
    ");
}

#[test]
fn volumes_whose_secrets_nobody_knows_are_not_given_new_ones() {
    let world = World::installed();
    world.remove(SECRETS_FILE);
    ["secret.prodmq-mqctl-credentials", "release", "statefulset.prodmq"]
        .iter()
        .for_each(|file| world.remove(&format!("cluster/{file}")));
    let run = world.run(&AGAIN).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.words(), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: `prodmq` has volumes (data-prodmq-0, data-prodmq-1, data-prodmq-2), but nobody knows the Erlang cookie and the password that they were made with; nothing was changed
    hint: take them from the brokers: mqctl credentials adopt prodmq
    hint: or put back profiles/prodmq.secrets.yaml (keys erlangCookie, password; chmod 600)
    see: mqctl explain CRED-UNKNOWN
    ");
}

#[test]
fn a_lost_secret_is_written_again_from_the_secrets_file() {
    let world = World::installed();
    world.object("runs-with", &objects::runs_with(Some(COOKIE), PASSWORD, PASSWORD));
    world.remove("cluster/secret.prodmq-mqctl-credentials");
    assert_eq!(world.run(&AGAIN).ended(0).changing_verbs(), ["create", "upgrade", "annotate"]);
}

#[test]
fn secrets_that_contradict_each_other_stop_everything() {
    let world = World::installed();
    world.secrets_file("ANOTHERCOOKIE", PASSWORD);
    for args in [&["install", "prodmq", "--yes"][..], &["plan", "prodmq"]] {
        world.run(args).ended(78).changed_nothing();
    }
    assert_snapshot!(world.run(&AGAIN).words(), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: the Erlang cookie is not what `prodmq` was installed with; nothing was changed
                                    cookie      password
      prodmq.secrets.yaml           deb8…55     0cbf…e2
      Secret in the cluster         e79a…46     0cbf…e2     <- differs
    hint: take what the cluster runs with: mqctl credentials adopt prodmq
    hint: change the cluster's: mqctl credentials rotate prodmq --cookie
    see: mqctl explain CRED-MISMATCH
    ");
    world.secrets_file("ANOTHERCOOKIE", "another-password");
    assert_snapshot!(world.run(&AGAIN).words(), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: the Erlang cookie and the password are not what `prodmq` was installed with; nothing was changed
                                    cookie      password
      prodmq.secrets.yaml           deb8…55     5b6c…9c
      Secret in the cluster         e79a…46     0cbf…e2     <- differs
    hint: take what the cluster runs with: mqctl credentials adopt prodmq
    hint: change the cluster's: mqctl credentials rotate prodmq --cookie
    see: mqctl explain CRED-MISMATCH
    ");
}

#[test]
fn a_password_that_the_volumes_do_not_know_is_told() {
    let world = World::installed();
    world.object("release", &objects::release("failed", "1"));
    let mut refusing = objects::answer("prodmq-0");
    refusing["login"] = false.into();
    world.chart("answer.prodmq-0", &refusing);
    assert_snapshot!(world.run(&AGAIN).ended(78).stderr, @r"
    test/rabbitmq/prodmq: install: 1 to change, 0 to destroy
       0.0s helm release upgraded
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
    error: install: login as user: `prodmq-0` refuses the login of `user`: its volume was made with another password
    hint: put the password that the volumes were made with into the secrets file
    see: mqctl explain CRED-MISMATCH
    ");
}
