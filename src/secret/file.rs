//! `NAME.secrets.yaml`: read, grown by whole lines, and rewritten by a rotation.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Name, Secret, Vault};
use crate::digest;
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::whole_file::{self, Readers};
use crate::yaml;

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
        let secret = secret.ok_or_else(|| format!("{place}`{key}`: expected a text in quotes that is not empty"))?;
        if let Some(flaw) = secret.flaw(name) {
            return Err(format!("{place}`{key}`: {flaw}"));
        }
        vault.put(name, secret);
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
        text.insert_str(0, HEAD);
    }
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

/// The first line of a new file.
const HEAD: &str = "# Erlang cookie and password: keep this file, keep it secret, keep it out of version control.\n";

/// Where the file as it is now would be kept beside itself, named after its content; nowhere, if it is not there.
#[expect(clippy::disallowed_methods, reason = "door: reads the secrets file")]
pub fn aside(path: &Path) -> Option<PathBuf> {
    let text = Zeroizing::new(fs_err::read(path).ok()?);
    let name = path.file_name()?.to_string_lossy();
    Some(path.with_file_name(format!("old-{}.{name}", digest::of([&text[..]], 12))))
}

/// Keeps a copy of the file that only its owner can read. One of that name has the same content already.
///
/// # Errors
/// The file cannot be read, or the copy not written.
#[expect(clippy::disallowed_methods, reason = "door: copies the secrets file")]
pub fn set_aside(path: &Path, copy: &Path) -> Result<()> {
    if copy.is_file() {
        return Ok(());
    }
    whole_file::write(copy, &Zeroizing::new(fs_err::read_to_string(path)?), Readers::Owner)
}

/// Gives a secret of the file its new text: beside it first, then in its place, so that a kill leaves one or the other.
///
/// # Errors
/// The file cannot be read or written.
#[expect(clippy::disallowed_methods, reason = "door: rewrites the secrets file")]
pub fn replace_in_file(path: &Path, vault: &Vault, name: Name) -> Result<()> {
    let text = Zeroizing::new(fs_err::read_to_string(path).unwrap_or_default());
    let key = format!("{}:", name.key());
    let secret = vault.get(name).ok_or_else(|| anyhow!("no {name} to write"))?;
    let quoted = Zeroizing::new(serde_json::to_string(secret.reveal())?);
    let mut new = Zeroizing::new(String::with_capacity(text.len() + quoted.len() + 2 * HEAD.len()));
    if text.is_empty() {
        new.push_str(HEAD);
    }
    for line in text.lines().filter(|line| !line.starts_with(&key)) {
        new.extend([line, "\n"]);
    }
    new.extend([key.as_str(), " ", &quoted, "\n"]);
    if parse_file(&new).is_err() {
        return Err(anyhow!("its lines are not one key each, so that none can be replaced"));
    }
    whole_file::write(path, &new, Readers::Owner)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut vault = Vault::default();
        vault.put(Name::Password, Secret::new("x").unwrap());
        append_file(&path, &vault, &[Name::Password]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read_file(&path).unwrap_err().to_string().contains("can be read by others"));
    }

    #[test]
    fn a_rotated_secret_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.secrets.yaml");
        let mut vault = Vault::default();
        for name in Name::BOTH {
            vault.put(name, Secret::generate().unwrap());
        }
        append_file(&path, &vault, &Name::BOTH).unwrap();
        let old = vault.get(Name::Password).unwrap().fingerprint();
        vault.put(Name::NextPassword, Secret::generate().unwrap());
        vault.promote(Name::Password);
        replace_in_file(&path, &vault, Name::Password).unwrap();
        let read = read_file(&path).unwrap();
        for name in Name::BOTH {
            assert_eq!(read.get(name).unwrap().fingerprint(), vault.get(name).unwrap().fingerprint());
        }
        assert_ne!(read.get(Name::Password).unwrap().fingerprint(), old);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing is left beside it");
    }
}
