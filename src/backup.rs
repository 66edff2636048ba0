//! Definitions kept on this machine before something happens to a cluster: users with password hashes, so for nobody else.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use jiff::Timestamp;

use crate::rabbitmq;
use crate::whole_file::{self, Readers};

/// `STATE/mqctl/prodmq/2026-01-31T09-40-12Z.json`: as the XDG folders say, with a name that every file system takes.
pub(crate) fn file(state: &Path, release: &str, now: Timestamp) -> PathBuf {
    state.join("mqctl").join(release).join(format!("{}.json", now.strftime("%Y-%m-%dT%H-%M-%SZ")))
}

/// Writes definitions, whole or not at all.
///
/// # Errors
/// What was answered is no JSON; the file cannot be written.
pub(crate) fn save(file: &Path, answer: &str) -> Result<()> {
    let json = rabbitmq::exported(answer);
    serde_json::from_str::<serde::de::IgnoredAny>(json)
        .map_err(|_| anyhow!("the broker did not answer with definitions"))?;
    whole_file::write(file, json, Readers::Owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test looks at the file that was written")]
    fn only_definitions_are_kept_and_only_for_their_owner() {
        let state = tempfile::tempdir().unwrap();
        let file = file(state.path(), "prodmq", Timestamp::UNIX_EPOCH);
        assert!(file.ends_with("mqctl/prodmq/1970-01-01T00-00-00Z.json"), "{}", file.display());
        assert!(save(&file, "Error: unable to perform an operation").is_err() && !file.exists());
        save(&file, "deprecated\n{\"users\": []}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"users\": []}\n");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file.parent().unwrap().read_dir().unwrap().count(), 1);
    }
}
