//! Which version of RabbitMQ may follow which. Pure.
//!
//! Source: RabbitMQ documentation, "Upgrading RabbitMQ", table "RabbitMQ version upgradability", and "Feature Flags":
//! every stable flag is enabled before the next step. RabbitMQ 4.3 has no Mnesia.

use std::collections::BTreeSet;
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

/// One broker before a step, by its own word. After a step that was cut short they are not all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    pub series: Series,
    /// Its metadata are in Khepri.
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

/// Whether one change of the image leads from what the nodes run to one series: from the lowest of them, and back for
/// none of them. One on Mnesia is enough for the cluster to be on it.
///
/// # Errors
/// Why RabbitMQ does not allow it.
pub fn step(nodes: &[Node<'_>], to: Series) -> Result<(), Refusal> {
    let all = || nodes.iter().map(|node| node.series);
    let (from, highest) = (all().min().unwrap_or(to), all().max().unwrap_or(to));
    let khepri = nodes.iter().all(|node| node.khepri);
    if highest > to {
        return Err(Refusal::Downgrade);
    }
    if from == to {
        return Ok(());
    }
    if to >= Series(4, 3) && !khepri {
        return Err(Refusal::MnesiaToKhepri);
    }
    if !STEPS.contains(&(from, to)) {
        return Err(Refusal::NotInOneStep(path(from, to)));
    }
    if from == Series(3, 13) && nodes.iter().any(|node| node.series == from && node.khepri) {
        return Err(Refusal::ExperimentalKhepri);
    }
    // A node that runs the new series already has proven that the flags are enough; its own new ones come last.
    let disabled = if highest == to { Vec::new() } else { disabled(nodes, from) };
    if disabled.is_empty() { Ok(()) } else { Err(Refusal::FlagsDisabled(disabled)) }
}

/// By the nodes of one series: those of a later one know flags that only they support.
fn disabled(nodes: &[Node<'_>], series: Series) -> Vec<String> {
    let of_series = nodes.iter().filter(|node| node.series == series);
    let flags: BTreeSet<&String> = of_series.flat_map(|node| node.disabled).collect();
    flags.into_iter().cloned().collect()
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
                let before = Node { series: series(from), khepri: false, disabled: &[] };
                assert_eq!(step(&[before], series(to)).is_ok(), steps.contains(&(from, to)), "{from} to {to}");
            }
        }
    }

    fn node(of: &str, khepri: bool) -> Node<'static> {
        Node { series: series(of), khepri, disabled: &[] }
    }

    #[test]
    fn what_stands_in_the_way() {
        let step = |from, khepri, to| step(&[node(from, khepri)], series(to));
        assert_eq!(step("4.2", true, "4.3"), Ok(()));
        for from in ["4.0", "4.2", "3.10"] {
            assert_eq!(step(from, false, "4.3"), Err(Refusal::MnesiaToKhepri), "{from}");
        }
        assert_eq!(step("4.3", true, "4.2"), Err(Refusal::Downgrade));
        assert_eq!(step("3.13", true, "4.2"), Err(Refusal::ExperimentalKhepri));
        let way = vec![series("4.2"), series("4.3")];
        assert_eq!(step("4.0", true, "4.3"), Err(Refusal::NotInOneStep(way)));
    }

    #[test]
    fn the_node_that_runs_the_oldest_series_begins_and_none_goes_back() {
        let step = |nodes: [(&str, bool); 3], to| step(&nodes.map(|(of, khepri)| node(of, khepri)), series(to));
        let mixed = [("4.0", false), ("4.0", false), ("4.1", false)];
        assert_eq!(step(mixed, "4.1"), Ok(()), "what was cut short is finished");
        assert_eq!(step(mixed, "4.2"), Ok(()), "a series that both may go to");
        assert_eq!(step(mixed, "4.0"), Err(Refusal::Downgrade));
        assert_eq!(step([("4.2", true), ("4.2", true), ("4.3", true)], "4.3"), Ok(()));
        let far = step([("3.12", false), ("3.13", false), ("3.13", false)], "4.0");
        assert_eq!(far, Err(Refusal::NotInOneStep(vec![series("3.13"), series("4.0")])));
        for mnesia in 0..3 {
            let one = [0, 1, 2].map(|n| ("4.2", n != mnesia));
            assert_eq!(step(one, "4.3"), Err(Refusal::MnesiaToKhepri), "node {mnesia}");
        }
    }

    #[test]
    fn feature_flags_of_the_oldest_series_come_first() {
        let old = ["stream_filtering".to_owned()];
        let new = ["rabbitmq_4.1.0".to_owned()];
        let before = Node { series: series("4.0"), khepri: true, disabled: &old };
        let after = Node { series: series("4.1"), khepri: true, disabled: &new };
        assert_eq!(step(&[before, before], series("4.2")), Err(Refusal::FlagsDisabled(old.to_vec())), "named once");
        assert_eq!(step(&[before], series("4.0")), Ok(()), "within a series nothing is asked");
        assert_eq!(step(&[before, after], series("4.2")), Err(Refusal::FlagsDisabled(old.to_vec())));
        assert_eq!(step(&[Node { disabled: &[], ..before }, after], series("4.2")), Ok(()), "4.0 cannot enable those");
        assert_eq!(step(&[before, after], series("4.1")), Ok(()), "a node of 4.1 has booted");
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
