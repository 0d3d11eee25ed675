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
        if number.parse::<f64>() == Ok(0.0) { Self::Zero } else { Self::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
