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

/// Whether Go reads this number as zero: whether the double nearest to it is 0.
pub(in crate::enrich) fn is_zero(number: &[u8]) -> bool {
    let number = std::str::from_utf8(number).unwrap_or_default();
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, ""));
    if !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return true;
    }
    let (sign, digits) = match exponent.strip_prefix(['+', '-']) {
        Some(digits) => (exponent.get(..1).unwrap_or_default(), digits),
        None => ("", exponent),
    };
    let digits = digits.trim_start_matches('0');
    // Go's parser stops adding to an exponent of five digits, so that one of six reads as its first five. That shows
    // only in a literal of thousands of digits, but there it turns 1 into 0.
    let read = match digits.get(..5) {
        Some(first) if digits.len() > 5 => format!("{mantissa}e{sign}{first}").parse::<f64>(),
        _ => number.parse::<f64>(),
    };
    read.is_ok_and(|value| value == 0.0)
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
            assert!(is_zero(zero.as_bytes()), "{zero}");
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
            assert!(!is_zero(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn an_exponent_of_six_digits_reads_as_its_first_five() {
        // 1, written out; Go takes 12345 for the exponent and is left with 0.
        let literal = format!("0.{}1e123456", "0".repeat(123_455));
        assert!(is_zero(literal.as_bytes()));
        // 1 too, and within what Go reads.
        let literal = format!("0.{}1e12345", "0".repeat(12_344));
        assert!(!is_zero(literal.as_bytes()));
    }
}
