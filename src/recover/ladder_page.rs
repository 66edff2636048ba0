//! What can be done about a stop, as a table: each rung with what it loses and how long it takes, or why not. Pure.

use super::evidence::{Evidence, Verdict};
use super::strategy::{Rung, ladder, recommended};
use crate::report::table;

/// The rungs that are allowed, numbered; then those that are refused.
pub(crate) fn in_text(rungs: &[Rung]) -> Vec<String> {
    let best = recommended(rungs).map(|rung| rung.strategy);
    let allowed = rungs.iter().filter(|rung| rung.way.is_ok()).enumerate().map(|(n, rung)| {
        let mark = if Some(rung.strategy) == best { "recommended" } else { "" };
        vec![(n + 1).to_string(), rung.title(), rung.risk.clone(), rung.time(), mark.to_owned()]
    });
    let refused = rungs.iter().filter_map(|rung| {
        let why = rung.way.as_ref().err()?;
        Some(vec!["-".to_owned(), rung.title(), format!("refused: {why}")])
    });
    let mut lines = vec!["what can be done".to_owned()];
    for rows in [table(&allowed.collect::<Vec<_>>()), table(&refused.collect::<Vec<_>>())] {
        lines.extend(rows.into_iter().map(|line| format!("  {line}").trim_end().to_owned()));
    }
    lines
}

/// What is left where no rung is allowed: a command, and what it costs. Nothing is thrown away that may be there still.
pub(crate) fn what_is_left(name: &str, evidence: &Evidence) -> Option<String> {
    // Whichever node somebody wants to begin with.
    if evidence.healthy() || ladder(evidence, None).iter().any(|rung| rung.way.is_ok()) {
        return None;
    }
    if evidence.verdict == Verdict::Mixed || evidence.without_metadata().next().is_some() {
        return Some(
            "mqctl explain METADATA-LOST   # if a step to 4.3 was refused; copy the volumes before anything else"
                .to_owned(),
        );
    }
    let loses = "loses all messages, and all queues and users but those of the profile's `definitions:`";
    let unread = evidence.unknown().next().is_some();
    (!unread).then(|| format!("mqctl delete {name} --purge && mqctl install {name}   # the last resort: {loses}"))
}

/// For whoever wants to know more before choosing.
pub(crate) const EXPLANATION: &str = "\
On Mnesia the node that stopped last has everything; one that stopped before may lack queues and users. Where nodes that
saw each other run start together and none knows that it was last, the one with the lowest name loads its copy, old or not,
and the others take it over. So the newest start first, and the others when these serve clients.
On Khepri any majority of volumes boots by itself; nobody needs to know who was last.
A step to 4.3 that was refused may have moved the metadata to Khepri already: only a repair leads there.
A force boot makes one node load its own copy, whatever it lacks. What only others knew is gone, messages too.";
