//! `mqctl doctor`

use clap::{Args, ValueEnum};

use crate::explain::Code;

/// Say why a release is not well, from the lowest layer that is broken
///
/// Looks at helm, Kubernetes, the brokers' logs and every broker itself, and changes nothing. The lowest broken layer is
/// the cause; what follows from it stands under it. Each finding says how it is known, what to do about it, and what
/// would be lost. A node that boots within the usual time is no finding. Exit code 4: an error was found.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl doctor prodmq\n  mqctl doctor prodmq --wait --timeout 5m           until no error is left\n  mqctl doctor prodmq --only COOKIE --only SPLIT     these rules alone\n  mqctl doctor prodmq --fail-on warning              in a pipeline\n  mqctl doctor prodmq -o json | jq '.findings[].code'"
)]
pub struct Doctor {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Look again until no error is left, at most as long as --timeout says
    #[arg(long)]
    pub wait: bool,
    /// Look for this code alone; once for each
    #[arg(long, value_name = "CODE", ignore_case = true, hide_possible_values = true)]
    pub only: Vec<Code>,
    /// Leave this code out; once for each
    #[arg(long, value_name = "CODE", ignore_case = true, hide_possible_values = true)]
    pub suppress: Vec<Code>,
    /// From which severity on it fails with exit code 4
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    pub fail_on: FailOn,
    /// Exit with 2 where there are warnings and no errors
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// What a failure begins with
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Error,
    #[value(alias = "warn")]
    Warning,
}
