//! What a node's log says of the run before its stop: which peers it saw go, and until when it lived. Pure.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::reading::{Sight, pattern, pod_of};

/// The end of a run that served clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LastRun {
    pub ended: Moment,
    /// It was told to stop, instead of being killed.
    pub asked_to_stop: bool,
    pub sights: Vec<Sight>,
}

static COLOUR: LazyLock<Regex> = LazyLock::new(|| pattern(r"\x1b\[[0-9;]*m"));
static TIME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]+\+[0-9]{2}:[0-9]{2}"));
static PEER: LazyLock<Regex> = LazyLock::new(|| pattern(r"rabbit on node '(?<node>[^']+)' (?<what>down|up)"));
/// The first words of a start. Lines are matched anywhere: the console interleaves banner and log.
static START: LazyLock<Regex> = LazyLock::new(|| pattern(r"log handlers are now ACTIVE|Starting RabbitMQ [0-9]"));

impl LastRun {
    /// Of a container's log; nothing where that container never came to serve: it only waited.
    pub fn of(log: &str) -> Option<Self> {
        let log = COLOUR.replace_all(log, "");
        let start = log.lines().collect::<Vec<_>>().iter().rposition(|line| START.is_match(line));
        let run: Vec<&str> = log.lines().skip(start.unwrap_or(0)).collect();
        let served = run.iter().any(|line| line.contains("Server startup complete"));
        // Where the start is further back than what was read, the node has logged a lot since: it served.
        if !(served || start.is_none()) || run.iter().any(|line| line.contains("BOOT FAILED")) {
            return None;
        }
        Some(Self {
            ended: run.iter().rev().find_map(|line| time(line))?,
            asked_to_stop: run.iter().any(|line| line.contains("SIGTERM received - shutting down")),
            sights: run.iter().filter_map(|line| sight(line)).collect(),
        })
    }
}

pub(crate) fn time(line: &str) -> Option<Moment> {
    TIME.find(line).and_then(|time| Moment::read(time.as_str()))
}

fn sight(line: &str) -> Option<Sight> {
    let found = PEER.captures(line)?;
    Some(Sight { peer: pod_of(&found["node"]), down: &found["what"] == "down", at: time(line)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOPPED: &str = "2026-11-22 08:54:50.100000+00:00 [info] <0.578.0> Starting RabbitMQ 4.0.5 on Erlang 27.3.4\n\
        \x1b[0;32m2026-11-22 08:54:52.203784+00:00 [info] <0.465.0> rabbit on node 'rabbit@rmq-1' up\x1b[0m\n\
        2026-11-22 08:54:53.000000+00:00 [info] <0.578.0> Server startup complete; 3 plugins started.\n\
        2026-11-22 08:55:23.015002+00:00 [info] <0.1062.0> rabbit on node 'rabbit@rmq-1' down\n\
        2026-11-22 08:55:28.069380+00:00 [notice] <0.64.0> SIGTERM received - shutting down\n\
        2026-11-22 08:55:28.083185+00:00 [info] <0.1106.0> Message store for directory '/x' is stopped\n";

    #[test]
    fn a_run_that_served_says_whom_it_saw_go() {
        let run = LastRun::of(STOPPED).unwrap();
        assert_eq!((run.ended, run.asked_to_stop), (Moment(1_795_337_728), true));
        let sights: Vec<(&str, bool, i64)> = run.sights.iter().map(|s| (s.peer.as_str(), s.down, s.at.0)).collect();
        assert_eq!(sights, [("rmq-1", false, 1_795_337_692), ("rmq-1", true, 1_795_337_723)]);
        let tail: Vec<&str> = STOPPED.lines().skip(3).collect();
        assert_eq!(LastRun::of(&tail.join("\n")).unwrap().sights.len(), 1, "its start is further back");
    }

    #[test]
    fn a_run_that_only_waited_says_nothing() {
        let waiting = "2026-11-22 09:11:46.942903+00:00 [info] <0.1.0> Starting RabbitMQ 4.0.5 on Erlang 27.3.4\n\
            2026-11-22 09:11:47.000000+00:00 [info] <0.223.0> Waiting for Mnesia tables for 30000 ms, 9 retries left\n";
        assert_eq!(LastRun::of(waiting), None);
        assert_eq!(LastRun::of(&format!("{STOPPED}{waiting}")), None, "what counts is the last start");
        assert_eq!(LastRun::of("2026-11-22 09:16:46.942903+00:00 [error] <0.1.0> BOOT FAILED\n"), None);
        assert_eq!(LastRun::of(""), None);
    }
}
