//! Which version of RabbitMQ may follow which. Pure.
//!
//! Source: RabbitMQ documentation, "Upgrading RabbitMQ", table "RabbitMQ version upgradability", and "Feature Flags":
//! every stable flag is enabled before the next step. RabbitMQ 4.3 has no Mnesia.

use std::fmt;

/// `4.0` of 4.0.5: releases of one series follow each other freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series(pub u64, pub u64);

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Series {
    /// Of a version, a tag or a series: `4.0.5`, `4.0.5-management`, `4.0`. `None` for `latest` and for a digest.
    pub fn of(text: &str) -> Option<Self> {
        let mut numbers = text.split(['-', '@']).next()?.split('.');
        let series = Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        numbers.all(|n| n.parse::<u64>().is_ok()).then_some(series)
    }
}

/// From, to: the steps that RabbitMQ supports, the longest first.
const STEPS: [(Series, Series); 12] = [
    (Series(3, 8), Series(3, 9)),
    (Series(3, 9), Series(3, 10)),
    (Series(3, 10), Series(3, 11)),
    (Series(3, 11), Series(3, 12)),
    (Series(3, 12), Series(3, 13)),
    (Series(3, 13), Series(4, 2)),
    (Series(3, 13), Series(4, 1)),
    (Series(3, 13), Series(4, 0)),
    (Series(4, 0), Series(4, 2)),
    (Series(4, 0), Series(4, 1)),
    (Series(4, 1), Series(4, 2)),
    (Series(4, 2), Series(4, 3)),
];

/// What a cluster is before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before<'a> {
    pub series: Series,
    /// Its metadata are in Khepri, by the nodes' own word.
    pub khepri: bool,
    /// Stable feature flags that are not enabled.
    pub disabled: &'a [String],
}

/// Why a step is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Downgrade,
    /// The steps that lead there; none where nothing does.
    NotInOneStep(Vec<Series>),
    /// RabbitMQ 4.3 migrates the metadata of a Mnesia cluster away before it fails, and every pod stays Ready.
    MnesiaToKhepri,
    /// 3.13 had an experimental Khepri whose data 4.x does not read.
    ExperimentalKhepri,
    FlagsDisabled(Vec<String>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Downgrade => f.write_str("RabbitMQ does not go back to an older series"),
            Self::NotInOneStep(path) if path.is_empty() => f.write_str("RabbitMQ knows no way from one to the other"),
            Self::NotInOneStep(path) => {
                let path: Vec<String> = path.iter().map(ToString::to_string).collect();
                write!(f, "not in one step; by way of {}", path.join(", then "))
            }
            Self::MnesiaToKhepri => f.write_str(
                "this cluster keeps its metadata in Mnesia, and 4.3 would take them away while every pod stays Ready",
            ),
            Self::ExperimentalKhepri => {
                f.write_str("this cluster runs the experimental Khepri of 3.13, which no later series reads")
            }
            Self::FlagsDisabled(flags) => write!(f, "stable feature flags are not enabled: {}", flags.join(", ")),
        }
    }
}

/// Whether one change of the image leads from one series to another.
///
/// # Errors
/// Why RabbitMQ does not allow it.
pub fn step(before: Before<'_>, to: Series) -> Result<(), Refusal> {
    let from = before.series;
    if from == to {
        return Ok(());
    }
    if to < from {
        return Err(Refusal::Downgrade);
    }
    if to >= Series(4, 3) && !before.khepri {
        return Err(Refusal::MnesiaToKhepri);
    }
    if !STEPS.contains(&(from, to)) {
        return Err(Refusal::NotInOneStep(path(from, to)));
    }
    if from == Series(3, 13) && before.khepri {
        return Err(Refusal::ExperimentalKhepri);
    }
    if before.disabled.is_empty() { Ok(()) } else { Err(Refusal::FlagsDisabled(before.disabled.to_vec())) }
}

/// The series to go through, the last one included; empty where no way leads there.
pub fn path(from: Series, to: Series) -> Vec<Series> {
    let mut path = Vec::new();
    let mut at = from;
    while at != to {
        let next = STEPS.iter().filter(|(a, b)| *a == at && *b > at && *b <= to).map(|(_, b)| *b).max();
        let Some(next) = next else { return Vec::new() };
        path.push(next);
        at = next;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str) -> Series {
        Series::of(text).unwrap()
    }

    #[test]
    fn a_series_is_read_from_a_tag() {
        assert_eq!(series("4.0.5-management"), Series(4, 0));
        assert_eq!([series("3.10"), series("4.3.6@sha256:00")], [Series(3, 10), Series(4, 3)]);
        assert_eq!([Series::of("latest"), Series::of("management"), Series::of("4"), Series::of("4.x.1")], [None; 4]);
    }

    #[test]
    fn the_published_table() {
        let steps = [
            ("3.8", "3.9"),
            ("3.9", "3.10"),
            ("3.10", "3.11"),
            ("3.11", "3.12"),
            ("3.12", "3.13"),
            ("3.13", "4.0"),
            ("3.13", "4.1"),
            ("3.13", "4.2"),
            ("4.0", "4.1"),
            ("4.0", "4.2"),
            ("4.1", "4.2"),
        ];
        let all = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "4.0", "4.1", "4.2"];
        for from in all {
            for to in all.into_iter().filter(|to| series(to) > series(from)) {
                let before = Before { series: series(from), khepri: false, disabled: &[] };
                assert_eq!(step(before, series(to)).is_ok(), steps.contains(&(from, to)), "{from} to {to}");
            }
        }
    }

    #[test]
    fn what_stands_in_the_way() {
        let before = |from: &str, khepri| Before { series: series(from), khepri, disabled: &[] };
        assert_eq!(step(before("4.2", true), series("4.3")), Ok(()));
        for from in ["4.0", "4.2", "3.10"] {
            assert_eq!(step(before(from, false), series("4.3")), Err(Refusal::MnesiaToKhepri), "{from}");
        }
        assert_eq!(step(before("4.3", true), series("4.2")), Err(Refusal::Downgrade));
        assert_eq!(step(before("3.13", true), series("4.2")), Err(Refusal::ExperimentalKhepri));
        assert_eq!(
            step(before("4.0", true), series("4.3")),
            Err(Refusal::NotInOneStep(vec![series("4.2"), series("4.3")]))
        );
        let disabled = ["stream_filtering".to_owned()];
        let flags = Before { series: series("4.0"), khepri: true, disabled: &disabled };
        assert_eq!(step(flags, series("4.2")), Err(Refusal::FlagsDisabled(disabled.to_vec())));
        assert_eq!(step(flags, series("4.0")), Ok(()), "within a series nothing is asked");
    }

    #[test]
    fn the_shortest_way() {
        let words = |from, to| path(series(from), series(to)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(words("3.10", "4.3"), ["3.11", "3.12", "3.13", "4.2", "4.3"]);
        assert_eq!(words("4.0", "4.3"), ["4.2", "4.3"]);
        assert_eq!(words("4.3", "4.2"), [""; 0]);
        assert_eq!(words("3.7", "3.9"), [""; 0], "before 3.8 nothing is known");
    }
}
