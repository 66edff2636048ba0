//! `chart.custom`: what a chart of no known family is told, what it calls things, and where it has them.

use std::collections::BTreeMap;

use super::file::{ProfileFile, Section, Text};
use super::mistakes::Mistakes;
use crate::chart::{CONTAINER, Custom, Held, INSTANCE, Key, Told, overlap};
use crate::secret::{self, Name};
use crate::units::is_dns_name;

/// The section as it is written; nothing where a key is absent or its value of the wrong type.
pub(super) struct CustomFile<'a> {
    /// Names and paths.
    texts: BTreeMap<&'static str, &'a str>,
    parallel: Option<bool>,
    pod_labels: Option<Vec<(&'a str, &'a str)>>,
    keys: BTreeMap<&'static str, &'a str>,
    secret_keys: BTreeMap<&'static str, &'a str>,
}

/// Names of objects, of the container, and paths.
const TEXTS: [&str; 8] = [
    "statefulSet",
    "clientService",
    "headlessService",
    "claimTemplate",
    "container",
    "volumePath",
    "dataPath",
    "releaseLabel",
];
pub(super) const CUSTOM: [&str; 12] = [
    TEXTS[0],
    TEXTS[1],
    TEXTS[2],
    TEXTS[3],
    TEXTS[4],
    TEXTS[5],
    TEXTS[6],
    TEXTS[7],
    "podLabels",
    "parallel",
    "keys",
    "secretKeys",
];
pub(super) const KEYS: [&str; 14] = [
    "replicas",
    "image",
    "imageRegistry",
    "imageRepository",
    "imageTag",
    "storageClass",
    "storageSize",
    "username",
    "passwordSecret",
    "cookieSecret",
    "password",
    "erlangCookie",
    "forceBoot",
    "podManagementPolicy",
];
pub(super) const SECRET_KEYS_OF_CHART: [&str; 3] = ["username", "password", "erlangCookie"];

const AT: [&str; 2] = ["chart", "custom"];

impl<'a> Section<'a> {
    pub(super) fn custom(&self, m: &mut Mistakes) -> Option<CustomFile<'a>> {
        let section = self.section("custom", &CUSTOM, m);
        section.map?;
        let keys = section.section("keys", &KEYS, m);
        let secret_keys = section.section("secretKeys", &SECRET_KEYS_OF_CHART, m);
        let path = Text::Form("the path of a value such as auth.username");
        let name = Text::Form("a key of a Secret");
        Some(CustomFile {
            texts: section.texts(&TEXTS, Text::Free, m),
            parallel: section.flag("parallel", m),
            pod_labels: section.labels("podLabels", m),
            keys: keys.texts(&KEYS, path, m),
            secret_keys: secret_keys.texts(&SECRET_KEYS_OF_CHART, name, m),
        })
    }

    fn texts(&self, keys: &[&'static str], wanted: Text<'_>, m: &mut Mistakes) -> BTreeMap<&'static str, &'a str> {
        keys.iter().filter_map(|key| Some((*key, self.text(key, wanted, m)?))).collect()
    }
}

/// Everything that is wrong with the section is noted; the chart it makes is of use only if nothing was.
pub(super) fn custom(file: &ProfileFile, m: &mut Mistakes) -> Option<Custom> {
    let Some(custom) = &file.custom else {
        if !m.has(&AT) {
            m.at_value(&AT, "missing: it says what the chart is told and calls things, under `keys` at least");
        }
        return None;
    };
    Some(custom.check(file, m))
}

