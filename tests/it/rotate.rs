//! `mqctl credentials verify` and `rotate`: who says what, and how all of them come to say something new.

use insta::assert_snapshot;

use crate::objects::{self, COOKIE, PASSWORD, PODS};
use crate::transcript::Transcript;
use crate::world::{PROFILE, SECRETS_FILE, World};

const VERIFY: [&str; 3] = ["credentials", "verify", "prodmq"];
const ROTATE: [&str; 4] = ["credentials", "rotate", "prodmq", "--yes"];
const ROTATE_COOKIE: [&str; 5] = ["credentials", "rotate", "prodmq", "--cookie", "--yes"];

#[test]
fn everybody_is_asked() {
    let run = World::installed().run(&VERIFY).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @"
    $ mqctl credentials verify prodmq   [exit 0]
                                    cookie      password
      prodmq.secrets.yaml           e79a…46     0cbf…e2
      Secret in the cluster         e79a…46     0cbf…e2
      broker prodmq-0               e79a…46     accepted
      broker prodmq-1               e79a…46     accepted
      broker prodmq-2               e79a…46     accepted
    ");
    assert_eq!(run.calls.len(), 2 + PODS.len(), "{run}");
    let json = World::installed().run(&[&VERIFY[..], &["-o", "json"]].concat()).ended(0).json();
    assert_eq!(
        (json["agree"].as_bool(), json["witnesses"].as_array().map(Vec::len)),
        (Some(true), Some(2 + PODS.len()))
    );
}

