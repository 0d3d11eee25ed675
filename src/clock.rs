//! Points in time. The core is told the time; it never asks.

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcDateTime};

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
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

    /// This time and `millis` milliseconds more; the last there is where that is too much.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This time and `seconds` more, as [`Self::plus_millis`].
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        self.plus_millis(seconds.saturating_mul(1_000))
    }

    /// Milliseconds from `earlier` to this time; 0 where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads an RFC 3339 date and time; `None` for anything else and for years before 1970. A leap second, which only
    /// the last of a month in UTC can be, counts as the end of the second before it.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        // `time` takes any byte between date and time.
        if !matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' ')) {
            return None;
        }
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let seconds = u64::try_from(time.unix_timestamp()).ok()?;
        Some(Self(seconds * 1_000 + u64::from(time.millisecond())))
    }

    /// Writes the time as RFC 3339 in UTC, always with milliseconds: texts of one length sort as the times do. Empty
    /// for a time after the year 9999.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let (seconds, millis) = ((self.0 / 1_000).cast_signed(), self.0 % 1_000);
        let Ok(time) = UtcDateTime::from_unix_timestamp(seconds) else { return String::new() };
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.as_hms();
        let month = u8::from(month);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_part_of_a_time_counts() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00z", 0),
            ("1970-01-01 00:00:00.001-00:00", 1),
            ("1970-01-01T00:00:00.9999999999Z", 999),
            ("1970-01-01T23:59:00+23:59", 0),
            ("1969-12-31T23:00:00-01:00", 0),
            ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("9999-12-31T23:59:59.999-23:59", 253_402_387_139_999),
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), Some(Timestamp(millis)), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_time_that_is_written_is_read_back_at_any_offset(
            millis in 0..=253_402_300_799_999_u64,
            hours in 0..24_u64,
        ) {
            let time = Timestamp(millis);
            let text = time.to_rfc3339();
            prop_assert_eq!(text.len(), 24);
            prop_assert_eq!(Timestamp::parse_rfc3339(&text), Some(time));
            let ahead = text.replace('Z', &format!("-{hours:02}:30"));
            prop_assert_eq!(Timestamp::parse_rfc3339(&ahead), Some(time.plus_seconds(hours * 3_600 + 1_800)));
        }

        #[test]
        fn texts_sort_as_their_times_do(one in 0..=253_402_300_799_999_u64, other in 0..=253_402_300_799_999_u64) {
            prop_assert_eq!(Timestamp(one).to_rfc3339().cmp(&Timestamp(other).to_rfc3339()), one.cmp(&other));
        }

        #[test]
        fn a_text_with_a_fault_anywhere_is_not_read_as_another_shape(at in 0_usize..28, byte in 0x20_u8..0x7f) {
            let right = b"2028-02-29T23:59:58.25+01:30";
            let mut text = right.to_vec();
            text[at] = byte;
            let text = String::from_utf8(text).unwrap();
            // Where a digit stands only a digit may, and of the others each has its own alternatives.
            let may_stand = match right[at] {
                b'0'..=b'9' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't' | b' '),
                b'+' => matches!(byte, b'+' | b'-') || byte.is_ascii_digit(),
                other => byte == other,
            };
            prop_assert!(may_stand || Timestamp::parse_rfc3339(&text).is_none(), "{}", text);
        }
    }

    #[test]
    fn only_days_of_the_calendar_are_read() {
        for day in ["1972-02-29", "2000-02-29", "2028-02-29", "9996-02-29", "2100-02-28", "2026-04-30", "2026-12-31"] {
            let time = Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")).unwrap();
            assert_eq!(time.to_rfc3339(), format!("{day}T00:00:00.000Z"));
        }
        for day in ["2100-02-29", "2026-02-29", "2026-04-31", "2026-01-00", "2026-01-32", "2026-00-01", "2026-13-01"] {
            assert_eq!(Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")), None, "{day}");
        }
    }

    #[test]
    fn a_time_after_the_year_9999_is_not_written() {
        assert_eq!(Timestamp(253_402_300_799_999).to_rfc3339(), "9999-12-31T23:59:59.999Z");
        for millis in [253_402_300_800_000, i64::MAX as u64, u64::MAX] {
            assert_eq!(Timestamp(millis).to_rfc3339(), "");
        }
    }

    #[test]
    fn a_leap_second_is_one_only_at_the_end_of_a_month_in_utc() {
        for (good, end) in [
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"),
            ("2017-01-01T00:59:60+01:00", "2016-12-31T23:59:59.999Z"),
            ("2015-06-30T23:59:60.5Z", "2015-06-30T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::parse_rfc3339(good).unwrap().to_rfc3339(), end, "{good}");
        }
        for bad in ["2016-12-30T23:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T23:59:60+01:00", "2016-12-31T23:59:61Z"]
        {
            assert_eq!(Timestamp::parse_rfc3339(bad), None, "{bad}");
        }
    }

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
        for text in [
            "",
            "2026-11-21",
            "yesterday",
            "1969-12-31T23:59:59.999Z",
            "1970-01-01T00:00:00+00:01",
            "2026-11-21T24:00:00Z",
            "2026-11-21T00:60:00Z",
            "2026-11-21T00:00:00",
            "2026-11-21T00:00:00.Z",
            "2026-11-21T00:00Z",
            "2026-11-21x00:00:00Z",
            "2026-11-21T00:00:00+24:00",
            "2026-11-21T00:00:00+01:60",
            "2026-11-21T00:00:00+0100",
            " 2026-11-21T00:00:00Z",
            "2026-11-21T00:00:00Z ",
            "+2026-11-21T00:00:00Z",
            "10000-01-01T00:00:00Z",
        ] {
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
