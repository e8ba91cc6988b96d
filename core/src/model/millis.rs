//! Points in time, as whole milliseconds of Unix time.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Whole milliseconds of Unix time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Millis(pub u64);

impl Millis {
    /// This time plus `wait_ms` milliseconds; saturates.
    #[must_use]
    pub fn plus(self, wait_ms: u64) -> Self {
        Self(self.0.saturating_add(wait_ms))
    }

    /// Milliseconds from `earlier` to this time; 0 if `earlier` is the later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds of Unix time, rounded down.
    #[must_use]
    pub fn unix_seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// Parses an RFC 3339 time with any offset; times before 1970 become 0.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self(u64::try_from(time.timestamp_millis()).unwrap_or(0)))
    }

    /// RFC 3339 in UTC with milliseconds: `2023-01-01T00:00:00.000Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// RFC 3339 in UTC with whole seconds, rounded down: `2023-01-01T00:00:00Z`.
    #[must_use]
    pub fn rfc3339_seconds(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Times after the calendar's last year (262 142) become its last moment.
    fn utc(self) -> DateTime<Utc> {
        i64::try_from(self.0)
            .ok()
            .and_then(DateTime::from_timestamp_millis)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc() {
        let new_year = Millis(1_672_531_200_999);
        assert_eq!(new_year.rfc3339_seconds(), "2023-01-01T00:00:00Z");
        assert_eq!(new_year.rfc3339(), "2023-01-01T00:00:00.999Z");
        assert_eq!(Millis(0).rfc3339_seconds(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn times_are_read_with_any_offset() {
        let at = Some(Millis(1_672_531_200_999));
        for text in ["2023-01-01T00:00:00.999Z", "2023-01-01T02:00:00.999+02:00"] {
            assert_eq!(Millis::parse(text), at, "{text}");
        }
        assert_eq!(Millis::parse("1969-12-31T23:59:59Z"), Some(Millis(0)));
        for text in ["", "2023-01-01", "2023-01-01T00:00:00", "1672531200", "yesterday"] {
            assert_eq!(Millis::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_furthest_time_still_has_a_name() {
        assert!(Millis(u64::MAX).rfc3339().starts_with("+262142-12-31"));
    }
}
