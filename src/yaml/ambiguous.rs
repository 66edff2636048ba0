//! Words that YAML 1.1 and YAML 1.2 read differently. mqctl and helm do not use the same reader, so
//! such a word must be quoted.

use super::outline::{Node, Placed};
use super::{Mistake, at};

pub(super) fn look(placed: &Placed, path: &mut Vec<String>, mistakes: &mut Vec<Mistake>) {
    match &placed.node {
        Node::Scalar { plain: Some(plain) } => {
            if let Some(other) = other_reading(plain) {
                mistakes.push(at(placed.at, path, remark(other)));
            }
        }
        Node::Scalar { plain: None } | Node::Unknown => {}
        Node::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                look(item, path, mistakes);
                path.pop();
            }
        }
        Node::Map(entries) => {
            for entry in &entries.list {
                path.push(entry.key.clone());
                if let Some(other) = other_reading(&entry.key).filter(|_| entry.key_is_plain) {
                    mistakes.push(at(entry.at, path, remark(other)));
                }
                look(&entry.value, path, mistakes);
                path.pop();
            }
        }
    }
}

fn remark(other: &str) -> String {
    format!("quote it; some YAML readers take it for {other}")
}

/// What else a plain scalar may mean; the types of <https://yaml.org/type/> against the core schema
/// of YAML 1.2.
fn other_reading(plain: &str) -> Option<&'static str> {
    if ["y", "n", "yes", "no", "on", "off"].iter().any(|word| plain.eq_ignore_ascii_case(word)) {
        return Some("true or false");
    }
    let number = plain.trim_start_matches(['-', '+']);
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    is_other_number(number).then_some("another number")
}

fn is_other_number(number: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let radix = number.strip_prefix("0o").or_else(|| number.strip_prefix("0b"));
    radix.is_some_and(digits)
        || (number.len() > 1 && number.starts_with('0') && digits(number))
        || (number.contains('_') && digits(&number.replace(['_', '.'], "")))
        || is_base_60(number)
        || is_bare_exponent(number)
}

/// `12:30:45`
fn is_base_60(number: &str) -> bool {
    let mut parts = number.split(':');
    let whole = parts.next().is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let mut rest = parts.peekable();
    whole && rest.peek().is_some() && rest.all(|part| part.len() <= 2 && part.parse::<u8>().is_ok_and(|part| part < 60))
}

/// `1e3` and `123e4`: a number to some, text to others; image tags look like that.
fn is_bare_exponent(number: &str) -> bool {
    let Some((whole, exponent)) = number.split_once(['e', 'E']) else {
        return false;
    };
    let exponent = exponent.trim_start_matches(['-', '+']);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_two_readings() {
        for word in ["yes", "No", "ON", "off", "y", "N"] {
            assert_eq!(other_reading(word), Some("true or false"), "{word}");
        }
        for word in ["012", "0o17", "0b11", "1_000", "12:30:45", "-08", "1e3", "12E-4", "1_0.5"] {
            assert_eq!(other_reading(word), Some("another number"), "{word}");
        }
    }

    #[test]
    fn words_with_one_reading() {
        for word in [
            "",
            "yesterday",
            "none",
            "true",
            "0",
            "-1",
            "10",
            "0.5",
            "0x1F",
            "8080:80",
            "4.3.6",
            "1.5e3",
            "_1",
            "12:3:",
            "10Gi",
            "rabbitmq:4",
            "~",
            "2026-01-31",
            "1e",
            "12:60",
            "a_1",
        ] {
            assert_eq!(other_reading(word), None, "{word}");
        }
    }
}
