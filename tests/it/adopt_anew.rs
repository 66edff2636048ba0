//! `mqctl credentials adopt --new-password`: where nobody knows the password any more.

use std::fs;

use insta::assert_snapshot;

use crate::adopt::{ADOPT, DRY, assert_adopted, forgotten, refused};
use crate::objects::{self, COOKIE, PASSWORD};
use crate::transcript::Transcript;
use crate::world::{PROFILE, SECRETS_FILE, World};

const ANEW: [&str; 5] = ["credentials", "adopt", "prodmq", "--new-password", "--yes"];
const INSTALL: [&str; 3] = ["install", "prodmq", "--yes"];
/// What the pods were started with, before somebody changed the password.
const FORMER: &str = "former-password";

/// Both secrets as the file has them now.
#[track_caller]
fn assert_done(world: &World, run: &Transcript) -> [String; 2] {
    let file = fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    let value = |key: &str| file.lines().find_map(|line| line.strip_prefix(&format!("{key}: \""))).unwrap();
    let secrets = ["erlangCookie", "password"].map(|key| value(key).trim_end_matches('"').to_owned());
    assert!(secrets[1] != PASSWORD && secrets[1].len() == 32, "generated");
    assert_adopted(world, run, &secrets[0], &secrets[1]);
    secrets
}

