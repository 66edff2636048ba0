//! Errors for people: one sentence, at most two hints, and the exit code where its meaning is known.

use std::fmt;

use crate::outcome::Outcome;

/// An error that knows its exit code and what to do about it. Travels inside `anyhow::Error`.
#[derive(Debug)]
pub struct Failure {
    pub outcome: Outcome,
    pub text: String,
    pub hints: Vec<String>,
}

impl Failure {
    pub fn new(outcome: Outcome, text: impl Into<String>) -> Self {
        Self { outcome, text: text.into(), hints: Vec::new() }
    }

    /// Adds a line of advice: a command to paste, or a word to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// The exit code that an error asks for; `Failed` where nobody said more.
pub fn outcome_of(error: &anyhow::Error) -> Outcome {
    error.chain().find_map(|e| e.downcast_ref::<Failure>()).map_or(Outcome::Failed, |f| f.outcome)
}

/// The error as it is printed: the chain on one line, then the hints.
pub fn render(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error:#}");
    let hints = error.chain().find_map(|e| e.downcast_ref::<Failure>()).map(|f| f.hints.as_slice());
    for hint in hints.unwrap_or_default() {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_its_code_and_hints_under_context() {
        let failure = Failure::new(Outcome::TimedOut, "not ready").hint("run it again");
        let error = anyhow::Error::new(failure).context("install");
        assert_eq!(outcome_of(&error), Outcome::TimedOut);
        assert_eq!(render(&error), "error: install: not ready\nhint: run it again");
    }
}
