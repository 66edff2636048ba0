//! Errors for people: one sentence, at most two hints, the exit code where its meaning is known, and the page that tells more.

use std::fmt;

use crate::explain::Code;
use crate::outcome::Outcome;
use crate::program;

/// An error that knows its exit code and what to do about it. Travels inside `anyhow::Error`.
#[derive(Debug)]
pub struct Failure {
    pub outcome: Outcome,
    pub text: String,
    pub hints: Vec<String>,
    /// The page of `mqctl explain`, where there is a story to tell.
    pub code: Option<Code>,
}

impl Failure {
    pub fn new(outcome: Outcome, text: impl Into<String>) -> Self {
        Self { outcome, text: text.into(), hints: Vec::new(), code: None }
    }

    /// Adds a line of advice: a command to paste, or a word to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Names the page of `mqctl explain`.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

fn failure_of(error: &anyhow::Error) -> Option<&Failure> {
    error.chain().find_map(|e| e.downcast_ref())
}

/// The exit code that an error asks for; `Failed` where nobody said more.
pub fn outcome_of(error: &anyhow::Error) -> Outcome {
    failure_of(error).map_or(Outcome::Failed, |f| f.outcome)
}

/// The page of `mqctl explain` about this error.
pub fn code_of(error: &anyhow::Error) -> Option<Code> {
    failure_of(error)?.code
}

/// The error as it is printed: the chain on one line, then the hints, then where to read more.
pub fn render(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error:#}");
    for hint in failure_of(error).map_or(&[][..], |f| &f.hints) {
        text.push_str("\nhint: ");
        text.push_str(&program::said(hint));
    }
    if let Some(code) = code_of(error) {
        text.push_str("\nsee: ");
        text.push_str(&program::said(&format!("mqctl explain {code}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_its_codes_and_hints_under_context() {
        let failure = Failure::new(Outcome::TimedOut, "not ready").hint("run it again").code(Code::NotReady);
        let error = anyhow::Error::new(failure).context("install");
        assert_eq!((outcome_of(&error), code_of(&error)), (Outcome::TimedOut, Some(Code::NotReady)));
        assert_eq!(render(&error), "error: install: not ready\nhint: run it again\nsee: mqctl explain NOT-READY");
    }
}