#[test]
fn a_running_broker_is_given_a_new_password() {
    let world = forgotten(FORMER);
    assert_snapshot!(refused(&world, &ADOPT), @"
    $ mqctl credentials adopt prodmq --yes   [exit 78]
    error: no password that is known lets anybody in as `user` of `prodmq`; nothing was changed
    hint: a new one for the same data: mqctl credentials adopt prodmq --new-password
    hint: or put the old one into prodmq.secrets.yaml (key password; chmod 600)
    see: mqctl explain CRED-UNKNOWN
    ");
    assert_snapshot!(world.run(&[&DRY[..], &["--new-password"]].concat()).ended(0).words(), @"
    $ mqctl credentials adopt prodmq --dry-run --new-password   [exit 0]
    test / rabbitmq / prodmq     what the cluster runs with, into the secrets file and the Secret

      1  changes   prodmq.secrets.yaml              Erlang cookie from prodmq-0
      2  changes   Secret prodmq-mqctl-credentials  new password: generated, 32 characters; beside the old one until it is everywhere
      3  changes   password of user                 in the broker, through prodmq-0; open connections stay open
      4  changes   prodmq.secrets.yaml              the new password in the place of the old one
      5  changes   Secret prodmq-mqctl-credentials  the new password alone
      6  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    let run = world.run(&ANEW).ended(0);
    assert_eq!(run.changing_verbs(), ["apply", "exec", "apply", "annotate"], "{run}");
    assert_eq!(assert_done(&world, &run)[0], COOKIE);
}

/// The password is known: the flag is no order to change it.
#[test]
fn a_password_that_is_found_is_not_changed() {
    let world = forgotten(PASSWORD);
    let run = world.run(&ANEW).ended(0);
    assert_adopted(&world, &run, COOKIE, PASSWORD);
}

/// Both homes have a password that lets nobody in; it is kept.
#[test]
fn a_file_with_a_wrong_password_is_kept_beside_the_new_one() {
    let world = World::installed();
    world.object("runs-with", &objects::runs_with(Some(COOKIE), PASSWORD, FORMER));
    world.object("secret.prodmq-mqctl-credentials", &objects::secret(COOKIE, FORMER));
    world.secrets_file(COOKIE, FORMER);
    let run = world.run(&ANEW).ended(0);
    assert_snapshot!(run.wrote.join("\n"), @"
    work/profiles/old-99f3841895c3.prodmq.secrets.yaml (600)
    work/profiles/prodmq.secrets.yaml (600)
    ");
    assert_eq!(assert_done(&world, &run)[0], COOKIE);
}

/// Nothing is left but volumes: their nodes know the password, and nobody else.
fn volumes_only() -> World {
    let world = forgotten(FORMER);
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
    world.object("runs-with", &objects::runs_with(None, PASSWORD, FORMER));
    world
}

#[test]
fn volumes_alone_are_installed_again_with_new_secrets() {
    let world = volumes_only();
    assert_snapshot!(refused(&world, &INSTALL), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: `prodmq` has volumes (data-prodmq-0, data-prodmq-1, data-prodmq-2), but nobody knows the Erlang cookie and the password that they were made with; nothing was changed
    hint: new ones for the same data: mqctl credentials adopt prodmq --new-password, then mqctl install prodmq
    hint: or put back profiles/prodmq.secrets.yaml (keys erlangCookie, password; chmod 600)
    see: mqctl explain CRED-UNKNOWN
    ");
    assert_snapshot!(refused(&world, &ADOPT), @"
    $ mqctl credentials adopt prodmq --yes   [exit 78]
    error: nobody knows the password as `user` of `prodmq`; nothing was changed
    hint: a new one for the same data: mqctl credentials adopt prodmq --new-password, then mqctl install prodmq
    hint: or put the old one into prodmq.secrets.yaml (key password; chmod 600)
    see: mqctl explain CRED-UNKNOWN
    ");
    assert_snapshot!(world.run(&[&DRY[..], &["--new-password"]].concat()).ended(0).words(), @"
    $ mqctl credentials adopt prodmq --dry-run --new-password   [exit 0]
    test / rabbitmq / prodmq     what the cluster runs with, into the secrets file and the Secret

      1  changes   prodmq.secrets.yaml              Erlang cookie generated
      2  changes   Secret prodmq-mqctl-credentials  new password: generated, 32 characters; beside the old one until it is everywhere
      3  changes   prodmq.secrets.yaml              the new password in the place of the old one

    warning: no broker has booted: what is adopted is proven when one has
    warning: nobody noted which RabbitMQ wrote the volumes: `image.tag` 4.3.6-management has to be that version
    ");
    let run = world.run(&ANEW).ended(0);
    assert_eq!(run.changing_verbs(), ["apply"], "{run}");
    assert_snapshot!(run.words(), @"
    $ mqctl credentials adopt prodmq --new-password --yes   [exit 0]
    adopted; no broker has booted yet.     mqctl install prodmq     boots them, and gives the brokers the new password
    test/rabbitmq/prodmq: credentials adopt: 3 to change, 0 to destroy
    warning: no broker has booted: what is adopted is proven when one has
    warning: nobody noted which RabbitMQ wrote the volumes: `image.tag` 4.3.6-management has to be that version
       0.0s prodmq.secrets.yaml written
       0.0s new password kept in the Secret
       0.0s prodmq.secrets.yaml rewritten
    ");
    assert_snapshot!(world.run(&["install", "prodmq", "--dry-run"]).ended(0).words(), @"
    $ mqctl install prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   helm install                     1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount
                   volumes that are there are used again, with their data: data-prodmq-0, data-prodmq-1, data-prodmq-2
      2  changes   password of user                 in the broker, through prodmq-0; open connections stay open
      3  changes   Secret prodmq-mqctl-credentials  the brokers know the password
      4  waits     3 nodes booted                   up to 10m
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    let run = world.run(&INSTALL).ended(0);
    assert_eq!(run.changing_verbs(), ["upgrade", "exec", "apply", "annotate"], "{run}");
    assert_ne!(assert_done(&world, &run)[0], COOKIE);
}

#[test]
fn killed_at_any_call_while_the_brokers_run() {
    for pattern in ["kubectl * apply *", "kubectl * exec *"] {
        for moment in ["kill/before", "kill/after"] {
            let world = forgotten(FORMER);
            world.write(moment, &format!("{pattern}\n"));
            let killed = world.run_to_the_last_child(&ANEW);
            assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}\n{killed}");
            let run = world.run(&ANEW).ended(0);
            assert_done(&world, &run);
        }
    }
}

/// The same two commands again, from the first one on.
#[test]
fn killed_at_any_call_where_no_broker_runs() {
    for (args, pattern) in [
        (&ANEW[..], "kubectl * apply *"),
        (&INSTALL, "helm upgrade *"),
        (&INSTALL, "kubectl * annotate *"),
        (&INSTALL, "kubectl * exec *"),
        (&INSTALL, "kubectl * apply *"),
    ] {
        for moment in ["kill/before", "kill/after"] {
            let world = volumes_only();
            if args == INSTALL {
                world.run(&ANEW).ended(0);
            }
            world.write(moment, &format!("{pattern}\n"));
            let killed = world.run_to_the_last_child(args);
            assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}\n{killed}");
            if args == ANEW {
                world.run(&ANEW).ended(0);
            }
            let run = world.run(&INSTALL).ended(0);
            assert_done(&world, &run);
        }
    }
}

#[test]
fn where_a_new_one_is_not_made() {
    let crashed = volumes_only();
    let status = serde_json::json!({"containerStatuses": [{"name": "rabbitmq", "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    crashed.object("pod.prodmq-1", &objects::pod("prodmq-1", &status));
    assert_snapshot!(refused(&crashed, &ANEW), @"
    $ mqctl credentials adopt prodmq --new-password --yes   [exit 78]
    error: nobody knows the Erlang cookie, and `prodmq-1` has one but does not run to be asked; nothing was changed
    hint: stop all nodes, volumes stay: mqctl delete prodmq
    hint: then the same command again, and mqctl install prodmq
    see: mqctl explain CRED-UNKNOWN
    ");

    let sourced = forgotten(FORMER);
    sourced.profile("prodmq", &format!("{PROFILE}credentials: {{password: {{file: password.txt}}}}\n"));
    sourced.write("work/profiles/password.txt", FORMER);
    assert_snapshot!(refused(&sourced, &ANEW), @"
    $ mqctl credentials adopt prodmq --new-password --yes   [exit 78]
    error: the brokers refuse the password from profiles/password.txt, and mqctl does not write a new one there; nothing was changed
    hint: leave `credentials.password` out of the profile, then run the same command again
    see: mqctl explain CRED-MISMATCH
    ");
}
