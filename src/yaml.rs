//! The one reader of YAML, and `write`. `serde_yaml` decides what a file says, `outline` where it says it.
//!
//! Anchors, aliases, merge keys, tags and keys that are no text are refused: a profile means the
//! same to every reader, or it is a mistake. No message quotes a value of the file.

mod ambiguous;
mod outline;
mod write;

pub(crate) use write::block;

use std::fmt;

use serde_json::{Map, Value};

use outline::{Entry, Node, Placed};

/// Line and column, in characters, both from 1.
pub type Place = (usize, usize);

/// The largest file that is read, in bytes.
pub(crate) const LARGEST: usize = 1 << 20;

/// What is said of a file with nothing but comments in it.
pub(crate) const EMPTY: &str = "the file is empty";

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub place: Option<Place>,
    /// Dotted, such as `storage.size`; empty where the file as a whole is meant.
    pub path: String,
    pub text: String,
}

/// A file that has been read: a mapping, and where each of its parts stands.
pub(crate) struct Document {
    /// Always an object.
    pub(crate) value: Value,
    outline: Placed,
}

/// Without the content, which may be secret.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").finish_non_exhaustive()
    }
}

impl Document {
    /// Where the value at this path begins; an empty value stands at its key.
    pub(crate) fn place(&self, path: &[&str]) -> Option<Place> {
        self.outline.find(path).map(|placed| placed.at)
    }

    /// Where the key that ends this path stands.
    pub(crate) fn key_place(&self, path: &[&str]) -> Option<Place> {
        let (key, parent) = path.split_last()?;
        self.outline.find(parent)?.entry(key).map(|entry| entry.at)
    }

    /// Where the value at this path begins or, if it is missing, what should have held it.
    pub(crate) fn nearest_place(&self, path: &[&str]) -> Place {
        let missing = || path.split_last().map(|(_, parent)| self.nearest_place(parent));
        self.place(path).or_else(missing).unwrap_or(self.outline.at)
    }

    /// The text at this path as it was written, if it is a scalar without quotes.
    pub(crate) fn plain(&self, path: &[&str]) -> Option<&str> {
        self.outline.find(path)?.plain()
    }

    /// Every scalar and key without quotes that other YAML readers understand differently, such as
    /// `no` or `012`: where, at which path, and as what.
    pub(crate) fn ambiguous(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        ambiguous::look(&self.outline, &mut Vec::new(), &mut mistakes);
        mistakes
    }
}

/// Reads one mapping.
///
/// # Errors
/// All mistakes of the file's form, sorted by place.
pub(crate) fn read(text: &str) -> Result<Document, Vec<Mistake>> {
    match examine(text) {
        (Some(document), mistakes) if mistakes.is_empty() => Ok(document),
        (_, mistakes) => Err(sorted(mistakes)),
    }
}

