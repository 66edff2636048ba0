//! `mqctl credentials adopt`

use clap::Args;

/// Take what the cluster runs with into the secrets file and the Secret
///
/// Looks in mqctl's Secret, in the secrets file, in the Secret that a chart of others has made, and in the pods that run,
/// and believes only what the brokers prove: a cookie by its hash, a password by a login. What is true is written into NAME.secrets.yaml and into mqctl's Secret;
/// a file that is rewritten is kept beside itself. A source of another kind (env, file, command, secret) is not written
/// to: mqctl says by fingerprint what belongs there.
///
/// Volumes hold a hash of the password only. Where nobody has its text any more, --new-password makes a new one and gives
/// it to the broker; messages, queues and other users stay as they are. Where no broker runs, `mqctl install` gives it to
/// them after the boot.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl credentials adopt prodmq --dry-run          what would be written where\n  mqctl credentials adopt prodmq\n  mqctl credentials adopt prodmq --new-password     where nobody knows the password any more"
)]
pub struct Adopt {
    /// The profile's name
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Where the password cannot be found: generate a new one and give it to the broker
    #[arg(long)]
    pub new_password: bool,
}
