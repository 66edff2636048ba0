//! `mqctl inspect`: arguments and help.

use clap::Args;

/// Show what a profile comes to, without a cluster
///
/// Each field with its value, where it comes from and where it goes; the chart, the image, and the names of all objects
/// that an install makes, rendered by helm where it is on PATH. No cluster is asked, and no secret is shown.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl inspect prodmq\n  mqctl inspect prodmq -o json | jq .objects\n  mqctl inspect --chart     everything that can stand under `values:`"
)]
pub struct Inspect {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Show the chart itself instead: its version, its digest, and its values with a comment on each
    #[arg(long)]
    pub chart: bool,
}
