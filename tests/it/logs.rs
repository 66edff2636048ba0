//! `mqctl logs`: all pods in one stream, followed through restarts, and nothing left running behind it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rexpect::process::WaitStatus;
use rexpect::session::spawn_command;

use crate::objects::{COOKIE, PASSWORD, PODS, base64};
use crate::world::World;

/// What a pod's container says, one second of 2026 after the other from this one on.
fn says(world: &World, pod: &str, container: usize, second: usize, lines: &[&str]) {
    let stamped = lines.iter().enumerate().map(|(n, text)| {
        let second = second + n;
        format!("2026-01-01T00:00:{second:02}.000000000Z 2026-01-01 00:00:{second:02}+00:00 {text}\n")
    });
    world.write(&format!("cluster/said.{pod}.{container}"), &stamped.collect::<String>());
}

/// Three brokers that have booted one after the other.
fn talking() -> World {
    let world = World::installed();
    for (n, pod) in PODS.iter().enumerate() {
        let lines = [
            "[info] <0.1.0> Peer discovery: configured backend: rabbit_peer_discovery_classic_config",
            "[warning] <0.2.0> deprecated feature",
            "[info] <0.1.0> Server startup complete; 5 plugins started.",
        ];
        says(&world, pod, 1, 10 + 2 * n, &lines);
    }
    world
}

