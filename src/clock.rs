//! Points in time. The core is told the time; it never asks.

use serde::{Deserialize, Serialize};

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
        let mut text = Text(text.as_bytes());
        let (year, _, month, _, day) =
            (text.digits(4)?, text.one_of(b"-")?, text.digits(2)?, text.one_of(b"-")?, text.digits(2)?);
        text.one_of(b"Tt ")?;
        let (hour, _, minute, _, second) =
            (text.digits(2)?, text.one_of(b":")?, text.digits(2)?, text.one_of(b":")?, text.digits(2)?);
        let millis = text.fraction()?;
        let offset = text.offset()?;
        let days = days_of(year, month, day)?;
        if !text.0.is_empty() || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let minutes = days * 1_440 + hour * 60 + minute - offset;
        let millis = if second < 60 {
            (minutes * 60 + second) * 1_000 + millis
        } else {
            // A leap second is the last of a month in UTC. It counts as the end of the second before it.
            let next = minutes + 1;
            if next % 1_440 != 0 || date_of(next.div_euclid(1_440)).2 != 1 {
                return None;
            }
            next * 60_000 - 1
        };
        u64::try_from(millis).ok().map(Self)
    }

    /// Writes the time as RFC 3339 in UTC, always with milliseconds: texts of one length sort as the times do. Empty
    /// for a time after the year 9999.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let Some(millis) = i64::try_from(self.0).ok().filter(|millis| *millis <= LATEST) else { return String::new() };
        let (year, month, day) = date_of(millis / DAY);
        let (hour, minute, second) = (millis % DAY / 3_600_000, millis % 3_600_000 / 60_000, millis % 60_000 / 1_000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", millis % 1_000)
    }
}

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;
/// The last millisecond of the year 9999.
const LATEST: i64 = 253_402_300_799_999;

/// The days from 1970-01-01 to a date; `None` where there is no such date. As in Howard Hinnant's `days_from_civil`:
/// years begin in March, so that what is added to a leap year stands at its end, and repeat after 400.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) {
        return None;
    }
    let year_from_march = if month <= 2 { year - 1 } else { year };
    let era = year_from_march.div_euclid(400);
    let year_of_era = year_from_march.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    (date_of(days) == (year, month, day)).then_some(days)
}

/// Year, month and day of a day after (or before) 1970-01-01, as in `civil_from_days`.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let (month, day) = ((month_from_march + 2) % 12 + 1, day_of_year - (153 * month_from_march + 2) / 5 + 1);
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// What is left of a text that is read from its beginning.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    /// A number of so many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = digits
            .iter()
            .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))?;
        self.0 = rest;
        Some(number)
    }

    /// One of these characters.
    fn one_of(&mut self, characters: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !characters.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }

    /// The fraction of a second, where there is one, in whole milliseconds.
    fn fraction(&mut self) -> Option<i64> {
        if self.one_of(b".").is_none() {
            return Some(0);
        }
        let mut millis = self.digits(1)? * 100;
        let mut scale = 10;
        while let Some(digit) = self.digits(1) {
            millis += digit * scale;
            scale /= 10;
        }
        Some(millis)
    }

    /// The offset from UTC, in minutes.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let (hours, _, minutes) = (self.digits(2)?, self.one_of(b":")?, self.digits(2)?);
        (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    /// The same by the `time` crate.
    fn oracle(text: &str) -> Option<Timestamp> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(parsed.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Timestamp)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_text_is_read_as_the_time_crate_reads_it(
            text in r"(1969|19[7-9][0-9]|20[0-3][0-9]|2[01]00|9999|[0-9]{4})-(0[0-3]|1[0-3]|02)-([0-3][0-9]|29)[Tt ]([01][0-9]|2[0-4]|23):([0-5][0-9]|59|60):([0-5][0-9]|60|61)(\.[0-9]{1,12})?([Zz]|[+-]([01][0-9]|2[0-4]):([0-5][0-9]|60))"
        ) {
            prop_assert_eq!(Timestamp::parse_rfc3339(&text), oracle(&text), "{}", text);
        }

        #[test]
        fn a_text_with_a_fault_anywhere_is_not_read_as_something_else(at in 0_usize..26, byte in 0x20_u8..0x7f) {
            let mut text = b"2028-02-29T23:59:58.25+01:30".to_vec();
            text[at] = byte;
            let text = String::from_utf8(text).unwrap();
            let read = Timestamp::parse_rfc3339(&text);
            prop_assert!(read == oracle(&text) || at == 10 && read.is_none(), "{}", text);
        }

        #[test]
        fn a_time_is_written_as_the_time_crate_writes_it_and_read_back(millis in 0..=253_402_300_799_999_u64) {
            let time = Timestamp(millis);
            let text = time.to_rfc3339();
            prop_assert_eq!(oracle(&text), Some(time));
            prop_assert_eq!(Timestamp::parse_rfc3339(&text), Some(time));
            prop_assert_eq!(text.len(), 24);
        }
    }

    #[test]
    fn every_day_of_the_calendar_is_read() {
        let mut day = time::Date::from_calendar_date(1970, time::Month::January, 1).unwrap();
        for days in 0..2_932_897_u64 {
            if days % 7 == 0 || day.day() > 27 || day.day() == 1 {
                let text = format!("{day}T00:00:00.000Z");
                assert_eq!(Timestamp(days * 86_400_000).to_rfc3339(), text);
                assert_eq!(Timestamp::parse_rfc3339(&text), Some(Timestamp(days * 86_400_000)));
            }
            day = day.next_day().unwrap_or(day);
        }
        assert_eq!(Timestamp(253_402_300_800_000).to_rfc3339(), "");
        assert_eq!(Timestamp(u64::MAX).to_rfc3339(), "");
    }

    #[test]
    fn a_leap_second_is_one_only_at_the_end_of_a_month_in_utc() {
        for good in ["2016-12-31T23:59:60Z", "2017-01-01T00:59:60+01:00", "2015-06-30T23:59:60.5Z"] {
            assert!(oracle(good).is_some());
            assert_eq!(Timestamp::parse_rfc3339(good), oracle(good), "{good}");
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
