//! Every prompt of the program; the only user of dialoguer.

use std::fmt;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use dialoguer::theme::Theme;
use dialoguer::{Input, Select};

use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::plan::{Danger, Plan};
use crate::report;

/// Whether there is somebody to ask: decided once, from terminals, flags and `CI`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Person {
    There,
    Absent,
}

static PROMPTING: AtomicBool = AtomicBool::new(false);

/// Ctrl-C in a prompt: nothing has been changed, so the process may end at once; the cursor is shown first.
#[expect(
    clippy::disallowed_methods,
    reason = "dialoguer reads on after the signal; a prompt can be left in no other way"
)]
pub(crate) fn leave_prompt() {
    if PROMPTING.swap(false, Ordering::SeqCst) {
        report::show_cursor();
        report::say("\ninterrupted; nothing was changed");
        std::process::exit(i32::from(Outcome::Interrupted.code()));
    }
}

/// Asks for what the plan's danger calls for.
///
/// # Errors
/// Nobody to ask, or the answer is no: exit 64 and 1, nothing changed.
pub(crate) fn consent(person: Person, plan: &Plan, yes: bool, confirm: Option<&str>) -> Result<()> {
    match plan.danger() {
        Danger::Reads | Danger::Keeps => Ok(()),
        // Who agrees to a loss agrees to less: what is left of a plan that was cut short may destroy nothing any more.
        Danger::Changes if yes || confirm == Some(plan.target.release.as_str()) => Ok(()),
        Danger::Changes => go_on(person, plan),
        Danger::Destroys => by_name(person, plan, confirm),
    }
}

fn go_on(person: Person, plan: &Plan) -> Result<()> {
    if person == Person::Absent {
        let text = format!("{} would change something, and there is nobody to ask; nothing was changed", plan.verb);
        return Err(Failure::new(Outcome::Usage, text)
            .hint("see it first with --dry-run, then agree with --yes")
            .code(Code::Consent)
            .into());
    }
    let ask = || Input::<String>::with_theme(&Question).with_prompt("Go on? [y/N]").allow_empty(true).interact_text();
    if says_yes(&prompting(ask)?) {
        return Ok(());
    }
    Err(Failure::new(Outcome::Failed, "nothing was changed").into())
}

/// A line, as with other programs: one key would leave its Enter to the question that comes next.
fn says_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// A prompt that ends in what may be answered has no colon behind it.
struct Question;

impl Theme for Question {
    fn format_input_prompt(&self, f: &mut dyn fmt::Write, prompt: &str, _: Option<&str>) -> fmt::Result {
        write!(f, "{prompt} ")
    }

    fn format_input_prompt_selection(&self, f: &mut dyn fmt::Write, prompt: &str, answer: &str) -> fmt::Result {
        write!(f, "{prompt} {answer}")
    }
}

/// A protected profile wants a person at a terminal, whatever the flags say.
fn by_name(person: Person, plan: &Plan, confirm: Option<&str>) -> Result<()> {
    let release = &plan.target.release;
    let refuse =
        |text: String, hint: String| Err(Failure::new(Outcome::Usage, text).hint(hint).code(Code::Consent).into());
    match confirm {
        Some(name) if name != release => refuse(
            format!("`--confirm {name}` is not the release's name; nothing was changed"),
            format!("mqctl {} … --confirm {release}", plan.verb),
        ),
        Some(_) if !plan.protected => Ok(()),
        _ if person == Person::There => typed(release),
        Some(_) => refuse(
            format!(
                "`{release}` is protected: what destroys its data needs its name typed at a terminal; nothing was changed"
            ),
            "take `protected: true` out of the profile first".to_owned(),
        ),
        None => refuse(
            "this destroys data, and there is nobody to ask; nothing was changed".to_owned(),
            format!("see it first with --dry-run, then agree with --confirm {release}"),
        ),
    }
}

fn typed(release: &str) -> Result<()> {
    let ask =
        || Input::<String>::new().with_prompt("Type the release's name to go on").allow_empty(true).interact_text();
    if prompting(ask)? == *release {
        return Ok(());
    }
    Err(Failure::new(Outcome::Failed, "that is not the release's name; nothing was changed").into())
}

/// A line of text, asked for again until it fits; Enter takes the default.
///
/// # Errors
/// Ctrl-C, or a terminal that went away; nothing has been changed.
pub(crate) fn line(prompt: &str, default: &str, refusal: impl Fn(&str) -> Option<String>) -> Result<String> {
    let fits = |text: &String| refusal(text).map_or(Ok(()), Err);
    let input = Input::<String>::new().with_prompt(prompt).allow_empty(true).validate_with(fits);
    let input = if default.is_empty() { input } else { input.default(default.to_owned()) };
    prompting(|| input.interact_text())
}

/// One of some items, by its index; Enter takes the first.
///
/// # Errors
/// As `line`.
pub(crate) fn choice(prompt: &str, items: &[String]) -> Result<usize> {
    prompting(|| Select::new().with_prompt(prompt).items(items).default(0).interact())
}

/// # Errors
/// Ctrl-C, or a terminal that went away; nothing has been changed.
fn prompting<T>(ask: impl FnOnce() -> dialoguer::Result<T>) -> Result<T> {
    PROMPTING.store(true, Ordering::SeqCst);
    let answer = ask();
    let leaving = !PROMPTING.swap(false, Ordering::SeqCst);
    // The handler was first: it ends the process, and one of the two speaks.
    if leaving {
        loop {
            std::thread::park();
        }
    }
    answer.map_err(|dialoguer::Error::IO(error)| left(&error).into())
}

/// In its raw mode the terminal hands Ctrl-C over as a key: dialoguer ends with an error, and raises the signal as well.
fn left(error: &std::io::Error) -> Failure {
    report::show_cursor();
    report::say("");
    match error.kind() {
        ErrorKind::Interrupted => Failure::new(Outcome::Interrupted, "interrupted; nothing was changed"),
        _ => Failure::new(Outcome::Failed, "the answer could not be read; nothing was changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::says_yes;

    #[test]
    fn only_a_yes_goes_on() {
        let (yes, no) = (["y", "Y", "yes", " YES "], ["", "n", "no", "yess", "j", "yn", "ny", "prodmq"]);
        assert!(yes.into_iter().all(says_yes) && !no.into_iter().any(says_yes));
    }
}
