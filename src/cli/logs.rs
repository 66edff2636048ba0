//! `mqctl logs`

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;

/// Show what the brokers log, all of them in one stream
///
/// Each line begins with its pod's name; the phases of a boot are marked with lines of their own. With --follow it goes
/// on through restarts of containers and new pods, until Ctrl-C. A cookie or password that a broker has printed is masked.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl logs prodmq --since 10m\n  mqctl logs prodmq --follow --tail 20\n  mqctl logs prodmq --pod 0 --previous     what it said before its container's last start\n  mqctl logs prodmq --level error -o json"
)]
pub struct Logs {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Go on with what is logged from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Show what is not older than this, such as 90s or 10m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub since: Option<Duration>,
    /// Show the container before the last restart
    #[arg(long, conflicts_with = "follow")]
    pub previous: bool,
    /// Show lines of this level and worse
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub level: Option<Level>,
    /// Show this pod alone, by its number; once for each
    #[arg(long = "pod", value_name = "N")]
    pub pods: Vec<u32>,
    /// Begin with the last lines of each pod
    #[arg(long, value_name = "N")]
    pub tail: Option<u32>,
}

/// How bad a line is
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    Warning,
    Error,
}