impl CustomFile<'_> {
    fn check(&self, file: &ProfileFile, m: &mut Mistakes) -> Custom {
        self.names_fit(m);
        let volume = self.path("volumePath", Custom::VOLUME.to_owned(), m);
        let data = self.path("dataPath", format!("{volume}/mnesia"), m);
        let told = ["volumePath", "dataPath"].iter().any(|key| m.has(&[AT[0], AT[1], key]));
        if !told && data != volume && !data.starts_with(&format!("{volume}/")) {
            m.at_value(&[AT[0], AT[1], "dataPath"], format!("expected a folder in `{volume}`, where the volume is"));
        }
        self.labels_fit(m);
        let keys = self.keys(m);
        self.keys_suffice(file, m);
        let text = |key: &str| self.texts.get(key).map(|&text| text.to_owned());
        let mut told: Vec<(Key, Told)> = Vec::new();
        let all = keys.iter().filter_map(|(name, key)| Some((key.clone(), self.told(name)?)));
        // One Secret may be told for both.
        all.for_each(|entry| {
            if !told.contains(&entry) {
                told.push(entry);
            }
        });
        let secret_keys = self.secret_keys(m);
        Custom {
            stateful_set: text("statefulSet"),
            client_service: text("clientService"),
            headless_service: text("headlessService"),
            claim_template: text("claimTemplate").unwrap_or_else(|| Custom::CLAIM.to_owned()),
            container: text("container").unwrap_or_else(|| CONTAINER.to_owned()),
            volume,
            data,
            pod_labels: self
                .pod_labels
                .as_ref()
                .map(|labels| labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()),
            release_label: text("releaseLabel").unwrap_or_else(|| INSTANCE.to_owned()),
            parallel: self.parallel.unwrap_or(false),
            told,
            policy: keys.get("podManagementPolicy").cloned(),
            force_boot: keys.get("forceBoot").cloned(),
            secret_keys,
        }
    }

    fn names_fit(&self, m: &mut Mistakes) {
        for (key, name) in TEXTS[..5].iter().filter_map(|key| Some((*key, self.texts.get(key)?))) {
            if !is_dns_name(name) {
                m.at_value(&[AT[0], AT[1], key], "expected a name of a-z, 0-9, `-` and `.`");
            }
        }
    }

    fn path(&self, key: &str, default: String, m: &mut Mistakes) -> String {
        let Some(&path) = self.texts.get(key) else { return default };
        let odd = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
        let path = path.trim_end_matches('/');
        if !path.starts_with('/')
            || path.contains(odd)
            || path.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."))
        {
            m.at_value(&[AT[0], AT[1], key], "expected an absolute path in the container such as /var/lib/rabbitmq");
        }
        path.to_owned()
    }

    fn labels_fit(&self, m: &mut Mistakes) {
        let release = self.texts.get("releaseLabel").filter(|label| !is_label(label));
        if release.is_some() {
            m.at_value(
                &[AT[0], AT[1], "releaseLabel"],
                "expected the name of a label such as app.kubernetes.io/instance",
            );
        }
        let odd = |(key, value): &&(&str, &str)| !is_label(key) || !is_label_value(value);
        if let Some((key, _)) = self.pod_labels.iter().flatten().find(odd) {
            m.at_value(&[AT[0], AT[1], "podLabels", *key], "expected a label's name and value");
        }
        if self.pod_labels.as_ref().is_some_and(Vec::is_empty) {
            m.at_value(
                &[AT[0], AT[1], "podLabels"],
                "expected one label at least; leave the key out for the usual ones",
            );
        }
    }

    /// The paths of values. No message repeats what stands there: somebody may take `password` for the password.
    fn keys(&self, m: &mut Mistakes) -> BTreeMap<&'static str, Key> {
        let mut keys: BTreeMap<&'static str, Key> = BTreeMap::new();
        for name in KEYS {
            let Some(text) = self.keys.get(name) else { continue };
            let key: Key = text.split('.').map(str::to_owned).collect();
            let fits = |step: &String| {
                !step.is_empty() && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            };
            if !key.iter().all(fits) {
                m.at_value(&at_key(name), "expected the path of a value such as auth.username");
            } else if let Some((other, _)) =
                keys.iter().find(|(other, there)| overlap(&key, there) && !may_share(name, other))
            {
                m.at_value(&at_key(name), format!("`{other}` has this value, or one within it, already"));
            }
            keys.insert(name, key);
        }
        keys
    }

    fn told(&self, name: &str) -> Option<Told> {
        Some(match name {
            "replicas" => Told::Replicas,
            "image" => Told::Image,
            "imageRegistry" => Told::Registry,
            "imageRepository" if self.keys.contains_key("imageRegistry") => Told::Repository,
            "imageRepository" => Told::WholeRepository,
            "imageTag" => Told::Tag,
            "storageClass" => Told::Class,
            "storageSize" => Told::Size,
            "username" => Told::Username,
            "passwordSecret" | "cookieSecret" => Told::Secret,
            "password" => Told::Text(Name::Password),
            "erlangCookie" => Told::Text(Name::ErlangCookie),
            // Turned on by a recovery, and read from `values:`.
            _ => return None,
        })
    }

    /// What mqctl has to tell every chart, and what this profile wants it to be told.
    fn keys_suffice(&self, file: &ProfileFile, m: &mut Mistakes) {
        let has = |name: &str| self.keys.contains_key(name);
        let mut missing = |name: &str, why: &str| m.at_value(&at_key(name), format!("missing: {why}"));
        if !has("replicas") {
            missing("replicas", "the value by which the chart is told how many nodes it has");
        }
        if !has("storageSize") {
            missing("storageSize", "the value by which the chart is told how large a volume is");
        }
        let parts = has("imageRepository") && has("imageTag");
        if !has("image") && !parts {
            missing("image", "the value for REPOSITORY:TAG, or else `imageRepository` and `imageTag`");
        }
        if file.class.is_some() && !has("storageClass") {
            missing("storageClass", "the profile has a `storage.class`, and the chart cannot be told");
        }
        for (secret, text) in [("passwordSecret", "password"), ("cookieSecret", "erlangCookie")] {
            if !has(secret) && !has(text) {
                missing(
                    secret,
                    &format!("the value for the name of an existing Secret, or else `{text}` for the text itself"),
                );
            }
        }
        if !has("username") && !has("passwordSecret") {
            missing("username", "the chart takes the first user's name from no Secret");
        }
        self.one_of_each(m);
    }

    fn one_of_each(&self, m: &mut Mistakes) {
        let pairs = [
            ("password", "passwordSecret"),
            ("erlangCookie", "cookieSecret"),
            ("imageRepository", "image"),
            ("imageTag", "image"),
            ("imageRegistry", "image"),
        ];
        for (name, other) in pairs {
            if self.keys.contains_key(name) && self.keys.contains_key(other) {
                m.at_value(&at_key(name), format!("`{other}` says it already; leave one of them out"));
            }
        }
    }

    /// Beside the keys that mqctl's Secret has anyway.
    fn secret_keys(&self, m: &mut Mistakes) -> Vec<(String, Held)> {
        let mut keys: Vec<(String, Held)> = Vec::new();
        for (name, &key) in &self.secret_keys {
            let held = match *name {
                "username" => Held::Username,
                "password" => Held::Secret(Name::Password),
                _ => Held::Secret(Name::ErlangCookie),
            };
            let there = holds(key).or_else(|| keys.iter().find(|(other, _)| other == key).map(|(_, held)| *held));
            if !is_label_value(key) || key.is_empty() {
                m.at_value(
                    &[AT[0], AT[1], "secretKeys", *name],
                    "expected a key of a Secret such as rabbitmq-password",
                );
            } else if there.is_some_and(|there| there != held) {
                m.at_value(&[AT[0], AT[1], "secretKeys", *name], "mqctl's Secret has something else under this key");
            } else if there.is_none() {
                keys.push((key.to_owned(), held));
            }
        }
        keys
    }
}

/// What mqctl's Secret has under a key in any case.
fn holds(key: &str) -> Option<Held> {
    let known = secret::KEYS.into_iter().find(|(known, _)| *known == key).map(|(_, name)| Held::Secret(name));
    let next = Name::BOTH.map(Name::next).into_iter().find(|name| name.secret_key() == key).map(Held::Secret);
    known.or(next).or_else(|| (key == "username").then_some(Held::Username))
}

fn at_key(name: &str) -> [&str; 4] {
    [AT[0], AT[1], "keys", name]
}

/// One existing Secret may hold both.
fn may_share(one: &str, other: &str) -> bool {
    [one, other].iter().all(|name| matches!(*name, "passwordSecret" | "cookieSecret"))
}

fn is_label(text: &str) -> bool {
    let name = text.split_once('/').map_or(Some(text), |(domain, name)| is_dns_name(domain).then_some(name));
    name.is_some_and(|name| !name.is_empty() && is_label_value(name))
}

fn is_label_value(text: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| end(c) || matches!(c, '.' | '_' | '-');
    text.len() <= 63 && text.chars().all(inner) && (text.is_empty() || (text.starts_with(end) && text.ends_with(end)))
}
