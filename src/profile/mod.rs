//! What the operator wants: a profile, `NAME.yaml`, every field of it checked.
//!
//! The file becomes a `ProfileFile` (what it says), that a [`Profile`] (what it means). All mistakes
//! of a file are found at once. No secret stands in a profile, only where to find one.

mod beside;
mod chart;
mod check;
mod credentials;
mod custom;
pub mod draft;
mod expose;
mod file;
pub mod keep;
mod load;
mod mistakes;
mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

pub(crate) use self::beside::beside;
pub use self::chart::Look;
pub(crate) use self::load::places;
pub use self::load::{Listed, LoadError, Namesake, NotFound, Places, decode, find, list, load, load_with, namesake};
pub use self::mistakes::ProfileError;
pub use self::schema::schema;
pub use crate::yaml::{Mistake, Place};

use self::file::ProfileFile;
use self::mistakes::Mistakes;
use crate::chart::{LocalChart, Unseen};
use crate::exposure::Exposure;
use crate::secret::Name;
use crate::units::{DnsLabel, Quantity, ReleaseName};
use crate::yaml;

/// The format of the file that this program reads: `format: 1`.
pub const FORMAT: i64 = 1;

/// One checked profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The file's name without its ending; what the verbs are given.
    pub name: String,
    pub path: PathBuf,
    /// Default: `name`.
    pub release: ReleaseName,
    pub namespace: DnsLabel,
    /// The only kube context to act on, if one is named.
    pub context: Option<String>,
    /// Every destructive step wants the typed name. Default: no.
    pub protected: bool,
    pub chart: ChartRef,
    pub image: Image,
    /// Nodes, 1 to 9. Default: 3.
    pub replicas: u32,
    pub storage: Storage,
    pub credentials: Credentials,
    /// The Service outside the cluster. Default: none.
    pub expose: Option<Exposure>,
    /// What is imported after the first install; the path has been joined to the profile's folder. Default: nothing.
    pub definitions: Option<PathBuf>,
    /// More values for the chart, passed on untouched.
    pub values: Map<String, Value>,
    pub timeouts: Timeouts,
    /// What is allowed, but better known.
    pub warnings: Vec<Warning>,
}

/// Which chart is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartRef {
    /// The one inside this program.
    Builtin,
    /// One of other people's.
    Local(LocalChart),
}

impl ChartRef {
    /// As in a profile; a chart's path starts where mqctl runs.
    pub fn reference(&self) -> String {
        match self {
            Self::Builtin => "builtin".to_owned(),
            Self::Local(chart) => chart.home.name(),
        }
    }

    /// The secrets that the chart takes as values alone.
    pub(crate) fn texts(&self) -> Vec<Name> {
        match self {
            Self::Builtin => Vec::new(),
            Self::Local(chart) => chart.texts().into_iter().map(|(_, name)| name).collect(),
        }
    }

    /// Paths in the chart's values that it takes and does not read.
    pub(crate) fn unread(&self) -> Vec<&'static [&'static str]> {
        match self {
            Self::Builtin => Vec::new(),
            Self::Local(chart) => chart.unread(),
        }
    }

    /// Where a first user's name can stand whom mqctl names in its Secret, and who it is where nobody is named.
    pub(crate) fn other_user(&self) -> Option<(&'static [&'static str], &'static str)> {
        if let Self::Local(chart) = self { chart.other_user() } else { None }
    }

    /// Paths in the chart's values that mqctl sets itself, and the profile's field for each.
    pub(crate) fn own_values(&self) -> Vec<(Vec<&str>, &'static str)> {
        match self {
            Self::Builtin => BUILTIN_VALUES.iter().map(|(path, field)| (path.to_vec(), *field)).collect(),
            Self::Local(chart) => chart.told().into_iter().map(|(path, told)| (path, told.field())).collect(),
        }
    }
}

const BUILTIN_VALUES: [(&[&str], &str); 7] = [
    (&["image", "repository"], "image.repository"),
    (&["image", "tag"], "image.tag"),
    (&["replicas"], "replicas"),
    (&["credentials"], "credentials"),
    (&["storage", "class"], "storage.class"),
    (&["storage", "size"], "storage.size"),
    (&["annotations", crate::chart::VALUES_DIGEST], "annotations.mqctl/values"),
];

