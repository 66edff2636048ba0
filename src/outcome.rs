//! How a command ended: one closed set, one table of exit codes.

/// How a command ended. The codes follow `sysexits.h` where it has a word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
    Difference,
    PartlyDone,
    ErrorsFound,
    Usage,
    BadProfile,
    Unreachable,
    Bug,
    TimedOut,
    NotPermitted,
    Contradiction,
    Interrupted,
}

impl Outcome {
    /// Every outcome, in the order of the table in the README.
    pub const ALL: [Self; 13] = [
        Self::Done,
        Self::Failed,
        Self::Difference,
        Self::PartlyDone,
        Self::ErrorsFound,
        Self::Usage,
        Self::BadProfile,
        Self::Unreachable,
        Self::Bug,
        Self::TimedOut,
        Self::NotPermitted,
        Self::Contradiction,
        Self::Interrupted,
    ];

    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Difference => 2,
            Self::PartlyDone => 3,
            Self::ErrorsFound => 4,
            Self::Usage => 64,
            Self::BadProfile => 65,
            Self::Unreachable => 69,
            Self::Bug => 70,
            Self::TimedOut => 75,
            Self::NotPermitted => 77,
            Self::Contradiction => 78,
            Self::Interrupted => 130,
        }
    }

    /// What the code means, as the README says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done or healthy",
            Self::Failed => "failed",
            Self::Difference => "difference or warning, only with `--detailed-exitcode`",
            Self::PartlyDone => "partly done",
            Self::ErrorsFound => "doctor found errors",
            Self::Usage => "usage, or consent needed and nobody to give it",
            Self::BadProfile => "bad profile or secrets file",
            Self::Unreachable => "cluster, broker or program unreachable",
            Self::Bug => "a bug in mqctl",
            Self::TimedOut => "timed out, safe to run again",
            Self::NotPermitted => "not permitted",
            Self::Contradiction => "profile contradicts reality",
            Self::Interrupted => "interrupted",
        }
    }
}
