//! The only file that touches secret text: where it comes from, how it is told apart, how it is fed to a child.
//!
//! A plan holds *holes*, never secrets; a hole is filled between `execute` and the child's standard input.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::digest;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::process::Reply;
use crate::yaml;

/// Length of a generated secret: letters and digits only, because charts put secrets into URLs, sed scripts and unquoted configuration.
const GENERATED_LENGTH: usize = 32;

/// A password or an Erlang cookie. Cannot be displayed, serialised or cloned.
pub struct Secret(Zeroizing<String>);

/// Which of the two secrets of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    ErlangCookie,
    Password,
}

impl Name {
    pub const BOTH: [Self; 2] = [Self::ErlangCookie, Self::Password];

    /// The key in `NAME.secrets.yaml` and under `credentials` in the profile.
    pub fn key(self) -> &'static str {
        match self {
            Self::ErlangCookie => "erlangCookie",
            Self::Password => "password",
        }
    }

    /// The key in mqctl's own Secret that the built-in chart reads.
    pub fn secret_key(self) -> &'static str {
        match self {
            Self::ErlangCookie => "erlang-cookie",
            Self::Password => "password",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ErlangCookie => "Erlang cookie",
            Self::Password => "password",
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

/// Both secrets of a release, found or still to be generated.
#[derive(Debug, Default)]
pub struct Vault {
    cookie: Option<Secret>,
    password: Option<Secret>,
}

impl Vault {
    pub fn get(&self, name: Name) -> Option<&Secret> {
        match name {
            Name::ErlangCookie => self.cookie.as_ref(),
            Name::Password => self.password.as_ref(),
        }
    }

    pub(crate) fn put(&mut self, name: Name, secret: Secret) {
        match name {
            Name::ErlangCookie => self.cookie = Some(secret),
            Name::Password => self.password = Some(secret),
        }
    }

    /// Moves a secret out: there is one copy of it.
    pub(crate) fn take(&mut self, name: Name) -> Option<Secret> {
        match name {
            Name::ErlangCookie => self.cookie.take(),
            Name::Password => self.password.take(),
        }
    }

    /// The text without these secrets, neither as they are nor as base64 shows them.
    pub(crate) fn mask(&self, text: &str) -> String {
        let known = Name::BOTH.into_iter().filter_map(|name| Some((name, self.get(name)?)));
        known.fold(text.to_owned(), |text, (name, Secret(secret))| {
            let (mask, encoded) = (format!("({name})"), Zeroizing::new(STANDARD.encode(secret.as_bytes())));
            text.replace(secret.as_str(), &mask).replace(encoded.trim_end_matches('='), &mask)
        })
    }

    /// What goes into a hole. An empty hole is a bug of the plan: it orders the generation before the first use.
    pub(crate) fn fill(&self, hole: Hole) -> Result<Zeroizing<String>> {
        let secret = self
            .get(hole.0)
            .ok_or_else(|| Failure::new(Outcome::Bug, format!("the {} was needed before it was there", hole.0)))?;
        Ok(Zeroizing::new(STANDARD.encode(secret.0.as_bytes())))
    }
}

/// `NAME.secrets.yaml` beside the profile.
pub fn file_of(profile: &Path, name: &str) -> PathBuf {
    profile.with_file_name(format!("{name}.secrets.yaml"))
}

/// Reads the secrets file; a missing file is an empty vault.
///
/// # Errors
/// Readable by others, not YAML, an unknown key, a value that is no text: never with the text in it.
#[expect(clippy::disallowed_methods, reason = "door: reads the secrets file")]
pub fn read_file(path: &Path) -> Result<Vault> {
    let Ok(metadata) = fs_err::metadata(path) else { return Ok(Vault::default()) };
    if metadata.permissions().mode() & 0o077 != 0 {
        let text = format!("`{}` can be read by others", path.display());
        return Err(Failure::new(Outcome::BadProfile, text).hint(format!("chmod 600 {}", path.display())).into());
    }
    let text = Zeroizing::new(fs_err::read_to_string(path)?);
    parse_file(&text).map_err(|why| Failure::new(Outcome::BadProfile, format!("`{}`: {why}", path.display())).into())
}

fn parse_file(text: &str) -> Result<Vault, String> {
    let mut vault = Vault::default();
    if text.trim().is_empty() {
        return Ok(vault);
    }
    let document =
        yaml::read(text).map_err(|m| m.first().map_or_else(String::new, |m| format!("{}{}", at(m.place), m.text)))?;
    let Value::Object(map) = &document.value else {
        return Err("expected the keys `erlangCookie` and `password`".to_owned());
    };
    for (key, value) in map {
        let place = at(document.place(&[key.as_str()]));
        let Some(name) = Name::BOTH.into_iter().find(|n| n.key() == key) else {
            return Err(format!("{place}unknown key; one of `erlangCookie`, `password`"));
        };
        let secret = value.as_str().and_then(Secret::new);
        vault.put(name, secret.ok_or_else(|| format!("{place}`{key}`: expected a text in quotes that is not empty"))?);
    }
    Ok(vault)
}

fn at(place: Option<(usize, usize)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!("{line}:{column} "))
}

