//! Definitions that the first install imports: virtual hosts, users, queues, policies, in RabbitMQ's own JSON. There are
//! hashes of passwords in it, so its content is never printed.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::rabbitmq::shovels;

/// A profile's file of definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definitions {
    pub file: PathBuf,
    /// The profile's own user, which is left out: its password is the profile's.
    pub but: String,
}

/// One kind of definition: its key in the file, its name for one of it, and the fields that tell one from the other.
struct Kind {
    key: &'static str,
    word: &'static str,
    identity: &'static [&'static str],
}

const fn kind(key: &'static str, word: &'static str, identity: &'static [&'static str]) -> Kind {
    Kind { key, word, identity }
}

/// Source: RabbitMQ documentation, Definition Export and Import.
const KINDS: [Kind; 10] = [
    kind("vhosts", "virtual host", &["name"]),
    kind("users", "user", &["name"]),
    kind("permissions", "permission", &["vhost", "user"]),
    kind("topic_permissions", "topic permission", &["vhost", "user", "exchange"]),
    kind("global_parameters", "global parameter", &["name"]),
    kind("parameters", "parameter", &["vhost", "component", "name"]),
    kind("policies", "policy", &["vhost", "name"]),
    kind("exchanges", "exchange", &["vhost", "name"]),
    kind("queues", "queue", &["vhost", "name"]),
    kind("bindings", "binding", &["vhost", "source", "destination_type", "destination", "routing_key"]),
];

/// What a file defines.
pub struct Content(Map<String, Value>);

impl fmt::Display for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "definitions of {}", self.file.display())
    }
}

impl Definitions {
    /// Where the profile names a file.
    pub(crate) fn of(profile: &Profile) -> Option<Self> {
        Some(Self { file: profile.definitions.clone()?, but: profile.credentials.username.clone() })
    }

    /// What the profile's file has, for whoever only compares: one that cannot be read has nothing.
    pub(crate) fn readable(profile: &Profile) -> Option<Content> {
        Self::of(profile)?.read().ok()
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// It cannot be read or is no export of RabbitMQ: with the place in it, and never with what stands there; exit 65.
    #[expect(clippy::disallowed_methods, reason = "door: reads the file that the profile names")]
    pub fn read(&self) -> Result<Content, Failure> {
        let wrong = |why: String| {
            let text = format!("`definitions`: `{}`: {why}", self.file.display());
            Failure::new(Outcome::BadProfile, text)
                .hint("rabbitmqctl export_definitions FILE   # writes such a file, on a broker that has them")
        };
        let text = fs_err::read(&self.file).map(Zeroizing::new).map_err(|error| wrong(reason(&error)))?;
        let mut content = Content::parse(&text).map_err(wrong)?;
        content.leave_out(&self.but);
        Ok(content)
    }
}

/// Without the path, which the message has already.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => kind.to_string(),
    }
}

