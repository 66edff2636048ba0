//! What a profile means: defaults, limits, names. Every mistake is noted, not the first.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::chart::{Look, chart};
use super::credentials::credentials;
use super::expose::{self, expose};
use super::file::ProfileFile;
use super::mistakes::Mistakes;
use super::{A_PATH, ChartRef, FORMAT, Image, Profile, Storage, Timeouts, Warning, joined, name_of};
use crate::exposure::Exposure;
use crate::units::{self, DnsLabel, Expected, Quantity, ReleaseName};
use crate::yaml::shown;

/// The profile, if nothing that it needs is missing or wrong; it is one only if no mistake was noted.
pub(super) fn check(file: &ProfileFile, path: &Path, look: Look<'_>, m: &mut Mistakes) -> Option<Profile> {
    format(file.format, m);
    let release = release(file.release, path, m);
    let namespace = namespace(file.namespace, m);
    let context = file.context.and_then(|text| context(text, m));
    let image = image(file, m);
    let replicas = replicas(file.replicas, m);
    let storage = storage(file, m);
    let credentials = credentials(file, path, m);
    let expose = expose(file, m);
    let definitions = definitions(file.definitions, path, m);
    let timeouts = timeouts(file, m);
    let chart = chart(file, path, look, m);
    if let Some(chart) = &chart {
        values(&file.values, chart, m);
    }
    Some(Profile {
        name: name_of(path),
        path: path.to_owned(),
        release: release?,
        namespace: namespace?,
        context,
        protected: file.protected.unwrap_or(false),
        image,
        replicas: replicas?,
        storage: storage?,
        credentials,
        warnings: warnings(replicas?, expose.as_ref(), chart.as_ref()?),
        expose,
        definitions,
        chart: chart?,
        values: file.values.clone(),
        timeouts,
    })
}

fn format(format: Option<i64>, m: &mut Mistakes) {
    match format {
        Some(FORMAT) => {}
        Some(other) => m.at_value(&["format"], format!("this mqctl reads format {FORMAT}, not {other}")),
        None => missing("format", "1", m),
    }
}

/// A required key of the top that is not there; silent if it is there and wrong.
fn missing(key: &str, example: &str, m: &mut Mistakes) {
    if !m.has(&[key]) {
        m.at_value(&[key], format!("missing; for example `{key}: {example}`"));
    }
}

/// Reads a text, or notes what it should have been.
fn parsed<T: FromStr<Err = Expected>>(text: &str, path: &[&str], m: &mut Mistakes) -> Option<T> {
    accepted(text.parse(), text, path, m)
}

pub(super) fn accepted<T>(result: Result<T, Expected>, text: &str, path: &[&str], m: &mut Mistakes) -> Option<T> {
    result.map_err(|error| m.at_value(path, format!("{error}, found `{}`", shown(text)))).ok()
}

fn release(text: Option<&str>, path: &Path, m: &mut Mistakes) -> Option<ReleaseName> {
    if let Some(text) = text {
        return parsed(text, &["release"], m);
    }
    let name = name_of(path);
    let release = name.parse().ok();
    if release.is_none() && !m.has(&["release"]) {
        let text = format!("missing, and the file's name `{}` cannot be a release's", shown(&name));
        m.at_value(&["release"], text);
    }
    release
}

fn namespace(text: Option<&str>, m: &mut Mistakes) -> Option<DnsLabel> {
    if text.is_none() {
        missing("namespace", "rabbitmq", m);
    }
    parsed(text?, &["namespace"], m)
}

fn context(text: &str, m: &mut Mistakes) -> Option<String> {
    if text.trim().is_empty() || text.contains(char::is_control) {
        m.at_value(&["context"], "expected the name of a kube context; leave the key out for any");
        return None;
    }
    Some(text.to_owned())
}

fn definitions(text: Option<&str>, profile: &Path, m: &mut Mistakes) -> Option<PathBuf> {
    let path = joined(profile, text?);
    if path.is_none() {
        m.at_value(&["definitions"], A_PATH);
    }
    path
}

fn image(file: &ProfileFile, m: &mut Mistakes) -> Image {
    let repository = file.repository.unwrap_or(Image::REPOSITORY);
    let tag = file.tag.unwrap_or(Image::TAG);
    if let Err(advice) = repository_fits(repository) {
        m.at_value(&["image", "repository"], format!("{advice}, found `{}`", shown(repository)));
    }
    if !tag_fits(tag) {
        let text = format!("expected a tag such as {}, found `{}`", Image::TAG, shown(tag));
        m.at_value(&["image", "tag"], text);
    }
    Image { repository: repository.to_owned(), tag: tag.to_owned() }
}

