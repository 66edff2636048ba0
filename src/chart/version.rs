//! Versions of charts and brokers, and spans of them: what differs between versions is a row with its span. Pure.

/// As far as tables go: what is behind the three numbers makes no difference to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u64, u64, u64);

impl Version {
    const FIRST: Self = Self(0, 0, 0);
    pub(super) const LAST: Self = Self(u64::MAX, u64::MAX, u64::MAX);

    /// Of a chart's version or an image's tag: `16.0.16`, `4.0.5-management@sha256:…`. A number that is left out stands for
    /// the newest there is, as in `4.0`. `None` for `latest`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut numbers = text.split(['-', '+', '@']).next()?.split('.').map(|number| number.parse().ok());
        let first = numbers.next()??;
        let rest: Vec<u64> = numbers.collect::<Option<_>>()?;
        let number = |n: usize| rest.get(n).copied().unwrap_or(u64::MAX);
        (rest.len() <= 2).then(|| Self(first, number(0), number(1)))
    }
}

/// Versions from one on, and before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    from: Version,
    before: Version,
}

impl Span {
    pub(crate) fn has(self, version: Version) -> bool {
        self.from <= version && version < self.before
    }

    /// A version that lies before all of them.
    pub(crate) fn is_after(self, version: Version) -> bool {
        version < self.from
    }

    /// As `7.0.0 to 16`, for people: `before` is a major version that nobody has read yet.
    pub(crate) fn in_words(self) -> String {
        let Version(major, minor, patch) = self.from;
        match self.before {
            Version(next, 0, 0) if next > major + 1 => format!("{major}.{minor}.{patch} to {}", next - 1),
            _ => format!("{major}.{minor}.{patch} on"),
        }
    }
}

pub(super) const ALL: Span = Span { from: Version::FIRST, before: Version::LAST };
pub(super) const NONE: Span = Span { from: Version::LAST, before: Version::FIRST };

pub(super) const fn from(major: u64, minor: u64, patch: u64) -> Span {
    Span { from: Version(major, minor, patch), before: Version::LAST }
}

pub(super) const fn before(major: u64, minor: u64, patch: u64) -> Span {
    Span { from: Version::FIRST, before: Version(major, minor, patch) }
}

/// From one version on, and before another.
pub(super) const fn between(from: (u64, u64, u64), before: (u64, u64, u64)) -> Span {
    Span { from: Version(from.0, from.1, from.2), before: Version(before.0, before.1, before.2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_charts_and_tags() {
        let of = |text: &str| Version::of(text);
        assert_eq!(of("16.0.16"), Some(Version(16, 0, 16)));
        assert_eq!(of("0.21.18-rc.1+build"), Some(Version(0, 21, 18)));
        assert_eq!(of("4.0.5-management@sha256:ab"), Some(Version(4, 0, 5)));
        assert!(of("3.8") > of("3.8.18") && of("3.8") < of("3.9.0"), "the newest of its series");
        assert!(of("4-management") > of("4.1.0"));
        assert_eq!([of("latest"), of(""), of("4.x"), of("1.2.3.4")], [None; 4]);
    }

    #[test]
    fn a_span_ends_before_its_end() {
        let span = between((8, 6, 0), (10, 1, 14));
        let has = |text: &str| span.has(Version::of(text).unwrap());
        assert_eq!(["8.5.9", "8.6.0", "10.1.13", "10.1.14"].map(has), [false, true, true, false]);
        assert!(ALL.has(Version(0, 0, 0)) && !NONE.has(Version(1, 0, 0)) && !NONE.has(Version::LAST));
        assert!(from(1, 0, 0).is_after(Version(0, 9, 9)) && before(1, 0, 0).has(Version(0, 9, 9)));
        assert_eq!(between((7, 0, 0), (17, 0, 0)).in_words(), "7.0.0 to 16");
        assert_eq!(between((1, 0, 0), (3, 0, 0)).in_words(), "1.0.0 to 2");
        assert_eq!(between((0, 3, 0), (1, 0, 0)).in_words(), "0.3.0 on");
    }
}
