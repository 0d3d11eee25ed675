//! An amount in the smallest units of its currency, as Core works it out.

/// The most decimal places that can matter: 10 to this power is the largest that fits a `u128`.
const MOST_PLACES: u32 = 38;
/// No double has a larger exponent.
const LARGEST_EXPONENT: u32 = 400;

/// The most digits of an amount that Core takes. Decimals of up to 15 digits survive the round trip through Core's f64:
/// it keeps the double nearest to them, which is printed as the same decimal again.
const MOST_DIGITS: usize = 15;

/// How many units Core books for these literals, as decimal digits; `None` where Core books nothing of the kind.
///
/// A `precise_amount` above zero counts as it is. Else it is `amount` times `precision`, in decimal and rounded half
/// away from zero; a `precision` that is missing or zero counts as 1 (`model.ApplyPrecision` in Core).
#[must_use]
pub fn units(amount: Option<&str>, precise_amount: Option<&str>, precision: Option<&str>) -> Option<String> {
    if let Some(precise) = precise_amount {
        if !precise.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return None;
        }
        if !precise.starts_with('-') && precise != "0" {
            return Some(precise.to_owned());
        }
    }
    let (digits, exponent) = decimal(amount?)?;
    let precision = precision.map_or(Some(1), whole)?.max(1);
    Some(scaled(u128::from(digits).checked_mul(u128::from(precision))?, exponent))
}

/// A JSON literal that is not below zero: its significant digits, times ten to a power.
fn decimal(literal: &str) -> Option<(u64, i32)> {
    let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let written = [whole.trim_start_matches('-'), places].concat();
    if written.is_empty() || !written.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = written.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        return Some((0, 0));
    }
    if whole.starts_with('-') || digits.len() > MOST_DIGITS {
        return None;
    }
    let zeros = written.len() - written.trim_end_matches('0').len();
    let exponent = exponent.parse::<i32>().ok().filter(|exponent| exponent.unsigned_abs() <= LARGEST_EXPONENT)?;
    let point = i32::try_from(zeros).ok()?.checked_sub(i32::try_from(places.len()).ok()?)?;
    Some((digits.parse().ok()?, exponent.checked_add(point)?))
}

/// A literal that stands for a whole number of up to 64 bits. Core refuses a precision with places.
fn whole(literal: &str) -> Option<u64> {
    let (digits, exponent) = decimal(literal)?;
    scaled(digits.into(), exponent).parse().ok()
}

/// `digits` times ten to `exponent`, rounded half up: it is never negative.
fn scaled(digits: u128, exponent: i32) -> String {
    let places = exponent.unsigned_abs();
    if exponent >= 0 {
        let zeros = if digits == 0 { 0 } else { places as usize };
        return format!("{digits}{}", "0".repeat(zeros));
    }
    if places > MOST_PLACES {
        return "0".to_owned();
    }
    let divisor = 10_u128.pow(places);
    let rounded = digits / divisor + u128::from(digits % divisor >= divisor.div_ceil(2));
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_core_books() {
        for (amount, precision, expected) in [
            ("12.5", Some("100"), "1250"),
            ("12.5", None, "13"),
            ("12.5", Some("0"), "13"),
            ("12.4", Some("-0"), "12"),
            ("12.40", Some("0e5"), "12"),
            ("0012.500e1".trim_start_matches('0'), Some("100.00"), "12500"),
            ("1.005", Some("100"), "101"),
            ("0.015", Some("100"), "2"),
            ("1e2", Some("1e2"), "10000"),
            ("1.0", Some("100.0"), "100"),
            ("0", Some("100"), "0"),
            ("0.004", Some("100"), "0"),
            ("5e-324", Some("1000000000000000000"), "0"),
            ("0.50000", Some("1"), "1"),
            ("-0.0", Some("100"), "0"),
            ("1E+2", Some("1"), "100"),
            ("123456789012.345", Some("1000000000000000000"), "123456789012345000000000000000"),
            ("1e25", Some("100"), "1000000000000000000000000000"),
        ] {
            assert_eq!(units(Some(amount), None, precision).as_deref(), Some(expected), "{amount} {precision:?}");
        }
    }

    #[test]
    fn a_precise_amount_above_zero_counts_as_it_is() {
        let large = "123456789012345678901234567890";
        assert_eq!(units(Some("1"), Some(large), Some("100")).as_deref(), Some(large));
        assert_eq!(units(Some("1"), Some("0"), Some("100")).as_deref(), Some("100"));
        assert_eq!(units(Some("1"), Some("-5"), Some("100")).as_deref(), Some("100"));
    }

    #[test]
    fn what_core_refuses_has_no_units() {
        for (amount, precise, precision) in [
            (None, None, Some("100")),
            (Some("-1"), None, Some("100")),
            (Some("1e999"), None, Some("100")),
            (Some("1234567890.123456"), None, Some("100")),
            (Some("1"), Some("1e3"), Some("100")),
            (Some("1"), Some("1.5"), Some("100")),
            (Some("1"), None, Some("1e30")),
            (Some("\"1\""), None, Some("100")),
        ] {
            assert_eq!(units(amount, precise, precision), None, "{amount:?} {precise:?} {precision:?}");
        }
    }
}
