//! Points in time. The core is told the time; it never asks.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The time `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// This time and `seconds` more.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000)))
    }

    /// Milliseconds from `earlier` to this time; 0 where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads an RFC 3339 date and time; `None` for anything else and for years before 1970.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = parsed.unix_timestamp_nanos().div_euclid(1_000_000);
        u64::try_from(millis).ok().map(Self)
    }

    /// Writes the time as RFC 3339 in UTC, always with milliseconds: texts of one length sort as the times do.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let nanos = i128::from(self.0) * 1_000_000;
        let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(nanos) else { return String::new() };
        let (date, millis) = (time.date(), time.millisecond());
        let (hour, minute, second) = time.to_hms();
        format!("{date}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_written_as_rfc_3339() {
        let time = Timestamp::parse_rfc3339("2026-11-21T03:01:07.057Z").unwrap();
        assert_eq!(time.millis(), 1_795_230_067_057);
        assert_eq!(time.to_rfc3339(), "2026-11-21T03:01:07.057Z");
    }

    #[test]
    fn milliseconds_are_always_three_digits() {
        for (millis, end) in [(0, "00:00.000Z"), (70, "00:00.070Z"), (770, "00:00.770Z"), (61_005, "01:01.005Z")] {
            let text = Timestamp::from_millis(millis).to_rfc3339();
            assert!(text.starts_with("1970-01-01T00:") && text.ends_with(end), "{text}");
        }
    }

    #[test]
    fn an_offset_is_turned_into_utc() {
        let time = Timestamp::parse_rfc3339("2026-11-21T05:00:00+02:00").unwrap();
        assert_eq!(time.to_rfc3339(), "2026-11-21T03:00:00.000Z");
    }

    #[test]
    fn what_is_not_a_date_and_time_is_not_read() {
        for text in ["", "2026-11-21", "yesterday", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn time_since_something_later_is_zero() {
        let now = Timestamp::from_millis(1_000);
        assert_eq!(now.since(Timestamp::from_millis(400)), 600);
        assert_eq!(now.since(Timestamp::from_millis(5_000)), 0);
    }
}
