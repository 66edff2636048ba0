//! `mqctl force-boot`

use clap::{Args, ValueEnum};

/// Make one waiting node load its own copy
///
/// For Mnesia only, and the last resort before a rebuild: what other nodes knew and this one did not is lost, messages
/// too. One node is forced, the one that the evidence ranks first or --node; all others are held back until it serves
/// clients, and join it then. It is refused where it cannot help or where a gentler way does: see `mqctl recover`. The
/// switch is always taken back. It takes the release's name, typed or as --confirm NAME.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl force-boot prodmq --dry-run                               why it is refused, or the plan\n  mqctl force-boot prodmq --node prodmq-2                         asks for the name\n  mqctl force-boot prodmq --node prodmq-2 --via file --confirm prodmq"
)]
pub struct ForceBoot {
    /// The profile's name
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The pod to force, instead of the one that the evidence ranks first
    #[arg(long, value_name = "POD")]
    pub node: Option<String>,
    /// How the node is told
    #[arg(long, value_enum, default_value_t = Way::Live)]
    pub via: Way,
    /// Make no pods to read the volumes of pods that do not run, nor to copy what is on them before a force boot
    #[arg(long)]
    pub no_helper_pods: bool,
}

/// How a node is made to load its own copy
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// In place, while it waits: nothing restarts
    Live,
    /// By a file on its volume and a restart of its container
    File,
    /// By a command before the server, in the `StatefulSet`
    #[value(name = "statefulset")]
    StatefulSet,
    /// By a value of the chart, where it has one
    Chart,
}
