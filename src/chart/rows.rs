//! The lines of `tests/charts/dialect-rows`, which real helm has been seen to obey, against mqctl's own tables: each key
//! that mqctl sets, keeps or advises is read, and each that is not read is refused.

use super::correction::POLICY;
use super::dialect::Dialect;
use super::table::{ForceBoot, Path};
use super::version::{ALL, Span, Version};

/// The newest version that is known of each family, and that of our chart in its manner.
pub(crate) fn newest(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Stable => "6.18.2",
        Dialect::Bitnami => "16.0.16",
        Dialect::CloudPirates => "0.21.18",
        Dialect::Groundhog2k => "2.3.6",
    }
}

const LINES: &str = include_str!("../../tests/charts/dialect-rows");

/// The rows of the dialect table. Each family has a line for each: what it reads there, or that it does not.
const TABLE: [&str; 41] = [
    "replicas",
    "clustering",
    "user name",
    "password",
    "cookie",
    "existing Secret: password",
    "existing Secret: cookie",
    "key of the password",
    "key of the cookie",
    "persistence",
    "size",
    "storage class",
    "class of a dash",
    "access modes",
    "existing claim",
    "image",
    "pull policy",
    "pull secrets",
    "force boot",
    "pod management policy",
    "update strategy",
    "grace period",
    "definitions",
    "rabbitmq.conf",
    "advanced.config",
    "plugins",
    "variables",
    "service type",
    "load balancer IP",
    "source ranges",
    "AMQP node port",
    "management node port",
    "ports of the distribution",
    "probes",
    "resources",
    "disruption budget",
    "kept volumes",
    "TLS",
    "cluster domain",
    "node address",
    "RBAC",
];

#[derive(Debug, PartialEq, Eq)]
enum Verb {
    /// With an effect, if only that the chart does not render.
    Read,
    Unread,
}

#[derive(Debug)]
struct Row {
    verb: Verb,
    name: String,
    family: Dialect,
    version: Version,
    keys: Vec<Vec<String>>,
}

impl Row {
    fn of(line: &str) -> Option<Self> {
        let words = shell_words::split(line).unwrap();
        let verb = match words.first()?.as_str() {
            "row" | "refuses" => Verb::Read,
            "unread" => Verb::Unread,
            other => panic!("`{other}` begins no line: {line}"),
        };
        let (family, version) = words[2].split_once('@').unwrap_or((&words[2], ""));
        let family = Dialect::of_word(family).unwrap();
        let version = if version.is_empty() { newest(family) } else { version };
        let key = |set: &str| set.split_once('=').unwrap().0.replace("[0]", "").split('.').map(str::to_owned).collect();
        let keys = words[3].split(',').map(key).collect();
        Some(Self { verb, name: words[1].clone(), family, version: Version::of(version).unwrap(), keys })
    }

    /// One of its keys is this one, or stands below it.
    fn holds(&self, path: &[impl AsRef<str>]) -> bool {
        let below = |key: &Vec<String>| key.len() >= path.len() && key.iter().zip(path).all(|(a, b)| a == b.as_ref());
        self.keys.iter().any(below)
    }
}

fn rows() -> Vec<Row> {
    let lines = LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(Row::of).collect()
}

/// Whether some version of the family, as a profile has the word for it, was seen to read this key.
pub(crate) fn is_read(family: &str, path: &[String]) -> bool {
    rows().iter().any(|row| row.verb == Verb::Read && row.family.word() == family && row.holds(path))
}

/// What mqctl goes by in a family's values, each with its versions.
fn gone_by(family: Dialect) -> Vec<(Span, Path)> {
    let table = family.table();
    let told = table.told.iter().map(|key| (key.versions, key.path));
    let corrected = table.corrections.iter().map(|one| (one.versions, one.path));
    let kept = table.kept.iter().map(|kept| (kept.versions, kept.path));
    let mut all: Vec<_> = told.chain(corrected).chain(kept).collect();
    all.push((ALL, &[POLICY]));
    if let ForceBoot::Key(key) = table.force_boot {
        all.push((ALL, key));
    }
    all
}

#[test]
fn each_key_that_mqctl_sets_or_keeps_has_an_effect() {
    let rows = rows();
    for family in Dialect::ALL {
        for (versions, path) in gone_by(family) {
            let seen = |row: &Row| {
                row.verb == Verb::Read && row.family == family && versions.has(row.version) && row.holds(path)
            };
            assert!(rows.iter().any(seen), "{family:?}: no row shows what {path:?} does");
        }
    }
}

#[test]
fn each_key_that_a_chart_does_not_read_is_refused() {
    for row in rows().iter().filter(|row| row.verb == Verb::Unread) {
        let refused = row.family.table().refused(row.version).any(|(path, _)| row.holds(path));
        assert!(refused, "{row:?} is taken");
    }
}

#[test]
fn each_key_that_is_refused_as_unread_was_seen_to_be() {
    let rows = rows();
    for family in Dialect::ALL {
        for unread in family.table().unread {
            let of = |row: &&Row| row.family == family && unread.versions.has(row.version);
            let seen = |row: &Row| row.verb == Verb::Unread && row.holds(unread.path);
            assert!(rows.iter().filter(of).any(seen), "{family:?}: no row shows that {:?} is unread", unread.path);
            let instead: Vec<&str> = unread.instead.split('.').collect();
            let read = |row: &Row| row.verb == Verb::Read && row.holds(&instead);
            let advised = unread.instead.is_empty() || rows.iter().filter(of).any(read);
            assert!(advised, "{family:?}: no row shows what {} does", unread.instead);
        }
    }
}

/// What a chart reads and mqctl refuses all the same is what mqctl says itself.
#[test]
fn what_is_read_is_refused_only_where_mqctl_says_it() {
    for row in rows().iter().filter(|row| row.verb == Verb::Read) {
        let unread = row.family.table().unread(row.version).any(|path| row.holds(path));
        assert!(!unread, "{row:?} has an effect, and is refused as if it had none");
    }
}

#[test]
fn each_family_has_a_line_for_each_row() {
    let rows = rows();
    for name in TABLE {
        for family in Dialect::ALL {
            assert!(rows.iter().any(|row| row.name == name && row.family == family), "{family:?} has no line `{name}`");
        }
    }
}
