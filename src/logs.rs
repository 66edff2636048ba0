//! What the brokers log, line by line: taken apart, told from what was shown before, marked, masked. Pure.

use serde_json::{Value, json};

use crate::cli::Level;
use crate::rabbitmq::{self, Phase};
use crate::secret::Vault;

pub(crate) mod read;

/// One line of a container: kubelet's time in RFC 3339, which sorts as text, and the broker's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub time: String,
    pub text: String,
}

impl Line {
    /// Of `kubectl logs --timestamps`; what kubectl adds of its own has no time.
    pub fn read(line: &str) -> Self {
        let line = line.trim_end_matches('\r');
        let (time, text) = line.split_once(' ').unwrap_or((line, ""));
        let stamped = time.len() >= 20 && time.starts_with(|c: char| c.is_ascii_digit()) && time.as_bytes()[10] == b'T';
        let (time, text) = if stamped { (time, text) } else { ("", line) };
        Self { time: time.to_owned(), text: text.to_owned() }
    }
}

/// How far a pod's log was read: a child that is started again begins at the last second, and repeats lines of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    time: String,
    /// Lines with exactly this time.
    count: usize,
    /// Of those, how many come again.
    repeated: usize,
}

impl Cursor {
    /// The time to begin at, if anything was read.
    pub fn since(&self) -> Option<&str> {
        (!self.time.is_empty()).then_some(self.time.as_str())
    }

    /// A new child begins.
    pub fn start_again(&mut self) {
        self.repeated = self.count;
    }

    /// Whether a line is new; it is taken as read.
    pub fn is_new(&mut self, line: &Line) -> bool {
        if line.time < self.time {
            return false;
        }
        if line.time > self.time {
            *self = Self { time: line.time.clone(), count: 1, repeated: 0 };
            return true;
        }
        if self.repeated > 0 {
            self.repeated -= 1;
            return false;
        }
        self.count += 1;
        true
    }
}

/// How bad a line is; debug, info and notice are no trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    #[default]
    Info,
    Warning,
    Error,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
        }
    }
}

/// What is left out, and how the rest is shown.
pub struct View {
    /// Lines that are less are left out, and so are the marks.
    pub level: Option<Severity>,
    pub json: bool,
    /// Secrets that no line may show: those of the profile, and those of the cluster.
    pub secrets: Vec<Vault>,
}

/// The log of one pod as it is shown, line after line.
#[derive(Default)]
pub struct Shown {
    phase: Option<Phase>,
    /// Of the last line that had one: a report of several lines has it in its first.
    severity: Severity,
}

impl Shown {
    /// The lines of the answer for one line of the log: none, itself, or a mark before it.
    pub fn next(&mut self, pod: &str, line: &Line, view: &View) -> Vec<String> {
        self.severity = severity_of(&line.text).unwrap_or(self.severity);
        if let Some(level) = view.level {
            return if self.severity >= level { vec![view.line(pod, line, self.severity)] } else { Vec::new() };
        }
        let phase = rabbitmq::phase_at(&line.text, pod).filter(|phase| self.phase.as_ref() != Some(phase));
        let mark = phase.as_ref().map(|phase| view.mark(pod, phase));
        self.phase = phase.or(self.phase.take());
        mark.into_iter().chain([view.line(pod, line, self.severity)]).collect()
    }
}

impl View {
    fn mark(&self, pod: &str, phase: &Phase) -> String {
        let words = phase.to_string();
        self.object(json!({"kind": "BootPhase", "pod": pod, "phase": words}))
            .unwrap_or_else(|| format!("── {pod}: {words} ──"))
    }

    fn line(&self, pod: &str, line: &Line, severity: Severity) -> String {
        let text = self.secrets.iter().fold(line.text.clone(), |text, vault| vault.mask(&text));
        self.object(json!({"kind": "LogLine", "pod": pod, "time": line.time, "level": severity.word(), "line": text}))
            .unwrap_or_else(|| format!("{pod} | {text}"))
    }

