//! The charts that mqctl drives: a closed set. A dialect is one file: `Profile → values`, and a table of names.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use include_dir::{Dir, include_dir};
use serde_json::{Value, json};

use crate::digest;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::profile::{ChartRef, Profile};

mod bitnami;
pub mod builtin;
pub(crate) mod dialect;
mod local;
mod stable;

pub use self::dialect::Dialect;
use self::dialect::{POLICY, Told, set};
pub(crate) use self::local::parted;
pub use self::local::{Described, LocalChart, describe};

/// What every chart of these calls the broker's container.
pub const CONTAINER: &str = "rabbitmq";

/// The annotation on the StatefulSet by which mqctl knows what it installed last.
pub const VALUES_DIGEST: &str = "mqctl/values";

static BUILTIN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/chart/builtin");

/// Version of the built-in chart, as in its Chart.yaml.
pub const BUILTIN_VERSION: &str = "1.0.0";

/// The object names that a chart gives a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub stateful_set: String,
    pub pods: Vec<String>,
    pub claims: Vec<String>,
    pub services: Vec<String>,
    /// mqctl's own Service for clients outside, beside the release.
    pub external: String,
    /// mqctl's own Secret, outside the release.
    pub secret: String,
    /// mqctl's own ConfigMap with what was first read of a stop.
    pub evidence: String,
    /// The ConfigMap by which the start gate holds single pods back.
    pub hold: String,
    /// The pods that read the volumes of pods that do not run, one each.
    pub readers: Vec<String>,
    /// What one mqctl at a time holds.
    pub lease: String,
    /// Where the broker's container has its volume.
    pub volume: &'static str,
    /// The folder in it that holds the nodes' folders.
    pub base: &'static str,
}

impl Names {
    /// The chart's are made from the StatefulSet's, mqctl's own from the release's.
    fn of(profile: &Profile, set: String, volume: &'static str, base: &'static str) -> Self {
        let release = profile.release.as_str();
        Self {
            pods: (0..profile.replicas).map(|n| format!("{set}-{n}")).collect(),
            claims: (0..profile.replicas).map(|n| format!("data-{set}-{n}")).collect(),
            services: vec![set.clone(), format!("{set}-headless")],
            stateful_set: set,
            external: format!("{release}-external"),
            lease: format!("{release}-mqctl"),
            secret: format!("{release}-mqctl-credentials"),
            evidence: format!("{release}-mqctl-evidence"),
            hold: format!("{release}-hold"),
            readers: (0..profile.replicas).map(|n| format!("{release}-mqctl-reader-{n}")).collect(),
            volume,
            base,
        }
    }

    /// The Service by which the nodes find each other.
    pub fn headless(&self) -> &str {
        self.services.last().map_or("", String::as_str)
    }
}

/// The names of a profile's release.
pub fn names(profile: &Profile) -> Names {
    match &profile.chart {
        ChartRef::Builtin => builtin::names(profile),
        ChartRef::Local(chart) => chart.names(profile),
    }
}

/// The chart's values, complete, without anything secret in them.
pub fn values(profile: &Profile) -> Value {
    match &profile.chart {
        ChartRef::Builtin => builtin::values(profile),
        ChartRef::Local(chart) => dialect::values(profile, chart.dialect, &names(profile).secret),
    }
}

/// Kind and name of each object that the chart makes for a release, as a table: helm renders the same.
pub fn objects(profile: &Profile) -> Vec<(String, String)> {
    match &profile.chart {
        ChartRef::Builtin => builtin::objects(profile),
        ChartRef::Local(chart) => chart.objects(profile),
    }
}

/// The built-in chart's values.yaml, with its comments.
pub(crate) fn builtin_values() -> &'static str {
    BUILTIN.get_file("values.yaml").and_then(include_dir::File::contents_utf8).unwrap_or_default()
}

/// Which chart it is, for programs.
pub(crate) fn in_json(chart: &ChartRef) -> Value {
    match chart {
        ChartRef::Builtin => json!({"ref": "builtin", "version": BUILTIN_VERSION, "digest": builtin_digest()}),
        ChartRef::Local(chart) => json!({
            "ref": chart.path, "name": chart.name, "version": chart.version, "dialect": chart.dialect.word(),
        }),
    }
}

