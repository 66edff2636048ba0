//! One mqctl at a time: the Lease taken, given back, held by others, left behind, lost; and what `unlock` does.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::objects::{self, COOKIE, PASSWORD};
use crate::transcript::Transcript;
use crate::world::{SECRETS_FILE, World};

const INSTALL: [&str; 3] = ["install", "prodmq", "--yes"];
const LEASE: &str = "cluster/lease.prodmq-mqctl";
/// A time of helm's that no clock of a test has reached.
const JUST_NOW: &str = "2999-01-01 12:03:00.1 +0000 UTC";

#[track_caller]
fn is_given_back(world: &World) {
    assert!(!world.path(LEASE).exists(), "{}", fs::read_to_string(world.path(LEASE)).unwrap());
}

/// Something happens in the cluster while mqctl runs: as soon as this file is there.
fn once(there: &Path, happens: impl FnOnce() + Send, run: impl FnOnce() -> Transcript) -> Transcript {
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let begun = Instant::now();
            while !there.exists() {
                assert!(begun.elapsed() < Duration::from_secs(60), "{} never was", there.display());
                std::thread::sleep(Duration::from_millis(20));
            }
            happens();
        });
        run()
    })
}

/// The call behind the three of the first look.
const SECOND_LOOK: &str = "calls/4";

/// A mqctl that helm's end was the end of, as `ci` of this machine.
fn killed() -> World {
    let world = World::with_secrets();
    world.write("kill/after", "helm upgrade *\n");
    let mut shell = world.shell("\"$0\" \"$@\" 9>&1 >/dev/null", &INSTALL);
    world.transcribe(&INSTALL, shell.env("USER", "ci")).ended(128 + 9);
    world
}

#[test]
fn a_dead_holder_is_taken_over_at_once() {
    let world = killed();
    let left: serde_json::Value = serde_json::from_str(&fs::read_to_string(world.path(LEASE)).unwrap()).unwrap();
    let holder = left["spec"]["holderIdentity"].as_str().unwrap();
    let pid = left["metadata"]["annotations"]["mqctl/pid"].as_str().unwrap();
    assert!(holder.starts_with("ci@") && holder.ends_with(&format!(" pid {pid} install")), "{left}");
    let words = world.run(&["status", "prodmq"]).stdout;
    assert!(words.contains(", install), since ") && words.contains("and is dead"), "{words}");
    assert_eq!(world.run(&["status", "prodmq", "-o", "json"]).json()["lockedBy"]["dead"], true);
    // Helm was cut short as well, a moment ago: that one is known to be dead.
    let mut release = objects::release("pending-install", "1");
    release["updated"] = JUST_NOW.into();
    world.object("release", &release);
    let run = world.run(&INSTALL).ended(0);
    assert_eq!(run.changing_verbs(), ["uninstall", "upgrade", "annotate"], "{run}");
    assert!(run.stderr.contains("taken over from ci@") && !run.stderr.contains("is locked by"), "{run}");
    is_given_back(&world);
}

