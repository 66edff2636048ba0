//! Who of those that may know the secrets is right: the brokers judge.

use anyhow::Result;

use crate::cluster::{Observed, Target};
use crate::context::Context;
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::rabbitmq::{self, Answer};
use crate::secret::{self, Fingerprint, Name, Secret, Vault};

/// One that may know the secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// mqctl's own Secret.
    Cluster,
    /// The profile's sources and the secrets file.
    Local,
    /// The chart's own Secret, or the one that its pods refer to.
    Chart(String),
    /// The values that helm was given for the release.
    Values,
    /// A pod whose container runs.
    Broker(String),
}

pub(crate) struct Knower {
    pub(crate) who: Who,
    pub(crate) vault: Vault,
}

/// What was said, and who of the knowers is right by the brokers' own word.
pub(crate) struct Heard {
    pub(crate) knowers: Vec<Knower>,
    pub(crate) cookie: Option<usize>,
    pub(crate) password: Option<usize>,
    /// At least one broker was there to judge a cookie.
    pub(crate) answered: bool,
    /// At least one broker had booted, so that it could judge a password.
    pub(crate) booted: bool,
}

/// The brokers that answered, and how they are asked.
struct Judges<'a> {
    cx: &'a Context,
    target: &'a Target,
    user: &'a str,
    answers: Vec<(String, Answer)>,
}

/// Asks every broker that runs; and what the pods hold themselves, only where nobody else was right.
///
/// # Errors
/// Brokers that run and do not answer, brokers with different cookies; kubectl cannot be started.
pub(crate) fn hear(
    cx: &Context,
    target: &Target,
    user: &str,
    observed: &Observed,
    knowers: Vec<Knower>,
) -> Result<Heard> {
    let judges = Judges { cx, target, user, answers: answers(cx, target, user, observed)? };
    let cookie = judges.common_cookie()?;
    let booted = judges.booted().is_some();
    let mut heard = Heard { knowers, cookie: None, password: None, answered: !judges.answers.is_empty(), booted };
    judges.judge(&mut heard, cookie.as_ref(), 0)?;
    if heard.answered && (heard.cookie.is_none() || heard.password.is_none()) {
        let known = heard.knowers.len();
        heard.knowers.extend(judges.disclosures()?);
        judges.judge(&mut heard, cookie.as_ref(), known)?;
    }
    Ok(heard)
}

/// What each pod's broker says, where it does; the first silence ends it where nobody spoke.
fn answers(cx: &Context, target: &Target, user: &str, observed: &Observed) -> Result<Vec<(String, Answer)>> {
    let pods: Vec<&str> = observed.running().collect();
    let calls = rabbitmq::questions(target, pods.iter().copied(), user, &Vault::default());
    let replies = cx.tools.run_all(&calls, &Vault::default()).into_iter().collect::<Result<Vec<_>>>()?;
    let (mut answers, mut silent) = (Vec::new(), None);
    for (&pod, reply) in pods.iter().zip(&replies) {
        match rabbitmq::read(reply) {
            Ok(answer) => answers.push((pod.to_owned(), answer)),
            Err(words) => silent = silent.or(Some((pod, words))),
        }
    }
    match silent {
        // A node that runs has a cookie: nothing may be decided over its head.
        Some((pod, words)) if answers.is_empty() => {
            let text = format!("`{pod}` runs and could not be asked: {words}; nothing was changed");
            let (space, container) = (&target.namespace, &target.container);
            let hint = format!("kubectl --namespace {space} logs {pod} --container {container} --tail 20");
            Err(Failure::new(Outcome::Unreachable, text).hint(hint).into())
        }
        _ => Ok(answers),
    }
}

impl Judges<'_> {
    /// The cookie of all brokers by its fingerprint; nobody's where none answered.
    fn common_cookie(&self) -> Result<Option<Fingerprint>> {
        let print = |(pod, answer): &(String, Answer)| {
            Some((pod.clone(), answer.cookie.as_deref().and_then(Fingerprint::from_hex)?))
        };
        let prints: Vec<_> = self.answers.iter().filter_map(print).collect();
        let Some((first, cookie)) = prints.first() else { return Ok(None) };
        let Some((other, theirs)) = prints.iter().find(|(_, print)| print != cookie) else {
            return Ok(Some(cookie.clone()));
        };
        let text = format!(
            "`{first}` runs with the Erlang cookie {}, `{other}` with {}: there is none to adopt; nothing was changed",
            cookie.short(),
            theirs.short()
        );
        Err(Failure::new(Outcome::Contradiction, text)
            .hint(format!(
                "restart the one that is wrong: kubectl --namespace {} delete pod {other}",
                self.target.namespace
            ))
            .code(Code::CredMismatch)
            .into())
    }

    fn booted(&self) -> Option<&str> {
        self.answers.iter().find(|(_, answer)| answer.running == Some(true)).map(|(pod, _)| pod.as_str())
    }

    /// Fills in who is right, among the knowers from this one on.
    fn judge(&self, heard: &mut Heard, cookie: Option<&Fingerprint>, from: usize) -> Result<()> {
        let knows = |knower: &Knower| knower.vault.get(Name::ErlangCookie).map(Secret::fingerprint);
        for (n, knower) in heard.knowers.iter().enumerate().skip(from) {
            if heard.cookie.is_none() && cookie.is_some() && knows(knower).as_ref() == cookie {
                heard.cookie = Some(n);
            }
            if heard.password.is_none() && self.lets_in(&knower.vault)? {
                heard.password = Some(n);
            }
        }
        Ok(())
    }

    /// One broker is enough: users are the cluster's.
    fn lets_in(&self, vault: &Vault) -> Result<bool> {
        let (Some(pod), Some(_)) = (self.booted(), vault.get(Name::Password)) else { return Ok(false) };
        let calls = rabbitmq::questions(self.target, [pod], self.user, vault);
        let replies = self.cx.tools.run_all(&calls, vault).into_iter().collect::<Result<Vec<_>>>()?;
        Ok(replies.iter().any(|reply| rabbitmq::read(reply).is_ok_and(|answer| answer.login == Some(true))))
    }

    /// What the pods hold themselves: each may have been started with another password.
    fn disclosures(&self) -> Result<Vec<Knower>> {
        let pods = self.answers.iter().map(|(pod, _)| pod);
        let calls: Vec<_> = pods.map(|pod| rabbitmq::disclosure(self.target, pod)).collect();
        let replies = self.cx.tools.run_all(&calls, &Vault::default()).into_iter().collect::<Result<Vec<_>>>()?;
        let knower = |((pod, _), reply): (&(String, Answer), _)| {
            Some(Knower { who: Who::Broker(pod.clone()), vault: secret::from_broker(reply)? })
        };
        Ok(self.answers.iter().zip(&replies).filter_map(knower).collect())
    }
}
