//! A profile that is about to be written: the answers, and the file with a comment on each field. Pure.

use std::path::Path;

use serde_json::{Map, Value};
use similar::TextDiff;

use super::{Credentials, FORMAT, Image, LoadError, Look, Mistake, Profile, ProfileError, Storage, read_with};
use crate::chart::{Unseen, Wanted};
use crate::yaml;

/// A field that `init` asks for or takes a flag for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Namespace,
    Context,
    Repository,
    Tag,
    Replicas,
    Class,
    Size,
    Username,
}

impl Field {
    pub const ALL: [Self; 8] = [
        Self::Namespace,
        Self::Context,
        Self::Repository,
        Self::Tag,
        Self::Replicas,
        Self::Class,
        Self::Size,
        Self::Username,
    ];

    /// As mistakes name it.
    pub fn path(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Context => "context",
            Self::Repository => "image.repository",
            Self::Tag => "image.tag",
            Self::Replicas => "replicas",
            Self::Class => "storage.class",
            Self::Size => "storage.size",
            Self::Username => "credentials.username",
        }
    }

    pub fn flag(self) -> &'static str {
        match self {
            Self::Namespace => "--namespace",
            Self::Context => "--kube-context",
            Self::Repository => "--image-repository",
            Self::Tag => "--image-tag",
            Self::Replicas => "--replicas",
            Self::Class => "--storage-class",
            Self::Size => "--size",
            Self::Username => "--username",
        }
    }

    /// What holds without an answer; context and class have no default of their own.
    pub fn default(self) -> Option<&'static str> {
        match self {
            Self::Namespace => Some("rabbitmq"),
            Self::Repository => Some(Image::REPOSITORY),
            Self::Tag => Some(Image::TAG),
            Self::Replicas => Some("3"),
            Self::Size => Some(Storage::SIZE),
            Self::Username => Some(Credentials::USERNAME),
            Self::Context | Self::Class => None,
        }
    }
}

/// A profile before it is a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub profile: Profile,
    /// The file's whole text.
    pub text: String,
}

/// The answers of one `init`: fields without one stay at their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    fields: Vec<(Field, String)>,
    made: Option<Made>,
}

/// What a release that helm made elsewhere says beyond the answers, or one that takes over from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub release: String,
    /// `chart.ref`
    pub chart: String,
    /// Only where the chart is not the built-in one.
    pub version: Option<String>,
    /// Only where the chart itself does not tell.
    pub dialect: Option<&'static str>,
    pub values: Map<String, Value>,
}

impl Answers {
    pub fn get(&self, field: Field) -> Option<&str> {
        self.fields.iter().find(|(f, _)| *f == field).map(|(_, text)| text.as_str())
    }

    #[must_use]
    pub fn with(mut self, field: Field, text: impl Into<String>) -> Self {
        self.fields.retain(|(f, _)| *f != field);
        self.fields.push((field, text.into()));
        self
    }

    /// The profile is that of a release which is there.
    #[must_use]
    pub fn of(mut self, made: Made) -> Self {
        self.made = Some(made);
        self
    }

    /// The profile that these answers make, by the same checks as any other.
    ///
    /// # Errors
    /// Every answer that does not fit.
    pub fn draft(&self, path: &Path, look: Look<'_>) -> Result<Draft, ProfileError> {
        let text = self.text(&super::name_of(path));
        let unseen = |words: String| Mistake { place: None, path: "chart.ref".to_owned(), text: words };
        let profile = read_with(&text, path, look).map_err(|error| match error {
            LoadError::Mistaken(error) => error,
            other => ProfileError::new(path, vec![unseen(other.to_string())]),
        })?;
        Ok(Draft { profile, text })
    }

    /// Why a field cannot have this answer.
    pub fn refusal(&self, field: Field, text: &str) -> Option<String> {
        let nobody = |_: &Wanted| Err(Unseen::Mistake(String::new()));
        let error = self.clone().with(field, text).draft(Path::new("draft.yaml"), &nobody).err()?;
        error.mistakes.into_iter().find(|mistake| mistake.path == field.path()).map(|mistake| mistake.text)
    }

    /// The file. Removing `# ` from the front of a line switches its field on.
    fn text(&self, name: &str) -> String {
        let head = format!(
            "# What is wished of the RabbitMQ cluster `{name}`. No secret stands here, so it is safe to commit.\n# A line that is commented out shows a default, or an example.\n\n"
        );
        let lines = LINES.iter().map(|line| self.line(line, name));
        head + &lines.collect::<String>()
    }

    fn line(&self, line: &Line, name: &str) -> String {
        let Some((value, stands)) = self.held(&line.holds, name) else { return String::new() };
        let text = format!("{}: {value}", line.key);
        let mark = if stands { "" } else { "# " };
        let comment = self.comment(line, name);
        let line = format!("{:<36} # {comment}\n", format!("{mark}{}", text.trim_end()));
        line + &self.below(stands, text.trim_end())
    }

    /// What the built-in chart takes is no help with another one.
    fn comment(&self, line: &Line, name: &str) -> String {
        match (&line.holds, &self.made) {
            (Holds::Values, Some(made)) if made.version.is_some() => "anything else for the chart".to_owned(),
            _ => line.comment.replace("NAME", name),
        }
    }