#[test]
fn all_pods_in_the_order_of_time() {
    let run = talking().run(&["logs", "prodmq"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run, @r"
    $ mqctl logs prodmq   [exit 0]
    stdout | ── prodmq-0: peer discovery ──
    stdout | prodmq-0 | 2026-01-01 00:00:10+00:00 [info] <0.1.0> Peer discovery: configured backend: rabbit_peer_discovery_classic_config
    stdout | prodmq-0 | 2026-01-01 00:00:11+00:00 [warning] <0.2.0> deprecated feature
    stdout | ── prodmq-0: startup complete ──
    stdout | prodmq-0 | 2026-01-01 00:00:12+00:00 [info] <0.1.0> Server startup complete; 5 plugins started.
    stdout | ── prodmq-1: peer discovery ──
    stdout | prodmq-1 | 2026-01-01 00:00:12+00:00 [info] <0.1.0> Peer discovery: configured backend: rabbit_peer_discovery_classic_config
    stdout | prodmq-1 | 2026-01-01 00:00:13+00:00 [warning] <0.2.0> deprecated feature
    stdout | ── prodmq-1: startup complete ──
    stdout | prodmq-1 | 2026-01-01 00:00:14+00:00 [info] <0.1.0> Server startup complete; 5 plugins started.
    stdout | ── prodmq-2: peer discovery ──
    stdout | prodmq-2 | 2026-01-01 00:00:14+00:00 [info] <0.1.0> Peer discovery: configured backend: rabbit_peer_discovery_classic_config
    stdout | prodmq-2 | 2026-01-01 00:00:15+00:00 [warning] <0.2.0> deprecated feature
    stdout | ── prodmq-2: startup complete ──
    stdout | prodmq-2 | 2026-01-01 00:00:16+00:00 [info] <0.1.0> Server startup complete; 5 plugins started.
    1. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json secret/prodmq-mqctl-credentials
    2. reads kubectl --context test --namespace rabbitmq logs prodmq-0 --container rabbitmq --timestamps
    3. reads kubectl --context test --namespace rabbitmq logs prodmq-1 --container rabbitmq --timestamps
    4. reads kubectl --context test --namespace rabbitmq logs prodmq-2 --container rabbitmq --timestamps
    ");
}

#[test]
fn flags_choose_the_lines() {
    let world = talking();
    let flags = ["--since", "10m", "--tail", "5", "--previous", "--pod", "1", "--level", "warning"];
    assert_snapshot!(world.run(&[&["logs", "prodmq"], &flags[..]].concat()).ended(0), @r"
    $ mqctl logs prodmq --since 10m --tail 5 --previous --pod 1 --level warning   [exit 0]
    stdout | prodmq-1 | 2026-01-01 00:00:13+00:00 [warning] <0.2.0> deprecated feature
    1. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json secret/prodmq-mqctl-credentials
    2. reads kubectl --context test --namespace rabbitmq logs prodmq-1 --container rabbitmq --timestamps --previous '--since=600s' '--tail=5'
    ");
    assert_snapshot!(world.run(&["logs", "prodmq", "--pod", "0", "-o", "json"]).ended(0).words(), @r#"
    $ mqctl logs prodmq --pod 0 -o json   [exit 0]
    {"apiVersion":"mqctl/v1","kind":"BootPhase","phase":"peer discovery","pod":"prodmq-0"}
    {"apiVersion":"mqctl/v1","kind":"LogLine","level":"info","line":"2026-01-01 00:00:10+00:00 [info] <0.1.0> Peer discovery: configured backend: rabbit_peer_discovery_classic_config","pod":"prodmq-0","time":"2026-01-01T00:00:10.000000000Z"}
    {"apiVersion":"mqctl/v1","kind":"LogLine","level":"warning","line":"2026-01-01 00:00:11+00:00 [warning] <0.2.0> deprecated feature","pod":"prodmq-0","time":"2026-01-01T00:00:11.000000000Z"}
    {"apiVersion":"mqctl/v1","kind":"BootPhase","phase":"startup complete","pod":"prodmq-0"}
    {"apiVersion":"mqctl/v1","kind":"LogLine","level":"info","line":"2026-01-01 00:00:12+00:00 [info] <0.1.0> Server startup complete; 5 plugins started.","pod":"prodmq-0","time":"2026-01-01T00:00:12.000000000Z"}
    "#);
}

#[test]
fn a_secret_that_a_broker_has_printed_is_masked() {
    let world = talking();
    // The password is of the profile's side, the cookie of the cluster's alone.
    world.write(crate::world::SECRETS_FILE, &format!("password: \"{PASSWORD}\"\n"));
    let encoded = base64(PASSWORD);
    let lines = [format!("[error] <0.1.0> login with {PASSWORD}"), format!("{encoded} cookie {COOKIE}")];
    says(&world, "prodmq-0", 1, 10, &lines.each_ref().map(String::as_str));
    for format in ["text", "json"] {
        let run = world.run(&["logs", "prodmq", "-vv", "-o", format]).ended(0);
        for secret in [PASSWORD, COOKIE, encoded.trim_end_matches('=')] {
            assert!(!run.to_string().contains(secret), "{run}");
        }
        assert!(run.stdout.contains("login with (password)") && run.stdout.contains("cookie (Erlang cookie)"), "{run}");
    }
}

#[test]
fn a_pod_that_is_not_there_is_told_and_the_others_are_shown() {
    let world = talking();
    world.remove("cluster/said.prodmq-2.1");
    let run = world.run(&["logs", "prodmq", "--level", "error"]).ended(0);
    assert_snapshot!(run.words(), @r#"
    $ mqctl logs prodmq --level error   [exit 0]
    warning: `the log of prodmq-2`: pods "prodmq-2" not found
    "#);
    let world = World::installed();
    assert_snapshot!(world.run(&["logs", "prodmq", "--pod", "0"]).ended(1).words(), @r#"
    $ mqctl logs prodmq --pod 0   [exit 1]
    error: `the log of prodmq-0`: pods "prodmq-0" not found
    "#);
}

#[test]
fn what_is_refused() {
    let world = talking();
    assert_snapshot!(world.run(&["logs", "prodmq", "--pod", "3"]).ended(64).words(), @r"
    $ mqctl logs prodmq --pod 3   [exit 64]
    error: `--pod 3`: the profile has prodmq-0, prodmq-1, prodmq-2
    ");
    world.run(&["logs", "prodmq", "--follow", "--previous"]).ended(64).changed_nothing();
    world.rule(
        "kubectl * logs *",
        1,
        "",
        "Error from server (Forbidden): pods \"prodmq-0\" is forbidden: User \"ci\" cannot get resource \"pods/log\"",
    );
    assert_snapshot!(world.run(&["logs", "prodmq", "--follow", "--pod", "0"]).ended(77).words(), @r#"
    $ mqctl logs prodmq --follow --pod 0   [exit 77]
    prodmq-0 | 
    error: `the log of prodmq-0`: pods "prodmq-0" is forbidden: User "ci" cannot get resource "pods/log"
    hint: ask for this right in the namespace, or use another --context
    see: mqctl explain RIGHTS
    "#);
}

/// The processes that the stand-in left following.
fn followers(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("followers")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A child that was ended may be nobody's for a moment before it is gone.
#[track_caller]
fn all_gone(world: &World, count: usize) {
    let pids = followers(world);
    assert_eq!(pids.len(), count, "{pids:?}");
    let runs =
        |pid: &&String| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    let end = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|pid| runs(&pid)) {
        assert!(Instant::now() < end, "left behind: {:?}", pids.iter().filter(runs).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts to follow, and reads so many lines of the answer.
fn followed(world: &World, args: &[&str], lines: usize) -> (Child, Vec<String>) {
    let mut command = world.command(&[&["logs", "prodmq", "--follow"], args].concat());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let read = output.lines().take(lines).map(Result::unwrap).collect();
    (child, read)
}

#[test]
fn following_goes_on_with_the_next_container_and_repeats_nothing() {
    let world = World::installed();
    says(&world, "prodmq-0", 1, 10, &["[info] <0.1.0> one", "[info] <0.1.0> two"]);
    // The kubelet begins at a whole second, so the last line comes again before what the new container says.
    says(&world, "prodmq-0", 2, 11, &["[info] <0.1.0> two", "[info] <0.1.0> three"]);
    let (mut child, lines) = followed(&world, &["--pod", "0", "--tail", "5"], 3);
    let words: Vec<&str> = lines.iter().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(words, ["one", "two", "three"]);
    let ended = std::process::Command::new("/bin/kill").arg(child.id().to_string()).status().unwrap();
    assert!(ended.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    all_gone(&world, 1);
    let calls = world.calls();
    let logs: Vec<String> =
        calls.iter().filter(|call| call.verb() == "logs").map(|call| call.args[5..].join(" ")).collect();
    let head = "prodmq-0 --container rabbitmq --timestamps --follow";
    assert_eq!(logs, [format!("{head} --since-time=2026-01-01T00:00:11.000000000Z"), format!("{head} --tail=5")]);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let world = talking();
    // Its next container has something to say, to nobody.
    says(&world, "prodmq-0", 2, 40, &["[info] <0.1.0> again"]);
    let (mut child, lines) = followed(&world, &[], 1);
    assert_eq!(lines.len(), 1);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let pids = followers(&world).len();
    all_gone(&world, pids);
    let world = talking();
    let script = "\"$0\" \"$@\" | /usr/bin/head -n 1";
    let args = ["logs", "prodmq"];
    let run = world.transcribe(&args, &mut world.shell(script, &args)).ended(0);
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (1, ""));
}

#[test]
fn ctrl_c_ends_it_and_every_child() {
    let world = talking();
    let mut session = spawn_command(world.command(&["logs", "prodmq", "--follow"]), Some(30_000)).unwrap();
    // In whatever order the pods come.
    for _ in PODS {
        session.exp_string(": startup complete").unwrap();
    }
    let end = Instant::now() + Duration::from_secs(10);
    while followers(&world).len() < 3 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    session.send_control('c').unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(matches!(session.process().wait(), Ok(WaitStatus::Exited(_, 130))), "{rest}");
    assert!(!rest.contains("error"), "{rest}");
    all_gone(&world, 3);
}
