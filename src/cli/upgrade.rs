//! `mqctl upgrade NAME`

use clap::Args;

/// Change a release that runs: values, size, version
///
/// Refuses before anything is changed what Kubernetes or RabbitMQ would refuse half way: a field that a StatefulSet
/// never changes, a step between versions that RabbitMQ does not support, feature flags that are not enabled, a
/// cluster that is not whole. Saves the definitions, restarts node after node, and logs in at the end.
#[expect(clippy::struct_excessive_bools, reason = "flags are bools")]
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl plan prodmq                   what would change, and which pods restart\n  mqctl upgrade prodmq\n  mqctl upgrade prodmq --to 4.3       the way to another version; changes nothing"
)]
pub struct Upgrade {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Say which versions lie on the way to this one, and change nothing
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
    /// Enable all stable feature flags afterwards: no way back to the version before
    #[arg(long)]
    pub enable_feature_flags: bool,
    /// For what Kubernetes changes in no StatefulSet that exists: make it anew around its pods, which stay
    #[arg(long)]
    pub recreate_statefulset: bool,
    /// Take over objects that the chart makes and that are there already without being helm's
    #[arg(long)]
    pub adopt_objects: bool,
    /// Put helm's own record right where it names an API that the cluster does not serve any more
    #[arg(long)]
    pub repair_record: bool,
}
