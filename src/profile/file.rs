//! What a profile says, typed but not yet judged. Wrong types and unknown keys are noted here.

use serde_json::{Map, Value};

use super::chart::known_dialects;
use super::custom::CustomFile;
use super::mistakes::{Mistakes, nearest};
use crate::yaml::{self, Document};

/// The file, key by key; nothing where the key is absent or its value of the wrong type.
pub(super) struct ProfileFile<'a> {
    pub(super) format: Option<i64>,
    pub(super) release: Option<&'a str>,
    pub(super) namespace: Option<&'a str>,
    pub(super) context: Option<&'a str>,
    pub(super) protected: Option<bool>,
    pub(super) chart_ref: Option<&'a str>,
    pub(super) chart_version: Option<&'a str>,
    pub(super) dialect: Option<&'a str>,
    pub(super) custom: Option<CustomFile<'a>>,
    pub(super) repository: Option<&'a str>,
    pub(super) tag: Option<&'a str>,
    pub(super) replicas: Option<i64>,
    pub(super) class: Option<&'a str>,
    pub(super) size: Option<&'a str>,
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<SourceFile<'a>>,
    pub(super) erlang_cookie: Option<SourceFile<'a>>,
    pub(super) expose: Option<ExposeFile<'a>>,
    pub(super) definitions: Option<&'a str>,
    pub(super) values: Map<String, Value>,
    pub(super) install: Option<&'a str>,
    pub(super) boot: Option<&'a str>,
}

/// A source of a secret.
pub(super) enum SourceFile<'a> {
    Env(&'a str),
    File(&'a str),
    Command(Vec<&'a str>),
    Secret { name: Option<&'a str>, key: Option<&'a str> },
}

/// The Service outside; its lists as they were written.
pub(super) struct ExposeFile<'a> {
    pub(super) kind: Option<&'a str>,
    pub(super) ip: Option<&'a str>,
    pub(super) ports: Option<Vec<&'a str>>,
    pub(super) source_ranges: Vec<&'a str>,
    pub(super) annotations: Vec<(&'a str, &'a str)>,
}

pub(super) const KEYS: [&str; 14] = [
    "format",
    "release",
    "namespace",
    "context",
    "protected",
    "chart",
    "image",
    "replicas",
    "storage",
    "credentials",
    "expose",
    "definitions",
    "values",
    "timeouts",
];
pub(super) const CHART: [&str; 4] = ["ref", "version", "dialect", "custom"];
pub(super) const IMAGE: [&str; 2] = ["repository", "tag"];
pub(super) const STORAGE: [&str; 2] = ["class", "size"];
pub(super) const CREDENTIALS: [&str; 3] = ["username", "password", "erlangCookie"];
pub(super) const EXPOSE: [&str; 5] = ["type", "ip", "ports", "sourceRanges", "annotations"];
pub(super) const SOURCES: [&str; 4] = ["env", "file", "command", "secret"];
pub(super) const SECRET: [&str; 2] = ["name", "key"];
pub(super) const TIMEOUTS: [&str; 2] = ["install", "boot"];

/// Keys that stand one level down, for those who write them at the top.
const INNER: [(&str, &[&str]); 6] = [
    ("chart", &CHART),
    ("image", &IMAGE),
    ("storage", &STORAGE),
    ("credentials", &CREDENTIALS),
    ("expose", &EXPOSE),
    ("timeouts", &TIMEOUTS),
];

/// What a text field wants, for the message when it holds something else.
#[derive(Clone, Copy)]
pub(super) enum Text<'t> {
    /// Any text: a number there lacks its quotes.
    Free,
    Form(&'t str),
}

const SIZE: Text<'static> = Text::Form("a size such as 8Gi");
const TIME: Text<'static> = Text::Form("a time such as 10m, 90s or 1h30m");
const SOURCE: &str = "a source: one of env, file, command, secret";
const NO_SECRETS_HERE: &str = "a password or cookie itself does not belong into this file";

impl<'a> ProfileFile<'a> {
    pub(super) fn read(document: &'a Document, m: &mut Mistakes) -> Self {
        let top = Section { document, at: Vec::new(), map: document.value.as_object() };
        top.refuse_unknown(&KEYS, m);
        let chart = top.section("chart", &CHART, m);
        let image = top.section("image", &IMAGE, m);
        let storage = top.section("storage", &STORAGE, m);
        let credentials = top.section("credentials", &CREDENTIALS, m);
        let timeouts = top.section("timeouts", &TIMEOUTS, m);
        Self {
            format: top.whole("format", m),
            release: top.text("release", Text::Free, m),
            namespace: top.text("namespace", Text::Free, m),
            context: top.text("context", Text::Free, m),
            protected: top.flag("protected", m),
            chart_ref: chart.text("ref", Text::Free, m),
            chart_version: chart.text("version", Text::Free, m),
            dialect: chart.text("dialect", Text::Form(&known_dialects()), m),
            custom: chart.custom(m),
            repository: image.text("repository", Text::Free, m),
            tag: image.text("tag", Text::Free, m),
            replicas: top.whole("replicas", m),
            class: storage.text("class", Text::Free, m),
            size: storage.text("size", SIZE, m),
            username: credentials.text("username", Text::Free, m),
            password: credentials.source("password", m),
            erlang_cookie: credentials.source("erlangCookie", m),
            expose: top.expose(m),
            definitions: top.text("definitions", Text::Form("a path"), m),
            values: top.map("values", m).cloned().unwrap_or_default(),
            install: timeouts.text("install", TIME, m),
            boot: timeouts.text("boot", TIME, m),
        }
    }
}

/// One mapping of the file and the way to it. Without a map everything in it is absent.
pub(super) struct Section<'a> {
    document: &'a Document,
    at: Vec<&'static str>,
    pub(super) map: Option<&'a Map<String, Value>>,
}