#[test]
fn whoever_lives_is_named_and_not_waited_for() {
    let said = [&INSTALL[..], &["delete", "prodmq", "--yes"], &["expose", "prodmq", "--yes"]].map(|args| {
        let world = World::installed();
        world.object("lease.prodmq-mqctl", &objects::lease_elsewhere(45));
        let renew = || {
            let renewed = objects::lease_elsewhere(45).to_string().replace("\"7\"", "\"8\"");
            fs::write(world.path("new"), renewed).unwrap();
            fs::rename(world.path("new"), world.path(LEASE)).unwrap();
        };
        let run = once(&world.path(SECOND_LOOK), renew, || world.run(args)).ended(75);
        run.changed_nothing();
        assert!(world.path(LEASE).exists());
        run.stderr
    });
    assert!(said.iter().all(|words| *words == said[0]), "{said:?}");
    assert_snapshot!(said[0], @r"
    `prodmq` is locked by ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC; waiting up to 45 s
    error: another mqctl is at work on `prodmq`: ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC; nothing was changed
    hint: run the same command again when it has ended
    hint: mqctl unlock prodmq   # if it runs no longer, or must be stopped
    see: mqctl explain LOCKED
    ");
}

#[test]
fn whoever_ends_meanwhile_leaves_a_release_that_is_looked_at_again() {
    let world = World::installed();
    world.object("lease.prodmq-mqctl", &objects::lease_elsewhere(45));
    let leaves = || fs::remove_file(world.path(LEASE)).unwrap();
    let run = once(&world.path(SECOND_LOOK), leaves, || world.run(&INSTALL)).ended(0);
    run.changed_nothing();
    assert!(run.stdout.contains("nothing to change") && run.stderr.contains("is locked by ci@runner-1"), "{run}");
}

#[test]
fn whoever_is_silent_for_too_long_is_taken_over() {
    let world = World::with_secrets();
    world.object("lease.prodmq-mqctl", &objects::lease_elsewhere(1));
    let run = world.run(&INSTALL).ended(0);
    assert_snapshot!(run.stderr, @r"
    `prodmq` is locked by ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC; waiting up to 1 s
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
    taken over from ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC
       0.0s Secret prodmq-mqctl-credentials written
       0.0s helm release installed
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
    ");
    is_given_back(&world);
}

/// Those who only look wait for nobody.
#[test]
fn a_look_waits_for_nobody_and_says_who_is_at_work() {
    let world = World::installed();
    world.object("lease.prodmq-mqctl", &objects::lease_elsewhere(45));
    let dry = world.run(&["delete", "prodmq", "--dry-run"]).ended(0);
    dry.changed_nothing();
    let plan = world.run(&["plan", "prodmq"]).ended(0);
    plan.changed_nothing();
    let words = "another mqctl is at work: ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC";
    assert!(plan.stdout.contains(words), "{plan}");
    let status = world.run(&["status", "prodmq"]).ended(0).stdout;
    assert!(
        status.contains("locked        by ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC\n"),
        "{status}"
    );
}

/// What was there when mqctl looked: nothing. So it goes on to create what is there by now.
fn nothing_is_seen(world: &World) {
    world.rule("kubectl * get --ignore-not-found * statefulset/prodmq *", 0, r#"{"items":[]}"#, "");
}

#[test]
fn the_second_of_two_first_installs_says_who_was_first_and_keeps_nothing() {
    let world = World::new();
    nothing_is_seen(&world);
    world.object("lease.prodmq-mqctl", &objects::lease_elsewhere(45));
    world.object("secret.prodmq-mqctl-credentials", &objects::secret(COOKIE, PASSWORD));
    let run = world.run(&INSTALL).ended(75);
    assert_snapshot!(run.stderr, @r"
    test/rabbitmq/prodmq: install: 3 to change, 0 to destroy
    error: install: Secret prodmq-mqctl-credentials: another mqctl is at work on `prodmq`: ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC
    hint: run the same command again when it has ended
    hint: mqctl unlock prodmq   # if it runs no longer, or must be stopped
    see: mqctl explain LOCKED
    not reached: prodmq.secrets.yaml, helm install, 3 nodes booted, login as user
    ");
    assert_eq!(run.changing_verbs(), ["create"], "{run}");
    assert!(!world.path(SECRETS_FILE).exists(), "what it generated is nobody's");
    assert!(world.path(LEASE).exists());
}

/// The one was first with the Lease, the other with the Secret.
#[test]
fn a_secret_that_another_one_was_first_with_is_everybody_s() {
    let world = World::new();
    nothing_is_seen(&world);
    let secret = objects::secret(COOKIE, PASSWORD).to_string();
    world.write("cluster/secret.prodmq-mqctl-credentials", &secret);
    let run = world.run(&INSTALL).ended(0);
    assert_eq!(run.changing_verbs(), ["create", "upgrade", "annotate"], "{run}");
    let kept = fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    assert!(kept.contains(COOKIE) && kept.contains(PASSWORD), "{kept}");
    is_given_back(&world);

    // What somebody chose does not give way: both stay what they are.
    let world = World::new();
    nothing_is_seen(&world);
    world.write("cluster/secret.prodmq-mqctl-credentials", &secret);
    world.secrets_file(COOKIE, "another-password");
    let run = world.run(&INSTALL).ended(78);
    assert_snapshot!(run.stderr, @r"
    test/rabbitmq/prodmq: install: 2 to change, 0 to destroy
    error: install: Secret prodmq-mqctl-credentials: the Secret `prodmq-mqctl-credentials` was made by another mqctl just now, with another password; it stays as it is
    hint: run the same command again: it says who has which
    see: mqctl explain CRED-MISMATCH
    not reached: helm install, 3 nodes booted, login as user
    ");
    assert_eq!(fs::read_to_string(world.path("cluster/secret.prodmq-mqctl-credentials")).unwrap(), secret);
    is_given_back(&world);
}

/// Two real ones, in the same instant, each with a folder of its own: one cookie, one password.
#[test]
fn two_first_installs_at_once_end_with_the_same_secrets() {
    let world = World::new();
    fs::create_dir_all(world.path("home/elsewhere/profiles")).unwrap();
    fs::copy(world.path("work/profiles/prodmq.yaml"), world.path("home/elsewhere/profiles/prodmq.yaml")).unwrap();
    let elsewhere = |args: &[&str]| {
        let mut command = world.command(args);
        command.current_dir(world.path("home/elsewhere"));
        command
    };
    let mut commands = [world.command(&INSTALL), elsewhere(&INSTALL)];
    let running =
        commands.each_mut().map(|command| command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let ended = running.map(|child| child.wait_with_output().unwrap());
    let said = ended.each_ref().map(|output| String::from_utf8_lossy(&output.stderr));
    let codes = ended.each_ref().map(|output| output.status.code().unwrap());
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 75].contains(code)), "{codes:?} {said:?}");
    world.run(&INSTALL).ended(0);
    world.transcribe(&INSTALL, &mut elsewhere(&INSTALL)).ended(0);
    let [one, other] =
        [SECRETS_FILE, "home/elsewhere/profiles/prodmq.secrets.yaml"].map(|file| fs::read(world.path(file)).unwrap());
    assert!(one == other, "{said:?}");
    is_given_back(&world);
}

#[test]
fn a_step_that_fails_gives_it_back() {
    let world = World::with_secrets();
    world.rule("helm upgrade *", 1, "", "Error: something else");
    world.run(&INSTALL).ended(1);
    is_given_back(&world);
}

#[test]
fn what_was_taken_away_is_not_gone_on_with() {
    let world = World::with_secrets();
    world.chart("statefulset.prodmq", &objects::stateful_set(2, "DIGEST"));
    world.chart("pod.prodmq-2", &objects::pod("prodmq-2", &objects::unscheduled()));
    let taken_away = || {
        fs::remove_file(world.path(LEASE)).unwrap();
        // Until it is renewed nobody notices.
        std::thread::sleep(Duration::from_secs(16));
        world.object("pod.prodmq-2", &objects::pod("prodmq-2", &objects::running(true)));
        world.object("statefulset.prodmq", &objects::stateful_set(3, &world.digest()));
    };
    let run = once(&world.path("cluster/statefulset.prodmq"), taken_away, || world.run(&INSTALL)).ended(75);
    assert_eq!(run.changing_verbs(), ["create", "upgrade"], "{run}");
    let lines: Vec<&str> = run.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect();
    assert_snapshot!(lines.join("\n"), @r"
    error: install: 3 nodes booted: `prodmq` is no longer this mqctl's: somebody unlocked it or took it over; nothing more was begun
    hint: mqctl status prodmq
    hint: run the same command again: it goes on where it stands
    see: mqctl explain LOCKED
    not reached: login as user
    ");
}

#[test]
fn rights_on_leases_are_named() {
    let world = World::with_secrets();
    let denied = r#"{"spec":{"resourceAttributes":{"verb":"create","resource":"leases"}},"status":{"allowed":false}}"#;
    world.rule("kubectl * create *", 0, denied, "");
    for args in [&INSTALL[..], &["delete", "prodmq", "--yes"], &["unlock", "prodmq", "--yes"]] {
        let run = world.run(args).ended(77);
        run.changed_nothing();
        assert!(run.stderr.contains("not permitted in namespace `rabbitmq`: create leases"), "{run}");
    }
}

#[test]
fn a_young_release_of_another_helm_is_left_alone() {
    let said = [&INSTALL[..], &["delete", "prodmq", "--yes"], &["plan", "prodmq"]].map(|args| {
        let world = World::installed();
        world.object("release", &pending());
        let run = world.run(args).ended(75);
        run.changed_nothing();
        run.stderr
    });
    assert!(said.iter().all(|words| *words == said[0]), "{said:?}");
    assert_snapshot!(said[0], @r"
    error: `prodmq` is pending-upgrade since 2999-01-01 12:03 (revision 4): a helm that is none of mqctl's may be at work; nothing was changed
    hint: run the same command again when it has ended
    hint: mqctl unlock prodmq   # if no helm runs any more
    see: mqctl explain HELM-PENDING
    ");
}

fn pending() -> serde_json::Value {
    let mut release = objects::release("pending-upgrade", "4");
    release["updated"] = JUST_NOW.into();
    release
}

#[test]
fn unlock_takes_the_lease_away_and_clears_the_release() {
    let world = World::installed();
    let run = world.run(&["unlock", "prodmq"]).ended(0);
    run.changed_nothing();
    assert_eq!(run.stdout, "test / rabbitmq / prodmq     nothing to unlock: nobody is at work on it\n");

    world.object("lease.prodmq-mqctl", &objects::lease_elsewhere(45));
    world.object("release", &pending());
    let run = world.run(&["unlock", "prodmq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @r"
    test / rabbitmq / prodmq     unlock

      1  changes   Lease prodmq-mqctl       taken away from ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC
      2  changes   clear `pending-upgrade`  an earlier helm was cut short at revision 4; volumes are not touched

    warning: its holder may be at work: it stops before its next step, and the step that it is in goes on
    warning: make sure that no helm is at work: the release is `pending-upgrade`
    ");
    world.run(&["unlock", "prodmq"]).ended(64).changed_nothing();
    // Its holder lives, and has renewed it since mqctl looked.
    let renewed = objects::lease_elsewhere(45).to_string().replace("\"7\"", "\"8\"");
    world.rule("kubectl * get * lease/prodmq-mqctl", 0, &renewed, "");
    world.write(LEASE, &renewed);
    let run = world.run(&["unlock", "prodmq", "--yes"]).ended(0);
    assert_eq!(run.changing_verbs(), ["rollback"], "{run}");
    assert_snapshot!(run.stderr, @r"
    test/rabbitmq/prodmq: unlock: 2 to change, 0 to destroy
    warning: its holder may be at work: it stops before its next step, and the step that it is in goes on
    warning: make sure that no helm is at work: the release is `pending-upgrade`
    taken over from ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC
       0.0s Lease prodmq-mqctl taken away
       0.0s pending-upgrade cleared
    ");
    is_given_back(&world);
    world.run(&["unlock", "prodmq"]).ended(0).changed_nothing();
    world.run(&["install", "prodmq"]).ended(0).changed_nothing();
}
