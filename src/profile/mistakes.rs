//! All mistakes of a profile: collecting them, and how they are shown.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::yaml::{self, Document, Mistake};

/// A profile that cannot be used, with all that is wrong in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError {
    pub path: PathBuf,
    /// Sorted by place; never empty.
    pub mistakes: Vec<Mistake>,
}

/// More mistakes than this are counted, not listed.
const LISTED: usize = 40;

/// The widest path that the column of paths is made wide for.
const WIDEST: usize = 28;

impl ProfileError {
    pub(super) fn new(path: &Path, mut mistakes: Vec<Mistake>) -> Self {
        for mistake in &mut mistakes {
            veil(&mut mistake.path);
        }
        Self { path: path.to_owned(), mistakes: yaml::sorted(mistakes) }
    }
}

impl ProfileError {
    /// Where to begin, for a file that lacks what every profile has; for others what marks mistakes as they are typed.
    pub fn hint(&self) -> String {
        let required = |mistake: &Mistake| matches!(mistake.path.as_str(), "" | "format" | "namespace");
        let absent = |mistake: &Mistake| mistake.text.starts_with("missing") || mistake.text == yaml::EMPTY;
        let lacks = self.mistakes.iter().any(|mistake| required(mistake) && absent(mistake));
        let hint = if lacks {
            "a whole profile can be two lines: `format: 1` and `namespace: rabbitmq`"
        } else {
            "mqctl profile schema   # a JSON Schema, for your editor"
        };
        hint.to_owned()
    }
}

impl std::error::Error for ProfileError {}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.mistakes.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        write!(f, "{} has {count} {noun}", self.path.display())?;
        let listed = self.mistakes.iter().take(LISTED);
        let width = listed.clone().map(|mistake| width(&mistake.path)).filter(|width| *width <= WIDEST);
        let width = width.max().unwrap_or(0);
        for mistake in listed {
            write!(f, "\n{}", line(mistake, width))?;
        }
        if count > LISTED {
            write!(f, "\n  and {} more", count - LISTED)?;
        }
        Ok(())
    }
}

/// Of a path in backticks.
fn width(path: &str) -> usize {
    path.chars().count() + 2
}

fn line(mistake: &Mistake, width: usize) -> String {
    let (line, column) = mistake
        .place
        .map_or_else(|| (String::new(), String::new()), |(line, column)| (line.to_string(), format!(":{column}")));
    if mistake.path.is_empty() {
        return format!("{line:>3}{column:<4} {}", mistake.text);
    }
    let path = format!("`{}`", mistake.path);
    format!("{line:>3}{column:<4} {path:width$}   {}", mistake.text)
}

/// The mistakes of one document while it is being read.
pub(super) struct Mistakes<'a> {
    document: &'a Document,
    list: Vec<Mistake>,
    /// Why nobody could look at the chart.
    pub(super) unseen: Option<anyhow::Error>,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(document: &'a Document, list: Vec<Mistake>) -> Self {
        Self { document, list, unseen: None }
    }

    /// A wrong value, or one that is missing: then at what should have held it.
    pub(super) fn at_value(&mut self, path: &[&str], text: impl Into<String>) {
        let place = Some(self.document.nearest_place(path));
        self.list.push(Mistake { place, path: dotted(path), text: text.into() });
    }

    /// A key that should not be there.
    pub(super) fn at_key(&mut self, path: &[&str], text: impl Into<String>) {
        let place = self.document.key_place(path);
        self.list.push(Mistake { place, path: dotted(path), text: text.into() });
    }

    pub(super) fn has(&self, path: &[&str]) -> bool {
        let path = dotted(path);
        self.list.iter().any(|mistake| mistake.path == path)
    }

    /// Adds the ambiguous words, where nothing else is wrong with them or with what holds them.
    pub(super) fn add_ambiguous(&mut self) {
        let known: HashSet<String> = self.list.iter().map(|mistake| mistake.path.clone()).collect();
        let new = |mistake: &Mistake| {
            !known.contains(&mistake.path) && !holders(&mistake.path).any(|path| known.contains(path))
        };
        self.list.extend(self.document.ambiguous().into_iter().filter(new));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn into_list(self) -> Vec<Mistake> {
        self.list
    }
}

fn dotted(path: &[&str]) -> String {
    path.iter().map(|step| yaml::shown(step)).collect::<Vec<_>>().join(".")
}

/// `a.b` and `a` for `a.b.c`.
fn holders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('.').map(|(end, _)| &path[..end])
}

/// The keys below `credentials`, for [`veil`].
const CREDENTIAL_WORDS: [&str; 9] =
    ["username", "password", "erlangCookie", "env", "file", "command", "secret", "name", "key"];

/// Cuts a path below `credentials` at the first step that is no key known there, nor like one:
/// `password: {hunter2}` makes the password a key.
fn veil(path: &mut String) {
    let Some(rest) = path.strip_prefix("credentials.") else {
        return;
    };
    let known = |step: &&str| {
        step.parse::<u8>().is_ok_and(|index| index < 10)
            || CREDENTIAL_WORDS.contains(step)
            || nearest(step, &CREDENTIAL_WORDS).is_some()
            || CREDENTIAL_WORDS.iter().any(|word| abbreviates(step, word))
    };
    let kept: Vec<&str> = rest.split('.').take_while(known).collect();
    *path = std::iter::once("credentials").chain(kept).collect::<Vec<_>>().join(".");
}

/// `cmd` for `command`: the same first letter, and the others in the same order.
fn abbreviates(short: &str, word: &str) -> bool {
    let mut letters = word.chars();
    short.len() >= 2
        && short.chars().next() == word.chars().next()
        && short.chars().all(|c| letters.any(|letter| letter == c))
}

/// The word that was meant, if one is near enough: one wrong letter, or one in three.
pub(super) fn nearest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    let lower = word.to_lowercase();
    let near = words.iter().map(|known| (strsim::osa_distance(&lower, &known.to_lowercase()), *known));
    let (distance, known) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= (known.len() / 3).max(1)).then_some(known)
}