    /// One object a line, so that a program can read them as they come.
    fn object(&self, mut object: Value) -> Option<String> {
        object["apiVersion"] = json!("mqctl/v1");
        self.json.then(|| object.to_string())
    }
}

/// Of a line that names a level, as RabbitMQ's do behind the time.
fn severity_of(text: &str) -> Option<Severity> {
    let (_, rest) = text.split_once(" [")?;
    match rest.split_once(']')?.0 {
        "debug" | "info" | "notice" => Some(Severity::Info),
        "warning" => Some(Severity::Warning),
        "error" | "critical" | "alert" | "emergency" => Some(Severity::Error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Name, Secret};

    fn line(time: &str, text: &str) -> Line {
        Line { time: time.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_kubelet_s_time_stands_before_the_line() {
        let read = Line::read("2026-11-22T08:57:17.157753460Z 2026-11-22 08:57:17.15+00:00 [info] <0.1.0> hello");
        assert_eq!(read, line("2026-11-22T08:57:17.157753460Z", "2026-11-22 08:57:17.15+00:00 [info] <0.1.0> hello"));
        assert_eq!(Line::read("2026-11-22T08:57:17.157753460Z"), line("2026-11-22T08:57:17.157753460Z", ""));
        assert_eq!(Line::read("failed to watch a file"), line("", "failed to watch a file"));
    }

    #[test]
    fn a_log_that_begins_again_repeats_and_loses_nothing() {
        let log = [line("1", "a"), line("2", "b"), line("2", "c"), line("3", "d")];
        // Cut anywhere, and begun again with any second that was seen or with the first: each line comes once, in order.
        for (cut, begin) in [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (4, 1), (4, 3)] {
            let mut cursor = Cursor::default();
            let mut seen: Vec<&str> = log[..cut].iter().filter(|l| cursor.is_new(l)).map(|l| l.text.as_str()).collect();
            cursor.start_again();
            seen.extend(log[begin..].iter().filter(|l| cursor.is_new(l)).map(|l| l.text.as_str()));
            assert_eq!(seen, ["a", "b", "c", "d"], "cut at {cut}, begun again at {begin}");
        }
    }

    fn shown(lines: &[&str], level: Option<Level>) -> Vec<String> {
        let mut vault = Vault::default();
        vault.put(Name::Password, Secret::new("canary").unwrap());
        let view = View { level: level.map(Severity::from), json: false, secrets: vec![vault] };
        let mut shown = Shown::default();
        lines.iter().flat_map(|text| shown.next("q-0", &line("1", text), &view)).collect()
    }

    #[test]
    fn a_phase_is_marked_where_it_begins() {
        let lines =
            ["t [info] <0.1.0> Peer discovery: configured backend: x", "t [info] <0.1.0> y", "Server startup complete"];
        let expected = [
            "── q-0: peer discovery ──",
            "q-0 | t [info] <0.1.0> Peer discovery: configured backend: x",
            "q-0 | t [info] <0.1.0> y",
            "── q-0: startup complete ──",
            "q-0 | Server startup complete",
        ];
        assert_eq!(shown(&lines, None), expected);
    }

    #[test]
    fn a_level_shows_it_and_worse_with_what_belongs_to_it() {
        let lines = [
            "t [info] <0.1.0> a",
            "t [warning] <0.1.0> b",
            "t [error] <0.1.0> c",
            "  more of c",
            "t [notice] <0.1.0> d",
        ];
        assert_eq!(shown(&lines, Some(Level::Error)), ["q-0 | t [error] <0.1.0> c", "q-0 |   more of c"]);
        assert_eq!(shown(&lines, Some(Level::Warning)).len(), 3);
    }

    #[test]
    fn secrets_are_masked_as_they_are_and_as_base64() {
        let lines = ["amqp://user:canary@q", "Basic Y2FuYXJ5 x"];
        assert_eq!(shown(&lines, None), ["q-0 | amqp://user:(password)@q", "q-0 | Basic (password) x"]);
    }
}
