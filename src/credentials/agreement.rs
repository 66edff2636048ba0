//! Who says what about both secrets, by fingerprint: profile, Secret, every broker. Pure.

use serde_json::{Value, json};

use super::{Found, Origin};
use crate::profile::Profile;
use crate::rabbitmq::Answer;
use crate::secret::{Fingerprint, Name, Secret, Vault};

/// One that knows something of the secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    pub who: String,
    pub cookie: Option<Fingerprint>,
    pub password: Word,
}

/// What is said of the password: a broker keeps a hash only, so that it can but take or refuse one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    Unknown,
    Is(Fingerprint),
    Accepted,
    Refused,
}

impl Witness {
    fn of(who: String, vault: &Vault) -> Self {
        let print = |name| vault.get(name).map(Secret::fingerprint);
        Self { who, cookie: print(Name::ErlangCookie), password: print(Name::Password).map_or(Word::Unknown, Word::Is) }
    }
}

/// The profile's side: its own sources, or the secrets file.
pub fn local(found: &Found, profile: &Profile) -> Witness {
    let file = found.origins.iter().any(|(_, origin)| *origin == Origin::File);
    Witness::of(if file { found.file_name() } else { format!("{}.yaml", profile.name) }, &found.vault)
}

/// mqctl's own Secret.
pub fn cluster(secret: &Vault) -> Witness {
    Witness::of("Secret in the cluster".to_owned(), secret)
}

/// What one pod says: its broker, and the cookie file of its next start where that has another one.
pub fn pod(pod: &str, answer: &Answer) -> Vec<Witness> {
    [broker(pod, answer), cookie_file(pod, answer)].into_iter().flatten().collect()
}

/// A pod that was asked in vain: its row says so, as nothing is proven of it.
pub fn silent(pod: &str) -> Witness {
    Witness { who: format!("broker {pod}"), cookie: None, password: Word::Unknown }
}

/// The cookie that a node reads when it starts again, on its volume or in its memory.
fn cookie_file(pod: &str, answer: &Answer) -> Option<Witness> {
    let of = |hash: &Option<String>| hash.as_deref().and_then(Fingerprint::from_hex);
    let cookie = of(&answer.cookie_file).filter(|file| of(&answer.cookie).is_some_and(|running| running != *file))?;
    Some(Witness { who: format!("cookie file of {pod}"), cookie: Some(cookie), password: Word::Unknown })
}

/// A broker that runs; one that still boots has no word on the password.
fn broker(pod: &str, answer: &Answer) -> Option<Witness> {
    let password = match answer.login {
        Some(true) => Word::Accepted,
        Some(false) if answer.running == Some(true) => Word::Refused,
        _ => Word::Unknown,
    };
    let cookie = Some(answer.cookie.as_deref().and_then(Fingerprint::from_hex)?);
    Some(Witness { who: format!("broker {pod}"), cookie, password })
}

/// The secrets on which not all agree; the first witness is the measure.
pub fn differing(witnesses: &[Witness]) -> Vec<Name> {
    let Some((first, others)) = witnesses.split_first() else { return Vec::new() };
    let cookie = others.iter().any(|other| cookie_differs(first, other));
    let password = others.iter().any(|other| password_differs(first, other));
    let differs = |name: &Name| if *name == Name::ErlangCookie { cookie } else { password };
    Name::BOTH.into_iter().filter(differs).collect()
}

fn cookie_differs(first: &Witness, other: &Witness) -> bool {
    matches!((&first.cookie, &other.cookie), (Some(a), Some(b)) if a != b)
}

fn password_differs(first: &Witness, other: &Witness) -> bool {
    match (&first.password, &other.password) {
        (Word::Is(a), Word::Is(b)) => a != b,
        (_, Word::Refused) => true,
        _ => false,
    }
}

/// A row each; who differs from the first is marked.
pub fn table(witnesses: &[Witness]) -> String {
    let row = |who: &str, cookie: &str, password: &str, mark: &str| {
        format!("  {who:<28}  {cookie:<10}  {password:<10}  {mark}").trim_end().to_owned()
    };
    let mut lines = vec![row("", "cookie", "password", "")];
    for witness in witnesses {
        let differs = cookie_differs(&witnesses[0], witness) || password_differs(&witnesses[0], witness);
        let cookie = witness.cookie.as_ref().map_or_else(|| "-".to_owned(), Fingerprint::short);
        lines.push(row(&witness.who, &cookie, &password(&witness.password), if differs { "<- differs" } else { "" }));
    }
    lines.join("\n")
}

fn password(word: &Word) -> String {
    match word {
        Word::Unknown => "-".to_owned(),
        Word::Is(print) => print.short(),
        Word::Accepted => "accepted".to_owned(),
        Word::Refused => "refused".to_owned(),
    }
}

pub fn to_json(witnesses: &[Witness]) -> Value {
    let one = |witness: &Witness| {
        let password = match &witness.password {
            Word::Unknown => Value::Null,
            Word::Is(print) => json!({"fingerprint": print.long()}),
            Word::Accepted => json!({"accepted": true}),
            Word::Refused => json!({"accepted": false}),
        };
        json!({"who": witness.who, "erlangCookie": witness.cookie.as_ref().map(|c| json!({"fingerprint": c.long()})), "password": password})
    };
    witnesses.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(cookie: Option<&str>, password: Word) -> Witness {
        let cookie = cookie.map(|text| Secret::new(text).unwrap().fingerprint());
        Witness { who: "w".to_owned(), cookie, password }
    }

    fn is(text: &str) -> Word {
        Word::Is(Secret::new(text).unwrap().fingerprint())
    }

    #[test]
    fn who_differs_from_the_first() {
        let first = || witness(Some("c"), is("p"));
        let differing = |other: Witness| differing(&[first(), other]);
        assert_eq!(differing(witness(Some("c"), is("p"))), []);
        assert_eq!(differing(witness(None, Word::Unknown)), [], "who knows nothing contradicts nobody");
        assert_eq!(differing(witness(Some("d"), Word::Accepted)), [Name::ErlangCookie]);
        assert_eq!(differing(witness(Some("c"), Word::Refused)), [Name::Password]);
        assert_eq!(differing(witness(Some("d"), is("q"))), Name::BOTH);
        assert!(table(&[first(), witness(Some("d"), Word::Accepted)]).ends_with("accepted    <- differs"));
    }

    #[test]
    fn a_cookie_file_is_a_witness_where_it_has_another_cookie() {
        let hash = |digits: &str| Some(digits.repeat(32));
        let rows = |file| {
            let answer = Answer { cookie: hash("ab"), cookie_file: file, ..Answer::default() };
            pod("q-0", &answer).into_iter().map(|w| w.who).collect::<Vec<_>>()
        };
        assert_eq!(rows(None), ["broker q-0"]);
        assert_eq!(rows(hash("ab")), ["broker q-0"]);
        assert_eq!(rows(hash("cd")), ["broker q-0", "cookie file of q-0"]);
    }

    #[test]
    fn a_broker_that_boots_has_no_word_on_the_password() {
        let answer =
            Answer { running: Some(false), login: Some(false), cookie: Some("ab".repeat(32)), ..Answer::default() };
        assert_eq!(broker("q-0", &answer).unwrap().password, Word::Unknown);
        assert_eq!(broker("q-0", &Answer { running: Some(true), ..answer }).unwrap().password, Word::Refused);
        assert_eq!(broker("q-0", &Answer::default()), None);
    }
}
