//! Sizes, names and times as Kubernetes and Helm write them: parsed once, then trusted.
//!
//! Every parser's error says what was expected and never repeats its input, so that it may be
//! shown wherever the input came from.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// What a text should have been; reads after the word "expected".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected(pub String);

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for Expected {}

fn expected<T>(what: &str) -> Result<T, Expected> {
    Err(Expected(what.to_owned()))
}

/// Gives a checked text its `Display` and its JSON form: the text itself.
macro_rules! shows_as_its_text {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )+};
}

shows_as_its_text!(Quantity, DnsLabel, ReleaseName);

/// A Kubernetes quantity of bytes such as `8Gi`, `500Mi`, `10G` or `1.5Ti`: positive, at most
/// 2^63-1 bytes, kept as it was written.
///
/// Of the notation in the Kubernetes API reference ("Quantity") are left out: exponents, exbytes,
/// and the suffixes below one (`m`, `u`, `n`): for a volume `500m` is always a slip for `500Mi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    bytes: u64,
}

const SIZE: &str = "a size such as 8Gi";

impl Quantity {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Bytes, a fraction of one rounded up as Kubernetes does.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl FromStr for Quantity {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
        let bytes = factor(suffix).and_then(|factor| times(number, factor));
        match bytes {
            Some(0) => expected("a size above zero, such as 8Gi"),
            Some(bytes) => Ok(Self { text: text.to_owned(), bytes }),
            None => expected(SIZE),
        }
    }
}

/// Bytes in one unit; the suffixes of the Kubernetes API reference.
fn factor(suffix: &str) -> Option<u128> {
    let (letter, base) = match suffix.strip_suffix('i') {
        Some(letter) if !letter.is_empty() => (letter, 1024_u128),
        _ => (suffix, 1000),
    };
    let power = match letter {
        "" => 0,
        "K" if base == 1024 => 1,
        "k" if base == 1000 => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        _ => return None,
    };
    base.checked_pow(power)
}

/// `number * factor`, rounded up; nothing if `number` is no decimal or the product exceeds an i64.
fn times(number: &str, factor: u128) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let bare_point = number.starts_with('.') || number.ends_with('.');
    if bare_point || fraction.len() > 9 || whole.len() > 19 || fraction.contains('.') {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let bytes = digits.checked_mul(factor)?.div_ceil(scale);
    i64::try_from(bytes).ok()?.try_into().ok()
}

/// A label of RFC 1123: 1 to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends.
/// Names of namespaces, for example.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsLabel(String);

impl DnsLabel {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DnsLabel {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        if is_label(text) && text.len() <= 63 {
            return Ok(Self(text.to_owned()));
        }
        expected("1 to 63 of a-z, 0-9 and `-`, a letter or digit at both ends")
    }
}

/// Whether the text is a DNS subdomain of RFC 1123, as most objects of Kubernetes are named: labels
/// with dots between them, at most 253 characters.
pub fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// The name of a Helm release: a DNS label of at most 40 characters that begins with a letter.
///
/// 40, because more hangs on it than Helm's own 53: the names of the pods and of the headless
/// Service are made from it (63), so are the labels of a `StatefulSet`'s revisions (63), and all of
/// them are in the name of an Erlang node, `rabbit@REL-0.REL-headless.NS.svc.cluster.local`.
/// A letter first, because Services are named after it (RFC 1035).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseName(String);

impl ReleaseName {
    /// Longest name, in characters.
    pub const LONGEST: usize = 40;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReleaseName {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let lettered = text.starts_with(|c: char| c.is_ascii_lowercase());
        if is_label(text) && lettered && text.len() <= Self::LONGEST {
            return Ok(Self(text.to_owned()));
        }
        expected("1 to 40 of a-z, 0-9 and `-`, a letter first, no `-` at the end")
    }
}

/// One day: a longer wait is a slip of the keyboard.
pub const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// Reads a time such as `10m`, `90s` or `1h30m`: whole hours, minutes and seconds, in this order.
///
/// # Errors
/// What was expected, for anything else; zero is not refused here.
pub fn duration(text: &str) -> Result<Duration, Expected> {
    let mut rest = text;
    let mut seconds = 0_u64;
    for (unit, length) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            seconds = part(number, length).and_then(|part| seconds.checked_add(part)).ok_or_else(no_time)?;
            rest = after;
        }
    }
    if text.is_empty() || !rest.is_empty() {
        return Err(no_time());
    }
    Ok(Duration::from_secs(seconds))
}

