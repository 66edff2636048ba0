//! A person at a terminal: consent, the typed name, Ctrl-C. One test a kind of prompt.

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use crate::objects;
use crate::transcript::Recorded;
use crate::world::World;

/// Longer than a busy machine needs; a prompt that does not come fails the test.
pub const PATIENCE_MS: u64 = 30_000;

pub fn at_terminal(world: &World, args: &[&str]) -> PtySession {
    spawn_command(world.command(args), Some(PATIENCE_MS)).unwrap()
}

/// Everything that was still said, and the exit code.
pub fn to_the_end(mut session: PtySession) -> (String, i32) {
    let rest = session.exp_eof().unwrap();
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => (rest, code),
        other => panic!("{other:?}: {rest}"),
    }
}

fn changes(world: &World) -> usize {
    world.calls().iter().filter(|call: &&Recorded| !call.reads() && !call.is_about_the_lease()).count()
}

/// Answers the question of an install, and says what came of it: words, exit code, changing calls.
fn answered(answer: &str) -> (String, i32, usize) {
    let world = World::with_secrets();
    let mut session = at_terminal(&world, &["install", "prodmq"]);
    let before = session.exp_string("Go on?").unwrap();
    assert!(before.contains("changes   helm install") || before.contains("helm install"), "{before}");
    session.send(answer).unwrap();
    session.flush().unwrap();
    let (words, code) = to_the_end(session);
    let changes = changes(&world);
    (words, code, changes)
}

#[test]
fn yes_goes_on_to_the_end() {
    for answer in ["y\n", "Yes\n"] {
        let (words, code, changes) = answered(answer);
        assert_eq!((code, changes), (0, 3), "{answer:?}: {words}");
        assert!(words.contains("prodmq is ready."), "{words}");
    }
}

#[test]
fn who_exposes_sees_what_is_opened_to_whom() {
    let world = World::installed();
    let mut session = at_terminal(&world, &["expose", "prodmq"]);
    let before = session.exp_string("Go on?").unwrap();
    assert!(before.contains("LoadBalancer, amqp") && before.contains("warning: `sourceRanges`"), "{before}");
    session.send_line("n").unwrap();
    let (words, code) = to_the_end(session);
    assert_eq!((code, changes(&world)), (1, 0), "{words}");
}

#[test]
fn no_and_enter_change_nothing() {
    for answer in ["n\n", "\n", "maybe\n"] {
        let (words, code, changes) = answered(answer);
        assert_eq!((code, changes), (1, 0), "{answer:?}: {words}");
        assert!(words.contains("error: nothing was changed"), "{words}");
    }
}

fn named(protected: bool, args: &[&str], name: &str) -> (String, i32, usize) {
    let world = World::installed();
    world.profile("prodmq", &format!("{}protected: {protected}\n", crate::world::PROFILE));
    let mut session = at_terminal(&world, &[&["delete", "prodmq", "--purge"], args].concat());
    session.exp_string("Type the release's name to go on").unwrap();
    session.send_line(name).unwrap();
    let (words, code) = to_the_end(session);
    let changes = changes(&world);
    (words, code, changes)
}

#[test]
fn the_right_name_purges() {
    let (words, code, changes) = named(false, &[], "prodmq");
    assert_eq!((code, changes), (0, 7), "{words}");
}

#[test]
fn another_name_and_none_change_nothing() {
    for name in ["prodmp", "", "y"] {
        let (words, code, changes) = named(false, &["--yes"], name);
        assert_eq!((code, changes), (1, 0), "{name:?}: {words}");
        assert!(words.contains("that is not the release's name; nothing was changed"), "{words}");
    }
}

#[test]
fn a_protected_profile_asks_in_spite_of_the_flag() {
    let (words, code, changes) = named(true, &["--confirm", "prodmq"], "prodmq");
    assert_eq!((code, changes), (0, 7), "{words}");
}

#[test]
fn ctrl_c_at_a_prompt_changes_nothing_and_shows_the_cursor() {
    for (args, prompt) in
        [(&["install", "prodmq"][..], "Go on?"), (&["delete", "prodmq", "--purge"], "Type the release")]
    {
        let world = if args[0] == "install" { World::with_secrets() } else { World::installed() };
        let mut session = at_terminal(&world, args);
        session.exp_string(prompt).unwrap();
        session.send_control('c').unwrap();
        let (words, code) = to_the_end(session);
        assert_eq!((code, changes(&world)), (130, 0), "{words}");
        assert!(words.contains("\x1b[?25h") && words.contains("interrupted; nothing was changed"), "{words:?}");
    }
}

#[test]
fn ctrl_c_in_the_wait_says_what_was_done() {
    let world = World::with_secrets();
    world.chart("statefulset.prodmq", &objects::stateful_set(2, "DIGEST"));
    world.chart("pod.prodmq-2", &objects::pod("prodmq-2", &objects::unscheduled()));
    let mut session = at_terminal(&world, &["install", "prodmq", "--yes"]);
    session.exp_string("helm release installed").unwrap();
    session.exp_string("cannot be scheduled").unwrap();
    session.send_control('c').unwrap();
    let (words, code) = to_the_end(session);
    assert_eq!((code, changes(&world)), (130, 2), "{words}");
    assert!(!world.path("cluster/lease.prodmq-mqctl").exists(), "it is given back: {words}");
    for said in ["3 nodes booted: interrupted", "hint: run the same command again", "not reached: login as user"] {
        assert!(words.contains(said), "{said}: {words}");
    }
}

#[test]
fn ci_and_no_input_mean_that_nobody_is_there() {
    let world = World::with_secrets();
    let mut command = world.command(&["install", "prodmq"]);
    command.env("CI", "1");
    let ci = spawn_command(command, Some(PATIENCE_MS)).unwrap();
    for session in [ci, at_terminal(&world, &["install", "prodmq", "--no-input"])] {
        let (words, code) = to_the_end(session);
        assert_eq!(code, 64, "{words}");
        assert!(words.contains("there is nobody to ask"), "{words}");
    }
    assert_eq!(changes(&world), 0);
}

#[test]
fn a_terminal_is_told_more_than_a_pipe() {
    let world = World::installed();
    let session = at_terminal(&world, &["credentials", "show", "prodmq", "--reveal"]);
    let (words, code) = to_the_end(session);
    assert_eq!(code, 0, "{words}");
    assert!(words.contains(objects::PASSWORD), "at a terminal --reveal needs no --force: {words}");
}
