//! What is true of both secrets, and which of their homes does not say so yet. Pure.

use super::hearing::{Heard, Knower, Who};
use super::{Found, Origin};
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::plan::rotate::Next;
use crate::profile::Profile;
use crate::secret::{Fingerprint, Name, Secret, Vault};

/// Where the true secret is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    Known(Who),
    /// Nobody knows it, and a new one is as good: a cookie where no node runs, a password that somebody asked for.
    New,
}

/// What an adoption comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    pub cookie: Truth,
    pub password: Truth,
    /// Secrets that the secrets file lacks, or has others of.
    pub to_file: Vec<Name>,
    /// The secrets file has another secret than the true one, which must not be lost.
    pub replaces: bool,
    /// mqctl's Secret lacks a secret, or has another one.
    pub to_secret: bool,
    /// The fingerprints of what is replaced in mqctl's Secret.
    pub superseded: Vec<(Name, Fingerprint)>,
    /// Sources that mqctl does not write to, and what belongs there.
    pub foreign: Vec<(Name, String, Fingerprint)>,
    /// Where a new password comes from.
    pub next: Next,
    /// A broker has booted: it was the judge, and can be told a new password.
    pub booted: bool,
}

impl Adopted {
    pub fn truth(&self, name: Name) -> &Truth {
        match name {
            Name::ErlangCookie | Name::NextErlangCookie => &self.cookie,
            Name::Password | Name::NextPassword => &self.password,
        }
    }

    pub fn changes_nothing(&self) -> bool {
        self.to_file.is_empty() && !self.to_secret && self.password != Truth::New
    }
}

/// What is decided from, beside what was heard.
pub(crate) struct Given<'a> {
    pub(crate) profile: &'a Profile,
    /// Which secret comes from where on this side; its vault is among the knowers.
    pub(crate) found: &'a Found,
    pub(crate) new_password: bool,
    /// A pod that has laid a cookie already, though it cannot be asked.
    pub(crate) unheard: Option<&'a str>,
    /// The profile is on disk: other commands can be named that read it.
    pub(crate) written: bool,
}

impl Given<'_> {
    /// The way out that takes nothing but a file.
    fn put(&self, name: Name) -> String {
        let (file, key) = (self.found.file.display(), name.key());
        format!("put the one that it has into {file} (key {key}; chmod 600), then the same command again")
    }
}

/// Decides, and moves the true secrets together. Where nobody can judge, the first knower who has any is believed.
///
/// # Errors
/// A secret that nobody knows and that may not be made anew: exit 78, nothing changed.
pub(crate) fn decide(given: &Given<'_>, mut heard: Heard) -> Result<(Adopted, Vault), Failure> {
    let unfinished = knower(&heard, &Who::Cluster).is_some_and(|k| k.vault.get(Name::NextPassword).is_some());
    let cookie = cookie(given, &heard)?;
    let password = if unfinished && heard.booted { None } else { password(given, &heard)? };
    let adopted = compare(given, &heard, cookie, password, unfinished);
    if adopted.changes_nothing()
        && let Some(foreign) = adopted.foreign.first()
    {
        return Err(not_ours(given, foreign));
    }
    let vault = gather(&mut heard, cookie, password);
    Ok((adopted, vault))
}

fn knower<'a>(heard: &'a Heard, who: &Who) -> Option<&'a Knower> {
    heard.knowers.iter().find(|knower| knower.who == *who)
}

fn first_with(heard: &Heard, name: Name) -> Option<usize> {
    heard.knowers.iter().position(|knower| knower.vault.get(name).is_some())
}

/// Any cookie will do where no node runs with one.
fn cookie(given: &Given<'_>, heard: &Heard) -> Result<Option<usize>, Failure> {
    let known = if heard.answered { heard.cookie } else { first_with(heard, Name::ErlangCookie) };
    let Some(pod) = given.unheard.filter(|_| known.is_none() && !heard.answered) else { return Ok(known) };
    let name = &given.profile.name;
    let text = format!(
        "nobody knows the Erlang cookie, and `{pod}` has one but does not run to be asked; nothing was changed"
    );
    let failure = Failure::new(Outcome::Contradiction, text).code(Code::CredUnknown);
    if !given.written {
        return Err(failure.hint(given.put(Name::ErlangCookie)));
    }
    Err(failure
        .hint(format!("stop all nodes, volumes stay: mqctl delete {name}"))
        .hint(format!("then the same command again, and mqctl install {name}")))
}

