//! `mqctl completions SHELL`

use crate::cli::{self, Completions};
use crate::outcome::Outcome;
use crate::report;

pub(crate) fn run(args: &Completions) -> Outcome {
    let mut command = cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    report::answer(String::from_utf8_lossy(&script).trim_end());
    Outcome::Done
}
