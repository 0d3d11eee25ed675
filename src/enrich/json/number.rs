//! Numbers: their grammar, and whether one is zero.

use super::{Cursor, Malformed};

impl Cursor<'_> {
    /// Reads a number; the cursor must be at its minus or first digit.
    pub(super) fn number(&mut self) -> Result<(), Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        // A digit after a leading zero is not read here, and so is wrong wherever it stands.
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Malformed> {
        let first = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == first {
            return Err(self.expected("a digit"));
        }
        Ok(())
    }
}

/// The longest mantissa that Go is sure to read right, in characters. Beyond it 100 can become 10 or 0: of an integer
/// part it forgets how long it was, and of an exponent it takes no more than five digits.
const LONGEST_MANTISSA: usize = 800;

/// What Go makes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::enrich) enum Magnitude {
    /// The double nearest to it is 0.
    Zero,
    /// It is another double, or beyond all of them, which Go refuses.
    Other,
    /// Longer than Go reads right.
    TooLong,
}

impl Magnitude {
    /// Of a number as it is written.
    pub(in crate::enrich) fn of(number: &[u8]) -> Self {
        let number = std::str::from_utf8(number).unwrap_or_default();
        let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
        if !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
            return Self::Zero;
        }
        if mantissa.len() > LONGEST_MANTISSA {
            return Self::TooLong;
        }
        // Correctly rounded, as Go's `strconv.ParseFloat` is: half of the least double above 0 still becomes 0.
        if lexical_core::parse(number.as_bytes()) == Ok(0.0) { Self::Zero } else { Self::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Half of the least double above 0, the last that is read as 0: 0.247…e-323, which is 2 to the power of -1075.
    const HALF_POWER: i64 = -323;
    const HALF_DIGITS: &str = concat!(
        "2470328229206232720882843964341106861825299013071623822127928412503377536351043759326499181808179961",
        "8989828234772285886546332835517796989819938739800539093906315035659515570226392290858392449105184435",
        "9318028499365361525003193704576782492193656236698636584807570015857692699037063119282795585513329278",
        "3433840935197801553124659726357957462276646527282722005637400648549997709659947045402082816622623785",
        "7393450736339007967761930577506740176324673600968951340535537458516661134223766678604162159680461914",
        "4672918403005300575308490487653917113865916462395249126236538818796362393732804238910186723484976682",
        "3508986338858792562830275599565752445550725518931369083625477918694866799496832404970582102851318545",
        "1396213837722826145437693412532098591327667236328125",
    );

    /// The same by comparing digits: exact, and without a float.
    fn by_digits(number: &str) -> Magnitude {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, places].concat();
        // As 0.d1d2d3… times a power of ten, where d1 is not 0.
        let significant = digits.trim_start_matches('0');
        if significant.is_empty() {
            return Magnitude::Zero;
        }
        let beyond = if exponent.starts_with('-') { -1_000_000 } else { 1_000_000 };
        let exponent: i64 = exponent.parse().unwrap_or(beyond);
        let point = i64::try_from(whole.len() + significant.len()).unwrap() - i64::try_from(digits.len()).unwrap();
        let half = (HALF_POWER, HALF_DIGITS);
        if (exponent.saturating_add(point), significant.trim_end_matches('0')) <= half {
            Magnitude::Zero
        } else {
            Magnitude::Other
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_number_is_zero_up_to_exactly_half_of_the_least_double(
            keep in 1..HALF_DIGITS.len(),
            digits in "[0-9]{0,40}",
        ) {
            let ((first, rest), (kept, _)) = (HALF_DIGITS.split_at(1), HALF_DIGITS.split_at(keep));
            for number in [
                format!("{first}.{rest}e-324"),
                format!("{first}.{rest}{digits}e-324"),
                format!("{first}.{}{digits}e-324", rest.split_at(keep - 1).0),
                format!("0.0{kept}{digits}E-322"),
                format!("{kept}{digits}.0e-{}", keep + digits.len() + 323),
            ] {
                prop_assert_eq!(Magnitude::of(number.as_bytes()), by_digits(&number), "{}", number);
            }
        }

        #[test]
        fn a_number_is_zero_where_its_digits_are_at_most_those_of_the_half(
            number in concat!(
                r"-?(0|[1-9][0-9]{0,5})(\.(0{0,330})?[0-9]{1,25})?",
                r"([eE][+-]?(0{0,3}[0-9]{1,2}|3[0-4][0-9]|[0-9]{1,25}))?",
            ),
            near in concat!(
                r"-?(2\.47032822920623272[0-9]{0,20}|0\.00247[0-9]{0,20}|247032822920[0-9]{0,9}\.[0-9]{1,9})",
                r"e-3[1-3][0-9]",
            ),
        ) {
            for number in [number, near] {
                prop_assert_eq!(Magnitude::of(number.as_bytes()), by_digits(&number), "{}", number);
            }
        }
    }

    #[test]
    fn a_number_is_zero_where_its_nearest_double_is() {
        for zero in [
            "0",
            "-0",
            "0.0",
            "-0.000",
            "0e5",
            "0E-5",
            "0.0e+99999999999999999999",
            "1e-400",
            "-1e-400",
            "1E-99999",
            "2e-324",
            "2.4703282292062327e-324",
            "0.1e-999999999999999999999999",
        ] {
            assert_eq!(Magnitude::of(zero.as_bytes()), Magnitude::Zero, "{zero}");
        }
        for other in [
            "1",
            "-1",
            "0.1",
            "5e-324",
            "3e-324",
            "2.4703282292062329e-324",
            "1e400",
            "100",
            "1e0",
            "1e-000000000000001",
            "0.5e+0000000000000000001",
            "1e99999999999999999999",
        ] {
            assert_eq!(Magnitude::of(other.as_bytes()), Magnitude::Other, "{other}");
        }
    }

    #[test]
    fn a_mantissa_that_go_may_misread_is_too_long_unless_it_is_all_zeros() {
        let zeros = |count| "0".repeat(count);
        // 100, which Go reads as 10, as 0 and, one digit shorter than the limit, as 100.
        let misread = [
            format!("100{}e-798", zeros(798)),
            format!("100{}e-1124", zeros(1_124)),
            format!("0.{}1e100000", zeros(99_999)),
        ];
        for number in misread {
            assert_eq!(Magnitude::of(number.as_bytes()), Magnitude::TooLong);
        }
        let longest = format!("100{}e-797", zeros(797));
        assert_eq!(Magnitude::of(longest.as_bytes()), Magnitude::Other);
        let zero = format!("-0.{}e-5", zeros(5_000));
        assert_eq!(Magnitude::of(zero.as_bytes()), Magnitude::Zero);
    }
}