fn password(given: &Given<'_>, heard: &Heard) -> Result<Option<usize>, Failure> {
    // What a pod holds of its own may be long out of date: it is believed with proof only.
    let told = |n: &usize| !matches!(heard.knowers[*n].who, Who::Broker(_));
    let known = if heard.booted { heard.password } else { first_with(heard, Name::Password).filter(told) };
    if known.is_some() {
        return Ok(known);
    }
    let name = &given.profile.name;
    if heard.answered && !heard.booted {
        let text = "nobody knows the password, and no node has booted that could prove or change it";
        let hint = if given.written {
            format!("mqctl status {name}   # the same command again when a node is ready")
        } else {
            given.put(Name::Password)
        };
        let failure = Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"));
        return Err(failure.hint(hint).code(Code::CredUnknown));
    }
    match given.found.origin(Name::Password) {
        _ if !given.new_password => Err(lost(given, heard)),
        Origin::Profile(source) => {
            let text =
                format!("the brokers refuse the password from {source}, and mqctl does not write a new one there");
            Err(Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"))
                .hint("leave `credentials.password` out of the profile, then run the same command again")
                .code(Code::CredMismatch))
        }
        _ => Ok(None),
    }
}

fn lost(given: &Given<'_>, heard: &Heard) -> Failure {
    let Profile { name, release, .. } = given.profile;
    let who = if heard.booted { "no password that is known lets anybody in" } else { "nobody knows the password" };
    let user = &given.profile.credentials.username;
    let then = if heard.booted { String::new() } else { format!(", then mqctl install {name}") };
    let failure =
        Failure::new(Outcome::Contradiction, format!("{who} as `{user}` of `{release}`; nothing was changed"))
            .code(Code::CredUnknown);
    if !given.written {
        return failure.hint(given.put(Name::Password));
    }
    failure
        .hint(format!("a new one for the same data: mqctl credentials adopt {name} --new-password{then}"))
        .hint(format!("or put the old one into {} (key password; chmod 600)", given.found.file_name()))
}

fn not_ours(given: &Given<'_>, (name, source, print): &(Name, String, Fingerprint)) -> Failure {
    let text = format!(
        "the {name} comes from {source}, which mqctl does not write: {} belongs there; nothing was changed",
        print.long()
    );
    Failure::new(Outcome::Contradiction, text)
        .hint(format!("mqctl credentials show {} --reveal   # shows it, from the Secret", given.profile.name))
        .code(Code::CredMismatch)
}

fn compare(
    given: &Given<'_>,
    heard: &Heard,
    cookie: Option<usize>,
    password: Option<usize>,
    unfinished: bool,
) -> Adopted {
    let truth = |index: Option<usize>| index.map_or(Truth::New, |n| Truth::Known(heard.knowers[n].who.clone()));
    let next = if unfinished { Next::Kept } else { Next::Generated };
    let (to_file, superseded, foreign) = (Vec::new(), Vec::new(), Vec::new());
    let mut adopted = Adopted {
        cookie: truth(cookie),
        password: truth(password),
        to_file,
        replaces: false,
        to_secret: false,
        superseded,
        foreign,
        next,
        booted: heard.booted,
    };
    for (name, index) in Name::BOTH.into_iter().zip([cookie, password]) {
        let of = |knower: &Knower| knower.vault.get(name).map(Secret::fingerprint);
        let truth = index.and_then(|n| of(&heard.knowers[n]));
        let theirs = knower(heard, &Who::Cluster).and_then(of);
        let ours = knower(heard, &Who::Local).and_then(of);
        note_home(&mut adopted, given, name, ours.as_ref(), truth.as_ref());
        note_secret(&mut adopted, name, theirs, truth.as_ref());
    }
    adopted
}

/// What this side has, against what is true; a new password finds its own way into the file.
fn note_home(
    adopted: &mut Adopted,
    given: &Given<'_>,
    name: Name,
    ours: Option<&Fingerprint>,
    truth: Option<&Fingerprint>,
) {
    if ours == truth && truth.is_some() {
        return;
    }
    if let (Origin::Profile(source), Some(print)) = (given.found.origin(name), truth) {
        adopted.foreign.push((name, source.clone(), print.clone()));
        return;
    }
    adopted.replaces |= ours.is_some();
    if truth.is_some() || name == Name::ErlangCookie {
        adopted.to_file.push(name);
    }
}

fn note_secret(adopted: &mut Adopted, name: Name, theirs: Option<Fingerprint>, truth: Option<&Fingerprint>) {
    if theirs.is_some() && theirs.as_ref() == truth {
        return;
    }
    adopted.to_secret = true;
    adopted.superseded.extend(theirs.map(|print| (name, print)));
}

/// The true secrets; where the password will be a new one, what mqctl's Secret has of old and new.
fn gather(heard: &mut Heard, cookie: Option<usize>, password: Option<usize>) -> Vault {
    let mut vault = Vault::default();
    let from_secret = heard.knowers.iter().position(|knower| knower.who == Who::Cluster);
    let wanted =
        [(Name::ErlangCookie, cookie), (Name::Password, password.or(from_secret)), (Name::NextPassword, from_secret)];
    for (name, index) in wanted {
        if let Some(secret) = index.and_then(|n| heard.knowers[n].vault.take(name)) {
            vault.put(name, secret);
        }
    }
    vault
}
