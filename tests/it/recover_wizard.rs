//! `mqctl recover` at a terminal: every way that is offered, what is asked after it, and every way out.

use rexpect::session::{PtySession, spawn_command};

use crate::evidence::waiting;
use crate::objects::PODS;
use crate::recover::{blank, khepri, stateful_set, trap};
use crate::recover_again::nothing_is_left;
use crate::recover_repair::refused_step;
use crate::wizard::{PATIENCE_MS, at_terminal, to_the_end};
use crate::world::{PROFILE, World};

const CHOICE: &str = "What shall be done?";
const CONSENT: &str = "Go on?";
const NAME: &str = "Type the release's name to go on";

type Made = fn() -> World;

/// Moves down so many items once the last one is shown, and takes that one.
fn choose(session: &mut PtySession, item: usize) {
    session.exp_string(CHOICE).unwrap();
    session.exp_string("quit").unwrap();
    session.send(&"j".repeat(item)).unwrap();
    session.send("\r").unwrap();
    session.flush().unwrap();
}

/// What was done to the cluster beyond keeping the evidence, which is no matter of consent.
fn done(world: &World) -> Vec<String> {
    let beyond = |text: &String| !text.contains("-mqctl-evidence\")") && !text.contains("read volumes");
    let helpers = |text: &String| !text.contains("delete") || !text.contains("-mqctl-reader-");
    let calls = world.calls();
    let work = calls.iter().filter(|call| !call.reads() && !call.is_about_the_lease()).map(ToString::to_string);
    work.filter(beyond).filter(helpers).collect()
}

/// Chooses, answers what is asked then, and says what came of it: words, exit code.
fn answered(world: &World, args: &[&str], item: usize, prompt: &str, answer: &str) -> (String, i32) {
    let mut session = at_terminal(world, &[&["recover", "prodmq"], args].concat());
    choose(&mut session, item);
    session.exp_string(prompt).unwrap();
    session.send_line(answer).unwrap();
    to_the_end(session)
}

/// prodmq-2 stopped last.
fn certain() -> World {
    let world = waiting();
    world.object("statefulset.prodmq", &stateful_set("OrderedReady", true));
    world
}

pub fn one_volume_lost() -> World {
    let world = trap();
    blank(&world, "prodmq-1");
    world
}

pub fn majority_lost() -> World {
    let world = trap();
    PODS[..2].iter().for_each(|pod| blank(&world, pod));
    khepri(&world, "prodmq-2");
    world
}

#[test]
fn each_way_that_is_offered_goes_to_its_end() {
    let ways: [(Made, usize, &str, &str, &str); 6] = [
        (certain, 0, "start all together", CONSENT, "y"),
        (certain, 1, "start prodmq-2 first, then the others", CONSENT, "y"),
        (trap, 0, "start prodmq-1 and prodmq-2 first, then the others", CONSENT, "y"),
        (refused_step, 0, "boot all nodes on Khepri, where the metadata is now", CONSENT, "y"),
        (one_volume_lost, 0, "start prodmq-2, forget prodmq-1, let it join anew", NAME, "prodmq"),
        (majority_lost, 0, "let prodmq-2 go on alone, and prodmq-0 and prodmq-1 join anew", NAME, "prodmq"),
    ];
    for (world, item, title, prompt, answer) in ways {
        let world = world();
        let (words, code) = answered(&world, &[], item, prompt, answer);
        assert_eq!(code, 0, "{title}: {words}");
        assert!(words.contains("prodmq is back."), "{title}: {words}");
        assert!(!done(&world).is_empty(), "{title}");
    }
}

#[test]
fn the_way_that_was_chosen_is_the_one_of_the_plan() {
    let world = certain();
    let mut session = at_terminal(&world, &["recover", "prodmq"]);
    choose(&mut session, 1);
    let plan = session.exp_string(CONSENT).unwrap();
    assert!(plan.contains("recover (newest-first)") && plan.contains("hold back prodmq-0, prodmq-1"), "{plan}");
    session.send_line("n").unwrap();
    let (words, code) = to_the_end(session);
    assert_eq!((code, done(&world).len()), (1, 0), "{words}");
    assert!(words.contains("error: nothing was changed"), "{words}");
}

