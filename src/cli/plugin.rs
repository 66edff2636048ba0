//! The command line as it is typed to kubectl.

use clap::Command;
use clap::builder::StyledStr;

use crate::program::{PLUGIN, PLUGIN_TYPED, in_kubectl_s_words};

/// Usage lines, examples and advice say `kubectl mq`.
pub(super) fn renamed(command: Command) -> Command {
    reworded(command.name(PLUGIN)).bin_name(PLUGIN_TYPED)
}

fn reworded(mut command: Command) -> Command {
    let said = |text: Option<&StyledStr>| text.map(|text| in_kubectl_s_words(&text.to_string()));
    let texts = [command.get_about(), command.get_long_about(), command.get_after_help()].map(said);
    let [about, long_about, examples] = texts;
    command = command.mut_subcommands(reworded);
    command = about.into_iter().fold(command, Command::about);
    command = long_about.into_iter().fold(command, Command::long_about);
    examples.into_iter().fold(command, Command::after_help)
}
