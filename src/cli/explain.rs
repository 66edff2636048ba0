//! The arguments of `mqctl explain`.

use clap::Args;

use crate::explain::Code;

/// Explain what a refusal means, and what to do about it
///
/// Errors that have a story end in a line such as `see: mqctl explain CRED-MISMATCH`. The page says what it means,
/// how mqctl knows, what would be lost, and what to do. Needs no cluster and no network.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl explain                   all codes, one line each\n  mqctl explain CRED-MISMATCH     one page"
)]
pub struct Explain {
    /// A code; without one all are listed
    #[arg(value_name = "CODE", ignore_case = true, hide_possible_values = true)]
    pub code: Option<Code>,
}
