//! How a profile names a chart other than the built-in one. Pure.

use std::path::{Path, PathBuf};

use super::{Described, Dialect, parted};
use crate::yaml::shown;

/// Where a chart is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// On this machine: a folder, or a packed chart.
    Here(PathBuf),
    /// Where helm finds it: `REPO/CHART` of a repository that it knows, or `oci://HOST/…/CHART`.
    Remote(String),
}

/// A chart that a profile names, before anybody has looked at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub home: Home,
    /// As the profile says it; a chart that is not on this machine has one.
    pub version: Option<String>,
    /// Whose keys it has, as the profile says it.
    pub said: Option<Said>,
    /// What it is by its reference and the profile alone, where that says enough.
    pub presumed: Option<Described>,
}

/// Whose keys a chart has, as a profile says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Family(Dialect),
    /// Nobody's: the profile says them too.
    Custom,
}

/// A chart as helm is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// A path or a reference.
    pub at: String,
    /// Of one that is not on this machine.
    pub version: Option<String>,
}

/// Short names of charts that their keepers call `rabbitmq`, in a repository of the keeper's name.
const SHORT: [&str; 2] = ["cloudpirates", "groundhog2k"];

/// Who keeps a chart, by what stands before its name, and the family that theirs is of.
const KEEPERS: [(&str, &str); 5] = [
    ("bitnami", "bitnami"),
    ("bitnamicharts", "bitnami"),
    ("stable", "stable"),
    ("cloudpirates", "cloudpirates"),
    ("groundhog2k", "groundhog2k"),
];

/// What the keepers' charts are called.
const CHART: &str = "rabbitmq";

impl Home {
    /// Reads what stands in a profile; a path stays as it is written.
    ///
    /// # Errors
    /// What was expected, in words.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if ["./", "../", "/"].iter().any(|begins| text.starts_with(begins)) {
            return Ok(Self::Here(text.into()));
        }
        if SHORT.contains(&text) {
            return Ok(Self::Remote(format!("{text}/{CHART}")));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let parts: Vec<&str> = rest.split('/').collect();
        match (scheme, parts.as_slice()) {
            ("oci", [host, path @ ..])
                if is_host(host) && !path.is_empty() && path.iter().all(|part| is_word(part)) =>
            {
                Ok(Self::Remote(text.to_owned()))
            }
            ("", [repo, chart]) if is_word(repo) && is_word(chart) && !is_packed(chart) => {
                Ok(Self::Remote(text.to_owned()))
            }
            _ => Err(format!("expected {}, found `{}`{}", KINDS, shown(text), advice(scheme, text))),
        }
    }

    /// As helm and people are told it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Here(path) => path.display().to_string(),
            Self::Remote(reference) => reference.clone(),
        }
    }

    /// What a chart is by its reference and what the profile says, where that is enough.
    pub(crate) fn presume(&self, version: Option<&str>, said: Option<Said>) -> Option<Described> {
        let (name, version, by_name) = match self {
            // Helm names a chart in a repository or a registry by the last word.
            Self::Remote(reference) => {
                let (before, name) = reference.rsplit_once('/')?;
                let keeper = before.rsplit('/').next().unwrap_or_default();
                (name, version?, family(keeper, name, version?))
            }
            Self::Here(path) => {
                let (name, version) = packed(path)?;
                (name, version, None)
            }
        };
        let dialect = match said {
            Some(Said::Family(dialect)) => Some(dialect),
            Some(Said::Custom) => None,
            None => Some(by_name?),
        };
        Some(Described { name: name.to_owned(), version: version.to_owned(), dialect, unasked: None })
    }

    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// The repository of `REPO/CHART`.
    pub(crate) fn repository(&self) -> Option<&str> {
        match self {
            Self::Remote(reference) if !reference.contains("://") => Some(reference.split_once('/')?.0),
            _ => None,
        }
    }

    /// A file, and no folder: helm has to be asked what is in it.
    pub(crate) fn is_packed(&self) -> bool {
        matches!(self, Self::Here(path) if is_packed(&path.to_string_lossy()))
    }
}

