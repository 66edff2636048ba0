//! The tour of the README and the way from a Makefile: their commands, and the output that they show, compared with what a
//! person at a terminal sees. For the fast tests, with stand-ins, and for those on a cluster.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rexpect::process::WaitStatus;

/// The context and the home that the README shows; its namespace and its release are the defaults.
pub(crate) const CONTEXT: &str = "dev";
pub(crate) const HOME: &str = "/home/you";

/// A line that stands for lines left out.
const LEFT_OUT: &str = "...";

/// Lines and columns of the terminal: nothing scrolls away, and the bars are drawn for this width where none is told.
const SCREEN: (u16, u16) = (2000, 80);

/// A command and what the page shows of its output.
pub(crate) struct Stop {
    pub(crate) command: String,
    shown: Vec<String>,
}

/// The stops of the README's tour.
pub(crate) fn stops() -> Vec<Stop> {
    let readme = Page::read("README.md").0;
    let (_, tour) = readme.split_once("\n## Five minutes").expect("the README has a tour");
    let (tour, _) = tour.split_once("\n## ").expect("something follows it");
    let stops = Page(tour.to_owned()).stops();
    assert!(stops.len() > 10, "the tour has only {} stops", stops.len());
    stops
}

/// A page for people, with commands in it.
pub(crate) struct Page(pub(crate) String);

impl Page {
    /// One of the repository.
    pub(crate) fn read(file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        Self(std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    /// What is inside the fenced blocks of a language.
    pub(crate) fn blocks<'a>(&'a self, language: &'a str) -> impl Iterator<Item = &'a str> {
        let inside = self.0.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
        inside.filter(move |(word, _)| *word == language).map(|(_, text)| text)
    }

    /// All of them, in order: the lines with a `$`, and what is below each.
    pub(crate) fn stops(&self) -> Vec<Stop> {
        let mut stops: Vec<Stop> = Vec::new();
        for line in self.blocks("console").flat_map(str::lines) {
            match (line.strip_prefix("$ "), stops.last_mut()) {
                (Some(command), _) => stops.push(Stop { command: command.to_owned(), shown: Vec::new() }),
                (None, Some(stop)) => stop.shown.push(line.to_owned()),
                (None, None) => panic!("output without a command: {line}"),
            }
        }
        stops
    }
}

impl Stop {
    /// It is refused, as the page shows.
    pub(crate) fn is_refused(&self) -> bool {
        self.shown.iter().any(|line| line.starts_with("error: "))
    }

    /// Runs a shell with the command to its end at a terminal: all that is on the screen then, and the exit code.
    pub(crate) fn at_terminal(&self, shell: Command, patience: Duration) -> (String, i32) {
        let limit = u64::try_from(patience.as_millis()).ok();
        let mut session = rexpect::session::spawn_command(shell, limit).unwrap();
        let read = session.exp_eof().unwrap_or_else(|error| panic!("`{}`: {error}", self.command));
        let mut terminal = vt100::Parser::new(SCREEN.0, SCREEN.1, 0);
        // rexpect reads each byte as a character.
        let bytes: Vec<u8> = read.chars().filter_map(|c| u8::try_from(c).ok()).collect();
        terminal.process(&bytes);
        match session.process().wait().unwrap() {
            WaitStatus::Exited(_, code) => (terminal.screen().contents(), code),
            other => panic!("`{}` ended with {other:?}", self.command),
        }
    }

    /// What is shown was seen: its lines together and in this order, and only where a `...` stands there are others.
    #[track_caller]
    pub(crate) fn assert_shown(&self, seen: &str) {
        let steady = |lines: &mut dyn Iterator<Item = &str>| -> Vec<String> {
            lines.map(steady).filter(|line| !line.is_empty()).collect()
        };
        let seen = steady(&mut seen.lines());
        let shown = steady(&mut self.shown.iter().map(String::as_str));
        let mut rest = &seen[..];
        for (n, part) in shown.split(|line| line == LEFT_OUT).enumerate() {
            let at = (0..=rest.len()).find(|&at| rest[at..].starts_with(part));
            let at = at.filter(|&at| n > 0 || at == 0);
            let at = at.unwrap_or_else(|| panic!("`{}` does not say {part:#?} in {seen:#?}", self.command));
            rest = &rest[at + part.len()..];
        }
        let whole = rest.is_empty() || shown.last().is_some_and(|line| line == LEFT_OUT);
        assert!(whole, "`{}` says more than is shown: {rest:#?}", self.command);
    }
}

/// A line without the widths of its columns, and with a word for what differs from run to run.
fn steady(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        let word = steady_word(word);
        let is_time = word == "TIME" || word == "s" && words.last().is_some_and(|last| last.parse::<f64>().is_ok());
        if is_time && words.last().is_some_and(|last| *last == "TIME" || word == "s") {
            words.pop();
        }
        words.push(if is_time { "TIME" } else { word });
    }
    words.join(" ")
}

fn steady_word(word: &str) -> &str {
    let hexadecimal = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let number = |unit: &[&str]| unit.iter().any(|u| word.strip_suffix(u).is_some_and(|n| n.parse::<f64>().is_ok()));
    let fingerprint = |(head, tail): (&str, &str)| head.len() == 4 && hexadecimal(head) && hexadecimal(tail);
    if word.split_once('…').is_some_and(fingerprint) || word.starts_with("sha256:") {
        "FINGERPRINT"
    } else if number(&["s", "m", "h", "d"]) {
        "TIME"
    } else if number(&["Mi"]) || word.contains('.') && number(&["Gi"]) {
        "SIZE"
    } else if word.starts_with("amqp://user@") && word.contains(|c: char| c.is_ascii_digit()) && !word.contains(".svc")
    {
        "ADDRESS"
    } else if word.starts_with(HOME) && word.contains("Z.json") {
        "BACKUP"
    } else {
        word
    }
}
