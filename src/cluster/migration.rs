//! A move of all messages to another cluster, as the old one is marked.

use super::Observed;

/// The annotation of the StatefulSet that says to which profile's cluster its messages are moved.
pub const MIGRATION: &str = "mqctl/migration";

/// A move of all messages to another cluster, as the StatefulSet of the old one is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The profile of the new one.
    pub to: String,
    /// Both sides were counted, and the old one is being stopped.
    pub retired: bool,
}

impl Observed {
    /// Where its messages are moved to.
    pub fn migration(&self) -> Option<&Migration> {
        self.set.as_ref()?.migration.as_ref()
    }
}

impl Migration {
    const RETIRED: &str = " retired";

    pub(super) fn read(note: &str) -> Self {
        let to = note.strip_suffix(Self::RETIRED);
        Self { to: to.unwrap_or(note).to_owned(), retired: to.is_some() }
    }

    /// As it is noted.
    pub fn note(&self) -> String {
        format!("{}{}", self.to, if self.retired { Self::RETIRED } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_again() {
        for retired in [false, true] {
            let migration = Migration { to: "prodmq-next".to_owned(), retired };
            assert_eq!(Migration::read(&migration.note()), migration);
        }
    }
}
