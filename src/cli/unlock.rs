//! `mqctl unlock`

use clap::Args;

/// Take a release away from a mqctl that holds it
///
/// One mqctl at a time changes a release: it holds the Lease RELEASE-mqctl, and gives it back at its end. One that was
/// killed on this machine is noticed by the next command, one on another machine after 45 seconds: neither needs this.
/// It is for one that hangs, or whose machine is gone. Who holds the release is shown first. A release that a helm left
/// as pending-… is cleared as well; volumes are not touched.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl unlock prodmq --dry-run     who holds it, and what would be done\n  mqctl unlock prodmq"
)]
pub struct Unlock {
    /// The profile's name
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}
