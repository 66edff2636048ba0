//! The arguments of `mqctl completions`.

use clap::Args;
use clap_complete::Shell;

/// Print the completions of mqctl for a shell
///
/// Written to where the shell looks for them, they complete commands, flags and their values.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl completions bash > ~/.local/share/bash-completion/completions/mqctl\n  mqctl completions zsh > ~/.zfunc/_mqctl     a folder of $fpath\n  mqctl completions fish > ~/.config/fish/completions/mqctl.fish"
)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}
