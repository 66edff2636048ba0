//! `mqctl init`: arguments and help.

use clap::Args;

/// Write a profile, by questions or by flags
///
/// Asks for what there is to choose, with the cluster's own namespaces and StorageClasses at hand. With --yes, and where
/// there is nobody to ask, flags and defaults hold. What it writes is what `mqctl install NAME` takes. A profile that is
/// there already is compared, and replaced only if you say so; secrets that are there are never replaced.
///
/// With --from-release the profile is made from a release that plain helm made: its chart, values, size, user. Cookie and
/// password are proven by the brokers, and go into the secrets file and mqctl's Secret. No pod is touched.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl init prodmq                                        by questions\n  mqctl init prodmq --dry-run                              what would be written, and nothing is\n  mqctl init prodmq --namespace shop --size 20Gi --yes     in a pipeline\n  mqctl init prodmq --from-release rabbit -n shop --chart ./charts/rabbitmq"
)]
pub struct Init {
    /// The profile's name, and the release's: profiles/NAME.yaml is written
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Nodes, 1 to 9; take an odd number
    #[arg(long, value_name = "COUNT", help_heading = "Profile")]
    pub replicas: Option<u32>,
    /// StorageClass of the volumes; without it the cluster's default one
    #[arg(long, value_name = "CLASS", help_heading = "Profile")]
    pub storage_class: Option<String>,
    /// Size of each node's volume, such as 8Gi
    #[arg(long, value_name = "SIZE", help_heading = "Profile")]
    pub size: Option<String>,
    /// Image, laid out like the official one, without its tag
    #[arg(long, value_name = "IMAGE", help_heading = "Profile")]
    pub image_repository: Option<String>,
    /// Tag of the image, such as 4.3.6-management
    #[arg(long, value_name = "TAG", help_heading = "Profile")]
    pub image_tag: Option<String>,
    /// The broker's first user
    #[arg(long, value_name = "USER", help_heading = "Profile")]
    pub username: Option<String>,
    /// Bind the profile to this kube context: every other one is refused from then on
    #[arg(long, value_name = "CONTEXT", help_heading = "Profile")]
    pub kube_context: Option<String>,
    /// Make the profile from this Helm release, which somebody installed without mqctl
    #[arg(
        long,
        value_name = "RELEASE",
        help_heading = "Release",
        conflicts_with_all = ["replicas", "storage_class", "size", "image_repository", "image_tag", "files_only"]
    )]
    pub from_release: Option<String>,
    /// The chart that made it, in the same version: a folder, a .tgz, or REPO/CHART where helm finds it
    #[arg(long, value_name = "CHART", help_heading = "Release", requires = "from_release")]
    pub chart: Option<String>,
    /// Write the files only; a missing namespace is left to install
    #[arg(long)]
    pub files_only: bool,
    /// Replace a profile that says something else, also where nobody is asked
    #[arg(long)]
    pub force: bool,
}
