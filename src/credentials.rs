//! Both secrets of a release: found in the order that the design names, compared, or planned to be generated.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cluster::{Noted, Observed};
use crate::context::Context;
use crate::error::{self, Failure};
use crate::explain::Code;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::{Call, Program};
use crate::profile::{Profile, Source};
use crate::rabbitmq::Answer;
use crate::secret::{self, Name, Secret, Vault};

pub mod adoption;
pub mod agreement;
pub(crate) mod hearing;
pub(crate) mod rotation;

use agreement::Witness;

/// Where a secret was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A source in the profile.
    Profile(String),
    /// The secrets file beside the profile.
    File,
    /// mqctl's own Secret in the cluster.
    Cluster,
    /// Nowhere: it will be generated when the plan is carried out.
    Generated,
}

/// What was found, and what has to be written where.
#[derive(Debug)]
pub struct Found {
    pub vault: Vault,
    pub origins: Vec<(Name, Origin)>,
    pub file: PathBuf,
    /// mqctl's Secret holds both already, the same as here.
    pub in_cluster: bool,
}

impl Found {
    pub fn origin(&self, name: Name) -> &Origin {
        let found = self.origins.iter().find(|(n, _)| *n == name);
        found.map_or(&Origin::Generated, |(_, origin)| origin)
    }

    fn from(&self, wanted: &Origin) -> Vec<Name> {
        Name::BOTH.into_iter().filter(|&n| self.origin(n) == wanted).collect()
    }

    /// Secrets that nobody has yet.
    pub fn to_generate(&self) -> Vec<Name> {
        self.from(&Origin::Generated)
    }

    /// Secrets that the cluster alone has: the secrets file was lost.
    pub fn to_keep(&self) -> Vec<Name> {
        self.from(&Origin::Cluster)
    }

    pub fn file_name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// For the plan: where both come from.
    pub fn in_words(&self) -> String {
        let word = |name| match self.origin(name) {
            Origin::Profile(source) => source.clone(),
            // What was found elsewhere is written there by the step before.
            Origin::File | Origin::Cluster | Origin::Generated => self.file_name(),
        };
        let (cookie, password) = (word(Name::ErlangCookie), word(Name::Password));
        if cookie == password {
            format!("cookie and password from {cookie}")
        } else {
            format!("cookie from {cookie}, password from {password}")
        }
    }
}

/// What the profile's own sources and the secrets file say, without a look at the cluster.
///
/// # Errors
/// A source that fails, a secrets file with mistakes.
pub(crate) fn local(cx: &Context, profile: &Profile) -> Result<Found> {
    let file = secret::file_of(&profile.path, &profile.name);
    let mut found = Found { vault: Vault::default(), origins: Vec::new(), file, in_cluster: false };
    let kept = secret::read_file(&found.file)?;
    for name in Name::BOTH {
        if let Some(source) = source_of(profile, name) {
            let secret = resolve(cx, profile, name, source).map_err(|error| unusable(name, &error))?;
            found.vault.put(name, secret);
            found.origins.push((name, Origin::Profile(in_words(source))));
        }
    }
    take(&mut found, kept, &Origin::File);
    Ok(found)
}

fn source_of(profile: &Profile, name: Name) -> Option<&Source> {
    match name {
        Name::ErlangCookie | Name::NextErlangCookie => profile.credentials.erlang_cookie.as_ref(),
        Name::Password | Name::NextPassword => profile.credentials.password.as_ref(),
    }
}

/// What a try of one of the profile's sources came to.
pub(crate) struct Tried {
    pub(crate) name: Name,
    /// The source, in words.
    pub(crate) source: String,
    /// `None` where only the cluster can tell.
    pub(crate) usable: Option<Result<(), Failure>>,
}

/// Asks each source on this side of the cluster for its secret, and keeps none.
pub(crate) fn try_sources(cx: &Context, profile: &Profile) -> Vec<Tried> {
    let sources = Name::BOTH.into_iter().filter_map(|name| Some((name, source_of(profile, name)?)));
    let try_one = |(name, source): (Name, &Source)| {
        let outside = !matches!(source, Source::Secret { .. });
        let resolved = || resolve(cx, profile, name, source).map(drop).map_err(|error| unusable(name, &error));
        Tried { name, source: in_words(source), usable: outside.then(resolved) }
    };
    sources.map(try_one).collect()
}