#[test]
fn who_differs_is_marked() {
    let world = World::installed();
    world.secrets_file("ANOTHERCOOKIE", "another-password");
    assert_snapshot!(world.run(&VERIFY).ended(78).words(), @"
    $ mqctl credentials verify prodmq   [exit 78]
                                    cookie      password
      prodmq.secrets.yaml           deb8…55     5b6c…9c
      Secret in the cluster         e79a…46     0cbf…e2     <- differs
      broker prodmq-0               e79a…46     refused     <- differs
      broker prodmq-1               e79a…46     refused     <- differs
      broker prodmq-2               e79a…46     refused     <- differs
    ");
    assert_snapshot!(World::with_secrets().run(&VERIFY).ended(0).words(), @"
    $ mqctl credentials verify prodmq   [exit 0]
                                    cookie      password
      prodmq.secrets.yaml           e79a…46     0cbf…e2
    nobody else to ask: mqctl install prodmq
    ");
}

/// Its row stays: nobody may think that it was proven.
#[test]
fn a_broker_that_does_not_answer_is_named() {
    let world = World::installed();
    world.remove("cluster/answer.prodmq-1");
    assert_snapshot!(world.run(&VERIFY).ended(0).words(), @"
    $ mqctl credentials verify prodmq   [exit 0]
                                    cookie      password
      prodmq.secrets.yaml           e79a…46     0cbf…e2
      Secret in the cluster         e79a…46     0cbf…e2
      broker prodmq-0               e79a…46     accepted
      broker prodmq-1               -           -
      broker prodmq-2               e79a…46     accepted
    warning: prodmq-1 runs and could not be asked: unable to perform an operation on node 'rabbit@prodmq-1'. Please see diagnostics information
    ");
}

/// It would bite at the next start, and not before.
#[test]
fn a_cookie_file_with_another_cookie_has_a_row_of_its_own() {
    let world = World::installed();
    let mut answer = objects::answer("prodmq-2");
    answer["cookieFile"] = "ab".repeat(32).into();
    world.object("answer.prodmq-2", &answer);
    let run = world.run(&VERIFY).ended(78);
    assert_eq!(run.calls.len(), 2 + PODS.len(), "asked in the same question: {run}");
    assert_snapshot!(run.words(), @"
    $ mqctl credentials verify prodmq   [exit 78]
                                    cookie      password
      prodmq.secrets.yaml           e79a…46     0cbf…e2
      Secret in the cluster         e79a…46     0cbf…e2
      broker prodmq-0               e79a…46     accepted
      broker prodmq-1               e79a…46     accepted
      broker prodmq-2               e79a…46     accepted
      cookie file of prodmq-2       abab…ab     -           <- differs
    ");
    world.profile("prodmq", &format!("{PROFILE}values: {{podLabels: {{a: b}}}}\n"));
    let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(78);
    run.changed_nothing();
    assert!(run.stderr.contains("cookie file of prodmq-2"), "{run}");
}

/// The Secret and the profile agree, and the broker was given another password by hand.
#[test]
fn a_broker_with_another_password_stops_a_change_before_it_begins() {
    let world = World::installed();
    world.profile("prodmq", &format!("{PROFILE}values: {{podLabels: {{a: b}}}}\n"));
    let mut answer = objects::answer("prodmq-1");
    answer["login"] = false.into();
    world.object("answer.prodmq-1", &answer);
    for verb in ["install", "upgrade"] {
        let run = world.run(&[verb, "prodmq", "--yes"]).ended(78);
        run.changed_nothing();
        assert!(run.stderr.contains("broker prodmq-1") && run.stderr.contains("refused"), "{run}");
    }
    assert_snapshot!(world.run(&["upgrade", "prodmq", "--yes"]).words(), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: the password of `prodmq` differs from the brokers'; nothing was changed
                                    cookie      password
      prodmq.secrets.yaml           e79a…46     0cbf…e2
      broker prodmq-0               e79a…46     accepted
      broker prodmq-1               e79a…46     refused     <- differs
      broker prodmq-2               e79a…46     accepted
    hint: take the brokers': mqctl credentials adopt prodmq
    hint: change the brokers': mqctl credentials rotate prodmq
    see: mqctl explain CRED-MISMATCH
    ");
}

fn secret_in_cluster(world: &World) -> String {
    std::fs::read_to_string(world.path("cluster/secret.prodmq-mqctl-credentials")).unwrap()
}

fn secrets(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{key}: \""))).unwrap();
    ["erlangCookie", "password"].map(|key| value(key).trim_end_matches('"').to_owned()).to_vec()
}

fn assert_everywhere(world: &World, run: &Transcript) -> Vec<String> {
    let secrets = secrets(world);
    let object = secret_in_cluster(world);
    for secret in &secrets {
        assert!(object.contains(&objects::base64(secret)), "{run}");
        assert!(!run.stdout.contains(secret.as_str()) && !run.stderr.contains(secret.as_str()), "{run}");
        assert!(!run.calls.iter().any(|call| call.args.iter().any(|arg| arg.contains(secret.as_str()))), "{run}");
    }
    assert!(!object.contains("next-"), "{object}");
    world.run(&VERIFY).ended(0);
    world.run(&["install", "prodmq"]).ended(0).changed_nothing();
    secrets
}

#[test]
fn a_new_password_goes_to_the_secret_the_broker_the_file_and_the_secret() {
    let world = World::installed();
    assert_snapshot!(world.run(&["credentials", "rotate", "prodmq", "--dry-run"]).ended(0).words(), @"
    $ mqctl credentials rotate prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     a new password while the broker runs

      1  changes   Secret prodmq-mqctl-credentials  new password: generated, 32 characters; beside the old one until it is everywhere
      2  changes   password of user                 in the broker, through prodmq-0; open connections stay open
      3  changes   prodmq.secrets.yaml              the new password in the place of the old one
      4  changes   Secret prodmq-mqctl-credentials  the new password alone
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    let run = world.run(&ROTATE).ended(0);
    assert_eq!(run.changing_verbs(), ["apply", "exec", "apply"], "{run}");
    let now = assert_everywhere(&world, &run);
    assert!(now[0] == COOKIE && now[1] != PASSWORD && now[1].len() == 32);
}

#[test]
fn a_new_cookie_needs_every_node_stopped() {
    let world = World::installed();
    let run = world.run(&ROTATE_COOKIE).ended(0);
    assert_eq!(run.changing_verbs(), ["apply", "annotate", "scale", "scale", "scale", "apply", "scale"], "{run}");
    assert_snapshot!(run.stderr, @"
    test/rabbitmq/prodmq: credentials rotate: 8 to change, 0 to destroy
       0.0s new Erlang cookie kept in the Secret
       0.0s stop announced
       0.0s prodmq-2 stopped
       0.0s prodmq-1 stopped
       0.0s prodmq-0 stopped
       0.0s prodmq.secrets.yaml rewritten
       0.0s Secret prodmq-mqctl-credentials written
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s all nodes agree, logged in as user
    ");
    let now = assert_everywhere(&world, &run);
    assert!(now[0] != COOKIE && now[1] == PASSWORD);
}

/// The person has changed the secrets file: that is the new one.
#[test]
fn the_profile_s_new_secret_is_taken() {
    let world = World::installed();
    world.secrets_file(COOKIE, "chosen-by-hand-0123456789");
    let run = world.run(&ROTATE).ended(0);
    assert_eq!(assert_everywhere(&world, &run)[1], "chosen-by-hand-0123456789");
}

#[test]
fn killed_at_any_call_it_goes_on_with_the_same_secret() {
    for (args, patterns) in [
        (&ROTATE[..], &["kubectl * apply *", "kubectl * exec *"][..]),
        (
            &ROTATE_COOKIE,
            &["kubectl * apply *", "kubectl * --replicas 2", "kubectl * --replicas 0", "kubectl * --replicas 3"],
        ),
    ] {
        for pattern in patterns {
            for moment in ["kill/before", "kill/after"] {
                let world = World::installed();
                world.write(moment, &format!("{pattern}\n"));
                let killed = world.run_to_the_last_child(args);
                assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}\n{killed}");
                if secret_in_cluster(&world).contains("next-") {
                    let refused = world.run(&["install", "prodmq", "--yes"]).ended(78);
                    assert!(refused.stderr.contains("was cut short; nothing was changed"), "{refused}");
                }
                let run = world.run(args).ended(0);
                assert_everywhere(&world, &run);
            }
        }
    }
}

/// Neither `install` nor `rotate` may send the person to the other one.
#[test]
fn cut_short_and_stopped_it_is_finished_by_the_next_boot() {
    for moment in ["kill/before", "kill/after"] {
        let world = World::installed();
        world.write(moment, "kubectl * exec *change_password*\n");
        world.run_to_the_last_child(&ROTATE);
        world.run(&["delete", "prodmq", "--yes"]).ended(0);
        let refused = world.run(&["install", "prodmq", "--yes"]).ended(78);
        assert!(refused.stderr.contains("finish it: mqctl credentials rotate prodmq"), "{refused}");
        let run = world.run(&ROTATE).ended(0);
        assert!(run.stdout.contains("boot the nodes, and they are told: mqctl install prodmq"), "{run}");
        assert_eq!(run.changing_verbs(), ["apply"], "{run}");
        world.run(&["install", "prodmq", "--yes"]).ended(0);
        let now = assert_everywhere(&world, &run);
        assert!(now[0] == COOKIE && now[1] != PASSWORD, "{run}");
        world.run(&VERIFY).ended(0);
    }
}

#[test]
fn what_cannot_be_rotated() {
    let refused = |world: &World, args: &[&str]| {
        let run = world.run(args).ended(78);
        run.changed_nothing();
        run.words()
    };
    assert_snapshot!(refused(&World::with_secrets(), &ROTATE), @"
    $ mqctl credentials rotate prodmq --yes   [exit 78]
    error: no node of `prodmq` is ready, and a broker has to change the password; nothing was changed
    hint: mqctl install prodmq
    ");
    let source = World::installed();
    source.profile("prodmq", &format!("{PROFILE}credentials: {{password: {{file: password.txt}}}}\n"));
    source.write("work/profiles/password.txt", PASSWORD);
    assert_snapshot!(refused(&source, &ROTATE), @"
    $ mqctl credentials rotate prodmq --yes   [exit 78]
    error: the password comes from profiles/password.txt, which has no new one; nothing was changed
    hint: change it there, then run the same command again
    ");
}
