//! Values as YAML that every reader understands the same, a key a line.

use serde_json::{Map, Value};

use super::{is_foreign, scalar};

/// The lines of a mapping, each so many blanks from the left.
pub(crate) fn block(map: &Map<String, Value>, indent: usize) -> String {
    let line = |(key, value): (&String, &Value)| format!("{:indent$}{}:{}\n", "", scalar(key), behind(value, indent));
    map.iter().map(line).collect::<Vec<_>>().concat()
}

/// What stands behind a key or a dash, with a blank or a line break before it.
fn behind(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(map) if !map.is_empty() => below(&block(map, indent + 2)),
        Value::Array(list) if !list.is_empty() => {
            let item = |value: &Value| format!("{:indent$}- {}\n", "", item(value, indent + 2));
            below(&list.iter().map(item).collect::<String>())
        }
        Value::String(text) => lines(text, indent + 2).unwrap_or_else(|| format!(" {}", scalar(text))),
        other => format!(" {other}"),
    }
}

fn below(lines: &str) -> String {
    format!("\n{}", lines.trim_end_matches('\n'))
}

/// A mapping begins behind its dash.
fn item(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(map) if !map.is_empty() => block(map, indent).trim().to_owned(),
        // In one line, as JSON.
        Value::Array(_) => value.to_string(),
        other => behind(other, indent - 2).trim_start_matches(' ').to_owned(),
    }
}

/// A text of several lines as it is, where no reader takes anything of it for something else.
fn lines(text: &str, indent: usize) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let plain = |line: &str| !line.contains(|c| is_foreign(c) || c == '\r') && line.trim_end() == line;
    let begins = !body.is_empty() && !body.starts_with([' ', '\t', '\n']) && !body.ends_with('\n');
    if !text.contains('\n') || !begins || !body.split('\n').all(plain) {
        return None;
    }
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{:indent$}{line}", "") };
    let head = if text.ends_with('\n') { " |\n" } else { " |-\n" };
    Some(head.to_owned() + &body.split('\n').map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let values = json!({
            "a": {"no": "yes", "b": {}, "c": []}, "list": [1, "two", {"name": "x", "value": "0123"}, ["y", 1.5], {}, null],
            "text": "one\n  two # three\n\nfour: five\n", "open": "one\ntwo", "odd": " x\ny", "tail": "x \ny", "end": "x\n\n",
            "on": true, "none": null, "half": 0.4, "quoted": "a: b", "tab": "a\tb\nc", "nested": [[{"deep": ["no"]}]],
            "items": ["several\nlines\n", {"text": "several\nlines"}],
        });
        let text = format!("values:\n{}", block(values.as_object().unwrap(), 2));
        let document = read(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"));
        assert_eq!(document.value["values"], values, "{text}");
        assert_eq!(document.ambiguous(), [], "{text}");
    }

    #[test]
    fn a_key_is_a_line() {
        let values = json!({"env": [{"name": "A", "value": "1"}], "extra": "x = 1\ny = 2\n", "image": {"debug": true}});
        let text = block(values.as_object().unwrap(), 2);
        let expected = concat!(
            "  env:\n  - name: A\n    value: \"1\"\n",
            "  extra: |\n    x = 1\n    y = 2\n",
            "  image:\n    debug: true\n",
        );
        assert_eq!(text, expected);
    }
}
