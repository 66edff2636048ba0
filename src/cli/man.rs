//! The arguments of `mqctl man`.

use std::path::PathBuf;

use clap::Args;

/// Print the manual page, or write all manual pages into a folder
///
/// With DIR there is a page for mqctl and one for each command, such as mqctl-install.1; pages that are there are
/// written again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl man | man -l -\n  mqctl man ~/.local/share/man/man1     then: man mqctl-install"
)]
pub struct Manual {
    /// The folder; it is made where it is missing
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
