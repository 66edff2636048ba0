//! The arguments of `mqctl profile`.

use clap::{Args, Subcommand};

/// Check profiles, list them, describe them to an editor
#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(subcommand)]
    pub command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    Check(Check),
    List(List),
    Schema(Schema),
}

/// Check a profile and its secrets file, without a cluster
///
/// All mistakes are told at once, each with line, column and field. The secrets file beside the profile must be
/// readable by its owner only and, where git is there to be asked, not under version control. Each source of a secret
/// that the profile names is asked, too: what it gives is never shown, only whether it can be used. A source that is a
/// Secret in the cluster is left to `mqctl credentials verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl profile check prodmq\n  mqctl profile check --profile examples/prodmq.yaml -o json\n  mqctl profile check prodmq --no-sources     a profile whose commands you would not run"
)]
pub struct Check {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Run no command and read no file that the profile names as a source
    #[arg(long)]
    pub no_sources: bool,
}

/// List the profiles in all places that are looked at
///
/// These are the folder profiles, `$MQCTL_PROFILES`, and mqctl/profiles in the user's configuration folder. Of two
/// profiles of one name the first is used.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mqctl profile list -o json | jq -r '.profiles[].name'")]
pub struct List {}

/// Print the JSON Schema of the profile, for editors
///
/// An editor that knows it completes fields, shows what they mean, and marks mistakes while you type. For the YAML
/// language server (VS Code, Neovim, Helix) the first line of a profile names it:
///
/// `# yaml-language-server: $schema=mqctl.schema.json`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mqctl profile schema > profiles/mqctl.schema.json")]
pub struct Schema {}
