//! One file a verb: it reads as the sentence load, observe, plan, carry out.

use anyhow::Result;

use crate::cli::credentials::CredentialsCommand;
use crate::cli::{ChartCommand, Command, ProfileCommand};
use crate::context::Context;
use crate::outcome::Outcome;

mod ahead;
mod beforehand;
mod chart_export;
mod completions;
mod credentials_adopt;
mod credentials_rotate;
mod credentials_show;
mod credentials_verify;
mod delete;
mod doctor;
mod explain;
mod expose;
mod force_boot;
mod init;
mod inspect;
mod install;
mod logs;
mod man;
mod migrate;
mod plan;
mod profile_check;
mod profile_list;
mod profile_schema;
mod recover;
mod status;
mod unlock;
mod upgrade;
mod version;

pub(crate) fn run(command: &Command, cx: &Context) -> Result<Outcome> {
    match command {
        Command::Init(args) => init::run(args, cx),
        Command::Inspect(args) => inspect::run(args, cx),
        Command::Install(args) => install::run(args, cx),
        Command::Plan(args) => plan::run(args, cx),
        Command::Upgrade(args) => upgrade::run(args, cx),
        Command::Status(args) => status::run(args, cx),
        Command::Doctor(args) => doctor::run(args, cx),
        Command::Delete(args) => delete::run(args, cx),
        Command::Expose(args) => expose::run(args, cx),
        Command::Migrate(args) => migrate::run(args, cx),
        Command::Unlock(args) => unlock::run(args, cx),
        Command::Logs(args) => logs::run(args, cx),
        Command::Recover(args) => recover::run(args, cx),
        Command::ForceBoot(args) => force_boot::run(args, cx),
        Command::Credentials(args) => match &args.command {
            CredentialsCommand::Show(show) => credentials_show::run(show, cx),
            CredentialsCommand::Verify(verify) => credentials_verify::run(verify, cx),
            CredentialsCommand::Adopt(adopt) => credentials_adopt::run(adopt, cx),
            CredentialsCommand::Rotate(rotate) => credentials_rotate::run(rotate, cx),
        },
        Command::Profile(args) => match &args.command {
            ProfileCommand::Check(check) => profile_check::run(check, cx),
            ProfileCommand::List(_) => Ok(profile_list::run(cx)),
            ProfileCommand::Schema(_) => Ok(profile_schema::run()),
        },
        Command::Chart(args) => match &args.command {
            ChartCommand::Export(export) => chart_export::run(export, cx),
        },
        Command::Explain(args) => Ok(explain::run(args, cx)),
        Command::Completions(args) => Ok(completions::run(args)),
        Command::Man(args) => man::run(args, cx),
        Command::Version(_) => Ok(version::run(cx)),
    }
}
