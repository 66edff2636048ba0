//! Why a force boot does not help, and which way does. Pure.

use super::super::evidence::{Evidence, Quorum};
use super::Mnesia;
use super::khepri::standalone;

pub(super) fn on_khepri(evidence: &Evidence, quorum: &Quorum) -> String {
    let instead = match (quorum.majority(), standalone(evidence, quorum, None)) {
        (true, _) => ": take `together`",
        (false, Ok(_)) => ": take `khepri-standalone`",
        (false, Err(_)) => "",
    };
    format!("on Khepri a force boot does nothing, and says success{instead}")
}

/// Whichever node is to start first then.
pub(super) fn of_blank(stop: &Mnesia<'_>, node: &str) -> String {
    let instead = if (Mnesia { node: None, ..*stop }).forget().is_ok() { ": take `forget`" } else { "" };
    format!("the volume of {node} is blank, and it would boot as an empty broker{instead}")
}