/// A text as YAML: bare where every reader takes it for this text, else in JSON's quotes, which YAML has too.
pub(crate) fn scalar(text: &str) -> String {
    let bare = read(&format!("text: {text}\n"));
    if bare.is_ok_and(|document| document.value["text"] == text && document.ambiguous().is_empty()) {
        return text.to_owned();
    }
    let quoted = Value::from(text).to_string();
    quoted.chars().map(|c| if is_foreign(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

/// What a file says and nothing else: no comments, sorted keys, one way to write each value.
pub(crate) fn canonical(text: &str) -> Option<String> {
    serde_yaml::to_string(&read(text).ok()?.value).ok()
}

/// A mapping, or nothing, that another program owns: whatever YAML allows is taken. No word of the file is in the error.
pub(crate) fn foreign(text: &str) -> Result<Value, String> {
    let read: Result<serde_yaml::Value, _> = serde_yaml::from_str(text);
    let value = read.map_err(|_| "not YAML".to_owned())?;
    let value = serde_json::to_value(value).unwrap_or_default();
    if value.is_object() || value.is_null() { Ok(value) } else { Err("no mapping".to_owned()) }
}

/// Everything below a mapping of this name that holds no more keys, with the way to it.
pub(crate) fn leaves(name: &str, map: &Map<String, Value>) -> Vec<(Vec<String>, Value)> {
    let mut leaves = Vec::new();
    collect(map, &mut vec![name.to_owned()], &mut leaves);
    leaves
}

fn collect(map: &Map<String, Value>, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Value)>) {
    for (key, value) in map {
        path.push(key.clone());
        match value.as_object().filter(|inner| !inner.is_empty()) {
            Some(inner) => collect(inner, path, leaves),
            None => leaves.push((path.clone(), value.clone())),
        }
        path.pop();
    }
}

/// All documents of a stream, such as a chart's rendered templates; empty ones are left out.
pub(crate) fn stream(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = serde_yaml::Deserializer::from_str(text).map(Value::deserialize);
    documents.map_while(Result::ok).filter(|document| !document.is_null()).collect()
}

/// What can be read, for finding more mistakes in it, and the mistakes that were found up to here.
/// If there is no document, there is a mistake.
pub(crate) fn examine(text: &str) -> (Option<Document>, Vec<Mistake>) {
    if let Err(mistake) = acceptable(text) {
        return (None, vec![mistake]);
    }
    let (outline, mut mistakes) = outline::of(text);
    let Some(outline) = outline else {
        return (None, mistakes);
    };
    if let Err(mistake) = is_mapping(&outline) {
        mistakes.push(mistake);
        return (None, mistakes);
    }
    let value = if mistakes.is_empty() {
        exactly(text, &outline, &mut mistakes)
    } else {
        // Takes the last of two equal keys, as the outline does; the answer is an error anyway.
        serde_yaml::from_str(text).ok().filter(Value::is_object)
    };
    (value.map(|value| Document { value, outline }), mistakes)
}

/// By place; those without one first.
pub(crate) fn sorted(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    mistakes.sort_by_key(|mistake| mistake.place);
    mistakes
}

/// A text of the file for a message: short, on one line, and nothing that a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    let longest = 40;
    let mut shown: String = text.chars().take(longest).map(harmless).collect();
    if text.chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
}

fn harmless(c: char) -> char {
    let turns_text = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns_text { char::REPLACEMENT_CHARACTER } else { c }
}

/// A path for a message.
fn dotted<T: AsRef<str>>(path: &[T]) -> String {
    path.iter().map(|step| shown(step.as_ref())).collect::<Vec<_>>().join(".")
}

fn at(place: Place, path: &[String], text: impl Into<String>) -> Mistake {
    Mistake { place: Some(place), path: dotted(path), text: text.into() }
}

/// Refuses what no YAML reader has to be asked about.
fn acceptable(text: &str) -> Result<(), Mistake> {
    if text.len() > LARGEST {
        return Err(too_big());
    }
    for (line, content) in text.split('\n').enumerate() {
        if let Some((column, c)) = content.chars().enumerate().find(|(_, c)| is_foreign(*c)) {
            let place = (line + 1, column + 1);
            return Err(at(place, &[], in_words(c)));
        }
    }
    Ok(())
}

/// A file beyond [`LARGEST`].
pub(crate) fn too_big() -> Mistake {
    Mistake { place: None, path: String::new(), text: "larger than 1 MiB".to_owned() }
}

/// A file that is not text, from its first wrong byte on.
pub(crate) fn not_utf8(valid: &str) -> Mistake {
    let line = valid.matches('\n').count() + 1;
    let column = valid.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    at((line, column), &[], "not UTF-8; save the file in this encoding")
}

fn is_foreign(c: char) -> bool {
    c == '\u{feff}' || (c.is_control() && !matches!(c, '\t' | '\r'))
}

fn in_words(c: char) -> String {
    match c {
        '\u{feff}' => "byte order mark; save the file as UTF-8 without one".to_owned(),
        '\0' => "control character U+0000; if the file is UTF-16, save it as UTF-8".to_owned(),
        c => format!("control character U+{:04X}", u32::from(c)),
    }
}

fn is_mapping(outline: &Placed) -> Result<(), Mistake> {
    let found = match &outline.node {
        Node::Map(_) => return Ok(()),
        Node::List(_) => "a list",
        Node::Scalar { plain: Some(plain) } if matches!(plain.as_str(), "" | "~" | "null") => "nothing",
        Node::Scalar { .. } | Node::Unknown => "a single value",
    };
    Err(at(outline.at, &[], format!("expected `key: value` lines, found {found}")))
}

/// The file's content as JSON, where the outline found no fault.
fn exactly(text: &str, outline: &Placed, mistakes: &mut Vec<Mistake>) -> Option<Value> {
    match serde_yaml::from_str(text) {
        Ok(value) => Some(json(value, Some(outline), &mut Vec::new(), mistakes)),
        Err(error) => {
            let place = error.location().map(|location| (location.line(), location.column()));
            mistakes.push(Mistake { place, path: String::new(), text: complaint(&error) });
            None
        }
    }
}

/// The reader's words, unless they quote from the file.
fn complaint(error: &serde_yaml::Error) -> String {
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    if words.contains(['`', '"']) { "cannot be read as YAML".to_owned() } else { words.to_owned() }
}

fn json(
    value: serde_yaml::Value,
    outline: Option<&Placed>,
    path: &mut Vec<String>,
    mistakes: &mut Vec<Mistake>,
) -> Value {
    use serde_yaml::Value as Yaml;
    match value {
        Yaml::Null | Yaml::Tagged(_) => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => number_of(&number).unwrap_or_else(|| {
            let place = outline.map(|placed| placed.at);
            let text = "neither an infinity nor NaN can be passed on".to_owned();
            mistakes.push(Mistake { place, path: dotted(path), text });
            Value::Null
        }),
        Yaml::Sequence(list) => list_of(list, outline, path, mistakes),
        Yaml::Mapping(map) => map_of(map, outline, path, mistakes),
    }
}

fn number_of(number: &serde_yaml::Number) -> Option<Value> {
    let whole = number.as_i64().map(Value::from).or_else(|| number.as_u64().map(Value::from));
    whole.or_else(|| serde_json::Number::from_f64(number.as_f64()?).map(Value::Number))
}

fn list_of(
    list: Vec<serde_yaml::Value>,
    outline: Option<&Placed>,
    path: &mut Vec<String>,
    mistakes: &mut Vec<Mistake>,
) -> Value {
    let mut values = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        path.push(index.to_string());
        values.push(json(value, outline.and_then(|list| list.item(index)), path, mistakes));
        path.pop();
    }
    Value::Array(values)
}

