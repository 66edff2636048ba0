//! The program's two names: `mqctl`, and `kubectl mq` where kubectl starts it as its plugin.

use std::ffi::OsStr;
use std::path::Path;

use clap::Command;
use clap::builder::StyledStr;

/// The file that kubectl looks for on PATH to run `kubectl mq`.
const FILE: &str = "kubectl-mq";

/// Whether the program was started under the plugin's name.
pub(super) fn is_plugin(program: &OsStr) -> bool {
    Path::new(program).file_name() == Some(OsStr::new(FILE))
}

/// The command line as it is typed to kubectl: usage lines, examples and advice say `kubectl mq`.
pub(super) fn renamed(command: Command) -> Command {
    in_kubectl_s_words(command.name(FILE)).bin_name("kubectl mq")
}

fn in_kubectl_s_words(mut command: Command) -> Command {
    let said = |text: Option<&StyledStr>| text.map(|text| reworded(&text.to_string()));
    let texts = [command.get_about(), command.get_long_about(), command.get_after_help()].map(said);
    let [about, long_about, examples] = texts;
    command = command.mut_subcommands(in_kubectl_s_words);
    command = about.into_iter().fold(command, Command::about);
    command = long_about.into_iter().fold(command, Command::long_about);
    examples.into_iter().fold(command, Command::after_help)
}

/// Commands to type stand in backticks, or as an example in a line of their own.
fn reworded(text: &str) -> String {
    text.replace("`mqctl ", "`kubectl mq ").replace("\n  mqctl ", "\n  kubectl mq ")
}
