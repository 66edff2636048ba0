//! A chart other than the built-in one: what it is called, and which dialect it speaks.

use std::path::Path;

use serde_json::Value;

use super::custom::steps;
use super::dialect::{Dialect, Spoken, Told};
use super::reference::{Home, Located};
use super::table::ForceBoot;
use super::version::Version;
use super::{CONTAINER, Called, Names, correction};
use crate::profile::Profile;
use crate::secret::Name;
use crate::yaml;

/// A chart that a profile names, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalChart {
    pub home: Home,
    pub name: String,
    pub version: String,
    pub dialect: Spoken,
    /// Why helm could not be asked what the chart says of itself, where it was to be asked.
    pub unasked: Option<String>,
}

impl LocalChart {
    /// As helm is told of it.
    pub(crate) fn located(&self) -> Located {
        Located { at: self.home.name(), version: self.home.is_remote().then(|| self.version.clone()) }
    }

    /// As helm names it with its version.
    pub(crate) fn title(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Where it stands in its family's tables; a profile with another kind of version is refused.
    pub(super) fn at(&self) -> Version {
        Version::of(&self.version).unwrap_or(Version::LAST)
    }

    /// What it is told from the fields of a profile: the paths of its values.
    pub(crate) fn told(&self) -> Vec<(Vec<&str>, Told)> {
        match &self.dialect {
            Spoken::Family(dialect) => {
                dialect.table().told(self.at()).map(|(path, told)| (path.to_vec(), told)).collect()
            }
            Spoken::Custom(custom) => custom.told.iter().map(|(key, told)| (steps(key), *told)).collect(),
        }
    }

    /// Its key for one of the profile's fields.
    pub(crate) fn key(&self, field: &str) -> Option<String> {
        self.told().into_iter().find(|(_, told)| told.says(field)).map(|(path, _)| path.join("."))
    }

    /// Keys that the profile's `values:` may not have, and what is to be said of each.
    pub(crate) fn refused(&self) -> Vec<(Vec<&str>, String)> {
        let Spoken::Family(dialect) = &self.dialect else { return Vec::new() };
        dialect.table().refused(self.at()).map(|(path, why)| (path.to_vec(), why)).collect()
    }

    /// Keys that it takes and does not read.
    pub(crate) fn unread(&self) -> Vec<&'static [&'static str]> {
        self.family().map_or_else(Vec::new, |family| family.table().unread(self.at()).collect())
    }

