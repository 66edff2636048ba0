//! Who looks at a chart that a profile names: at its files, by asking helm, and in doubt the person.

use anyhow::Result;

use super::local::first_document;
use super::reference::{Home, Located, Wanted};
use super::{Described, Dialect, describe};
use crate::ask::{self, Person};
use crate::error::Failure;
use crate::helm;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::{Program, Reply, Tools};
use crate::report;
use crate::secret::Vault;

/// When helm is asked what a chart says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Where the profile and the chart's reference do not say enough: most verbs need its names alone.
    InDoubt,
    /// In any case: the chart is going to be used.
    Always,
    /// In any case, and where there is no answer, what the reference says will do.
    IfReachable,
}

/// Why it is not known what a chart is.
#[derive(Debug)]
pub enum Unseen {
    /// What is wrong with the reference: a part of a sentence.
    Mistake(String),
    /// Nobody can tell whose keys it has: a part of a sentence.
    Doubt(String),
    /// Helm could not be asked, or has no such chart; the person left.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Unseen {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Somebody who looks at charts.
pub(crate) struct Eyes<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) person: Person,
    pub(crate) asking: Asking,
}

impl Eyes<'_> {
    /// Looks at a chart as far as it is needed.
    ///
    /// # Errors
    /// See [`Unseen`].
    pub(crate) fn look(&self, wanted: &Wanted) -> Result<Described, Unseen> {
        match (&wanted.home, self.asking, wanted.presumed.clone()) {
            (Home::Here(path), ..) if !wanted.home.is_packed() => {
                self.without_doubt(wanted, describe(path).map_err(Unseen::Mistake)?)
            }
            (_, Asking::InDoubt, Some(described)) => Ok(described),
            (_, Asking::IfReachable, Some(described)) => match self.asked(wanted) {
                Err(Unseen::Failed(error)) => Ok(Described { unasked: Some(error.to_string()), ..described }),
                seen => seen,
            },
            _ => self.asked(wanted),
        }
    }

    /// What helm says of a chart that is packed or elsewhere.
    fn asked(&self, wanted: &Wanted) -> Result<Described, Unseen> {
        self.tools.require(&Program::Helm)?;
        let located =
            Located { at: wanted.home.name(), version: wanted.version.clone().filter(|_| wanted.home.is_remote()) };
        let calls = [helm::show("chart", &located), helm::show("values", &located)];
        let replies = self.tools.run_all(&calls, &Vault::default()).into_iter().collect::<Result<Vec<_>>>()?;
        if let Some(refused) = replies.iter().find(|reply| !reply.ok()) {
            return Err(unavailable(wanted, refused));
        }
        let [about, values] = [0, 1].map(|which| first_document(&replies[which].stdout));
        self.without_doubt(wanted, Described::read(&about, &values).map_err(Unseen::Mistake)?)
    }

    fn without_doubt(&self, wanted: &Wanted, described: Described) -> Result<Described, Unseen> {
        match (doubt(wanted, &described), self.person) {
            (None, _) => Ok(described),
            (Some(doubt), Person::There) => Ok(Described { dialect: Some(chosen(wanted, &doubt)?), ..described }),
            (Some(doubt), Person::Absent) => Err(Unseen::Doubt(doubt)),
        }
    }
}

/// What the reference, the profile and the files on this machine say, with nobody asked.
///
/// # Errors
/// See [`Unseen`].
pub(crate) fn look_here(wanted: &Wanted) -> Result<Described, Unseen> {
    match (&wanted.home, wanted.presumed.clone()) {
        (Home::Here(path), _) if !wanted.home.is_packed() => {
            let described = describe(path).map_err(Unseen::Mistake)?;
            doubt(wanted, &described).map_or(Ok(described), |doubt| Err(Unseen::Doubt(doubt)))
        }
        (_, Some(described)) => Ok(described),
        (_, None) => {
            let text = format!("`{}`: helm was not asked what it is", wanted.home.name());
            Err(Unseen::Failed(Failure::new(Outcome::Unreachable, text).into()))
        }
    }
}

/// Reference and chart have to agree whose keys it has; the profile's own word counts more than both.
fn doubt(wanted: &Wanted, described: &Described) -> Option<String> {
    if wanted.said.is_some() {
        return None;
    }
    let by_name = wanted.presumed.as_ref().and_then(|presumed| presumed.dialect).map(Dialect::word);
    match (by_name, described.dialect.map(Dialect::word)) {
        (None, None) => Some("it cannot be told which keys this chart has".to_owned()),
        (Some(one), None) => Some(format!("it is called as `{one}` is, and has other keys")),
        (Some(one), Some(other)) if one != other => {
            Some(format!("it is called as `{one}` is, and has the keys of `{other}`"))
        }
        _ => None,
    }
}

/// The person knows.
fn chosen(wanted: &Wanted, doubt: &str) -> Result<Dialect, Unseen> {
    let words = Dialect::ALL.map(Dialect::word);
    let items: Vec<String> = words.into_iter().chain(["none of these"]).map(str::to_owned).collect();
    report::say(&format!("`{}`: {doubt}", wanted.home.name()));
    let choice = ask::choice("Whose keys does it have", &items)?;
    let dialect = Dialect::ALL.get(choice).copied().ok_or_else(|| Unseen::Doubt(doubt.to_owned()))?;
    report::say(&format!("to be asked no more, add to the profile: chart: {{dialect: {}}}", dialect.word()));
    Ok(dialect)
}

/// Helm's own words, and what to do about them. What lies on this machine is the profile's to name.
fn unavailable(wanted: &Wanted, reply: &Reply) -> Unseen {
    let name = wanted.home.name();
    let words = kubectl::last_words(reply);
    let Home::Remote(reference) = &wanted.home else { return Unseen::Mistake(format!("helm: {words}")) };
    let version = wanted.version.as_deref().unwrap_or_default();
    let text = format!("no chart `{name}` {version}: helm: {words}; nothing was changed");
    let failure = Failure::new(Outcome::Unreachable, text);
    let Some(repository) = wanted.home.repository() else {
        let host = reference.split('/').nth(2).unwrap_or_default();
        return Unseen::Failed(failure.hint(format!("helm registry login {host}   # where it wants a login")).into());
    };
    let hint = if words.contains(&format!("repo {repository} not found")) {
        format!("helm repo add {repository} URL   # the address that the chart's own pages name")
    } else {
        format!("helm repo update {repository} && helm search repo {name} --versions")
    };
    Unseen::Failed(failure.hint(hint).into())
}