fn map_of(
    map: serde_yaml::Mapping,
    outline: Option<&Placed>,
    path: &mut Vec<String>,
    mistakes: &mut Vec<Mistake>,
) -> Value {
    let mut values = Map::new();
    for (index, (key, value)) in map.into_iter().enumerate() {
        let entry = outline.and_then(|map| map.nth(index));
        let written = entry.map(|entry| entry.key.clone()).unwrap_or_default();
        path.push(key.as_str().map_or(written, str::to_owned));
        if key.is_string() {
            let value = json(value, entry.map(|entry| &entry.value), path, mistakes);
            values.insert(path.last().cloned().unwrap_or_default(), value);
        } else {
            mistakes.push(no_text(entry, path));
        }
        path.pop();
    }
    Value::Object(values)
}

fn no_text(entry: Option<&Entry>, path: &[String]) -> Mistake {
    let place = entry.map(|entry| entry.at);
    Mistake { place, path: dotted(path), text: "a key must be text; quote it".to_owned() }
}

/// A mapping of texts, as YAML on one line.
pub(crate) fn in_braces(map: &Value) -> String {
    let pairs = map.as_object().into_iter().flatten();
    let pairs: Vec<String> =
        pairs.map(|(key, value)| format!("{key}: {}", value.as_str().unwrap_or_default())).collect();
    format!("{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests;
