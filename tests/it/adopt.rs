//! `mqctl credentials adopt`: what the cluster has is written down again, proven by the brokers where there are any.

use std::fs;

use insta::assert_snapshot;

use crate::objects::{self, COOKIE, PASSWORD};
use crate::secrets::nowhere;
use crate::transcript::Transcript;
use crate::world::{PROFILE, SECRETS_FILE, World};

pub const ADOPT: [&str; 4] = ["credentials", "adopt", "prodmq", "--yes"];
pub const DRY: [&str; 4] = ["credentials", "adopt", "prodmq", "--dry-run"];
const SECRET: &str = "cluster/secret.prodmq-mqctl-credentials";
const ASIDE: &str = "work/profiles/old-";

/// Both homes are lost; the brokers run with the canaries, and their pods were started with this password.
pub fn forgotten(started_with: &str) -> World {
    let world = World::installed();
    world.object("runs-with", &objects::runs_with(Some(COOKIE), PASSWORD, started_with));
    world.remove(SECRET);
    world.remove(SECRETS_FILE);
    world
}

/// Both homes have these, nothing is left to do, and no child and no page has shown them.
#[track_caller]
pub fn assert_adopted(world: &World, run: &Transcript, cookie: &str, password: &str) {
    let file = fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    let secret = fs::read_to_string(world.path(SECRET)).unwrap();
    for text in [cookie, password] {
        nowhere(text, run);
        assert!(file.contains(&format!(": \"{text}\"\n")) && secret.contains(&objects::base64(text)), "{run}");
    }
    assert!(!secret.contains("next-"), "{secret}");
    world.run(&["credentials", "verify", "prodmq"]).ended(0);
    for again in [&["install", "prodmq"][..], &ADOPT] {
        let again = world.run(again).ended(0);
        again.changed_nothing();
        assert!(again.stdout.contains("nothing to "), "{again}");
    }
}

/// The copies of secrets files that were replaced.
fn set_aside(world: &World) -> Vec<String> {
    let files = world.files();
    let copies = files.iter().filter(|(file, _)| file.starts_with(ASIDE));
    copies.map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap()).collect()
}

#[track_caller]
pub fn refused(world: &World, args: &[&str]) -> String {
    let run = world.run(args).ended(78);
    run.changed_nothing();
    run.words()
}

