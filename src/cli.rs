//! The command line: clap types only, no logic.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::{program, units};

pub mod adopt;
mod chart;
mod completions;
pub mod credentials;
mod doctor;
mod explain;
mod expose;
pub mod force_boot;
mod init;
mod inspect;
mod logs;
mod man;
mod migrate;
mod plugin;
mod profile;
pub mod recover;
mod unlock;
pub mod upgrade;

pub use chart::{ChartArgs, ChartCommand, Export};
pub use completions::Completions;
pub use doctor::{Doctor, FailOn};
pub use explain::Explain;
pub use expose::Expose;
pub use init::Init;
pub use inspect::Inspect;
pub use logs::{Level, Logs};
pub use man::Manual;
pub use migrate::Migrate;
pub use profile::{Check, List, ProfileArgs, ProfileCommand, Schema};
pub use recover::Recover;
pub use unlock::Unlock;

use credentials::Credentials;
use force_boot::ForceBoot;
use upgrade::Upgrade;

/// Run RabbitMQ clusters on Kubernetes
///
/// mqctl drives helm and kubectl. What you wish for stands in a profile, a small file that `mqctl init` writes;
/// every command takes its name. The cluster is that of your kubeconfig's current context. A command that changes
/// something shows its plan and asks; in a pipeline it takes --yes instead.
#[derive(Debug, Parser)]
#[command(name = "mqctl", version, propagate_version = false, disable_help_subcommand = true, max_term_width = 100)]
#[command(
    after_help = "Examples:\n  mqctl init prodmq        write a profile, by questions\n  mqctl plan prodmq        what would be done, and nothing is\n  mqctl install prodmq     install it, or finish an install that was cut short\n  mqctl status prodmq      one page: is it healthy?\n  mqctl explain            what a refusal means, and what to do about it"
)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command
#[expect(clippy::struct_excessive_bools, reason = "flags are bools")]
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Read this profile file instead of looking for NAME.yaml
    #[arg(long, global = true, value_name = "PATH", value_parser = path(), env = "MQCTL_PROFILE", hide_env_values = true, help_heading = "Where")]
    pub profile: Option<PathBuf>,
    /// Use this kube context; refused where the profile names another
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "MQCTL_CONTEXT",
        hide_env_values = true,
        help_heading = "Where"
    )]
    pub context: Option<String>,
    /// Use this kubeconfig file
    #[arg(long, global = true, value_name = "PATH", value_parser = path(), env = "MQCTL_KUBECONFIG", hide_env_values = true, help_heading = "Where")]
    pub kubeconfig: Option<PathBuf>,
    /// Use this namespace instead of the profile's
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME",
        env = "MQCTL_NAMESPACE",
        hide_env_values = true,
        help_heading = "Where"
    )]
    pub namespace: Option<String>,
    /// Print the answer for people or for programs
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text, env = "MQCTL_OUTPUT", hide_env_values = true, help_heading = "Output")]
    pub output: Output,
    /// Show the plan and change nothing
    #[arg(long, global = true, env = "MQCTL_DRY_RUN", hide_env_values = true, value_parser = switch(), help_heading = "Consent")]
    pub dry_run: bool,
    /// Go on without asking; does not cover what destroys data
    #[arg(short, long, global = true, env = "MQCTL_YES", hide_env_values = true, value_parser = switch(), help_heading = "Consent")]
    pub yes: bool,
    /// Agree to what destroys data, by the release's name
    #[arg(
        long,
        global = true,
        value_name = "RELEASE",
        env = "MQCTL_CONFIRM",
        hide_env_values = true,
        help_heading = "Consent"
    )]
    pub confirm: Option<String>,
    /// Never ask: fail where a question would be
    #[arg(long, global = true, env = "MQCTL_NO_INPUT", hide_env_values = true, value_parser = switch(), help_heading = "Consent")]
    pub no_input: bool,
    /// Wait at most this long, such as 90s or 10m, instead of the profile's timeouts
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, env = "MQCTL_TIMEOUT", hide_env_values = true, help_heading = "Waiting")]
    pub timeout: Option<Duration>,
    /// Print the answer only, no conversation
    #[arg(short, long, global = true, env = "MQCTL_QUIET", hide_env_values = true, value_parser = switch(), help_heading = "Output")]
    pub quiet: bool,
    /// Print each call of helm and kubectl with its time; twice: what was fed to it too
    #[arg(short, long, global = true, action = clap::ArgAction::Count, env = "MQCTL_VERBOSE", hide_env_values = true, help_heading = "Output")]
    pub verbose: u8,
    /// Use colour: auto obeys `NO_COLOR` and pipes
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, env = "MQCTL_COLOR", hide_env_values = true, help_heading = "Output")]
    pub color: Color,
}

