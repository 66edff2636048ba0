//! `mqctl migrate`

use clap::Args;

/// Move a release to another chart, with its messages
///
/// Where both charts call the nodes the same, and have the data in the same place under the same user id, says how the
/// volumes stay. Else a new release is installed beside the old one: same size, user, password and version of RabbitMQ,
/// on the official image. It takes over the definitions, and its shovels empty the old one's durable queues while clients
/// are served. When nothing is left and no client is connected to the old one, the shovels go.
///
/// Queues and messages are counted on both sides, before and after. Killed at any step, the same command goes on, also
/// without --to-chart. Nothing is stopped before --retire, which counts once more; the old volumes, Secret and profile stay
/// then, too. Streams are not moved.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl migrate prodmq --to-chart builtin --dry-run     what would be done, and nothing is\n  mqctl migrate prodmq --to-chart builtin               into prodmq-next\n  mqctl migrate prodmq --to-chart cloudpirates --chart-version 0.21.18 --as shopmq\n  mqctl migrate prodmq --retire                         when the clients have gone over"
)]
pub struct Migrate {
    /// The profile's name
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// builtin, cloudpirates or groundhog2k; or where such a chart is: REPO/CHART, oci://…, a folder or file; not needed
    /// again once the old release is marked
    #[arg(long, value_name = "CHART")]
    pub to_chart: Option<String>,
    /// The chart's version, where it is not on this machine
    #[arg(long, value_name = "VERSION", requires = "to_chart")]
    pub chart_version: Option<String>,
    /// The new profile's name, and its release's; NAME-next if not given
    #[arg(long = "as", value_name = "NEW")]
    pub new: Option<String>,
    /// Stop the old release, once nothing is left in it
    #[arg(long)]
    pub retire: bool,
}