impl Content {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| format!("no JSON at line {}, column {}", error.line(), error.column()))?;
        let Value::Object(map) = value else { return Err("expected a JSON object".to_owned()) };
        let content = Self(map);
        match KINDS.iter().find_map(|kind| content.against(kind)) {
            Some(why) => Err(why),
            None if KINDS.iter().all(|kind| content.of(kind).is_empty()) => {
                Err(format!("nothing to import: none of {}", KINDS.map(|kind| kind.key).join(", ")))
            }
            None => Ok(content),
        }
    }

    /// What a broker has exported, without this user; nothing where it is no export.
    pub(crate) fn of_broker(exported: Value, but: &str) -> Option<Self> {
        let Value::Object(map) = exported else { return None };
        let mut content = Self(map);
        content.leave_out(but);
        Some(content)
    }

    /// What is wrong with the entries of one kind.
    fn against(&self, kind: &Kind) -> Option<String> {
        let entries = self.0.get(kind.key)?;
        let Some(entries) = entries.as_array() else { return Some(format!("`{}`: expected a list", kind.key)) };
        let lacks = |(n, entry): (usize, &Value)| {
            let field = kind.identity.iter().find(|field| !entry[**field].is_string())?;
            Some(format!("`{}[{n}].{field}`: expected text; export the whole broker, not one virtual host", kind.key))
        };
        entries.iter().enumerate().find_map(lacks)
    }

    fn of(&self, kind: &Kind) -> &[Value] {
        self.0.get(kind.key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn policies(&self) -> &[Value] {
        self.0.get("policies").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn has_user(&self, name: &str) -> bool {
        let users = self.0.get("users").and_then(Value::as_array);
        users.is_some_and(|users| users.iter().any(|user| user["name"] == name))
    }

    /// With the user of a migration's shovels, and what it may: it is nobody's but theirs.
    fn leave_out(&mut self, user: &str) {
        for (key, field) in [("users", "name"), ("permissions", "user")] {
            if let Some(Value::Array(entries)) = self.0.get_mut(key) {
                entries.retain(|entry| entry[field] != shovels::USER && (key != "users" || entry[field] != user));
            }
        }
    }

    /// `2 users, 1 virtual host, 3 queues`
    pub fn summary(&self) -> String {
        let counted = KINDS.iter().filter(|kind| !self.of(kind).is_empty());
        counted.map(|kind| counted_words(self.of(kind).len(), kind.word)).collect::<Vec<_>>().join(", ")
    }

    /// Letters and digits that need no quoting in Erlang.
    pub(crate) fn base64(&self) -> Zeroizing<String> {
        let json = Zeroizing::new(Value::Object(self.0.clone()).to_string());
        Zeroizing::new(STANDARD.encode(json.as_bytes()))
    }

    /// What the broker does not have of it, as it exports itself: an import says that it succeeded without quorum queues.
    pub(crate) fn missing(&self, exported: &Value) -> Vec<String> {
        let of_kind = |kind: &Kind| {
            let there = exported[kind.key].as_array().map_or(&[][..], Vec::as_slice);
            let same = |a: &Value, b: &Value| kind.identity.iter().all(|field| a[*field] == b[*field]);
            let lacks = |entry: &&Value| !built_in(kind, entry) && !there.iter().any(|other| same(entry, other));
            self.of(kind).iter().filter(lacks).map(|entry| in_words(kind, entry)).collect::<Vec<_>>()
        };
        KINDS.iter().flat_map(of_kind).collect()
    }
}

/// The broker has these by itself, and does not export them.
fn built_in(kind: &Kind, entry: &Value) -> bool {
    let name = if kind.key == "bindings" { &entry["source"] } else { &entry["name"] };
    let own = |name: &str| name.is_empty() || name.starts_with("amq.");
    ["bindings", "exchanges"].contains(&kind.key) && name.as_str().is_some_and(own)
}

fn in_words(kind: &Kind, entry: &Value) -> String {
    let field = |field: &&str| entry[*field].as_str().unwrap_or_default().to_owned();
    format!("{} `{}`", kind.word, kind.identity.iter().map(field).collect::<Vec<_>>().join(" "))
}

fn counted_words(n: usize, word: &str) -> String {
    match (n, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (n, Some(stem)) => format!("{n} {stem}ies"),
        (n, None) => format!("{n} {word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn content(value: &Value) -> Result<Content, String> {
        Content::parse(value.to_string().as_bytes())
    }

    #[test]
    fn a_file_that_is_no_export_is_refused_by_its_place() {
        let why = |value: Value| content(&value).err().unwrap();
        assert_eq!(Content::parse(b"{\n  nonsense").err().unwrap(), "no JSON at line 2, column 3");
        assert_eq!(why(json!([])), "expected a JSON object");
        assert!(why(json!({"rabbit_version": "4.0.5"})).starts_with("nothing to import: none of vhosts, users"));
        assert_eq!(why(json!({"queues": {}})), "`queues`: expected a list");
        let of_one_virtual_host = why(json!({"queues": [{"name": "orders"}]}));
        assert!(of_one_virtual_host.starts_with("`queues[0].vhost`: expected text"), "{of_one_virtual_host}");
    }

    #[test]
    fn what_the_broker_lacks_is_named() {
        let mut wished = content(&json!({
            "users": [{"name": "shop"}, {"name": "user"}, {"name": "mqctl-migrate"}],
            "permissions": [{"user": "mqctl-migrate", "vhost": "/"}],
            "exchanges": [{"name": "amq.topic", "vhost": "/"}],
            "policies": [{"name": "all", "vhost": "/"}, {"name": "some", "vhost": "/"}],
            "queues": [{"name": "orders", "vhost": "/", "type": "quorum"}],
        }))
        .unwrap();
        wished.leave_out("user");
        assert_eq!(wished.summary(), "1 user, 2 policies, 1 exchange, 1 queue");
        let there = json!({"users": [{"name": "shop"}], "policies": [{"name": "all", "vhost": "/"}], "queues": []});
        assert_eq!(wished.missing(&there), ["policy `/ some`", "queue `/ orders`"]);
    }
}
