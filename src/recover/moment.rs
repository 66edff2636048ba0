//! A second on the clocks of the cluster: what files, logs and Mnesia's own records are dated by.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds since 1970, shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// RFC 3339, with or without fractions, or as RabbitMQ logs it: with a blank instead of the `T`.
    pub fn read(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.replacen(' ', "T", 1).parse().ok()?;
        Some(Self(time.as_second()))
    }

    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_second(self.0).unwrap_or_default();
        write!(f, "{time}")
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_files_logs_and_kubernetes() {
        let times = ["2026-11-22T08:55:28Z", "2026-11-22 08:55:28.069380+00:00", "2026-11-22T09:55:28+01:00"];
        for text in times {
            assert_eq!(Moment::read(text), Some(Moment(1_795_337_728)), "{text}");
        }
        assert_eq!(Moment(1_795_337_728).to_string(), times[0]);
        assert_eq!(Moment::read("yesterday"), None);
    }
}
