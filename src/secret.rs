//! The only file that touches secret text: where it comes from, how it is told apart, how it is fed to a child.
//!
//! A plan holds *holes*, never secrets; a hole is filled between `execute` and the child's standard input.

use std::fmt;
use std::path::Path;

use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::digest;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::process::Reply;
use crate::rabbitmq;

mod file;
pub(crate) mod in_values;

pub use file::{append_file, aside, file_of, read_file, replace_in_file, set_aside};

/// Length of a generated secret: letters and digits only, because charts put secrets into URLs, sed scripts and unquoted configuration.
const GENERATED_LENGTH: usize = 32;

/// A cookie becomes an atom of Erlang.
const LONGEST_COOKIE: usize = 255;

/// A password or an Erlang cookie. Cannot be displayed, serialised or cloned.
pub struct Secret(Zeroizing<String>);

/// Which of the two secrets of a release, or what a rotation that is under way makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    ErlangCookie,
    Password,
    NextErlangCookie,
    NextPassword,
}

impl Name {
    pub const BOTH: [Self; 2] = [Self::ErlangCookie, Self::Password];

    /// What it becomes by a rotation.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::ErlangCookie | Self::NextErlangCookie => Self::NextErlangCookie,
            Self::Password | Self::NextPassword => Self::NextPassword,
        }
    }

    /// The key in `NAME.secrets.yaml` and under `credentials` in the profile.
    pub fn key(self) -> &'static str {
        match self {
            Self::ErlangCookie | Self::NextErlangCookie => "erlangCookie",
            Self::Password | Self::NextPassword => "password",
        }
    }

    /// The key in mqctl's own Secret that the built-in chart reads.
    pub fn secret_key(self) -> &'static str {
        match self {
            Self::ErlangCookie => "erlang-cookie",
            Self::Password => "password",
            Self::NextErlangCookie => "next-erlang-cookie",
            Self::NextPassword => "next-password",
        }
    }
}

/// The keys under which the families of charts have both in their Secrets; mqctl's own has them all.
pub const KEYS: [(&str, Name); 7] = [
    ("erlang-cookie", Name::ErlangCookie),
    ("rabbitmq-erlang-cookie", Name::ErlangCookie),
    (".erlang.cookie", Name::ErlangCookie),
    ("password", Name::Password),
    ("rabbitmq-password", Name::Password),
    ("default-password", Name::Password),
    ("admin-password", Name::Password),
];

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ErlangCookie => "Erlang cookie",
            Self::Password => "password",
            Self::NextErlangCookie => "new Erlang cookie",
            Self::NextPassword => "new password",
        })
    }
}

impl Secret {
    /// Takes the text over; a trailing line break is not part of a secret (Erlang trims it too).
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(['\n', '\r']);
        (!text.is_empty()).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// 32 letters and digits from the system's random source.
    pub(crate) fn generate() -> Result<Self> {
        let mut text = Zeroizing::new(String::with_capacity(GENERATED_LENGTH));
        while text.len() < GENERATED_LENGTH {
            let mut byte = [0_u8; 1];
            getrandom::fill(&mut byte).map_err(|e| anyhow!("no random numbers from the system: {e}"))?;
            // Rejection keeps every letter equally likely: 62 × 4 = 248.
            if byte[0] < 248 {
                text.push(letter(byte[0] % 62));
            }
        }
        Ok(Self(text))
    }

    /// From a Secret object's base64 `data`.
    pub(crate) fn from_base64(data: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(data.trim()).ok()?);
        Self::new(std::str::from_utf8(&bytes).ok()?)
    }

    /// What would become of it on its way to a broker, if it cannot be what was meant.
    ///
    /// Erlang takes a cookie of 255 printable characters of ASCII and no blank, and shells and entry points are on the
    /// way of both; a password may be any text without control characters.
    pub(crate) fn flaw(&self, name: Name) -> Option<&'static str> {
        let holds = |wrong: fn(char) -> bool| self.0.contains(wrong);
        let cookie = matches!(name, Name::ErlangCookie | Name::NextErlangCookie);
        if holds(char::is_control) {
            return Some("it has a line break or another control character inside");
        }
        if !cookie {
            return None;
        }
        if self.0.len() > LONGEST_COOKIE {
            return Some("it is longer than the 255 characters that Erlang takes");
        }
        if holds(|c| !c.is_ascii_graphic()) {
            return Some("it has a blank or a character beyond ASCII, which Erlang does not take");
        }
        let mangled = holds(|c| matches!(c, '\'' | '"' | '`' | '\\' | '$'));
        mangled.then_some("it has a quote, a backslash, a backtick or a `$`, which shells on its way change")
    }

    /// It has no other characters.
    pub(crate) fn consists_of(&self, fits: fn(char) -> bool) -> bool {
        self.0.chars().all(fits)
    }

    /// `sha256:` and 12 hexadecimal digits: enough to compare, too little to guess from.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(digest::of([self.0.as_bytes()], 12))
    }

    /// The text itself, for `credentials show --reveal` alone.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

