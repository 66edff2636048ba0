//! The arguments of `mqctl chart`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Take the built-in chart out of mqctl
#[derive(Debug, Args)]
pub struct ChartArgs {
    #[command(subcommand)]
    pub command: ChartCommand,
}

#[derive(Debug, Subcommand)]
pub enum ChartCommand {
    Export(Export),
}

/// Write the built-in chart into a folder, to read it or to own it
///
/// The folder must be new or empty: nothing is ever overwritten. What is written is what install gives to helm, byte
/// for byte.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mqctl chart export charts/rabbitmq     then: helm lint charts/rabbitmq")]
pub struct Export {
    /// The folder, new or empty
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