const KINDS: &str = "builtin, REPO/CHART, oci://HOST/CHART, or a path such as ./charts/rabbitmq";

/// `rabbitmq-16.0.16.tgz`
fn packed(path: &Path) -> Option<(&str, &str)> {
    parted(path.file_name()?.to_str()?.strip_suffix(".tgz")?)
}

/// bitnami/rabbitmq 6 has the keys of stable/rabbitmq.
fn family(keeper: &str, name: &str, version: &str) -> Option<Dialect> {
    let (_, word) = KEEPERS.into_iter().find(|(known, _)| *known == keeper && name == CHART)?;
    let early = word == "bitnami" && major(version) < Some(7);
    Dialect::of_word(if early { "stable" } else { word })
}

fn major(version: &str) -> Option<u64> {
    version.strip_prefix('v').unwrap_or(version).split('.').next()?.parse().ok()
}

/// One version, and no range of them, as helm reads them: `16`, `16.x`, `^16.0.0` and `>16` are ranges.
pub(crate) fn is_exact(version: &str) -> bool {
    semver::Version::parse(version.strip_prefix('v').unwrap_or(version)).is_ok()
}

/// What was meant, where it is near.
fn advice(scheme: &str, text: &str) -> String {
    let meant = |what: String| format!("; did you mean `{}`?", shown(&what));
    match scheme {
        "http" | "https" | "file" => return "; a repository is added to helm first: `helm repo add`".to_owned(),
        "" | "oci" => {}
        _ => return String::new(),
    }
    let last = text.rsplit('/').next().unwrap_or_default();
    match text {
        _ if last.contains([':', '@']) => "; the version goes into `chart.version`".to_owned(),
        _ if text.starts_with('~') => "; `~` is not expanded".to_owned(),
        "bitnami" | "stable" => meant(format!("{text}/{CHART}")),
        _ if scheme.is_empty() && (is_packed(text) || text.matches('/').count() > 1) => meant(format!("./{text}")),
        _ => nearest(text).map(|word| meant(word.to_owned())).unwrap_or_default(),
    }
}

fn nearest(text: &str) -> Option<&'static str> {
    ["builtin", SHORT[0], SHORT[1]].into_iter().find(|word| strsim::osa_distance(word, text) <= 2)
}

fn is_packed(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|ending| ending == "tgz" || ending == "gz")
}

fn is_word(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(inner)
}