/// Lower-case path components with an optional host and port before them, as in the grammar of the
/// OCI distribution project's `reference` package.
fn repository_fits(repository: &str) -> Result<(), &'static str> {
    let (host, path) = repository.rsplit_once('/').unwrap_or(("", repository));
    if path.contains([':', '@']) {
        return Err("expected no tag or digest here: they go into `image.tag`");
    }
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let host_fits = host.chars().all(|c| part(c) || matches!(c, '/' | ':'));
    let ends = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric());
    let path_fits = path.chars().all(|c| part(c) && !c.is_ascii_uppercase());
    if host_fits && path_fits && repository.split('/').all(ends) {
        return Ok(());
    }
    Err("expected an image's name such as rabbitmq or registry.example/mq/rabbitmq")
}

fn tag_fits(tag: &str) -> bool {
    let (tag, digest) = tag.split_once("@sha256:").map_or((tag, None), |(tag, hex)| (tag, Some(hex)));
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| word(c) || matches!(c, '.' | '-');
    let hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
    let digest_fits = digest.is_none_or(|digest| digest.len() == 64 && digest.chars().all(hex));
    tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(rest) && digest_fits
}

fn replicas(count: Option<i64>, m: &mut Mistakes) -> Option<u32> {
    let count = count.unwrap_or(3);
    let fits = u32::try_from(count).ok().filter(|count| (1..=9).contains(count));
    if fits.is_none() {
        m.at_value(&["replicas"], format!("expected 1 to 9 nodes, found `{count}`"));
    }
    fits
}

/// Below this, a broker blocks its publishers for ever: its `disk_free_limit` is 50 MB by default.
const SMALLEST_VOLUME: u64 = 64 << 20;

fn storage(file: &ProfileFile, m: &mut Mistakes) -> Option<Storage> {
    let path = ["storage", "size"];
    let size: Quantity = parsed(file.size.unwrap_or(Storage::SIZE), &path, m)?;
    if size.bytes() < SMALLEST_VOLUME {
        m.at_value(&path, format!("expected 64Mi or more, found `{size}`: less than a broker keeps free"));
    }
    if file.class.is_some_and(|class| !units::is_dns_name(class)) {
        m.at_value(&["storage", "class"], "expected a StorageClass; leave the key out for the default one");
    }
    Some(Storage { class: file.class.map(str::to_owned), size })
}

fn timeouts(file: &ProfileFile, m: &mut Mistakes) -> Timeouts {
    let install = timeout(file.install, &["timeouts", "install"], m);
    let boot = timeout(file.boot, &["timeouts", "boot"], m);
    Timeouts { install, boot }
}

fn timeout(text: Option<&str>, path: &[&str], m: &mut Mistakes) -> Duration {
    let Some(text) = text else {
        return Timeouts::DEFAULT;
    };
    let time = accepted(units::duration(text), text, path, m).unwrap_or(Timeouts::DEFAULT);
    if time.is_zero() || time > units::LONGEST_WAIT {
        m.at_value(path, format!("expected 1s to 24h, found `{}`", shown(text)));
    }
    time
}

/// Keys that mqctl sets itself, and those that the chart would take and not read.
fn values(values: &Map<String, Value>, chart: &ChartRef, m: &mut Mistakes) {
    let own = chart.own_values().into_iter();
    let own = own.map(|(path, field)| (path, format!("mqctl sets this key itself; use `{field}`")));
    let of_others = match chart {
        ChartRef::Builtin => Vec::new(),
        ChartRef::Local(chart) => chart.refused(),
    };
    for (key, why) in own.chain(of_others) {
        if holds(values, &key) {
            let path: Vec<&str> = std::iter::once("values").chain(key.iter().copied()).collect();
            m.at_key(&path, why);
        }
    }
}

fn holds(values: &Map<String, Value>, path: &[&str]) -> bool {
    match path {
        [] => true,
        [key] => values.contains_key(*key),
        [key, rest @ ..] => values.get(*key).and_then(Value::as_object).is_some_and(|map| holds(map, rest)),
    }
}

fn warnings(replicas: u32, expose: Option<&Exposure>, chart: &ChartRef) -> Vec<Warning> {
    let even = replicas.is_multiple_of(2).then(|| Warning {
        path: "replicas".to_owned(),
        text: format!("{replicas} nodes survive no more failures than {}; take an odd number", replicas - 1),
    });
    let texts = chart.texts().into_iter().map(|name| Warning {
        path: format!("chart.custom.keys.{}", name.key()),
        text: format!("the chart takes the {name} as a value, and helm keeps values in its record of each revision"),
    });
    even.into_iter().chain(expose.and_then(expose::warning)).chain(texts).collect()
}
