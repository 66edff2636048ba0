//! The trap of the lowest name, cured by a person who answers the wizard's questions, and by somebody who is handed the
//! script.

use crate::environment::MNESIA;
use crate::recover::{assert_back, prepared, test, users};
use crate::runner::Test;
use crate::terminal::at_terminal;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("recover: the trap, by a person at a terminal", MNESIA, by_a_person).long(),
        test("recover: the trap, by the script", MNESIA, by_the_script).long(),
    ]
}

fn by_a_person(world: &World) {
    let password = prepared(world);
    // The first way is the one that is recommended.
    let answers = [("What shall be done?", ""), ("quit", "\r"), ("recover (newest-first)", ""), ("Go on?", "y\r")];
    let shown = at_terminal(world, &["recover", NAME], &answers);
    assert!(shown.contains("mq is back"), "{shown}");
    assert_whole(world, &password);
}

/// By the commands alone, as whoever may not run mqctl would.
fn by_the_script(world: &World) {
    let password = prepared(world);
    let script = world.mqctl(&["recover", NAME, "--strategy", "auto", "--as-script"]).expect(0).stdout;
    let file = world.work().join("recover.sh");
    std::fs::write(&file, &script).expect("a file");
    let ran = World::run(world.command("sh").arg(&file));
    assert_eq!(ran.code, Some(0), "{}\n--- the script\n{script}", ran.said());
    assert_whole(world, &password);
}

#[track_caller]
fn assert_whole(world: &World, password: &str) {
    assert!(users(world).contains("late"), "the user that mq-0 did not know");
    assert_back(world, password);
}