impl<'a> Section<'a> {
    fn path<'k>(&self, key: &'k str) -> Vec<&'k str> {
        let mut path: Vec<&'k str> = self.at.clone();
        path.push(key);
        path
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.map?.get(key)
    }

    fn refuse_unknown(&self, known: &[&str], m: &mut Mistakes) {
        let keys = self.map.into_iter().flat_map(Map::keys);
        for key in keys.filter(|key| !known.contains(&key.as_str()) && *key != "<<") {
            m.at_key(&self.path(key), self.unknown(key, known));
        }
    }

    fn unknown(&self, key: &str, known: &[&str]) -> String {
        let outer = |(section, keys): &(&str, &[&str])| keys.contains(&key).then(|| format!("{section}.{key}"));
        let moved = if self.at.is_empty() { INNER.iter().find_map(outer) } else { None };
        match moved.or_else(|| nearest(key, known).map(str::to_owned)) {
            Some(meant) => format!("unknown key; did you mean `{meant}`?"),
            None if known.len() < 5 => format!("unknown key; known here: {}", known.join(", ")),
            None => "unknown key".to_owned(),
        }
    }

    /// A mapping; one whose keys are all commented out is none.
    fn map(&self, key: &str, m: &mut Mistakes) -> Option<&'a Map<String, Value>> {
        match self.get(key)? {
            Value::Object(map) => Some(map),
            Value::Null => None,
            other => self.wrong(key, "a mapping", other, m),
        }
    }

    pub(super) fn section(&self, key: &'static str, known: &[&str], m: &mut Mistakes) -> Self {
        let section = Self { document: self.document, at: self.path(key), map: self.map(key, m) };
        section.refuse_unknown(known, m);
        section
    }

    pub(super) fn text(&self, key: &str, wanted: Text<'_>, m: &mut Mistakes) -> Option<&'a str> {
        match (self.get(key)?, wanted) {
            (Value::String(text), _) => Some(text),
            (other, Text::Form(form)) => self.wrong(key, form, other, m),
            (other @ (Value::Number(_) | Value::Bool(_)), Text::Free) => {
                let found = self.found(key, other);
                m.at_value(&self.path(key), format!("expected text, found {found}; quote it"));
                None
            }
            (other, Text::Free) => self.wrong(key, "text", other, m),
        }
    }

    fn whole(&self, key: &str, m: &mut Mistakes) -> Option<i64> {
        let value = self.get(key)?;
        value.as_i64().or_else(|| self.wrong(key, "a whole number", value, m))
    }

    pub(super) fn flag(&self, key: &str, m: &mut Mistakes) -> Option<bool> {
        let value = self.get(key)?;
        value.as_bool().or_else(|| self.wrong(key, "true or false", value, m))
    }

    /// Always nothing, for the place of the value.
    fn wrong<T>(&self, key: &str, wanted: &str, value: &Value, m: &mut Mistakes) -> Option<T> {
        let found = self.found(key, value);
        m.at_value(&self.path(key), format!("expected {wanted}, found {found}"));
        None
    }

    /// A value for a message. Those below `credentials`, and the keys of a custom chart, are named by their kind only:
    /// someone may have put the secret there.
    fn found(&self, key: &str, value: &Value) -> String {
        let kind = match value {
            Value::Null => return "nothing".to_owned(),
            Value::Array(_) => return "a list".to_owned(),
            Value::Object(_) => return "a mapping".to_owned(),
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
        };
        let path = self.path(key);
        if path.first() == Some(&"credentials") || path.starts_with(&["chart", "custom", "keys"]) {
            return kind.to_owned();
        }
        let written = self.document.plain(&self.path(key)).or(value.as_str());
        written.map_or_else(|| kind.to_owned(), |text| format!("`{}`", yaml::shown(text)))
    }
}

