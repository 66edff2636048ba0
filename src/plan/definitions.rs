//! Imports definitions, and reads them back: an import that says it succeeded proves nothing.

use anyhow::Result;
use serde_json::Value;

use super::execute::Run;
use crate::definitions::Definitions;
use crate::error::Failure;
use crate::kubectl;
use crate::outcome::Outcome;

/// Succeeds where the broker exports everything that was to be imported.
///
/// # Errors
/// What is missing, by its name.
pub(super) fn read_back(run: &Run<'_>, definitions: &Definitions, pod: &str) -> Result<()> {
    let wished = definitions.read()?;
    let call = kubectl::export_definitions(&run.plan.target, pod);
    let reply = run.cx.tools.run(&call, run.vault)?;
    // The CLI of 3.10 prints a warning before the JSON.
    let json = reply.stdout.find('{').map_or("", |at| &reply.stdout[at..]);
    let Some(exported) = serde_json::from_str::<Value>(json).ok().filter(|_| reply.ok()) else {
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