#[test]
fn who_asks_for_an_explanation_or_the_commands_chooses_again() {
    let world = trap();
    // What was asked for is shown to whoever wants few words, too.
    let mut session = at_terminal(&world, &["recover", "prodmq", "--quiet"]);
    choose(&mut session, 1);
    session.exp_string("A force boot makes one node load its own copy").unwrap();
    choose(&mut session, 2);
    session.exp_string("#!/bin/sh").unwrap();
    session.exp_string("# 1. changes ConfigMap prodmq-mqctl-evidence").unwrap();
    choose(&mut session, 0);
    session.exp_string(CONSENT).unwrap();
    assert_eq!(done(&world), [""; 0], "nothing was done until now");
    session.send_line("y").unwrap();
    let (words, code) = to_the_end(session);
    assert_eq!(code, 0, "{words}");
    nothing_is_left(&world);
}

#[test]
fn who_quits_changes_nothing() {
    for world in [trap(), one_volume_lost(), refused_step()] {
        let mut session = at_terminal(&world, &["recover", "prodmq"]);
        choose(&mut session, 3);
        let (words, code) = to_the_end(session);
        assert_eq!((code, done(&world).len()), (0, 0), "{words}");
    }
}

#[test]
fn who_declines_changes_nothing() {
    for answer in ["n", ""] {
        let world = refused_step();
        let (words, code) = answered(&world, &[], 0, CONSENT, answer);
        assert_eq!((code, done(&world).len()), (1, 0), "{answer:?}: {words}");
        assert!(words.contains("error: nothing was changed"), "{words}");
    }
}

#[test]
fn another_name_recovers_nothing() {
    for name in ["prodmp", "", "y"] {
        let world = one_volume_lost();
        let (words, code) = answered(&world, &["--yes"], 0, NAME, name);
        assert_eq!((code, done(&world).len()), (1, 0), "{name:?}: {words}");
        assert!(words.contains("that is not the release's name; nothing was changed"), "{words}");
    }
}

#[test]
fn a_protected_profile_wants_the_name_typed_for_a_loss_only() {
    let protected = |world: World| {
        world.profile("prodmq", &format!("{PROFILE}protected: true\n"));
        world
    };
    let world = protected(one_volume_lost());
    let (words, code) = answered(&world, &["--confirm", "prodmq"], 0, NAME, "prodmq");
    assert_eq!(code, 0, "{words}");
    let (words, code) = answered(&protected(trap()), &[], 0, CONSENT, "y");
    assert_eq!(code, 0, "{words}");
}

#[test]
fn ctrl_c_at_each_prompt_of_a_recovery() {
    let prompts: [(Made, &str); 4] =
        [(trap, CHOICE), (trap, CONSENT), (one_volume_lost, CHOICE), (one_volume_lost, NAME)];
    for (world, prompt) in prompts {
        let world = world();
        let mut session = at_terminal(&world, &["recover", "prodmq"]);
        if prompt == CHOICE {
            session.exp_string("quit").unwrap();
        } else {
            choose(&mut session, 0);
            session.exp_string(prompt).unwrap();
        }
        session.send_control('c').unwrap();
        let (words, code) = to_the_end(session);
        assert_eq!((code, done(&world).len()), (130, 0), "{prompt}: {words}");
        assert!(words.contains("\x1b[?25h") && words.contains("interrupted; nothing was changed"), "{words:?}");
    }
}

#[test]
fn ctrl_c_after_an_explanation() {
    let world = trap();
    let mut session = at_terminal(&world, &["recover", "prodmq"]);
    choose(&mut session, 1);
    session.exp_string("A force boot makes").unwrap();
    session.exp_string("quit").unwrap();
    session.send_control('c').unwrap();
    let (words, code) = to_the_end(session);
    assert_eq!((code, done(&world).len()), (130, 0), "{words}");
}

#[test]
fn in_ci_and_without_input_nobody_is_asked() {
    let world = trap();
    let mut command = world.command(&["recover", "prodmq"]);
    command.env("CI", "1");
    let ci = spawn_command(command, Some(PATIENCE_MS)).unwrap();
    for session in [ci, at_terminal(&world, &["recover", "prodmq", "--no-input"])] {
        let (words, code) = to_the_end(session);
        assert_eq!(code, 64, "{words}");
        assert!(words.contains("which way? there is nobody to ask; nothing was started or stopped"), "{words}");
    }
    assert_eq!(done(&world), [""; 0]);
}