/// The Service outside.
impl<'a> Section<'a> {
    fn expose(&self, m: &mut Mistakes) -> Option<ExposeFile<'a>> {
        let section = self.section("expose", &EXPOSE, m);
        section.map?;
        Some(ExposeFile {
            kind: section.text("type", Text::Form("LoadBalancer or NodePort"), m),
            ip: section.text("ip", Text::Form("an IP address such as 192.168.1.39"), m),
            ports: section.words("ports", m),
            source_ranges: section.words("sourceRanges", m).unwrap_or_default(),
            annotations: section.labels("annotations", m).unwrap_or_default(),
        })
    }

    /// A list of words; a number there is taken as it was written, for the message that names it.
    fn words(&self, key: &str, m: &mut Mistakes) -> Option<Vec<&'a str>> {
        let value = self.get(key)?;
        let Some(items) = value.as_array() else { return self.wrong(key, "a list", value, m) };
        let mut words = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let index = index.to_string();
            let path = [&self.path(key)[..], &[&index]].concat();
            match item.as_str().or_else(|| self.document.plain(&path)) {
                Some(word) => words.push(word),
                None => m.at_value(&path, "expected text"),
            }
        }
        (words.len() == items.len()).then_some(words)
    }

    /// A mapping of texts, as Kubernetes has for labels and annotations.
    pub(super) fn labels(&self, key: &'static str, m: &mut Mistakes) -> Option<Vec<(&'a str, &'a str)>> {
        let map = self.map(key, m)?;
        let section = Self { document: self.document, at: self.path(key), map: Some(map) };
        Some(map.keys().filter_map(|key| Some((key.as_str(), section.text(key, Text::Free, m)?))).collect())
    }
}

/// The sources of secrets. No message here repeats anything of the file.
impl<'a> Section<'a> {
    fn source(&self, key: &'static str, m: &mut Mistakes) -> Option<SourceFile<'a>> {
        let path = self.path(key);
        let value = self.get(key)?;
        let Some(map) = value.as_object() else {
            let advice = if value.is_null() { "leave the key out for none" } else { NO_SECRETS_HERE };
            m.at_value(&path, format!("expected {SOURCE}; {advice}"));
            return None;
        };
        let section = Self { document: self.document, at: path.clone(), map: Some(map) };
        section.refuse_unknown_sources(m);
        let mut sources = map.keys().filter_map(|key| SOURCES.into_iter().find(|known| known == key));
        match (sources.next(), sources.next()) {
            (Some(kind), None) => section.source_of(kind, m),
            (None, _) if !map.is_empty() => None,
            _ => {
                m.at_value(&path, format!("expected exactly one of {}", SOURCES.join(", ")));
                None
            }
        }
    }

    fn refuse_unknown_sources(&self, m: &mut Mistakes) {
        let keys = self.map.into_iter().flat_map(Map::keys);
        for key in keys.filter(|key| !SOURCES.contains(&key.as_str()) && *key != "<<") {
            let text = format!("unknown source; one of {}", SOURCES.join(", "));
            m.at_key(&self.path(key), text);
        }
    }

    fn source_of(&self, kind: &'static str, m: &mut Mistakes) -> Option<SourceFile<'a>> {
        let variable = Text::Form("the name of a variable");
        match kind {
            "env" => self.text(kind, variable, m).map(SourceFile::Env),
            "file" => self.text(kind, Text::Form("a path"), m).map(SourceFile::File),
            "command" => self.command(kind, m).map(SourceFile::Command),
            _ => self.secret(kind, m),
        }
    }

    fn secret(&self, key: &'static str, m: &mut Mistakes) -> Option<SourceFile<'a>> {
        let at = self.path(key);
        let Some(map) = self.get(key)?.as_object() else {
            m.at_value(&at, "expected a mapping {name, key}");
            return None;
        };
        let secret = Self { document: self.document, at, map: Some(map) };
        secret.refuse_unknown(&SECRET, m);
        let name = secret.text("name", Text::Free, m);
        Some(SourceFile::Secret { name, key: secret.text("key", Text::Free, m) })
    }

    fn command(&self, key: &str, m: &mut Mistakes) -> Option<Vec<&'a str>> {
        let words = self.get(key)?.as_array();
        let words = words.and_then(|words| words.iter().map(Value::as_str).collect());
        if words.is_none() {
            m.at_value(&self.path(key), "expected a list of texts, the program and its arguments");
        }
        words
    }
}
