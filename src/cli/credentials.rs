//! `mqctl credentials …`

use clap::{Args, Subcommand};

use super::adopt::Adopt;

/// See, prove and change the Erlang cookie and the password of a release
///
/// The Erlang cookie is what the nodes trust each other by; the password is that of the broker's first user. A volume is
/// of use only with those that it was made with.
#[derive(Debug, Args)]
pub struct Credentials {
    #[command(subcommand)]
    pub command: CredentialsCommand,
}

#[derive(Debug, Subcommand)]
pub enum CredentialsCommand {
    Show(Show),
    Verify(Verify),
    Adopt(Adopt),
    Rotate(Rotate),
}

/// Show fingerprints of both secrets, from the profile and from the cluster
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl credentials show prodmq\n  mqctl credentials show prodmq --reveal     the secrets themselves, to a terminal only"
)]
pub struct Show {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Print the secrets themselves
    #[arg(long)]
    pub reveal: bool,
    /// Reveal also where the answer is no terminal
    #[arg(long, requires = "reveal")]
    pub force: bool,
}

/// Ask profile, Secret and every broker, and say who differs
///
/// A broker proves the cookie by its own hash and the password by a login. Exit code 78 where they do not agree.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mqctl credentials verify prodmq")]
pub struct Verify {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// Change the password while the broker runs, or the Erlang cookie by a full stop
///
/// A new secret is generated, or taken from the profile where that has another one than the cluster already. Killed
/// anywhere, the same command goes on with the same secret. Where the probes of a chart log in with the password, its pods
/// restart one by one.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl credentials rotate prodmq              the password; open connections stay open\n  mqctl credentials rotate prodmq --cookie     the Erlang cookie; stops all nodes once"
)]
pub struct Rotate {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The Erlang cookie instead of the password: all nodes stop and start again
    #[arg(long)]
    pub cookie: bool,
}