/// With a port or without.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    is_word(host) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match Home::read(text) {
            Ok(Home::Here(path)) => format!("here {}", path.display()),
            Ok(Home::Remote(reference)) => format!("remote {reference}"),
            Err(words) => words.split_once("found ").unwrap().1.to_owned(),
        }
    }

    #[test]
    fn a_chart_is_named_in_one_of_five_ways() {
        for (text, means) in [
            ("bitnami/rabbitmq", "remote bitnami/rabbitmq"),
            ("acme-charts/my.mq_2", "remote acme-charts/my.mq_2"),
            ("cloudpirates", "remote cloudpirates/rabbitmq"),
            ("groundhog2k", "remote groundhog2k/rabbitmq"),
            ("oci://registry.example/charts/rabbitmq", "remote oci://registry.example/charts/rabbitmq"),
            ("oci://localhost:5000/rabbitmq", "remote oci://localhost:5000/rabbitmq"),
            ("./charts/rabbitmq", "here ./charts/rabbitmq"),
            ("../rabbitmq-16.0.16.tgz", "here ../rabbitmq-16.0.16.tgz"),
            ("/srv/charts/rabbitmq", "here /srv/charts/rabbitmq"),
        ] {
            assert_eq!(read(text), means);
        }
    }

    #[test]
    fn what_is_none_of_them_is_told_with_what_was_meant() {
        for (text, told) in [
            ("", "``"),
            ("rabbitmq", "`rabbitmq`"),
            ("buildin", "`buildin`; did you mean `builtin`?"),
            ("cloudpirate", "`cloudpirate`; did you mean `cloudpirates`?"),
            ("bitnami", "`bitnami`; did you mean `bitnami/rabbitmq`?"),
            ("charts/mq/rabbitmq", "`charts/mq/rabbitmq`; did you mean `./charts/mq/rabbitmq`?"),
            ("rabbitmq-16.0.16.tgz", "`rabbitmq-16.0.16.tgz`; did you mean `./rabbitmq-16.0.16.tgz`?"),
            ("charts/mq-1.0.0.tgz", "`charts/mq-1.0.0.tgz`; did you mean `./charts/mq-1.0.0.tgz`?"),
            ("~/charts/rabbitmq", "`~/charts/rabbitmq`; `~` is not expanded"),
            ("bitnami/rabbitmq:16.0.16", "`bitnami/rabbitmq:16.0.16`; the version goes into `chart.version`"),
            ("oci://h/mq@sha256:00", "`oci://h/mq@sha256:00`; the version goes into `chart.version`"),
            ("oci://host", "`oci://host`"),
            ("oci://host/", "`oci://host/`"),
            ("oci://ho st/mq", "`oci://ho st/mq`"),
            ("https://h/mq.tgz", "`https://h/mq.tgz`; a repository is added to helm first: `helm repo add`"),
            ("git://h/mq", "`git://h/mq`"),
            ("--post-renderer/x", "`--post-renderer/x`"),
        ] {
            assert_eq!(read(text), told);
        }
    }

    #[test]
    fn a_range_is_no_version() {
        for version in ["16.0.16", "v1.0.0", "1.0.0-rc.1", "1.0.0+build.5"] {
            assert!(is_exact(version), "{version}");
        }
        for range in
            ["16", "16.0", "16.x", "16.0.x", "*", "^16.0.16", "~16.0.16", ">16.0.16", "1.0.0 || 2.0.0", "", "latest"]
        {
            assert!(!is_exact(range), "{range}");
        }
    }

    #[test]
    fn keepers_are_known_by_what_stands_before_the_chart() {
        let of = |reference: &str, version| {
            let described = Home::Remote(reference.to_owned()).presume(Some(version), None);
            described.and_then(|described| described.dialect).map(Dialect::word)
        };
        assert_eq!(of("bitnami/rabbitmq", "16.0.16"), Some("bitnami"));
        assert_eq!(of("bitnami/rabbitmq", "6.28.1"), Some("stable"), "the keys of its predecessor");
        assert_eq!(of("stable/rabbitmq", "6.18.2"), Some("stable"));
        assert_eq!(of("oci://registry.example/bitnamicharts/rabbitmq", "16.0.16"), Some("bitnami"));
        assert_eq!(of("bitnami/rabbitmq-cluster-operator", "4.0.0"), None);
        assert_eq!(of("acme/rabbitmq", "16.0.16"), None);
    }

    #[test]
    fn what_the_profile_says_is_enough() {
        let stable = Some(Said::Family(Dialect::Stable));
        let of = |home: Home, version, said| home.presume(version, said).map(|d| (d.name, d.version, d.dialect));
        let remote = || Home::Remote("acme/mq".to_owned());
        let mq = |version: &str, dialect| Some(("mq".to_owned(), version.to_owned(), dialect));
        assert_eq!(of(remote(), Some("1.0.0"), stable), mq("1.0.0", Some(Dialect::Stable)));
        assert_eq!(of(remote(), Some("1.0.0"), Some(Said::Custom)), mq("1.0.0", None));
        assert_eq!(of(remote(), None, stable), None);
        let file = |name: &str| Home::Here(format!("./charts/{name}").into());
        assert_eq!(of(file("mq-1.0.0-rc.1.tgz"), None, stable), mq("1.0.0-rc.1", Some(Dialect::Stable)));
        assert_eq!(of(file("mq-1.0.0.tgz"), None, None), None, "helm has to be asked what is in it");
        assert_eq!(of(file("mq.tgz"), None, stable), None);
        assert_eq!(of(file("mq"), None, stable), None);
    }
}
