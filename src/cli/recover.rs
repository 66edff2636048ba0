//! `mqctl recover`

use clap::{Args, ValueEnum};

use crate::recover::strategy::Strategy;

/// Bring a release back after a full stop
///
/// After a full stop the node that stopped last has everything; one that stopped before may lack queues and users. This
/// reads logs, waiting nodes and volumes, says which node is newest, shows what can be done and what each way would lose,
/// and does what you choose. What a refused step to 4.3 took away from running nodes it brings back too. The first reading
/// is kept in the cluster, because every start rewrites part of it: run it before anything is restarted. A volume whose pod
/// does not run is read by a helper pod, which is removed. One that was cut short is finished by the same command. What
/// destroys data takes the release's name, typed or as --confirm NAME.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl recover prodmq                                   shows what can be done, and asks\n  mqctl recover prodmq --strategy auto --yes             in a pipeline: the gentlest that helps\n  mqctl recover prodmq --strategy auto --as-script       the same as kubectl commands\n  mqctl recover prodmq --evidence-only -o json | jq .verdict"
)]
pub struct Recover {
    /// The profile's name
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// What to do, instead of being asked
    #[arg(long, value_enum, value_name = "STRATEGY")]
    pub strategy: Option<Wish>,
    /// The pod to begin with, where several may be newest
    #[arg(long, value_name = "POD", requires = "strategy")]
    pub node: Option<String>,
    /// Print the plan as commented kubectl commands, and do nothing
    #[arg(long, requires = "strategy")]
    pub as_script: bool,
    /// Read, keep and show the evidence; nothing is started or stopped
    #[arg(long, conflicts_with_all = ["strategy", "as_script"])]
    pub evidence_only: bool,
    /// Make no pods to read the volumes of pods that do not run
    #[arg(long)]
    pub no_helper_pods: bool,
}

/// A rung of the ladder, or whichever the evidence proposes
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wish {
    /// The gentlest that helps
    Auto,
    /// Start all nodes at once
    Together,
    /// Start the newest, then the others
    NewestFirst,
    /// Forget a member whose volume is lost
    Forget,
    /// Make one node load its own copy (Mnesia)
    ForceBoot,
    /// Let the only volume go on alone (Khepri)
    KhepriStandalone,
    /// Boot on Khepri after a refused step to 4.3
    Repair,
}

impl Wish {
    /// Nothing for `auto`.
    pub fn strategy(self) -> Option<Strategy> {
        match self {
            Self::Auto => None,
            Self::Together => Some(Strategy::Together),
            Self::NewestFirst => Some(Strategy::NewestFirst),
            Self::Forget => Some(Strategy::Forget),
            Self::ForceBoot => Some(Strategy::ForceBoot),
            Self::KhepriStandalone => Some(Strategy::KhepriStandalone),
            Self::Repair => Some(Strategy::Repair),
        }
    }
}