/// Nothing for an empty variable, which [`Globals::without_empty`] takes for none.
fn duration(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Ok(Duration::ZERO);
    }
    let time = units::duration(text).map_err(|expected| expected.to_string())?;
    let fits = !time.is_zero() && time <= units::LONGEST_WAIT;
    if fits { Ok(time) } else { Err("expected 1s to 24h".to_owned()) }
}

/// `MQCTL_YES=1`, `=true`, `=yes`; an empty variable is none, as pipelines set many of those.
fn switch() -> clap::builder::FalseyValueParser {
    clap::builder::FalseyValueParser::new()
}

/// Takes an empty text too: an empty variable is none.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl Globals {
    /// What was set to nothing was not set.
    #[must_use]
    pub fn without_empty(mut self) -> Self {
        let some = |path: &PathBuf| !path.as_os_str().is_empty();
        self.timeout = self.timeout.filter(|time| !time.is_zero());
        self.profile = self.profile.filter(some);
        self.kubeconfig = self.kubeconfig.filter(some);
        for text in [&mut self.context, &mut self.namespace, &mut self.confirm] {
            *text = text.take().filter(|text| !text.is_empty());
        }
        self
    }
}

/// For whom the answer is printed
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

/// When to use colour
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// What to do
#[derive(Debug, Subcommand)]
pub enum Command {
    Init(Init),
    Inspect(Inspect),
    Install(Install),
    Plan(PlanArgs),
    Upgrade(Upgrade),
    Status(Status),
    Doctor(Doctor),
    Delete(Delete),
    Expose(Expose),
    Migrate(Migrate),
    Unlock(Unlock),
    Logs(Logs),
    Recover(Recover),
    ForceBoot(ForceBoot),
    Credentials(Credentials),
    Profile(ProfileArgs),
    Chart(ChartArgs),
    Explain(Explain),
    Completions(Completions),
    Man(Manual),
    Version(Version),
}

/// Install a release, or finish an install that was cut short
///
/// Finds or generates the Erlang cookie and the password, keeps them, runs helm, and waits until all nodes are one
/// cluster and a login succeeds. Running it again is safe: it does what is left, and nothing when nothing is.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl install prodmq                         shows the plan and asks\n  mqctl install prodmq --dry-run               shows it, and does nothing\n  mqctl install prodmq --yes --timeout 15m     in a pipeline"
)]
pub struct Install {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Take over objects that the chart makes and that are there already without being helm's
    #[arg(long)]
    pub adopt_objects: bool,
}

/// Show what install or upgrade would do, and change nothing
///
/// Objects that are created, changed and removed, field by field and with secrets masked; fields that were changed
/// beside helm; pods that restart, and in which order.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl plan prodmq\n  mqctl plan prodmq --detailed-exitcode     exit code 2 if something would change"
)]
pub struct PlanArgs {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Exit with 2 where the plan would change something
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Show the state of a release on one page
///
/// Asks every node itself. A queue counts where its leader is. Exit code 0 means healthy, 1 unhealthy or not installed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mqctl status prodmq\n  mqctl status prodmq -o json | jq .verdict")]
pub struct Status {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// Stop the nodes in order and uninstall the release; its data stays
///
/// Volumes, mqctl's Secret and the profile stay: `mqctl install` brings everything back. With --purge volumes and
/// Secret go too; that takes the release's name, typed or as --confirm NAME.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl delete prodmq                              the data stays\n  mqctl delete prodmq --purge                      data and all; asks for the name\n  mqctl delete prodmq --purge --confirm prodmq     the same in a pipeline"
)]
pub struct Delete {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Delete the volumes and mqctl's Secret as well: every message is lost
    #[arg(long)]
    pub purge: bool,
    /// Put helm's own record right where it names an API that the cluster does not serve any more
    #[arg(long)]
    pub repair_record: bool,
}

/// Print the versions of mqctl, its chart, helm and kubectl
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mqctl version -o json")]
pub struct Version {}

/// The command line under the name that the program was started by. As a kubectl plugin it is `kubectl mq`.
pub fn command() -> clap::Command {
    if program::is_plugin() { plugin::renamed(Cli::command()) } else { Cli::command() }
}

/// Reads the command line.
///
/// # Errors
/// A mistake on the command line, or a page of help to be printed.
pub fn parse() -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        plugin::renamed(Cli::command()).debug_assert();
    }
}