fn letter(index: u8) -> char {
    char::from(match index {
        0..26 => b'A' + index,
        26..52 => b'a' + index - 26,
        _ => b'0' + index - 52,
    })
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Twelve hexadecimal digits of a secret's SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// As in the tables: `3f9c…a1`.
    pub fn short(&self) -> String {
        format!("{}…{}", &self.0[..4], &self.0[10..])
    }

    /// As in JSON: `sha256:3f9c0d5e22a1`.
    pub fn long(&self) -> String {
        format!("sha256:{}", self.0)
    }

    /// From the hexadecimal SHA-256 that a broker answers.
    pub fn from_hex(digest: &str) -> Option<Self> {
        let twelve = digest.get(..12)?;
        twelve.bytes().all(|b| b.is_ascii_hexdigit()).then(|| Self(twelve.to_ascii_lowercase()))
    }
}

/// A place in a child's standard input that a secret will fill, base64-encoded so that nothing needs quoting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole(pub Name);

/// The secrets of a release, found or still to be generated. One copy of each.
#[derive(Debug, Default)]
pub struct Vault(Vec<(Name, Secret)>);

impl Vault {
    pub fn get(&self, name: Name) -> Option<&Secret> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, secret)| secret)
    }

    pub(crate) fn put(&mut self, name: Name, secret: Secret) {
        self.take(name);
        self.0.push((name, secret));
    }

    /// Moves a secret out.
    pub(crate) fn take(&mut self, name: Name) -> Option<Secret> {
        let at = self.0.iter().position(|(n, _)| *n == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// The next one takes the place of the old one.
    pub(crate) fn promote(&mut self, name: Name) {
        if let Some(next) = self.take(name.next()) {
            self.put(name, next);
        }
    }

    /// Where nothing is the present one, the next one is.
    pub(crate) fn preset(&mut self, name: Name) {
        if self.get(name).is_none()
            && let Some(next) = self.get(name.next())
        {
            let copy = Secret(next.0.clone());
            self.put(name, copy);
        }
    }

    /// The text without these secrets, neither as they are nor as base64 or JSON shows them.
    pub(crate) fn mask(&self, text: &str) -> String {
        let known = Name::BOTH.into_iter().filter_map(|name| Some((name, self.get(name)?)));
        known.fold(text.to_owned(), |text, (name, Secret(secret))| {
            let (mask, encoded) = (format!("({name})"), Zeroizing::new(STANDARD.encode(secret.as_bytes())));
            let quoted = as_json(secret);
            let text = text.replace(secret.as_str(), &mask).replace(encoded.trim_end_matches('='), &mask);
            match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(inner) if inner != secret.as_str() => text.replace(inner, &mask),
                _ => text,
            }
        })
    }

    /// What goes into a hole. An empty hole is a bug of the plan: it orders the generation before the first use.
    pub(crate) fn fill(&self, hole: Hole) -> Result<Zeroizing<String>> {
        Ok(Zeroizing::new(STANDARD.encode(self.in_hole(hole)?.0.as_bytes())))
    }

    /// The same as a text of JSON, with its quotes.
    pub(crate) fn fill_quoted(&self, hole: Hole) -> Result<Zeroizing<String>> {
        Ok(as_json(&self.in_hole(hole)?.0))
    }

    fn in_hole(&self, hole: Hole) -> Result<&Secret> {
        let missing = || Failure::new(Outcome::Bug, format!("the {} was needed before it was there", hole.0));
        Ok(self.get(hole.0).ok_or_else(missing)?)
    }
}

/// With its quotes; there is room for every character as an escape, so that nothing is left where it grew.
fn as_json(text: &str) -> Zeroizing<String> {
    let mut bytes = Vec::with_capacity(text.len() * 6 + 2);
    serde_json::to_writer(&mut bytes, text).ok();
    Zeroizing::new(String::from_utf8(bytes).unwrap_or_default())
}

