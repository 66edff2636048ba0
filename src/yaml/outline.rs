//! Where everything in a file stands, and which features of YAML it uses that mqctl refuses.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::{EMPTY, Mistake, Place, at};

/// Deeper nesting is refused, which also bounds every recursion over a file.
const DEEPEST: usize = 64;

/// A value and where it begins.
pub(super) struct Placed {
    pub(super) at: Place,
    pub(super) node: Node,
}

pub(super) enum Node {
    /// With its text if it was written without quotes.
    Scalar {
        plain: Option<String>,
    },
    List(Vec<Placed>),
    Map(Entries),
    /// An alias, which is refused.
    Unknown,
}

/// The entries of a mapping as they stand, and the last one of each key.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) list: Vec<Entry>,
    last: HashMap<String, usize>,
}

pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_is_plain: bool,
    pub(super) at: Place,
    pub(super) value: Placed,
}

impl Placed {
    pub(super) fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |placed, step| match &placed.node {
            Node::List(_) => placed.item(step.parse().ok()?),
            _ => placed.entry(step).map(|entry| &entry.value),
        })
    }

    /// Of two equal keys the last one, as serde reads them.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        let Node::Map(entries) = &self.node else {
            return None;
        };
        entries.list.get(*entries.last.get(key)?)
    }

    pub(super) fn nth(&self, index: usize) -> Option<&Entry> {
        let Node::Map(entries) = &self.node else {
            return None;
        };
        entries.list.get(index)
    }

    pub(super) fn item(&self, index: usize) -> Option<&Self> {
        let Node::List(list) = &self.node else {
            return None;
        };
        list.get(index)
    }

    pub(super) fn plain(&self) -> Option<&str> {
        let Node::Scalar { plain } = &self.node else {
            return None;
        };
        plain.as_deref()
    }

    fn is_empty_scalar(&self) -> bool {
        self.plain() == Some("")
    }
}

/// The outline of a text's one document, and what is wrong with its form. Nothing, with a mistake,
/// if it cannot be read to its end.
pub(super) fn of(text: &str) -> (Option<Placed>, Vec<Mistake>) {
    let mut outliner = Outliner::new(text);
    let outline = outliner.document().ok();
    (outline, outliner.mistakes)
}

/// A mistake was noted after which nothing more can be read.
struct Stop;

struct Outliner<'a> {
    events: Parser<'a, StrInput<'a>>,
    path: Vec<String>,
    mistakes: Vec<Mistake>,
}

impl<'a> Outliner<'a> {
    fn new(text: &'a str) -> Self {
        Self { events: Parser::new_from_str(text), path: Vec::new(), mistakes: Vec::new() }
    }

    fn document(&mut self) -> Result<Placed, Stop> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::DocumentStart(_), at) if root.is_some() => {
                    return Err(self.stop(at, "a second document begins; one file holds one"));
                }
                (Event::DocumentStart(_), _) => root = Some(self.next_value()?),
                (Event::StreamEnd, _) => break,
                _ => {}
            }
        }
        root.ok_or_else(|| self.stop((1, 1), EMPTY))
    }

    fn next(&mut self) -> Result<(Event<'a>, Place), Stop> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, (span.start.line(), span.start.col() + 1))),
            Some(Err(error)) => {
                let place = (error.marker().line(), error.marker().col() + 1);
                Err(self.stop(place, complaint(&error)))
            }
            None => Err(self.stop((1, 1), "the text ends before its YAML does")),
        }
    }

    fn next_value(&mut self) -> Result<Placed, Stop> {
        let (event, at) = self.next()?;
        self.value(event, at)
    }

    fn value(&mut self, event: Event<'a>, at: Place) -> Result<Placed, Stop> {
        if self.path.len() > DEEPEST {
            return Err(self.stop(at, "nested too deeply"));
        }
        let node = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse(anchor, tag.as_deref(), at);
                let plain = (style == ScalarStyle::Plain).then(|| text.into_owned());
                self.refuse_huge(plain.as_deref(), at);
                Node::Scalar { plain }
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(anchor, tag.as_deref(), at);
                self.list()?
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(anchor, tag.as_deref(), at);
                self.map()?
            }
            _ => {
                self.note(at, "aliases (`*name`) are not supported; write the value out");
                Node::Unknown
            }
        };
        Ok(Placed { at, node })
    }

    fn list(&mut self) -> Result<Node, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node::List(items));
            }
            self.path.push(items.len().to_string());
            items.push(self.value(event, at)?);
            self.path.pop();
        }
    }

    fn map(&mut self) -> Result<Node, Stop> {
        let mut entries = Entries::default();
        loop {
            match self.next()? {
                (Event::MappingEnd, _) => return Ok(Node::Map(entries)),
                (Event::Scalar(key, style, anchor, tag), at) => {
                    self.path.push(key.into_owned());
                    self.refuse(anchor, tag.as_deref(), at);
                    self.key(at, &mut entries);
                    entries.list.push(self.entry(style, at)?);
                    self.path.pop();
                }
                (event, at) => {
                    self.note(at, "a key must be text");
                    self.value(event, at)?;
                    self.next_value()?;
                }
            }
        }
    }

    /// Notes the key that ends the path as the next one, and what is wrong with it.
    fn key(&mut self, at: Place, entries: &mut Entries) {
        let key = self.path.last().cloned().unwrap_or_default();
        if key == "<<" {
            self.note(at, "merge keys are not supported; write the keys out");
            return;
        }
        let earlier = entries.last.insert(key, entries.list.len());
        if let Some(earlier) = earlier.and_then(|index| entries.list.get(index)) {
            let line = earlier.at.0;
            self.note(at, &format!("duplicate key; it stands in line {line} too"));
        }
    }

    /// The value of the key that ends the path.
    fn entry(&mut self, style: ScalarStyle, at: Place) -> Result<Entry, Stop> {
        let mut value = self.next_value()?;
        if value.is_empty_scalar() {
            value.at = at;
        }
        let key = self.path.last().cloned().unwrap_or_default();
        Ok(Entry { key, key_is_plain: style == ScalarStyle::Plain, at, value })
    }

    fn refuse(&mut self, anchor: usize, tag: Option<&Tag>, at: Place) {
        if anchor != 0 {
            self.note(at, "anchors (`&name`) are not supported");
        }
        if tag.is_some() {
            self.note(at, "tags (`!name`) are not supported");
        }
    }

    /// What fits no integer would be rounded by one reader and refused by the next.
    fn refuse_huge(&mut self, plain: Option<&str>, at: Place) {
        let digits = plain.unwrap_or_default().trim_start_matches(['-', '+']);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !digits.starts_with('0') && digits.parse::<i64>().is_err() {
            self.note(at, "too large for a number; quote it if it is text");
        }
    }

    fn note(&mut self, place: Place, text: &str) {
        self.mistakes.push(at(place, &self.path, text));
    }

    fn stop(&mut self, place: Place, text: &str) -> Stop {
        self.mistakes.push(at(place, &[], text));
        Stop
    }
}

/// The parser's words, but for the one message that quotes the file.
fn complaint(error: &ScanError) -> &str {
    if error.info().contains('`') { "a value cannot begin so; quote it" } else { error.info() }
}