    /// See [`super::table::Table::other_user`].
    pub(crate) fn other_user(&self) -> Option<(&'static [&'static str], &'static str)> {
        self.family()?.table().other_user
    }

    /// The family, where it is of one.
    pub(super) fn family(&self) -> Option<Dialect> {
        if let Spoken::Family(dialect) = self.dialect { Some(dialect) } else { None }
    }

    /// `nameOverride` of the values, or the chart's name.
    fn short_name<'a>(&'a self, profile: &'a Profile) -> &'a str {
        profile.values.get("nameOverride").and_then(Value::as_str).filter(|name| !name.is_empty()).unwrap_or(&self.name)
    }

    /// What these charts call their objects: the release, with the chart's name behind it unless it is in it already.
    pub(super) fn full_name(&self, profile: &Profile) -> String {
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
        let table = match &self.dialect {
            Spoken::Family(dialect) => dialect.table(),
            Spoken::Custom(custom) => return custom.names(self, profile),
        };
        let (set, (volume, base)) = (self.full_name(profile), table.place(self.at()));
        let called = Called {
            set: &set,
            client: &set,
            headless: &format!("{set}{}", table.headless),
            claim: table.claim,
            container: CONTAINER,
            volume,
            base,
            user: table.user,
        };
        Names::of(profile, &called)
    }

    /// Turns a force boot on, at every start of a node with data; or why there is no such value: a part of a sentence.
    pub(super) fn force_boot(&self) -> Result<Vec<&str>, String> {
        match &self.dialect {
            Spoken::Family(dialect) => match dialect.table().force_boot {
                ForceBoot::Key(key) => Ok(key.to_vec()),
                ForceBoot::Useless(why) => Err(format!("a chart of `{}` {why}", dialect.word())),
            },
            Spoken::Custom(custom) => custom.force_boot().map_err(str::to_owned),
        }
    }

    /// Says whether pods are created at once.
    pub(super) fn policy(&self) -> Option<Vec<&str>> {
        match &self.dialect {
            Spoken::Family(_) => Some(vec![correction::POLICY]),
            Spoken::Custom(custom) => custom.policy.as_ref().map(steps),
        }
    }

    /// Whether the pods are created at once, as long as there is no StatefulSet that says otherwise.
    pub(super) fn is_parallel(&self, profile: &Profile) -> bool {
        match &self.dialect {
            Spoken::Family(dialect) => correction::is_parallel(profile, self, dialect.table()),
            Spoken::Custom(custom) => custom.is_parallel(profile),
        }
    }

    /// The secrets that it takes as values alone.
    pub(crate) fn texts(&self) -> Vec<(Vec<&str>, Name)> {
        match &self.dialect {
            Spoken::Family(_) => Vec::new(),
            Spoken::Custom(custom) => custom.texts(),
        }
    }

    /// The label that all objects of a release have, with its name.
    pub(super) fn label(&self) -> &str {
        match &self.dialect {
            Spoken::Family(dialect) => dialect.table().labels.1,
            Spoken::Custom(custom) => &custom.release_label,
        }
    }

    pub(super) fn knows_pod_labels(&self) -> bool {
        !matches!(&self.dialect, Spoken::Custom(custom) if custom.pod_labels.is_none())
    }

    pub(super) fn selector(&self, profile: &Profile) -> Value {
        let own = [self.short_name(profile), profile.release.as_str()];
        let labels = match &self.dialect {
            Spoken::Family(dialect) => {
                let (name, release) = dialect.table().labels;
                vec![(name, own[0]), (release, own[1])]
            }
            Spoken::Custom(custom) => match &custom.pod_labels {
                Some(labels) => labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
                None => vec![("app.kubernetes.io/name", own[0]), (custom.release_label.as_str(), own[1])],
            },
        };
        labels.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
    }

    /// Those that every chart of the dialect makes; what else there is, helm says.
    pub(super) fn objects(&self, profile: &Profile) -> Vec<(String, String)> {
        let Names { mut services, stateful_set, .. } = self.names(profile);
        services.dedup();
        let object = |kind: &str, name: String| (kind.to_owned(), name);
        let services = services.into_iter().map(|name| object("Service", name));
        services.chain([object("StatefulSet", stateful_set)]).collect()
    }
}

/// What a chart says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub name: String,
    pub version: String,
    pub dialect: Option<Dialect>,
    /// Why helm could not be asked, where the reference had to do.
    pub unasked: Option<String>,
}

impl Described {
    /// From a chart's Chart.yaml and values.yaml.
    pub(super) fn read(about: &Value, values: &Value) -> Result<Self, String> {
        let text = |key: &str| about[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (Some(name), Some(version)) = (text("name"), text("version")) else {
            return Err("its Chart.yaml lacks `name` or `version`".to_owned());
        };
        Ok(Self { name, version, dialect: Dialect::of_chart(about, values), unasked: None })
    }
}

/// Looks at the chart in a folder.
///
/// # Errors
/// There is none: why, in words.
#[expect(clippy::disallowed_methods, reason = "door: reads a chart of the user's")]
pub fn describe(path: &Path) -> Result<Described, String> {
    let read = |file: &str| fs_err::read_to_string(path.join(file)).map(|text| first_document(&text));
    let about = read("Chart.yaml").map_err(|error| format!("there is no chart: {error}"))?;
    Described::read(&about, &read("values.yaml").unwrap_or_default())
}

/// Of a YAML file that holds one.
pub(super) fn first_document(text: &str) -> Value {
    yaml::stream(text).into_iter().next().unwrap_or_default()
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
        let described =
            |dialect| Ok(Described { name: "rabbitmq".into(), version: "6.18.2".into(), dialect, unasked: None });
        assert_eq!(describe(folder.path()), described(None), "without values nobody can tell");
        write("values.yaml", "replicas: 1\nrabbitmq:\n  username: user\n");
        assert_eq!(describe(folder.path()), described(Some(Dialect::Stable)));
    }
}
