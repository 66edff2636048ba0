//! What is asked of git, where there is one; nothing here runs anything.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::process::{Call, Program, Reply};

/// Asks for the file among those under version control.
pub(crate) fn tracked(file: &Path) -> Call {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or_default();
    let args = ["-C", &folder.to_string_lossy(), "ls-files", "--", &name.to_string_lossy()].map(str::to_owned);
    Call::new(Program::Git, args).within(Duration::from_secs(5))
}

/// Whether it is; `None` where there is no git, or no repository.
pub(crate) fn is_tracked(answer: Result<Reply>) -> Option<bool> {
    let reply = answer.ok().filter(Reply::ok)?;
    Some(!reply.stdout.trim().is_empty())
}