/// The labels that the broker pods of a release have and no others.
pub fn selector(profile: &Profile) -> Value {
    match &profile.chart {
        ChartRef::Builtin => builtin::selector(profile),
        ChartRef::Local(chart) => chart.selector(profile),
    }
}

/// The label that all objects of a release have; its value is the release's name.
pub fn label(profile: &Profile) -> &'static str {
    match &profile.chart {
        ChartRef::Builtin => INSTANCE,
        ChartRef::Local(chart) => chart.dialect.table().labels.1,
    }
}

/// The label of mqctl's own objects.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// Chart and version, for people.
pub fn title(profile: &Profile) -> String {
    match &profile.chart {
        ChartRef::Builtin => format!("builtin {BUILTIN_VERSION}"),
        ChartRef::Local(chart) => format!("{} {}", chart.dialect.word(), chart.title()),
    }
}

/// Whether a release, as helm names its chart, was made by the profile's.
pub fn made(profile: &Profile, chart: &str) -> bool {
    let name = match &profile.chart {
        ChartRef::Builtin => "mqctl-rabbitmq",
        ChartRef::Local(chart) => &chart.name,
    };
    chart.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
}

/// Whether the profile wants its pods created at once.
pub fn is_parallel(profile: &Profile) -> bool {
    match profile.chart {
        ChartRef::Builtin => true,
        ChartRef::Local(_) => profile.values.get(POLICY).is_some_and(|policy| policy == PARALLEL),
    }
}

const PARALLEL: &str = "Parallel";

/// What a profile says that keeps its pods so.
pub const PARALLEL_LINE: &str = "values: {podManagementPolicy: Parallel}";

/// The values of a revision within a recovery: pods at once, so many of them, each forced to load its own copy or not.
/// Nothing where the chart has no such switch.
pub fn forced_values(profile: &Profile, replicas: usize, forced: bool) -> Option<Value> {
    let ChartRef::Local(chart) = &profile.chart else { return None };
    let table = chart.dialect.table();
    let mut all = values(profile);
    set(&mut all, &[POLICY], PARALLEL.into());
    for (path, _) in table.told.iter().filter(|(_, told)| *told == Told::Replicas) {
        set(&mut all, path, replicas.into());
    }
    if forced {
        set(&mut all, table.force_boot, true.into());
    }
    Some(all)
}

/// Twelve hexadecimal digits over the built-in chart's files: two builds that differ in it never share a folder.
pub fn builtin_digest() -> String {
    let mut pieces = Vec::new();
    collect(&BUILTIN, &mut pieces);
    digest::of(pieces, 12)
}

fn collect(folder: &'static Dir<'static>, pieces: &mut Vec<&'static [u8]>) {
    for file in folder.files() {
        pieces.extend([file.path().as_os_str().as_encoded_bytes(), file.contents()]);
    }
    folder.dirs().for_each(|inner| collect(inner, pieces));
}

/// The chart for helm, which takes it by its path only: the built-in one is laid out there.
pub fn folder(profile: &Profile, cache: &Path) -> PathBuf {
    match &profile.chart {
        ChartRef::Builtin => builtin_folder(cache),
        ChartRef::Local(chart) => chart.path.clone(),
    }
}

fn builtin_folder(cache: &Path) -> PathBuf {
    cache.join(format!("builtin-{BUILTIN_VERSION}-{}", builtin_digest()))
}

/// Lays the built-in chart out. The folder appears whole or not at all, also after a kill.
///
/// # Errors
/// The cache folder cannot be written.
#[expect(clippy::disallowed_methods, reason = "door: writes the chart, which holds no secret, for helm to read")]
pub fn lay(folder: &Path) -> Result<()> {
    if folder.join("Chart.yaml").is_file() {
        return Ok(());
    }
    let whole = whole_beside(folder)?;
    // Two at once: the second rename finds the folder there, with the same content.
    match fs_err::rename(&whole, folder) {
        Err(_) if folder.join("Chart.yaml").is_file() => Ok(fs_err::remove_dir_all(&whole)?),
        other => Ok(other?),
    }
}

