//! What a profile says about credentials: sources, never secrets.

use std::path::Path;

use super::file::{ProfileFile, SourceFile};
use super::mistakes::Mistakes;
use super::{A_PATH, Credentials, Source, joined};
use crate::units;

/// No message about them repeats what the file says.
pub(super) fn credentials(file: &ProfileFile, path: &Path, m: &mut Mistakes) -> Credentials {
    let username = file.username.unwrap_or(Credentials::USERNAME);
    if let Err(text) = username_fits(username) {
        m.at_value(&["credentials", "username"], text);
    }
    let mut checked = |source: Option<&SourceFile>, key| Entry { key, profile: path }.source(source?, m);
    Credentials {
        username: username.to_owned(),
        password: checked(file.password.as_ref(), "password"),
        erlang_cookie: checked(file.erlang_cookie.as_ref(), "erlangCookie"),
    }
}

/// Narrower than `RabbitMQ`: what needs no quoting in rabbitmq.conf, URLs and shells.
fn username_fits(name: &str) -> Result<(), &'static str> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !(name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 64 && name.chars().all(word)) {
        return Err("expected 1 to 64 of a-z, A-Z, 0-9, `.`, `_` and `-`, a letter or digit first");
    }
    if name == "guest" {
        return Err("this user may log in from the broker's own host only (RabbitMQ's loopback_users); choose another");
    }
    Ok(())
}

/// One key of `credentials`, and the file that it stands in.
struct Entry<'a> {
    key: &'static str,
    profile: &'a Path,
}

impl Entry<'_> {
    fn source(&self, source: &SourceFile, m: &mut Mistakes) -> Option<Source> {
        match source {
            SourceFile::Env(name) => self.env(name, m),
            SourceFile::File(file) => self.file(file, m),
            SourceFile::Command(words) => self.command(words, m),
            SourceFile::Secret { name, key } => {
                let name = self.part("name", "the name of a Secret", *name, units::is_dns_name, m);
                let key = self.part("key", "a key of the Secret", *key, is_secret_key, m);
                Some(Source::Secret { name: name?, key: key? })
            }
        }
    }

    fn env(&self, name: &str, m: &mut Mistakes) -> Option<Source> {
        let wanted = "expected the name of an environment variable";
        self.fits(is_variable(name), "env", wanted, m)?;
        Some(Source::Env(name.to_owned()))
    }

    fn file(&self, file: &str, m: &mut Mistakes) -> Option<Source> {
        let path = joined(self.profile, file);
        self.fits(path.is_some(), "file", A_PATH, m)?;
        path.map(Source::File)
    }

    fn command(&self, words: &[&str], m: &mut Mistakes) -> Option<Source> {
        let has_program = words.first().is_some_and(|program| !program.is_empty());
        let fits = has_program && !words.iter().any(|word| word.contains('\0'));
        self.fits(fits, "command", "expected a program and its arguments", m)?;
        Some(Source::Command(words.iter().map(|word| (*word).to_owned()).collect()))
    }

    fn fits(&self, fits: bool, kind: &str, wanted: &str, m: &mut Mistakes) -> Option<()> {
        if !fits {
            m.at_value(&["credentials", self.key, kind], wanted);
        }
        fits.then_some(())
    }

    /// One of the two parts of a `secret`.
    fn part(
        &self,
        part: &str,
        wanted: &str,
        text: Option<&str>,
        valid: fn(&str) -> bool,
        m: &mut Mistakes,
    ) -> Option<String> {
        let path = ["credentials", self.key, "secret", part];
        match text {
            Some(text) if valid(text) => return Some(text.to_owned()),
            Some(_) => m.at_value(&path, format!("expected {wanted}")),
            None if m.has(&path) => {}
            None => m.at_value(&path, format!("missing; expected {wanted}")),
        }
        None
    }
}

/// As POSIX names them.
fn is_variable(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(word) && name.starts_with(|c: char| word(c) && !c.is_ascii_digit())
}

/// Of a Secret's data, by the Kubernetes API reference.
fn is_secret_key(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !key.is_empty() && key.len() <= 253 && key.chars().all(fits)
}