/// Reads a file that a profile names as a source (`password: {file: …}`).
///
/// # Errors
/// The file cannot be read or is empty.
#[expect(clippy::disallowed_methods, reason = "door: reads a secret from the file that the profile names")]
pub fn from_file(path: &Path) -> Result<Secret> {
    let text = Zeroizing::new(fs_err::read_to_string(path)?);
    Secret::new(&text).ok_or_else(|| anyhow!("`{}` is empty", path.display()))
}

/// Takes a secret out of what a source command printed.
///
/// # Errors
/// The command failed or printed nothing; what it printed is never quoted.
pub fn from_reply(program: &str, reply: &Reply) -> Result<Secret> {
    if reply.timed_out {
        let text = format!("source command `{program}` did not end in time");
        return Err(Failure::new(Outcome::TimedOut, text).into());
    }
    if !reply.ok() {
        let how = reply.code.map_or_else(|| "by a signal".to_owned(), |code| format!("exit {code}"));
        return Err(anyhow!("source command `{program}` failed ({how})"));
    }
    Secret::new(&reply.stdout).ok_or_else(|| anyhow!("source command `{program}` printed nothing"))
}

/// Takes out what a broker disclosed of itself. What else it printed is never quoted.
pub fn from_broker(reply: &Reply) -> Option<Vault> {
    let mut vault = Vault::default();
    for (name, word) in Name::BOTH.into_iter().zip(rabbitmq::marked(reply)?.split(' ')) {
        if let Some(secret) = Secret::from_base64(word) {
            vault.put(name, secret);
        }
    }
    Some(vault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_are_alphanumeric_and_differ() {
        let (a, b) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_eq!(a.0.len(), GENERATED_LENGTH);
        assert!(a.0.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(a.fingerprint(), b.fingerprint());
    }

    #[test]
    fn what_erlang_or_a_shell_would_change_is_a_flaw() {
        let flaw = |text: &str, name| Secret::new(text).unwrap().flaw(name).unwrap_or_default();
        for good in ["A", "a-b_c.d+e/f=@%:,", &"x".repeat(255)] {
            assert_eq!(flaw(good, Name::ErlangCookie), "");
        }
        for (bad, why) in [
            ("a b", "a blank"),
            ("é", "beyond ASCII"),
            ("a\tb", "control character"),
            ("a\nb", "a line break"),
            ("a$b", "a `$`"),
            ("a'b", "a quote"),
            ("a\\b", "a backslash"),
            (&"x".repeat(256), "longer than the 255"),
        ] {
            assert!(flaw(bad, Name::ErlangCookie).contains(why), "{bad:?}");
        }
        assert_eq!(flaw("pass word $ \" é", Name::Password), "");
        assert!(flaw("two\nlines", Name::Password).contains("a line break"));
    }

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let secret = |text| Secret::new(text).unwrap();
        let vault = Vault(vec![(Name::ErlangCookie, secret("canarycookie")), (Name::Password, secret("canaryword"))]);
        assert!(!format!("{vault:?}").contains("canary"));
    }

    #[test]
    fn json_s_way_to_write_a_secret_is_filled_and_masked() {
        let mut vault = Vault::default();
        vault.put(Name::Password, Secret::new("a\"b\\c").unwrap());
        assert_eq!(*vault.fill_quoted(Hole(Name::Password)).unwrap(), r#""a\"b\\c""#);
        assert_eq!(vault.mask(r#"{"p": "a\"b\\c"} a"b\c"#), r#"{"p": "(password)"} (password)"#);
    }

    #[test]
    fn a_broker_s_words_become_secrets_at_once() {
        let told = |stdout| from_broker(&crate::kubectl::tests::reply(0, stdout, ""));
        let vault = told("deprecated\nmqctl Y29va2ll -\nok\n").unwrap();
        assert_eq!(vault.get(Name::ErlangCookie).unwrap().reveal(), "cookie");
        assert!(vault.get(Name::Password).is_none() && told("Error: no\n").is_none());
    }

    #[test]
    fn a_fingerprint_is_the_head_of_sha256() {
        // printf first-secret | sha256sum
        let print = Secret::new("first-secret\n").unwrap().fingerprint();
        assert_eq!(print, Fingerprint::from_hex(&digest::of([&b"first-secret"[..]], 64)).unwrap());
        assert!(print.long().starts_with("sha256:") && print.long().len() == 19);
    }
}
