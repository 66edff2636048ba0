//! A chart that lies on this machine: what it is called, and which dialect it speaks.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::dialect::{Dialect, Told};
use super::table::Path as Key;
use super::version::Version;
use super::{Names, Shape};
use crate::profile::Profile;
use crate::yaml;

/// A folder with a chart, or a packed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalChart {
    pub path: PathBuf,
    pub name: String,
    pub version: String,
    pub dialect: Dialect,
}

impl LocalChart {
    /// As helm names it with its version.
    pub(crate) fn title(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Where it stands in its family's tables; a profile with another kind of version is refused.
    pub(super) fn at(&self) -> Version {
        Version::of(&self.version).unwrap_or(Version::LAST)
    }

    /// The keys that mqctl sets from the profile.
    pub(crate) fn told(&self) -> impl Iterator<Item = (Key, Told)> {
        self.dialect.table().told(self.at())
    }

    /// The chart's key for one of the profile's fields.
    pub(crate) fn key(&self, field: &str) -> Option<String> {
        self.dialect.table().key(self.at(), field)
    }

    /// Keys that the profile's `values:` may not have, and what is to be said of each.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (Key, String)> {
        self.dialect.table().refused(self.at())
    }

    /// `nameOverride` of the values, or the chart's name.
    fn short_name<'a>(&'a self, profile: &'a Profile) -> &'a str {
        profile.values.get("nameOverride").and_then(Value::as_str).filter(|name| !name.is_empty()).unwrap_or(&self.name)
    }

    /// What these charts call their objects: the release, with the chart's name behind it unless it is in it already.
    fn full_name(&self, profile: &Profile) -> String {
        let own = profile.values.get("fullnameOverride").and_then(Value::as_str).filter(|name| !name.is_empty());
        let (name, release) = (self.short_name(profile), profile.release.as_str());
        let full = match own {
            Some(own) => own.to_owned(),
            None if release.contains(name) => release.to_owned(),
            None => format!("{release}-{name}"),
        };
        full.chars().take(63).collect::<String>().trim_end_matches('-').to_owned()
    }

    pub(super) fn names(&self, profile: &Profile) -> Names {
        let table = self.dialect.table();
        Names::of(
            profile,
            self.full_name(profile),
            Shape { headless: table.headless, claim: table.claim, place: table.place(self.at()), user: table.user },
        )
    }

    pub(super) fn selector(&self, profile: &Profile) -> Value {
        let (name, release) = self.dialect.table().labels;
        let labels = [(name, self.short_name(profile)), (release, profile.release.as_str())];
        labels.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
    }

    /// Those that every chart of the dialect makes; what else there is, helm says.
    pub(super) fn objects(&self, profile: &Profile) -> Vec<(String, String)> {
        let name = self.full_name(profile);
        let object = |kind: &str, suffix: &str| (kind.to_owned(), format!("{name}{suffix}"));
        vec![object("Service", ""), object("Service", self.dialect.table().headless), object("StatefulSet", "")]
    }
}

/// What a chart says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub name: String,
    pub version: String,
    pub dialect: Option<Dialect>,
}

/// Looks at the chart in a folder; a packed one is known by its file's name.
///
/// # Errors
/// There is none: why, in words.
#[expect(clippy::disallowed_methods, reason = "door: reads a chart of the user's")]
pub fn describe(path: &Path) -> Result<Described, String> {
    if path.is_file() {
        return packed(path).ok_or_else(|| "expected NAME-VERSION.tgz".to_owned());
    }
    let read = |file: &str| fs_err::read_to_string(path.join(file));
    let about = read("Chart.yaml").map_err(|error| format!("there is no chart: {error}"))?;
    let about = yaml::stream(&about).into_iter().next().unwrap_or_default();
    let text = |key: &str| about[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let (Some(name), Some(version)) = (text("name"), text("version")) else {
        return Err("its Chart.yaml lacks `name` or `version`".to_owned());
    };
    let values = read("values.yaml").map(|values| yaml::stream(&values)).unwrap_or_default();
    Ok(Described { name, version, dialect: values.first().and_then(|values| Dialect::of_chart(&about, values)) })
}

/// `rabbitmq-16.0.16.tgz`
fn packed(path: &Path) -> Option<Described> {
    let (name, version) = parted(path.file_name()?.to_str()?.strip_suffix(".tgz")?)?;
    Some(Described { name: name.to_owned(), version: version.to_owned(), dialect: None })
}

/// Name and version of a chart as helm writes them together: the version begins at the first hyphen that a digit follows.
pub(crate) fn parted(title: &str) -> Option<(&str, &str)> {
    let at = title.match_indices('-').find(|(at, _)| title[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?.0;
    (at > 0).then(|| (&title[..at], &title[at + 1..]))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files that are looked at")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_says_name_version_and_dialect() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs_err::write(folder.path().join(file), text).unwrap();
        assert!(describe(folder.path()).unwrap_err().starts_with("there is no chart: "));
        write("Chart.yaml", "apiVersion: v1\nname: rabbitmq\n");
        assert_eq!(describe(folder.path()).unwrap_err(), "its Chart.yaml lacks `name` or `version`");
        write("Chart.yaml", "apiVersion: v1\nname: rabbitmq\nversion: 6.18.2\n");
        let described = |dialect| Ok(Described { name: "rabbitmq".into(), version: "6.18.2".into(), dialect });
        assert_eq!(describe(folder.path()), described(None), "without values nobody can tell");
        write("values.yaml", "replicas: 1\nrabbitmq:\n  username: user\n");
        assert_eq!(describe(folder.path()), described(Some(Dialect::Stable)));
    }

    #[test]
    fn a_packed_chart_is_known_by_its_file() {
        let named = |name: &str| packed(Path::new(name)).map(|chart| (chart.name, chart.version));
        assert_eq!(named("charts/rabbitmq-16.0.16.tgz"), Some(("rabbitmq".into(), "16.0.16".into())));
        assert_eq!(named("my-mq-1.0.0-rc.1.tgz"), Some(("my-mq".into(), "1.0.0-rc.1".into())));
        assert_eq!(named("rabbitmq.tgz"), None);
        assert_eq!(named("rabbitmq-1.0.0.zip"), None);
    }
}