#[test]
fn the_file_takes_what_the_secret_has() {
    let world = World::installed();
    world.secrets_file("ANOTHERCOOKIE", "another-password");
    let before = fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    assert_snapshot!(world.run(&DRY).ended(0).words(), @"
    $ mqctl credentials adopt prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     what the cluster runs with, into the secrets file and the Secret

      1  changes   prodmq.secrets.yaml  Erlang cookie and password from the Secret; kept as it was: old-eb8c8e7a7aea.prodmq.secrets.yaml
    ");
    let run = world.run(&[&ADOPT[..], &["-vv"]].concat()).ended(0);
    assert!(run.work().is_empty(), "the cluster is right: {run}");
    assert_snapshot!(run.wrote.join("\n"), @"
    work/profiles/old-eb8c8e7a7aea.prodmq.secrets.yaml (600)
    work/profiles/prodmq.secrets.yaml (600)
    ");
    assert_eq!(set_aside(&world), [before], "no secret is lost");
    assert_adopted(&world, &run, COOKIE, PASSWORD);
}

#[test]
fn a_lost_file_is_written_again_also_where_no_broker_runs() {
    let world = World::installed();
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
    world.remove(SECRETS_FILE);
    let run = world.run(&ADOPT).ended(0);
    assert_snapshot!(run.words(), @"
    $ mqctl credentials adopt prodmq --yes   [exit 0]
    adopted; no broker has booted yet.     mqctl install prodmq     boots them
    test/rabbitmq/prodmq: credentials adopt: 1 to change, 0 to destroy
    warning: no broker has booted: what is adopted is proven when one has
       0.0s prodmq.secrets.yaml written
    ");
    assert_eq!((run.work().len(), set_aside(&world).len()), (0, 0), "{run}");
    world.run(&["install", "prodmq", "--yes"]).ended(0);
    assert_adopted(&world, &run, COOKIE, PASSWORD);
}

#[test]
fn install_names_the_way_out() {
    assert_snapshot!(refused(&forgotten(PASSWORD), &["install", "prodmq", "--yes"]), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: `prodmq` has volumes (data-prodmq-0, data-prodmq-1, data-prodmq-2), but nobody knows the Erlang cookie and the password that they were made with; nothing was changed
    hint: take them from the brokers: mqctl credentials adopt prodmq
    hint: or put back profiles/prodmq.secrets.yaml (keys erlangCookie, password; chmod 600)
    see: mqctl explain CRED-UNKNOWN
    ");
    let one_is_lost = World::installed();
    one_is_lost.remove(SECRET);
    one_is_lost.write(SECRETS_FILE, &format!("password: \"{PASSWORD}\"\n"));
    ["prodmq-0", "prodmq-1", "prodmq-2"].iter().for_each(|pod| one_is_lost.remove(&format!("cluster/pod.{pod}")));
    assert_snapshot!(refused(&one_is_lost, &["install", "prodmq", "--yes"]), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: `prodmq` has volumes (data-prodmq-0, data-prodmq-1, data-prodmq-2), but nobody knows the Erlang cookie that they were made with; nothing was changed
    hint: a new one for the same data: mqctl credentials adopt prodmq, then mqctl install prodmq
    hint: or put back profiles/prodmq.secrets.yaml (keys erlangCookie, password; chmod 600)
    see: mqctl explain CRED-UNKNOWN
    ");
}

/// Nobody but the pods has them.
#[test]
fn the_brokers_give_what_they_run_with() {
    let world = forgotten(PASSWORD);
    assert_snapshot!(world.run(&DRY).ended(0).words(), @"
    $ mqctl credentials adopt prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     what the cluster runs with, into the secrets file and the Secret

      1  changes   prodmq.secrets.yaml              Erlang cookie and password from prodmq-0
      2  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password from prodmq-0
    ");
    let run = world.run(&[&ADOPT[..], &["-vv"]].concat()).ended(0);
    assert_eq!(run.changing_verbs(), ["apply", "annotate"], "{run}");
    assert_snapshot!(run.wrote.join("\n"), @"work/profiles/prodmq.secrets.yaml (600)");
    assert_adopted(&world, &run, COOKIE, PASSWORD);
}

#[test]
fn killed_at_any_call_it_is_done_by_the_same_command() {
    for pattern in ["kubectl * exec *", "kubectl * apply *", "kubectl * annotate *"] {
        for moment in ["kill/before", "kill/after"] {
            let world = forgotten(PASSWORD);
            world.write(moment, &format!("{pattern}\n"));
            let killed = world.run_to_the_last_child(&ADOPT);
            assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}\n{killed}");
            let run = world.run(&ADOPT).ended(0);
            // What has booted is noted with the Secret, or by the next install.
            world.run(&["install", "prodmq", "--yes"]).ended(0);
            assert_adopted(&world, &run, COOKIE, PASSWORD);
        }
    }
}

/// Somebody has changed the Secret; the brokers know better, and so does the secrets file.
#[test]
fn a_secret_that_the_brokers_refuse_gives_way() {
    let world = World::installed();
    world.object("runs-with", &objects::runs_with(Some(COOKIE), PASSWORD, "another-password"));
    world.object("secret.prodmq-mqctl-credentials", &objects::secret("ANOTHERCOOKIE", "another-password"));
    assert_snapshot!(refused(&world, &["install", "prodmq", "--yes"]), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: the Erlang cookie and the password are not what `prodmq` was installed with; nothing was changed
                                    cookie      password
      prodmq.secrets.yaml           e79a…46     0cbf…e2
      Secret in the cluster         deb8…55     5b6c…9c     <- differs
    hint: take what the cluster runs with: mqctl credentials adopt prodmq
    hint: change the cluster's: mqctl credentials rotate prodmq --cookie
    see: mqctl explain CRED-MISMATCH
    ");
    assert_snapshot!(world.run(&DRY).ended(0).words(), @"
    $ mqctl credentials adopt prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     what the cluster runs with, into the secrets file and the Secret

      1  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password from the profile

    warning: the Secret's Erlang cookie sha256:deb85f162a55 gives way
    warning: the Secret's password sha256:5b6cb866b79c gives way
    ");
    let run = world.run(&ADOPT).ended(0);
    assert_adopted(&world, &run, COOKIE, PASSWORD);
}

#[test]
fn a_source_of_another_kind_is_told_what_belongs_there() {
    let world = forgotten(PASSWORD);
    world.profile("prodmq", &format!("{PROFILE}credentials: {{password: {{env: MQ_PASSWORD}}}}\n"));
    let adopt = |args: &[&str]| world.run_with(("MQ_PASSWORD", "another-password"), args);
    assert_snapshot!(adopt(&ADOPT).ended(0).words(), @"
    $ mqctl credentials adopt prodmq --yes   [exit 0]
    adopted.     mqctl credentials verify prodmq
    test/rabbitmq/prodmq: credentials adopt: 2 to change, 0 to destroy
    warning: the password comes from $MQ_PASSWORD, which mqctl does not write: put sha256:0cbf130646e2 there (mqctl credentials show prodmq --reveal)
       0.0s prodmq.secrets.yaml written
       0.0s Secret prodmq-mqctl-credentials written
    ");
    let run = adopt(&ADOPT).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.words(), @"
    $ mqctl credentials adopt prodmq --yes   [exit 78]
    error: the password comes from $MQ_PASSWORD, which mqctl does not write: sha256:0cbf130646e2 belongs there; nothing was changed
    hint: mqctl credentials show prodmq --reveal   # shows it, from the Secret
    see: mqctl explain CRED-MISMATCH
    ");
    let file = fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    assert!(file.contains("erlangCookie") && !file.contains("\npassword:"), "{file}");
    world.run_with(("MQ_PASSWORD", PASSWORD), &ADOPT).ended(0).changed_nothing();
}

#[test]
fn plan_and_report_as_json() {
    let world = forgotten(PASSWORD);
    let plan = world.run(&[&DRY[..], &["-o", "json"]].concat()).ended(0).json();
    assert_eq!((&plan["kind"], &plan["verb"]), (&"Plan".into(), &"credentials adopt".into()));
    assert_eq!(plan["steps"].as_array().unwrap().len(), 2, "{plan:#}");
    let report = world.run(&[&ADOPT[..], &["-o", "json"]].concat()).ended(0).json();
    assert_eq!((&report["kind"], &report["exitCode"]), (&"Report".into(), &0.into()), "{report:#}");
}

#[test]
fn what_there_is_nothing_to_decide_by() {
    assert_snapshot!(refused(&World::new(), &ADOPT), @"
    $ mqctl credentials adopt prodmq --yes   [exit 78]
    error: `prodmq` has neither volumes nor a Secret: there is nothing to adopt; nothing was changed
    hint: mqctl install prodmq
    ");

    let divided = forgotten(PASSWORD);
    let mut answer = objects::answer("prodmq-1");
    answer["cookie"] = "ab".repeat(32).into();
    divided.object("answer.prodmq-1", &answer);
    assert_snapshot!(refused(&divided, &ADOPT), @"
    $ mqctl credentials adopt prodmq --yes   [exit 78]
    error: `prodmq-0` runs with the Erlang cookie e79a…46, `prodmq-1` with abab…ab: there is none to adopt; nothing was changed
    hint: restart the one that is wrong: kubectl --namespace rabbitmq delete pod prodmq-1
    see: mqctl explain CRED-MISMATCH
    ");

    let booting = forgotten(PASSWORD);
    for pod in objects::PODS {
        let mut answer = objects::answer(pod);
        answer["running"] = false.into();
        booting.object(&format!("answer.{pod}"), &answer);
    }
    assert_snapshot!(refused(&booting, &[&ADOPT[..], &["--new-password"]].concat()), @"
    $ mqctl credentials adopt prodmq --yes --new-password   [exit 78]
    error: nobody knows the password, and no node has booted that could prove or change it; nothing was changed
    hint: mqctl status prodmq   # the same command again when a node is ready
    see: mqctl explain CRED-UNKNOWN
    ");

    let cut_short = World::installed();
    let secret = objects::secret(COOKIE, PASSWORD).to_string();
    let secret = secret.replace("\"password\"", "\"next-erlang-cookie\":\"bmV3\",\"password\"");
    cut_short.write(SECRET, &secret);
    assert_snapshot!(refused(&cut_short, &ADOPT), @"
    $ mqctl credentials adopt prodmq --yes   [exit 78]
    error: a rotation of the Erlang cookie of `prodmq` was cut short; nothing was changed
    hint: finish it: mqctl credentials rotate prodmq --cookie
    see: mqctl explain ROTATION
    ");
}

/// A node that runs has a cookie: nothing is decided over its head.
#[test]
fn a_broker_that_does_not_answer() {
    let world = forgotten(PASSWORD);
    objects::PODS.iter().for_each(|pod| world.remove(&format!("cluster/answer.{pod}")));
    let run = world.run(&[&ADOPT[..], &["--new-password"]].concat()).ended(69);
    run.changed_nothing();
    assert_snapshot!(run.words(), @"
    $ mqctl credentials adopt prodmq --yes --new-password   [exit 69]
    error: `prodmq-0` runs and could not be asked: unable to perform an operation on node 'rabbit@prodmq-0'. Please see diagnostics information; nothing was changed
    hint: kubectl --namespace rabbitmq logs prodmq-0 --container rabbitmq --tail 20
    ");
}