    /// The value, and whether the line is switched on; nothing for a line that only a release from elsewhere has.
    fn held(&self, holds: &Holds, name: &str) -> Option<(String, bool)> {
        let made = self.made.as_ref();
        let or = |text: Option<&str>, example: &str| match text {
            Some(text) => (yaml::scalar(text), true),
            None => (example.to_owned(), false),
        };
        Some(match holds {
            Holds::Format => (FORMAT.to_string(), true),
            Holds::Release => or(made.map(|made| made.release.as_str()).filter(|release| *release != name), name),
            Holds::Example(text) => ((*text).to_owned(), false),
            Holds::Section(fields) => (String::new(), fields.iter().any(|field| self.get(*field).is_some())),
            Holds::Chart => (String::new(), made.is_some()),
            Holds::Ref(example) => or(made.map(|made| made.chart.as_str()), example),
            Holds::Version => (yaml::scalar(made?.version.as_ref()?), true),
            Holds::Dialect => (made?.dialect?.to_owned(), true),
            Holds::Values if made.is_some_and(|made| !made.values.is_empty()) => (String::new(), true),
            Holds::Values => ("{}".to_owned(), false),
            Holds::Answer(field, example) => self.value(*field, example),
        })
    }

    /// The values of a release, below the line of their key.
    fn below(&self, stands: bool, line: &str) -> String {
        let made = self.made.as_ref().filter(|_| stands && line == "values:");
        made.map_or_else(String::new, |made| yaml::block(&made.values, 2))
    }

    fn value(&self, field: Field, example: &str) -> (String, bool) {
        let answer = self.get(field).or_else(|| field.default().filter(|_| field == Field::Namespace));
        match answer {
            Some(number) if field == Field::Replicas && number.parse::<i64>().is_ok() => (number.to_owned(), true),
            Some(text) => (yaml::scalar(text), true),
            None => (field.default().unwrap_or(example).to_owned(), false),
        }
    }
}

/// One line of the file.
struct Line {
    /// With its indentation.
    key: &'static str,
    holds: Holds,
    comment: &'static str,
}

/// What stands behind a key.
enum Holds {
    Format,
    /// The profile's name, unless the release has another one.
    Release,
    /// Of a release that helm made elsewhere.
    Chart,
    Ref(&'static str),
    Version,
    Dialect,
    Values,
    Section(&'static [Field]),
    /// The answer; an example for a field that has no default.
    Answer(Field, &'static str),
    Example(&'static str),
}

const fn line(key: &'static str, holds: Holds, comment: &'static str) -> Line {
    Line { key, holds, comment }
}

const LINES: [Line; 28] = [
    line("format", Holds::Format, "of this file"),
    line("release", Holds::Release, "of Helm; StatefulSet, Services and pods are named after it"),
    line("namespace", Holds::Answer(Field::Namespace, ""), "is created if it is not there"),
    line("context", Holds::Answer(Field::Context, "prod-eu1"), "the only kube context to act on; without it any"),
    line("protected", Holds::Example("false"), "true: what destroys data takes the name typed at a terminal"),
    line("chart", Holds::Chart, "which chart is installed"),
    line("  ref", Holds::Ref("builtin"), "builtin is the one inside mqctl: mqctl inspect --chart"),
    line("  version", Holds::Version, "the one that made the release"),
    line("  dialect", Holds::Dialect, "whose keys it has"),
    line("image", Holds::Section(&[Field::Repository, Field::Tag]), "what the broker runs"),
    line(
        "  repository",
        Holds::Answer(Field::Repository, ""),
        "without its tag; for the built-in chart laid out like the official one",
    ),
    line("  tag", Holds::Answer(Field::Tag, ""), "its version; the built-in chart takes 3.10 to 4.3"),
    line("replicas", Holds::Answer(Field::Replicas, ""), "nodes, 1 to 9; take an odd number"),
    line("storage", Holds::Section(&[Field::Class, Field::Size]), "the volume of each node"),
    line("  class", Holds::Answer(Field::Class, "standard"), "StorageClass; without it the cluster's default one"),
    line("  size", Holds::Answer(Field::Size, ""), "64Mi or more"),
    line("credentials", Holds::Section(&[Field::Username]), "sources only; no password belongs here"),
    line("  username", Holds::Answer(Field::Username, ""), "the broker's first user"),
    line("  password", Holds::Example("{env: PASSWORD}"), "or file, command, secret; without it NAME.secrets.yaml"),
    line("  erlangCookie", Holds::Example("{env: COOKIE}"), "the same for the Erlang cookie"),
    line("expose", Holds::Section(&[]), "a Service for clients outside the cluster; without it none"),
    line("  type", Holds::Example("LoadBalancer"), "or NodePort; more: mqctl expose --help"),
    line("  sourceRanges", Holds::Example("[10.0.0.0/8]"), "the networks that may come in"),
    line("definitions", Holds::Example("definitions.json"), "users, queues, policies for the first install"),
    line("values", Holds::Values, "anything else for the chart: mqctl inspect --chart"),
    line("timeouts", Holds::Section(&[]), "how long an install waits"),
    line("  install", Holds::Example("10m"), "for helm's own part"),
    line("  boot", Holds::Example("10m"), "from the start of the pods to one cluster"),
];

/// What two files say differently, as a unified diff; comments and the order of keys say nothing.
pub fn difference(path: &Path, there: &str, wished: &str) -> String {
    let [there, wished] = [there, wished].map(|text| yaml::canonical(text).unwrap_or_default());
    let diff = TextDiff::from_lines(&there, &wished);
    let text = diff.unified_diff().context_radius(1).header(&path.display().to_string(), "these answers").to_string();
    text.trim_end().to_owned()
}