/// The whole chart, in a folder that has only to be renamed.
#[expect(clippy::disallowed_methods, reason = "door: makes the folder that becomes the chart")]
fn whole_beside(folder: &Path) -> Result<PathBuf> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let beginning = format!(".{name}.mqctl-new-");
    clear_leftovers(folder.parent().unwrap_or(Path::new("")), &beginning);
    let whole = folder.with_file_name(format!("{beginning}{}", std::process::id()));
    fs_err::create_dir_all(&whole)?;
    BUILTIN.extract(&whole)?;
    Ok(whole)
}

/// What a killed mqctl left half done; who is at work beside this one is left alone. Where the system does not list its
/// processes, nothing is cleared.
#[expect(clippy::disallowed_methods, reason = "door: clears away what became no chart")]
fn clear_leftovers(parent: &Path, beginning: &str) {
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return;
    }
    for entry in fs_err::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(beginning)?.parse::<u32>().ok());
        if process.is_some_and(|process| !processes.join(process.to_string()).exists()) {
            fs_err::remove_dir_all(entry.path()).ok();
        }
    }
}

/// The paths of the built-in chart's files, sorted.
pub fn files() -> Vec<&'static Path> {
    let mut files = Vec::new();
    paths(&BUILTIN, &mut files);
    files.sort();
    files
}

fn paths(folder: &'static Dir<'static>, into: &mut Vec<&'static Path>) {
    into.extend(folder.files().map(include_dir::File::path));
    folder.dirs().for_each(|inner| paths(inner, into));
}

/// Whether a chart may be written here: into a folder that is new or empty.
///
/// # Errors
/// There is something already; exit 64.
#[expect(clippy::disallowed_methods, reason = "door: looks whether the folder is empty")]
pub fn require_free(folder: &Path) -> Result<()> {
    let taken = match fs_err::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some().then_some("is not empty"),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) if error.kind() == ErrorKind::NotADirectory => Some("is no folder"),
        Err(error) => return Err(error.into()),
    };
    // `.` and `..` cannot be renamed to.
    let taken = taken.or_else(|| folder.file_name().is_none().then_some("has no name"));
    let Some(why) = taken else { return Ok(()) };
    let text = format!("`{}` {why}; nothing was written", folder.display());
    Err(Failure::new(Outcome::Usage, text).hint("name a folder that is not there yet").into())
}

/// Writes the built-in chart out. The folder appears whole or not at all, and never over anything: an empty folder is
/// replaced, and the system refuses to replace another.
///
/// # Errors
/// The folder has something in it, or cannot be written.
#[expect(clippy::disallowed_methods, reason = "door: writes the chart, which holds no secret, for its new owner")]
pub fn export(folder: &Path) -> Result<()> {
    require_free(folder)?;
    let whole = whole_beside(folder)?;
    fs_err::rename(&whole, folder).inspect_err(|_| drop(fs_err::remove_dir_all(&whole)))?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files that are looked at")]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_in_the_chart() {
        let chart = BUILTIN.get_file("Chart.yaml").unwrap().contents_utf8().unwrap();
        assert!(chart.contains(&format!("\nversion: {BUILTIN_VERSION}\n")), "{chart}");
    }

    #[test]
    fn the_chart_is_laid_out_once_and_whole() {
        let cache = tempfile::tempdir().unwrap();
        let folder = builtin_folder(cache.path());
        lay(&folder).unwrap();
        lay(&folder).unwrap();
        assert!(folder.join("templates/statefulset.yaml").metadata().is_ok());
        assert_eq!(cache.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_run_left_is_cleared_and_what_runs_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("mq");
        // No process has the first number; the second is that of process 1; the third is nobody's of ours.
        for name in [".mq.mqctl-new-4194305", ".mq.mqctl-new-1", ".mq.mqctl-new-mine", ".other.mqctl-new-4194305"] {
            fs_err::create_dir_all(cache.path().join(name).join("templates")).unwrap();
        }
        export(&folder).unwrap();
        let names = cache.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut left: Vec<String> = names.collect();
        left.sort();
        assert_eq!(left, [".mq.mqctl-new-1", ".mq.mqctl-new-mine", ".other.mqctl-new-4194305", "mq"]);
    }
}
