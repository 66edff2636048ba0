//! Files that are there whole or not at all, whenever mqctl is killed: a door to the file system.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Result;

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    Owner,
    /// Whom the umask lets.
    Everybody,
}

/// Writes beside the file first, then puts it in its place. The name beside it ends as its own, so that a rule of
/// `.gitignore` that covers the one covers the other.
///
/// # Errors
/// The folder or the file cannot be written.
#[expect(clippy::disallowed_methods, reason = "door: writes profiles, secrets files and backups")]
pub(crate) fn write(path: &Path, text: &str, readers: Readers) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!("new.{name}"));
    let mode = if readers == Readers::Owner { 0o600 } else { 0o666 };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(fs_err::rename(beside, path)?)
}
