//! Why the evidence says what it says: a word for programs, and a sentence. Pure.

use super::evidence::{Evidence, Quorum, Verdict};
use super::order::{Confidence, Order};

/// What the verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    ServesClients,
    /// By a refused step to 4.3.
    MetadataTaken,
    SawAllStop,
    NobodySawItStop,
    UnreadMayBeNewer,
    NobodySawAllStop,
    Contradiction,
    Majority,
    NoMajority,
    NothingThere,
    DifferentStores,
    NothingRead,
}

impl Why {
    pub fn of(evidence: &Evidence) -> Self {
        match &evidence.verdict {
            Verdict::Running(_) | Verdict::Mixed if evidence.without_metadata().next().is_some() => Self::MetadataTaken,
            Verdict::Running(_) => Self::ServesClients,
            Verdict::Mnesia(order) => Self::of_order(order),
            Verdict::Khepri(quorum) if quorum.majority() => Self::Majority,
            Verdict::Khepri(_) => Self::NoMajority,
            Verdict::Blank => Self::NothingThere,
            Verdict::Mixed => Self::DifferentStores,
            Verdict::Unread => Self::NothingRead,
        }
    }

    fn of_order(order: &Order) -> Self {
        match order.confidence {
            _ if order.newest.is_empty() => Self::Contradiction,
            Confidence::Certain => Self::SawAllStop,
            Confidence::Likely => Self::NobodySawItStop,
            Confidence::Tie if unread(order).is_empty() => Self::NobodySawAllStop,
            Confidence::Tie => Self::UnreadMayBeNewer,
        }
    }

    /// Stable, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::ServesClients => "serves-clients",
            Self::MetadataTaken => "metadata-taken",
            Self::SawAllStop => "saw-all-stop",
            Self::NobodySawItStop => "nobody-saw-it-stop",
            Self::UnreadMayBeNewer => "unread-may-be-newer",
            Self::NobodySawAllStop => "nobody-saw-all-stop",
            Self::Contradiction => "contradiction",
            Self::Majority => "majority",
            Self::NoMajority => "no-majority",
            Self::NothingThere => "nothing-there",
            Self::DifferentStores => "different-stores",
            Self::NothingRead => "nothing-read",
        }
    }

    /// For people.
    pub fn message(self, evidence: &Evidence) -> String {
        match (self, &evidence.verdict) {
            (Self::UnreadMayBeNewer, Verdict::Mnesia(order)) => {
                format!("{} may be newer and could not be read", unread(order).join(", "))
            }
            (Self::Majority, Verdict::Khepri(quorum)) => {
                format!("{}: any majority boots by itself, whoever stopped last", there(quorum))
            }
            (Self::NoMajority, Verdict::Khepri(quorum)) => {
                format!("{}: no majority, so none boots by itself", there(quorum))
            }
            _ => self.sentence().to_owned(),
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::ServesClients => "what serves clients is what others copy",
            Self::MetadataTaken => "a refused step to 4.3 took users, vhosts and queues away",
            Self::SawAllStop => "it saw all others stop, and nobody saw it stop",
            Self::NobodySawItStop => "nobody saw it stop; what another node knew is not there to be read",
            Self::UnreadMayBeNewer => "a node that may be newer could not be read",
            Self::NobodySawAllStop => "none of them is known to have seen the others stop",
            Self::Contradiction => "what was read contradicts itself",
            Self::Majority => "any majority boots by itself, whoever stopped last",
            Self::NoMajority => "no majority, so none boots by itself",
            Self::NothingThere => "no volume has anything on it",
            Self::DifferentStores => "the nodes' files belong to different metadata stores",
            Self::NothingRead => "no node could be read",
        }
    }
}

fn unread(order: &Order) -> Vec<&str> {
    order.newest.iter().filter(|pod| order.unread.contains(*pod)).map(String::as_str).collect()
}

fn there(quorum: &Quorum) -> String {
    format!("{} of {} volumes are there", quorum.there.len(), quorum.members.len())
}
