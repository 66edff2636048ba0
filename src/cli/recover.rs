//! `mqctl recover`

use clap::Args;

/// Say which node stopped last, from what the nodes themselves left behind
///
/// After a full stop the node that stopped last has everything; one that stopped before may lack queues and users. This
/// reads logs, waiting nodes and volumes, and keeps the first reading in the cluster, because every start rewrites part
/// of it: run it before anything is restarted. A volume whose pod does not run is read by a helper pod, which is removed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl recover prodmq --evidence-only\n  mqctl recover prodmq --evidence-only --no-helper-pods     make no pod, read what can be asked\n  mqctl recover prodmq --evidence-only -o json | jq .verdict"
)]
pub struct Recover {
    /// The profile's name
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Read, keep and show the evidence; nothing is started or stopped
    #[arg(long, required = true)]
    pub evidence_only: bool,
    /// Make no pods to read the volumes of pods that do not run
    #[arg(long)]
    pub no_helper_pods: bool,
}
