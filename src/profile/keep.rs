//! What stands where a profile is about to be written. None of these files holds a secret.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Result;

use super::draft::{Draft, difference};
use super::{LoadError, load};

/// What stands where a profile is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum There {
    Nothing,
    /// A profile that means the same.
    Same,
    /// One that means something else: how the two differ.
    Other(String),
    /// One that cannot be read; what it says is not shown, as a secret may stand in the wrong place.
    Mistaken,
}

/// Compares the file that is there with the draft that is about to be written.
///
/// # Errors
/// The file is there and cannot be read.
pub fn compare(draft: &Draft) -> Result<There> {
    let path = draft.profile.path.as_path();
    match load(path) {
        Ok(there) if there == draft.profile => Ok(There::Same),
        // A draft is for the built-in chart: one that helm alone knows is another.
        Ok(_) | Err(LoadError::ChartUnseen(_)) => {
            Ok(There::Other(difference(path, &text_of(path)?.unwrap_or_default(), &draft.text)))
        }
        Err(LoadError::Mistaken(_)) => Ok(There::Mistaken),
        Err(LoadError::Unreadable(error)) if error.kind() == ErrorKind::NotFound => Ok(There::Nothing),
        Err(LoadError::Unreadable(error)) => Err(error.into()),
    }
}

/// The line that keeps secrets out of version control.
const RULE: &str = "*.secrets.yaml";

/// What `.gitignore` in this folder has to say, if it does not yet.
///
/// # Errors
/// The file is there and cannot be read.
pub fn missing_rule(file: &Path) -> Result<Option<String>> {
    let there = text_of(file)?.unwrap_or_default();
    Ok((!there.lines().any(|line| line.trim() == RULE)).then(|| with_rule(&there)))
}

fn with_rule(there: &str) -> String {
    let end = if there.is_empty() || there.ends_with('\n') { "" } else { "\n" };
    format!("{there}{end}{RULE}\n")
}

#[expect(clippy::disallowed_methods, reason = "door: reads what is about to be compared")]
fn text_of(path: &Path) -> Result<Option<String>> {
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole_file::{Readers, write};

    #[test]
    fn the_rule_is_added_once_and_on_a_line_of_its_own() {
        for there in ["", "target\n", "target"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("profiles/.gitignore");
            write(&file, there, Readers::Everybody).unwrap();
            let text = missing_rule(&file).unwrap().unwrap();
            assert!(text.starts_with(there) && text.ends_with("*.secrets.yaml\n"), "{text}");
            write(&file, &text, Readers::Everybody).unwrap();
            assert_eq!(missing_rule(&file).unwrap(), None);
            assert_eq!(file.parent().unwrap().read_dir().unwrap().count(), 1, "nothing half done beside it");
        }
    }
}
