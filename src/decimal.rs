//! A decimal number in a setting: a share, a number of hours.
//!
//! `f64`'s own `FromStr` and `Display` are exact to the last bit, which takes 20 KB of code and 10 KB of tables;
//! nothing else here needs a float.

/// How many digits behind the point are read. More do not change a share or a time that anyone means.
const PLACES: u32 = 15;

/// Reads what `f64` reads as a finite number: `0.1`, `.5`, `24`, `1e-3`. Exact to about 15 digits.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    let negative = text.starts_with('-');
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(places) || whole.len() + places.len() == 0 {
        return None;
    }
    let (mut number, mut scale) = (0.0, 1.0);
    for digit in whole.bytes() {
        number = number * 10.0 + f64::from(digit - b'0');
    }
    for digit in places.bytes().take(PLACES as usize) {
        number = number * 10.0 + f64::from(digit - b'0');
        scale *= 10.0;
    }
    // One division of two exact numbers, so that what is usual is read to the last bit.
    for _ in 0..exponent.unsigned_abs() {
        if exponent > 0 {
            number *= 10.0;
        } else {
            scale *= 10.0;
        }
    }
    let number = number / scale;
    if number.is_finite() { Some(if negative { -number } else { number }) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_usual_is_read_to_the_last_bit() {
        for text in
            ["0", "1", "0.1", "0.01", "0.001", ".5", "5.", "24", "0.0001", "0.000277777777777", "720", "1e-3", "2.5E+1"]
        {
            assert_eq!(parse(text), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in [
            "", ".", "+", "-", "e1", ".e1", "1e", "1e+", "1.2.3", "1,5", "24h", " 1", "1 ", "NaN", "inf", "--1", "+-1",
            "0x1", "1_0",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_rust_reads_it(text in r"[+-]?[0-9]{0,6}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,2})?") {
            let (ours, oracle) = (parse(&text), text.parse::<f64>().ok());
            prop_assert_eq!(ours.is_some(), oracle.is_some(), "{}", text);
            if let (Some(ours), Some(oracle)) = (ours, oracle) {
                // What stands behind the fifteenth place is left out.
                let exponent = text.split(['e', 'E']).nth(1).map_or(0, |exponent| exponent.parse().unwrap());
                prop_assert!((ours - oracle).abs() <= oracle.abs() * 1e-14 + 10_f64.powi(exponent - 14), "{}", text);
            }
        }
    }
}
