//! Imports definitions, and reads them back: an import that says it succeeded proves nothing.

use anyhow::Result;
use serde_json::Value;

use super::execute::Run;
use super::install::{Given, note_boot};
use super::{Action, Danger, Step};
use crate::chart::Names;
use crate::definitions::Definitions;
use crate::error::Failure;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::rabbitmq;

/// Definitions, and what is in them.
#[derive(Debug)]
pub struct Import {
    pub definitions: Definitions,
    pub summary: String,
}

impl Import {
    /// All nodes are there: quorum queues get a member on each. Only then is the boot noted, so that a run that was cut short
    /// imports once more, which is harmless.
    pub(super) fn step(&self, given: &Given<'_>, names: &Names) -> Step {
        /// Ten thousand quorum queues take 261 seconds.
        const LIMIT: u32 = 600;
        let (definitions, pod) = (self.definitions.clone(), names.pods[0].clone());
        let file = definitions.file.file_name().unwrap_or_default().to_string_lossy();
        let detail = format!("{file}: {}; once, after the first boot", self.summary);
        let call = kubectl::exec_eval_within(LIMIT, given.target, &pod, rabbitmq::import(&definitions));
        Step::new(Danger::Changes, "import definitions", detail)
            .action(Action::Run(call))
            .action(Action::ReadBack { definitions, pod })
            .action(note_boot(given, names))
            .done(format!("definitions imported and read back: {}", self.summary))
    }
}

/// Succeeds where the broker exports everything that was to be imported.
///
/// # Errors
/// What is missing, by its name.
pub(super) fn read_back(run: &Run<'_>, definitions: &Definitions, pod: &str) -> Result<()> {
    let wished = definitions.read()?;
    let call = kubectl::export_definitions(&run.plan.target, pod);
    let reply = run.cx.tools.run(&call, run.vault)?;
    let exported = serde_json::from_str::<Value>(rabbitmq::exported(&reply.stdout));
    let Some(exported) = exported.ok().filter(|_| reply.ok()) else {
        return Err(kubectl::failure("rabbitmqctl export_definitions", &reply).into());
    };
    let missing = wished.missing(&exported);
    if missing.is_empty() {
        return Ok(());
    }
    let named = missing.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let text = format!("the import left out {} of the definitions: {named}", missing.len());
    Err(Failure::new(Outcome::Failed, text).hint("run the same command again: it imports once more").into())
}