/// Seconds in so many units. At most six digits: 999999h is a century, and nothing can overflow.
fn part(number: &str, length: u64) -> Option<u64> {
    let digits = number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse::<u64>().ok())?.map(|count| count * length)
}

fn no_time() -> Expected {
    Expected("a time such as 10m, 90s or 1h30m".to_owned())
}

/// `1 node`, `3 nodes`.
#[must_use]
pub fn show_nodes(count: u32) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

/// Writes a time as [`duration`] reads it, in whole seconds: `10m`, `1h30m`, `0s`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let shown = parts.map(|(count, unit)| format!("{count}{unit}")).collect::<Vec<_>>().concat();
    if shown.is_empty() { "0s".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_bytes() {
        for (text, bytes) in [
            ("8Gi", 8 << 30),
            ("500Mi", 500 << 20),
            ("10G", 10_000_000_000),
            ("1.5Ti", 3 << 39),
            ("1k", 1000),
            ("64Ki", 65_536),
            ("0.0000001Ki", 1),
            ("8589934592", 8 << 30),
            ("0.5Gi", 1 << 29),
        ] {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!((quantity.bytes(), quantity.to_string().as_str()), (bytes, text));
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "",
            "8 GB",
            "8GB",
            "8gi",
            "Gi",
            "-1Gi",
            "+1Gi",
            "1Ei",
            "8192Pi",
            "500m",
            "1e9",
            "1.2.3Gi",
            "8i",
            "8K",
            "8ki",
            "8Gi ",
            "٣Gi",
            ".",
            ".Gi",
            ".5Gi",
            "1.Gi",
            "99999999999999999999",
        ] {
            assert_eq!(text.parse::<Quantity>(), expected(SIZE), "{text}");
        }
        assert_eq!("0.0Gi".parse::<Quantity>(), expected("a size above zero, such as 8Gi"));
    }

    #[test]
    fn labels() {
        for text in ["a", "0", "prod-eu1", &"a".repeat(63)] {
            assert_eq!(text.parse::<DnsLabel>().unwrap().as_str(), text);
        }
        for text in ["", "-a", "a-", "A", "a.b", "a_b", "ä", "a b", &"a".repeat(64)] {
            assert!(text.parse::<DnsLabel>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_of_objects() {
        assert!(["rook-ceph-block", "a.b", "0"].iter().all(|text| is_dns_name(text)));
        assert!(!["", "a..b", ".a", "A", "a_b"].iter().any(|text| is_dns_name(text)));
    }

    #[test]
    fn release_names_are_shorter_labels_with_a_letter_first() {
        for text in ["a", "prodmq-2", &"a".repeat(40)] {
            assert_eq!(text.parse::<ReleaseName>().unwrap().to_string(), text);
        }
        for text in ["", "2mq", "Prod", "a-", &"a".repeat(41)] {
            assert!(text.parse::<ReleaseName>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_longest_release_leaves_a_valid_node_name() {
        let release = "r".repeat(ReleaseName::LONGEST);
        let node = format!("rabbit@{release}-8.{release}-headless.{}.svc.cluster.local", "n".repeat(63));
        assert!(node.len() <= 255 && format!("{release}-headless").len() <= 63);
    }

    #[test]
    fn times_are_read_and_shown() {
        for (text, seconds, shown) in [
            ("10m", 600, "10m"),
            ("90s", 90, "1m30s"),
            ("1h30m", 5400, "1h30m"),
            ("2h0m5s", 7205, "2h5s"),
            ("0s", 0, "0s"),
            ("999999h", 3_599_996_400, "999999h"),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(show_duration(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "10", "m", "10 m", "30m1h", "1.5h", "10ms", "-5m", "+5m", "1h1h", "9999999s", "10m "] {
            assert_eq!(duration(text), Err(no_time()), "{text}");
        }
    }

    #[test]
    fn texts_are_their_own_json() {
        let size: Quantity = "8Gi".parse().unwrap();
        let name: ReleaseName = "prodmq".parse().unwrap();
        assert_eq!(serde_json::json!([size, name]).to_string(), r#"["8Gi","prodmq"]"#);
    }
}