/// Moves over what is still missing.
fn take(found: &mut Found, mut from: Vault, origin: &Origin) {
    for name in Name::BOTH {
        if found.vault.get(name).is_none()
            && let Some(secret) = from.take(name)
        {
            found.vault.put(name, secret);
            found.origins.push((name, origin.clone()));
        }
    }
}

/// Adds what the cluster's Secret says, after the proof that nothing contradicts it.
///
/// # Errors
/// A contradiction, or volumes whose credentials nobody knows: exit 78, nothing changed.
pub(crate) fn prove(mut found: Found, profile: &Profile, observed: &mut Observed) -> Result<Found> {
    if let Some(mut secret) = observed.secret.take() {
        if let Some(name) = cut_short(&secret, &observed.noted) {
            return Err(unfinished(name, profile));
        }
        contradiction(&found, &secret, profile)?;
        // The broker has to be told after its boot.
        if let Some(next) = secret.take(Name::NextPassword) {
            found.vault.put(Name::NextPassword, next);
        }
        found.in_cluster = Name::BOTH.into_iter().all(|name| secret.get(name).is_some());
        take(&mut found, secret, &Origin::Cluster);
    }
    let missing = found.to_generate();
    if !missing.is_empty() && observed.has_past() {
        return Err(unknown(&missing, profile, observed));
    }
    Ok(found)
}

/// The secret whose rotation was cut short: profile, Secret and broker may each have the old or the new one.
///
/// A new password that is the present one already is no such case, unless pods have the old one: nobody but the broker has
/// to be told.
pub(crate) fn cut_short(cluster: &Vault, noted: &Noted) -> Option<Name> {
    if noted.rotating.is_some() {
        return Some(Name::Password);
    }
    let print = |name| cluster.get(name).map(Secret::fingerprint);
    Name::BOTH.into_iter().find(|name| print(name.next()).is_some_and(|next| print(*name) != Some(next)))
}

pub(crate) fn unfinished(name: Name, profile: &Profile) -> anyhow::Error {
    let flag = flag(&[name]);
    let text = format!("a rotation of the {name} of `{}` was cut short; nothing was changed", profile.release);
    let hint = format!("finish it: mqctl credentials rotate {}{flag}", profile.name);
    Failure::new(Outcome::Contradiction, text).hint(hint).code(Code::Rotation).into()
}

fn contradiction(found: &Found, cluster: &Vault, profile: &Profile) -> Result<()> {
    let witnesses = [agreement::local(found, profile), agreement::cluster(cluster)];
    let wrong = agreement::differing(&witnesses);
    if wrong.is_empty() {
        return Ok(());
    }
    let what = in_order(&wrong);
    let verb = if wrong.len() == 1 { "is" } else { "are" };
    let text = format!(
        "the {what} {verb} not what `{}` was installed with; nothing was changed\n{}",
        profile.release,
        agreement::table(&witnesses)
    );
    let name = profile.name.as_str();
    Err(Failure::new(Outcome::Contradiction, text)
        .hint(format!("take what the cluster runs with: mqctl credentials adopt {name}"))
        .hint(format!("change the cluster's: mqctl credentials rotate {name}{}", flag(&wrong)))
        .code(Code::CredMismatch)
        .into())
}

/// Refuses where a broker runs with another cookie or does not let the password in.
///
/// # Errors
/// Exit 78, with the table of who says what; nothing changed.
pub(crate) fn prove_broker(
    found: &Found,
    profile: &Profile,
    answers: &[(String, Result<Answer, String>)],
) -> Result<()> {
    let told = answers.iter().filter_map(|(pod, answer)| Some(agreement::pod(pod, answer.as_ref().ok()?)));
    let witnesses: Vec<Witness> = std::iter::once(agreement::local(found, profile)).chain(told.flatten()).collect();
    let wrong = agreement::differing(&witnesses);
    if wrong.is_empty() {
        return Ok(());
    }
    let what = in_order(&wrong);
    let name = profile.name.as_str();
    let text = format!(
        "the {what} of `{}` differs from the brokers'; nothing was changed\n{}",
        profile.release,
        agreement::table(&witnesses)
    );
    Err(Failure::new(Outcome::Contradiction, text)
        .hint(format!("take the brokers': mqctl credentials adopt {name}"))
        .hint(format!("change the brokers': mqctl credentials rotate {name}{}", flag(&wrong)))
        .code(Code::CredMismatch)
        .into())
}