/// The broker's container image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Default: [`Image::REPOSITORY`].
    pub repository: String,
    /// Default: [`Image::TAG`]. May end in a digest, `@sha256:…`.
    pub tag: String,
}

impl Image {
    /// The official image.
    pub const REPOSITORY: &str = "rabbitmq";
    pub const TAG: &str = "4.3.6-management";
}

/// The volume of each node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The `StorageClass`; nothing for the cluster's default.
    pub class: Option<String>,
    /// Default: [`Storage::SIZE`].
    pub size: Quantity,
}

impl Storage {
    pub const SIZE: &str = "8Gi";
}

/// The broker's first user, and where its password and the Erlang cookie come from. Without a source
/// they come from the profile's secrets file or the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Default: [`Credentials::USERNAME`].
    pub username: String,
    pub password: Option<Source>,
    pub erlang_cookie: Option<Source>,
}

impl Credentials {
    pub const USERNAME: &str = "user";
}

/// Where a secret is found; never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable of mqctl's environment.
    Env(String),
    /// A file; a relative path starts at the profile's folder and has been joined to it.
    File(PathBuf),
    /// A program and its arguments; the secret is its output.
    Command(Vec<String>),
    /// One key of a Secret in the profile's namespace.
    Secret { name: String, key: String },
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Helm's own part. Default: [`Timeouts::DEFAULT`].
    pub install: Duration,
    /// From the start of the pods to one cluster. Default: [`Timeouts::DEFAULT`].
    pub boot: Duration,
}

impl Timeouts {
    /// Ten minutes.
    pub const DEFAULT: Duration = Duration::from_secs(600);
}

/// Something allowed that may not be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Dotted, such as `replicas`.
    pub path: String,
    pub text: String,
}

/// Reads a profile's text; the path gives the profile its name and its files their folder. Nobody looks at a chart, so
/// that one of which the profile does not say enough is refused.
///
/// # Errors
/// Every mistake in the text.
pub fn read(text: &str, path: &Path) -> Result<Profile, ProfileError> {
    let unseen = || Unseen::Mistake("not looked at".to_owned());
    judged(text, path, &|wanted| wanted.presumed.clone().ok_or_else(unseen)).map_err(|(mistakes, _)| mistakes)
}

/// The same with somebody who looks at charts.
///
/// # Errors
/// As `read`, or nobody could look at the chart.
pub fn read_with(text: &str, path: &Path, look: Look<'_>) -> Result<Profile, LoadError> {
    judged(text, path, look)
        .map_err(|(mistakes, unseen)| unseen.map_or(LoadError::Mistaken(mistakes), LoadError::ChartUnseen))
}

/// With its mistakes, why nobody could look at the chart.
fn judged(text: &str, path: &Path, look: Look<'_>) -> Result<Profile, (ProfileError, Option<anyhow::Error>)> {
    let (document, found) = yaml::examine(text);
    let Some(document) = document else {
        return Err((ProfileError::new(path, found), None));
    };
    let mut mistakes = Mistakes::new(&document, found);
    let file = ProfileFile::read(&document, &mut mistakes);
    let profile = check::check(&file, path, look, &mut mistakes);
    mistakes.add_ambiguous();
    match profile {
        Some(profile) if mistakes.is_empty() => Ok(profile),
        _ => {
            let unseen = mistakes.unseen.take();
            Err((ProfileError::new(path, mistakes.into_list()), unseen))
        }
    }
}

/// What a path in a profile has to be.
const A_PATH: &str = "expected a path, absolute or from the profile's folder; `~` is not expanded";

/// A path as it stands in the profile starts at the profile's folder.
fn joined(profile: &Path, path: &str) -> Option<PathBuf> {
    let fits = !path.is_empty() && !path.starts_with('~') && !path.contains('\0');
    fits.then(|| profile.parent().unwrap_or(Path::new("")).join(path))
}

/// What a profile at this path is called: the file's name without its ending.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
