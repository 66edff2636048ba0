//! `mqctl` runs RabbitMQ clusters on Kubernetes through helm and kubectl.
//!
//! This library is the inside of the program `mqctl`, in a shape that its tests can reach; it promises no stability.
//! One way, no step looks back: parse → load → observe → plan (pure) → show → consent → execute → report.

use std::process::ExitCode;

mod amqp;
mod ask;
mod backup;
pub mod changes;
pub mod chart;
pub mod cli;
pub mod cluster;
mod commands;
mod context;
pub mod credentials;
pub mod definitions;
pub mod diagnose;
mod digest;
pub mod drift;
pub mod error;
pub mod explain;
pub mod exposure;
pub mod forecast;
mod git;
pub mod helm;
mod inspect;
mod kubeconfig;
pub mod kubectl;
mod lock;
pub mod logs;
mod machine;
pub mod outcome;
pub mod plan;
pub mod process;
pub mod profile;
mod program;
mod progress;
pub mod rabbitmq;
pub mod recover;
mod release;
mod report;
pub mod secret;
mod status;
pub mod units;
pub mod versions;
mod whole_file;
pub mod yaml;

use outcome::Outcome;

/// The whole program.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report::panicked));
    program::started_as(&std::env::args_os().next().unwrap_or_default());
    let run = std::panic::catch_unwind(|| match cli::parse() {
        Ok(cli) => run(&cli),
        Err(error) => report::usage(&error),
    });
    ExitCode::from(run.unwrap_or(Outcome::Bug).code())
}

fn run(cli: &cli::Cli) -> Outcome {
    let result = context::Context::new(&cli.globals).and_then(|cx| commands::run(&cli.command, &cx));
    result.unwrap_or_else(|error| report::failed(&error))
}
