//! The only writer of stdout and stderr: the answer goes to stdout, the conversation to stderr.

use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::error;
use crate::outcome::Outcome;
use crate::program;

static QUIET: AtomicBool = AtomicBool::new(false);

/// `-q`: errors and the answer only.
pub(crate) fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::SeqCst);
}

/// A line of the answer. A reader that went away (`| head`) is no error.
pub(crate) fn answer(text: &str) {
    answered(text);
}

/// The same, and whether somebody still reads.
pub(crate) fn answered(text: &str) -> bool {
    writeln!(anstream::stdout().lock(), "{text}").is_ok()
}

/// A line of the conversation.
pub(crate) fn say(text: &str) {
    if !QUIET.load(Ordering::SeqCst) {
        show(text);
    }
}

/// A text that somebody asked for at a prompt: of the conversation, and shown with `-q` too.
pub(crate) fn show(text: &str) {
    writeln!(anstream::stderr().lock(), "{text}").ok();
}

/// JSON for people's eyes too; keys are sorted, so that two runs can be compared.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Prints an error and says how the process ends.
pub(crate) fn failed(error: &anyhow::Error) -> Outcome {
    writeln!(anstream::stderr().lock(), "{}", error::render(error)).ok();
    error::outcome_of(error)
}

/// What clap found wrong, or a page of help.
pub(crate) fn usage(error: &clap::Error) -> Outcome {
    error.print().ok();
    if error.use_stderr() { Outcome::Usage } else { Outcome::Done }
}

/// A bug: its place, and nothing of the values at hand.
pub(crate) fn panicked(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
    let hint = program::said("run the same command again; please report it with `mqctl version`");
    writeln!(anstream::stderr().lock(), "error: a bug in mqctl{place}\nhint: {hint}").ok();
}

pub(crate) fn show_cursor() {
    write!(anstream::stderr().lock(), "\x1b[?25h").ok();
}

/// Columns, left-aligned, two blanks apart, without trailing blanks.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(text, &w)| format!("{text:<w$}")).collect();
        cells.join("   ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Bytes as people say them: `310Mi`, `6.1Gi`.
pub(crate) fn bytes(count: u64) -> String {
    const GI: u64 = 1 << 30;
    if count >= GI {
        let tenths = count * 10 / GI;
        return format!("{}.{}Gi", tenths / 10, tenths % 10);
    }
    format!("{}Mi", count >> 20)
}

/// Seconds as people say them: `42 s`, `3m 5s`, `2h 4m`, `3d 1h`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// A value on one line, cut where it is long; JSON has all of it.
pub(crate) fn one_line(value: &Value) -> String {
    const WIDEST: usize = 32;
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if !text.contains(['\n', '\r']) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= WIDEST {
        return text;
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_in_people_s_words() {
        assert_eq!([bytes(310 << 20), bytes(6_600_000_000)], ["310Mi", "6.1Gi"]);
        assert_eq!([age(42), age(185), age(7440), age(262_800)], ["42 s", "3m 5s", "2h 4m", "3d 1h"]);
    }

    #[test]
    fn a_table_is_aligned_and_ends_without_blanks() {
        let rows = [vec!["node".into(), "state".into()], vec!["prodmq-0".into(), String::new()]];
        assert_eq!(table(&rows), ["node       state", "prodmq-0"]);
    }
}
