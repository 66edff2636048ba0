//! One file a verb: it reads as the sentence load, observe, plan, carry out.

use anyhow::Result;

use crate::cli::{Command, CredentialsCommand};
use crate::context::Context;
use crate::outcome::Outcome;

mod credentials_show;
mod delete;
mod expose;
mod install;
mod logs;
mod plan;
mod status;
mod version;

pub(crate) fn run(command: &Command, cx: &Context) -> Result<Outcome> {
    match command {
        Command::Install(args) => install::run(args, cx),
        Command::Plan(args) => plan::run(args, cx),
        Command::Status(args) => status::run(args, cx),
        Command::Delete(args) => delete::run(args, cx),
        Command::Expose(args) => expose::run(args, cx),
        Command::Logs(args) => logs::run(args, cx),
        Command::Credentials(args) => match &args.command {
            CredentialsCommand::Show(show) => credentials_show::run(show, cx),
        },
        Command::Version(_) => Ok(version::run(cx)),
    }
}
