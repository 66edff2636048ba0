//! A person at a terminal: mqctl in a pty, whose questions are answered.

use rexpect::process::WaitStatus;
use rexpect::session::spawn_command;

use crate::world::World;

/// As long as the slowest step; a question that does not come fails the test.
const PATIENCE_MS: u64 = 420_000;

/// Answers each question in turn, expects success, and says what was shown behind the last answer.
#[track_caller]
pub(crate) fn at_terminal(world: &World, args: &[&str], answers: &[(&str, &str)]) -> String {
    let mut command = world.command(env!("CARGO_BIN_EXE_mqctl"));
    // A pipeline that runs this test is no person.
    command.args(args).env_remove("CI");
    let mut session = spawn_command(command, Some(PATIENCE_MS)).expect("a terminal");
    for (question, answer) in answers {
        let heard = session.exp_string(question);
        heard.unwrap_or_else(|e| panic!("mqctl {args:?} never asked `{question}`: {e}"));
        session.send(answer).and_then(|_| session.flush()).expect("a terminal takes keys");
    }
    let rest = session.exp_eof().expect("an end");
    let ended = session.process().wait().expect("an end");
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "mqctl {args:?}: {ended:?}\n{rest}");
    rest
}
