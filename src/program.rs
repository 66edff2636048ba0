//! The program's two names: `mqctl`, and `kubectl mq` where kubectl starts it as its plugin.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::OnceLock;

use clap::CommandFactory as _;

use crate::cli::Cli;

/// The file that kubectl looks for on PATH to run `kubectl mq`; its manual pages begin with this name too.
pub(crate) const PLUGIN: &str = "kubectl-mq";

/// As it is typed.
pub(crate) const PLUGIN_TYPED: &str = "kubectl mq";

/// Set once, before anything is said.
static IS_PLUGIN: OnceLock<bool> = OnceLock::new();

/// Notes the name that the program was started by.
pub(crate) fn started_as(program: &OsStr) {
    IS_PLUGIN.get_or_init(|| Path::new(program).file_name() == Some(OsStr::new(PLUGIN)));
}

/// Whether the program was started under the plugin's name.
pub(crate) fn is_plugin() -> bool {
    IS_PLUGIN.get().copied().unwrap_or(false)
}

/// Words with commands to paste, in the name that the person has typed.
pub(crate) fn said(text: &str) -> Cow<'_, str> {
    if is_plugin() { Cow::Owned(in_kubectl_s_words(text)) } else { Cow::Borrowed(text) }
}

/// `mqctl install` and `mqctl-install`, but neither `mqctl drives helm` nor `rabbitmqctl status`: a command is the
/// name and one of the verbs.
pub(crate) fn in_kubectl_s_words(text: &str) -> String {
    let cli = Cli::command();
    let mut words = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("mqctl") {
        words.push_str(before);
        let alone = !words.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        let is_verb = |word: &str| cli.find_subcommand(first_word(word)).is_some() || word.starts_with("--");
        words.push_str(match after.split_at_checked(1) {
            Some((" ", word)) if alone && is_verb(word) => PLUGIN_TYPED,
            Some(("-", word)) if alone && is_verb(word) => PLUGIN,
            _ => "mqctl",
        });
        rest = after;
    }
    words + rest
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_said_in_the_plugin_s_name_and_nothing_else_is() {
        for (text, plugin) in [
            ("mqctl install prodmq", "kubectl mq install prodmq"),
            (
                "see `mqctl explain`.\n  mqctl plan a     mqctl status a",
                "see `kubectl mq explain`.\n  kubectl mq plan a     kubectl mq status a",
            ),
            ("man mqctl-install, mqctl --help", "man kubectl-mq-install, kubectl mq --help"),
        ] {
            assert_eq!(in_kubectl_s_words(text), plugin);
        }
        for text in ["rabbitmqctl status", "prodmq-mqctl-credentials", "mqctl drives helm", "mqctl/v1", "mqctl", ""] {
            assert_eq!(in_kubectl_s_words(text), text);
        }
    }
}