/// The cookie first: with another one no node joins, whatever the password is.
fn flag(wrong: &[Name]) -> &'static str {
    if wrong.contains(&Name::ErlangCookie) { " --cookie" } else { "" }
}

fn in_order(names: &[Name]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and the ")
}

fn unknown(missing: &[Name], profile: &Profile, observed: &Observed) -> anyhow::Error {
    let what = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and the ");
    let volumes = observed.claims.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "`{}` has volumes ({volumes}), but nobody knows the {what} that they were made with; nothing was changed",
        profile.release
    );
    let file = secret::file_of(&profile.path, &profile.name);
    Failure::new(Outcome::Contradiction, text)
        .hint(way_out(missing, &profile.name, observed))
        .hint(format!("or put back {} (keys erlangCookie, password; chmod 600)", file.display()))
        .code(Code::CredUnknown)
        .into()
}

/// Brokers that run know both; without one a cookie can be made anew, and a password too where somebody asks for it.
fn way_out(missing: &[Name], name: &str, observed: &Observed) -> String {
    if observed.running().next().is_some() {
        return format!("take them from the brokers: mqctl credentials adopt {name}");
    }
    let flag = if missing.contains(&Name::Password) { " --new-password" } else { "" };
    let new = if missing.len() == 1 { "a new one" } else { "new ones" };
    format!("{new} for the same data: mqctl credentials adopt {name}{flag}, then mqctl install {name}")
}

/// A source command may ask a vault far away, but no person.
const SOURCE_LIMIT: Duration = Duration::from_secs(30);

fn resolve(cx: &Context, profile: &Profile, name: Name, source: &Source) -> Result<Secret> {
    let secret = given_by(cx, profile, source)?;
    match secret.flaw(name) {
        Some(flaw) => Err(anyhow::anyhow!("{} gives none that can be used: {flaw}", in_words(source))),
        None => Ok(secret),
    }
}

fn given_by(cx: &Context, profile: &Profile, source: &Source) -> Result<Secret> {
    match source {
        Source::Env(name) => {
            cx.variable(name).as_deref().and_then(Secret::new).ok_or_else(|| anyhow::anyhow!("`${name}` is not set"))
        }
        Source::File(path) => secret::from_file(path),
        Source::Command(words) => {
            let (program, args) = words.split_first().context("the command is empty")?;
            let call = Call::new(Program::Named(program.clone()), args.iter().cloned());
            let call = call.within(cx.within(SOURCE_LIMIT).min(SOURCE_LIMIT));
            secret::from_reply(program, &cx.tools.run(&call, &Vault::default())?)
        }
        Source::Secret { name, key } => {
            let target = cx.target(profile)?;
            let reply = cx.tools.run(&kubectl::get(&target, &[format!("secret/{name}")]), &Vault::default())?;
            if !reply.ok() {
                return Err(kubectl::failure("kubectl get secret", &reply).into());
            }
            let object =
                kubectl::items(&reply).into_iter().next().with_context(|| format!("there is no Secret `{name}`"))?;
            let data = object["data"][key].as_str().and_then(Secret::from_base64);
            data.with_context(|| format!("Secret `{name}` has no key `{key}`"))
        }
    }
}

/// A source that gives nothing is a mistake of the profile, unless the error says more (an unreachable cluster).
fn unusable(name: Name, error: &anyhow::Error) -> Failure {
    let outcome = match error::outcome_of(error) {
        Outcome::Failed => Outcome::BadProfile,
        other => other,
    };
    let failure = Failure::new(outcome, format!("`credentials.{}`: {error:#}", name.key()));
    Failure { code: error::code_of(error), ..failure }
}

pub(crate) fn in_words(source: &Source) -> String {
    match source {
        Source::Env(name) => format!("${name}"),
        Source::File(path) => path.display().to_string(),
        Source::Command(words) => format!("command `{}`", words.first().map_or("", String::as_str)),
        Source::Secret { name, .. } => format!("Secret {name}"),
    }
}
