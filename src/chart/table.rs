//! What a family of charts is like, as data: one table a family, with a span of versions where versions differ. Pure.

use serde_json::Value;

use super::dialect::Told;
use super::version::{Span, Version};

/// A key of a chart's values, step by step.
pub(crate) type Path = &'static [&'static str];

/// What one family calls things, where it has them, and what its defaults get wrong.
#[derive(Debug)]
pub(crate) struct Table {
    /// The versions that this table was made from.
    pub(crate) known: Span,
    /// Why older ones are refused.
    pub(crate) older: &'static str,
    /// Keys that its default values have, and those of no other family.
    pub(crate) marks: &'static [Path],
    /// What `home` or `sources` of its Chart.yaml have in them.
    pub(crate) origin: &'static str,
    /// The label of the chart's name, and that of the release's.
    pub(crate) labels: (&'static str, &'static str),
    /// What follows the full name in the name of the Service by which nodes find each other.
    pub(crate) headless: &'static str,
    /// The claim template.
    pub(crate) claim: &'static str,
    pub(crate) places: &'static [Place],
    /// The user that the broker runs as.
    pub(crate) user: u32,
    pub(crate) told: &'static [Key],
    /// Characters that a password may have on its way through the chart.
    pub(crate) passwords: &'static [Passwords],
    pub(crate) force_boot: ForceBoot,
    /// Pods that are not ready have names too: nodes which wait for each other meet.
    pub(crate) publishes: Span,
    /// The pods are created at once by default.
    pub(crate) parallel: Span,
    /// The Erlang cookie is laid on a volume once: another one in the Secret reaches no node.
    pub(crate) lays_cookie_once: bool,
    /// A node that stops waits until no queue loses its majority by it.
    pub(crate) stops_gently: Span,
    /// Where a first user's name can stand whom mqctl names in its Secret, and who it is where nobody is named.
    pub(crate) other_user: Option<(Path, &'static str)>,
    pub(crate) corrections: &'static [Correction],
    pub(crate) kept: &'static [Kept],
    pub(crate) unread: &'static [Unread],
}

/// Where the broker's container has its volume, and the folder with the nodes' folders.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) versions: Span,
    pub(super) volume: &'static str,
    pub(super) base: &'static str,
}

/// A key that mqctl sets from the profile.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) versions: Span,
    pub(crate) path: Path,
    pub(crate) told: Told,
}

/// What becomes of a password in a chart that does not quote it.
#[derive(Debug)]
pub(crate) struct Passwords {
    pub(super) versions: Span,
    pub(super) fits: fn(char) -> bool,
    /// What the chart does with it, and what gets through.
    pub(super) why: &'static str,
}

/// A force boot by the chart itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ForceBoot {
    /// At every start of a node with data, as long as this key is on.
    Key(Path),
    /// Why there is none that helps; goes on behind the family's name.
    Useless(&'static str),
}

/// A default that leads to trouble, and what mqctl sets instead, unless the profile says otherwise.
#[derive(Debug)]
pub(crate) struct Correction {
    pub(super) versions: Span,
    /// Of the broker; one that no tag tells is one of them.
    pub(super) brokers: Span,
    pub(super) path: Path,
    pub(super) value: Fixed,
    /// A key of the profile's that leaves the default without effect.
    pub(super) unless: Option<Path>,
    pub(super) why: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fixed {
    On,
    Number(u32),
    Text(&'static str),
}

impl Fixed {
    pub(super) fn value(self) -> Value {
        match self {
            Self::On => true.into(),
            Self::Number(number) => number.into(),
            Self::Text(text) => text.into(),
        }
    }
}

/// A key that has to stay as the chart has it, because mqctl or its Secret goes by it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(super) versions: Span,
    pub(super) path: Path,
    pub(super) why: &'static str,
}

/// A key of other versions or families, which these take without a word and do not read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(super) versions: Span,
    pub(super) path: Path,
    /// What they read instead, if there is any such thing.
    pub(super) instead: &'static str,
}

pub(super) const fn key(versions: Span, path: Path, told: Told) -> Key {
    Key { versions, path, told }
}

pub(super) const fn kept(versions: Span, path: Path, why: &'static str) -> Kept {
    Kept { versions, path, why }
}

pub(super) const fn unread(versions: Span, path: Path, instead: &'static str) -> Unread {
    Unread { versions, path, instead }
}

/// No such thing.
pub(super) const NOTHING: &str = "";

/// Why a secret stays out of the profile's values.
pub(super) const NO_SECRET: &str = "no secret stands in a profile: see `credentials`";
/// Why nothing else may give the nodes their volumes.
pub(super) const OWN_VOLUMES: &str = "each node needs a volume of its own; leave the key out";
/// Why places and names stay as they are.
pub(super) const LOOKED_FOR: &str = "mqctl looks for it where the chart has it; leave the key out";
/// Why keys of mqctl's Secret stay as they are.
pub(super) const OWN_SECRET: &str = "mqctl's Secret has the key that the chart looks for; leave this out";

/// What a liveness probe that wants a booted node gets as its delay, so that it kills nobody before 750 s: a node waits 300 s for its
/// peers and then ends by itself, and RabbitMQ 3.10 was seen to do so after 716 s. One that hangs later is found as soon as before.
pub(super) const PATIENT: Fixed = Fixed::Number(600);

impl Table {
    /// What a chart of this version is told.
    pub(crate) fn told(&self, version: Version) -> impl Iterator<Item = (Path, Told)> {
        self.told.iter().filter(move |key| key.versions.has(version)).map(|key| (key.path, key.told))
    }

    /// Every version has one.
    pub(super) fn place(&self, version: Version) -> (&'static str, &'static str) {
        let place = self.places.iter().find(|place| place.versions.has(version));
        place.or(self.places.last()).map_or(("", ""), |place| (place.volume, place.base))
    }

    /// Keys that a chart of this version takes and does not read.
    pub(crate) fn unread(&self, version: Version) -> impl Iterator<Item = Path> {
        self.unread.iter().filter(move |unread| unread.versions.has(version)).map(|unread| unread.path)
    }

    /// Keys that the profile's `values:` may not have, and what is to be said of each.
    pub(crate) fn refused(&self, version: Version) -> impl Iterator<Item = (Path, String)> {
        let kept = self.kept.iter().filter(move |kept| kept.versions.has(version));
        let unread = self.unread.iter().filter(move |unread| unread.versions.has(version));
        kept.map(|kept| (kept.path, kept.why.to_owned())).chain(unread.map(|unread| (unread.path, unread.in_words())))
    }
}

impl Unread {
    fn in_words(&self) -> String {
        if self.instead.is_empty() {
            return "this chart does not read the key, and has none for it".to_owned();
        }
        format!("this chart does not read the key; use `{}`", self.instead)
    }
}
