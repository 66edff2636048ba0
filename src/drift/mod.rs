//! In what a release is another one than its profile wants: by its revision, by its objects, by its brokers. Each
//! difference is named once, with what ends it. Pure.

use serde_json::{Value, json};

use crate::chart::{self, Names};
use crate::cluster::{Observed, Target};
use crate::definitions::Content;
use crate::profile::Profile;
use crate::program;
use crate::rabbitmq::{self, Answer};

mod broker;
mod live;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Values,
    Replicas,
    Image,
    Storage,
    StorageClass,
    Policy,
    Names,
    Service,
    Secret,
    Exposure,
    Username,
    /// A field that somebody changed beside helm.
    Field,
    Versions,
    User,
    Guest,
    FeatureFlags,
    Definitions,
}

impl Kind {
    /// For programs.
    fn word(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Replicas => "replicas",
            Self::Image => "image",
            Self::Storage => "storage",
            Self::StorageClass => "storageClass",
            Self::Policy => "podManagementPolicy",
            Self::Names => "publishedAddresses",
            Self::Service => "service",
            Self::Secret => "secret",
            Self::Exposure => "expose",
            Self::Username => "username",
            Self::Field => "field",
            Self::Versions => "versions",
            Self::User => "user",
            Self::Guest => "guest",
            Self::FeatureFlags => "featureFlags",
            Self::Definitions => "definitions",
        }
    }

    /// Who is another one than the profile.
    fn side(self) -> &'static str {
        match self {
            Self::Values | Self::Username => "release",
            Self::Versions | Self::User | Self::Guest | Self::FeatureFlags | Self::Definitions => "broker",
            _ => "objects",
        }
    }
}

/// What makes both the same again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The next upgrade, which `plan` shows.
    Upgrade(String),
    /// Another command.
    Command(String),
    /// A line of the profile.
    Profile(String),
}

impl End {
    fn as_str(&self) -> &str {
        match self {
            Self::Upgrade(text) | Self::Command(text) | Self::Profile(text) => text,
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Profile(line) => format!("{line}   # in the profile"),
            Self::Upgrade(command) | Self::Command(command) => program::said(command).into_owned(),
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: Kind,
    /// `StatefulSet/prodmq`, `user/guest`
    pub subject: String,
    pub wished: Option<String>,
    pub found: Option<String>,
    /// One sentence.
    pub message: String,
    pub end: End,
}

impl Difference {
    fn new(kind: Kind, subject: impl Into<String>, message: impl Into<String>, end: End) -> Self {
        Self { kind, subject: subject.into(), wished: None, found: None, message: message.into(), end }
    }

    fn between(mut self, wished: impl Into<String>, found: impl Into<String>) -> Self {
        (self.wished, self.found) = (Some(wished.into()), Some(found.into()));
        self
    }

    /// A field that the next upgrade takes back from somebody.
    pub(crate) fn taken_back(field: &str, manager: &str, profile: &Profile) -> Self {
        let message = format!("{field} was changed beside helm, by {manager}");
        Self::new(Kind::Field, field, message, upgrade(profile))
    }

    /// Whether a change of this field is what ends it.
    pub(crate) fn is_shown_by(&self, field: &str) -> bool {
        match self.kind {
            Kind::Replicas => field.ends_with("spec.replicas"),
            Kind::Image => field.rsplit('.').next() == Some("image"),
            Kind::Names => field.ends_with("publishNotReadyAddresses"),
            Kind::Service => false,
            _ => true,
        }
    }

    pub(crate) fn ends_with_an_upgrade(&self) -> bool {
        matches!(self.end, End::Upgrade(_))
    }

    /// On one line, with what ends it.
    pub(crate) fn in_words(&self) -> String {
        format!("{}: {}", self.message, self.end.in_words())
    }
}

fn upgrade(profile: &Profile) -> End {
    End::Upgrade(format!("mqctl upgrade {}", profile.name))
}

/// What is compared with a profile.
pub(crate) struct Compared<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) target: &'a Target,
    pub(crate) observed: &'a Observed,
    /// What the brokers that could be asked say, by pod.
    pub(crate) answers: Vec<(&'a str, &'a Answer)>,
    /// What the profile's file of definitions has, where there is one that can be read.
    pub(crate) definitions: Option<Content>,
}

impl Compared<'_> {
    fn names(&self) -> Names {
        chart::names(self.profile)
    }

    /// Everything that differs; nothing where nothing is installed.
    pub(crate) fn differences(&self) -> Vec<Difference> {
        if self.observed.set.is_none() {
            return Vec::new();
        }
        live::differences(self).into_iter().chain(broker::differences(self)).collect()
    }
}

/// What the brokers are asked beyond the usual, to be compared with these definitions.
pub(crate) fn questions(definitions: Option<&Content>) -> &'static str {
    let any = definitions.is_some_and(|content| !content.policies().is_empty());
    if any { rabbitmq::POLICIES } else { "" }
}

/// Whether an upgrade would put something right that its own comparison does not see.
pub(crate) fn is_mended_by_an_upgrade(profile: &Profile, target: &Target, observed: &Observed) -> bool {
    let compared = Compared { profile, target, observed, answers: Vec::new(), definitions: None };
    let all = compared.differences();
    all.iter().any(|one| one.ends_with_an_upgrade() && !matches!(one.kind, Kind::Values | Kind::Secret))
}

pub(crate) fn to_json<'a>(differences: impl IntoIterator<Item = &'a Difference>) -> Value {
    let one = |one: &Difference| {
        json!({
            "kind": one.kind.word(), "with": one.kind.side(), "subject": one.subject, "wished": one.wished,
            "found": one.found, "message": one.message, "fix": one.end.as_str(),
        })
    };
    differences.into_iter().map(one).collect()
}

/// The section of a page; nothing where nothing is to be told.
pub(crate) fn lines(differences: &[Difference]) -> Vec<String> {
    let of = |one: &Difference| {
        let (side, end) = (one.kind.side(), one.end.in_words());
        [format!("  {side:<7}  {}", one.message), format!("  {:<7}  fix: {end}", "")]
    };
    let lines: Vec<String> = differences.iter().flat_map(of).collect();
    let head = (!lines.is_empty()).then(|| "drift: what is other than the profile wants, and what ends it".to_owned());
    head.into_iter().chain(lines).collect()
}
