//! `mqctl profile schema`

use crate::outcome::Outcome;
use crate::profile;
use crate::report;

pub(crate) fn run() -> Outcome {
    report::answer(&report::pretty(&profile::schema()));
    Outcome::Done
}