/// Adds the secrets that the file has not: by one append, so that a killed mqctl leaves either no line or a whole one.
///
/// # Errors
/// The file cannot be written.
#[expect(clippy::disallowed_methods, reason = "door: writes the secrets file")]
pub fn append_file(path: &Path, vault: &Vault, names: &[Name]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let mut text = Zeroizing::new(String::new());
    for &name in names {
        let secret = vault.get(name).ok_or_else(|| anyhow!("no {name} to write"))?;
        // JSON text is YAML text, whatever characters the secret has.
        let quoted = Zeroizing::new(serde_json::to_string(secret.reveal())?);
        text.extend([name.key(), ": ", &quoted, "\n"]);
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| anyhow!("cannot write `{}`: {e}", path.display()))?;
    if file.metadata()?.len() == 0 {
        text.insert_str(
            0,
            "# Erlang cookie and password: keep this file, keep it secret, keep it out of version control.\n",
        );
    }
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
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
    if !reply.ok() {
        return Err(anyhow!("source command `{program}` failed (exit {})", reply.code.unwrap_or(-1)));
    }
    Secret::new(&reply.stdout).ok_or_else(|| anyhow!("source command `{program}` printed nothing"))
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
    fn nothing_of_a_secret_is_printed() {
        let vault = Vault { cookie: Secret::new("canarycookie"), password: Secret::new("canarypassword") };
        assert!(!format!("{vault:?}").contains("canary"));
    }

    #[test]
    fn a_fingerprint_is_the_head_of_sha256() {
        // printf first-secret | sha256sum
        let print = Secret::new("first-secret\n").unwrap().fingerprint();
        assert_eq!(print, Fingerprint::from_hex(&digest::of([&b"first-secret"[..]], 64)).unwrap());
        assert!(print.long().starts_with("sha256:") && print.long().len() == 19);
    }

    #[test]
    fn the_file_is_private_and_grows_by_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.secrets.yaml");
        let mut vault = Vault::default();
        vault.put(Name::Password, Secret::new("with \"quotes\" # and: signs").unwrap());
        append_file(&path, &vault, &[Name::Password]).unwrap();
        vault.put(Name::ErlangCookie, Secret::generate().unwrap());
        append_file(&path, &vault, &[Name::ErlangCookie]).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let read = read_file(&path).unwrap();
        for name in Name::BOTH {
            assert_eq!(read.get(name).unwrap().fingerprint(), vault.get(name).unwrap().fingerprint());
        }
    }

    #[test]
    fn mistakes_in_the_file_never_quote_the_secret() {
        for text in [
            "passwort: canary\n",
            "password: [canary]\n",
            "password: 7\n",
            "canary\n",
            "password: \"\"\n",
            "password: \"canary\n",
        ] {
            let why = parse_file(text).unwrap_err();
            assert!(!why.contains("canary") && !why.is_empty(), "{why}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.secrets.yaml");
        let vault = Vault { cookie: None, password: Secret::new("x") };
        append_file(&path, &vault, &[Name::Password]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read_file(&path).unwrap_err().to_string().contains("can be read by others"));
    }
}
