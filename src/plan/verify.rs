//! Judges by what the brokers say, each of them: Ready alone proves nothing (an empty broker is Ready too).

use std::time::Duration;

use anyhow::Result;

use super::Wished;
use super::execute::Run;
use super::wait;
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::rabbitmq::{self, Answer};
use crate::secret::{Fingerprint, Name, Vault};

/// A cluster that has just formed may need a moment until every node knows every other.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks every broker until all agree that the release is healthy.
///
/// # Errors
/// What the brokers say against it, with the exit code that fits.
pub(crate) fn until_healthy(run: &Run<'_>, wished: &Wished) -> Result<()> {
    let pods = wished.pods.iter().map(String::as_str);
    let calls = rabbitmq::questions(&run.plan.target, pods, &wished.username, run.vault);
    let mut complaint = None;
    let healthy = wait::poll(run, LIMIT.min(run.plan.limit), || {
        let replies = run.cx.tools.run_all(&calls, run.vault).into_iter().collect::<Result<Vec<_>>>()?;
        let answers: Vec<_> = replies.iter().map(rabbitmq::read).collect();
        complaint = complain(wished, &answers, run.vault);
        // A refused login or a foreign cookie does not heal by waiting.
        let hopeless = complaint.as_ref().is_some_and(|c| c.outcome == Outcome::Contradiction);
        Ok(Some(complaint.is_none() || hopeless))
    })?;
    match complaint {
        Some(failure) => Err(failure.into()),
        None if healthy => Ok(()),
        None => Err(Failure::new(Outcome::TimedOut, "the brokers did not answer in time").into()),
    }
}

/// The first thing that speaks against a healthy release.
fn complain(wished: &Wished, answers: &[Result<Answer, String>], vault: &Vault) -> Option<Failure> {
    let size = wished.pods.len();
    wished.pods.iter().zip(answers).find_map(|(pod, answer)| match answer {
        Err(words) => Some(
            Failure::new(Outcome::TimedOut, format!("`{pod}` could not be asked: {words}"))
                .hint("run the same command again: it goes on where it stands"),
        ),
        Ok(answer) => against(pod, answer, size, wished, vault),
    })
}

fn against(pod: &str, answer: &Answer, size: usize, wished: &Wished, vault: &Vault) -> Option<Failure> {
    let failed = |text: String| Some(Failure::new(Outcome::Failed, text));
    let up = answer.up.as_ref().map_or(0, Vec::len);
    let cookie = answer.cookie.as_deref().and_then(Fingerprint::from_hex);
    let ours = vault.get(Name::ErlangCookie).map(crate::secret::Secret::fingerprint);
    if answer.running != Some(true) {
        return failed(format!("`{pod}` has not booted"));
    }
    if cookie != ours {
        let text = format!("`{pod}` runs with another Erlang cookie");
        return Some(Failure::new(Outcome::Contradiction, text).code(Code::CredMismatch));
    }
    if up != size {
        return failed(format!("`{pod}` sees {up} of {size} members: the nodes are not one cluster"));
    }
    if let Some(alarm) = answer.alarms.as_ref().and_then(|a| a.first()) {
        return failed(format!("`{pod}` has an alarm: {alarm}"));
    }
    if answer.login != Some(true) {
        let text =
            format!("`{pod}` refuses the login of `{}`: its volume was made with another password", wished.username);
        return Some(
            Failure::new(Outcome::Contradiction, text)
                .hint("put the password that the volumes were made with into the secrets file")
                .code(Code::CredMismatch),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn healthy() -> Answer {
        Answer {
            running: Some(true),
            up: Some(vec!["a".into(), "b".into()]),
            alarms: Some(vec![]),
            login: Some(true),
            ..Answer::default()
        }
    }

    fn words(change: impl FnOnce(&mut Answer)) -> Option<String> {
        let mut vault = Vault::default();
        vault.put(Name::ErlangCookie, Secret::new("cookie").unwrap());
        let mut answer = healthy();
        answer.cookie = Some(vault.get(Name::ErlangCookie).unwrap().fingerprint().long().replace("sha256:", ""));
        change(&mut answer);
        let wished = Wished { pods: vec!["q-0".into(), "q-1".into()], username: "user".into() };
        against("q-0", &answer, 2, &wished, &vault).map(|f| f.text)
    }

    #[test]
    fn each_thing_that_speaks_against_a_release() {
        assert_eq!(words(|_| ()), None);
        assert!(words(|a| a.running = Some(false)).unwrap().contains("has not booted"));
        assert!(words(|a| a.up = Some(vec!["a".into()])).unwrap().contains("sees 1 of 2 members"));
        assert!(words(|a| a.alarms = Some(vec!["memory".into()])).unwrap().contains("alarm: memory"));
        assert!(words(|a| a.login = Some(false)).unwrap().contains("refuses the login"));
        assert!(words(|a| a.cookie = Some("00".repeat(32))).unwrap().contains("another Erlang cookie"));
        assert!(words(|a| a.cookie = None).unwrap().contains("another Erlang cookie"));
    }
}
