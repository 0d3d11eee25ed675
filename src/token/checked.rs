//! What API keys and clients' secrets have in common: a secret of 256 random bits, and check digits at the end.
//!
//! - `secret`: 43 of `[0-9A-Za-z]`, 256 random bits in base62. Only its SHA-256 is stored.
//! - `check`: 6 of `[0-9A-Za-z]`, the CRC-32 (ISO-HDLC, as in IEEE 802.3) in base62 of everything before it, so that a
//!   mistyped or cut token, or garbage, is refused without asking KV. It is no protection: anyone can compute it.
//!
//! One underscored word: a double click selects all of it, and secret scanners can know it by its prefix and check.

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::registry::{Secret, SecretHash};

/// How many base62 digits 256 random bits have.
pub(super) const SECRET_LENGTH: usize = 43;
/// How many check digits there are.
pub(super) const CHECK_LENGTH: usize = 6;

/// One table of 1 KiB: the faster ones are 16 KiB, and a token has some 70 bytes.
static CRC_32: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `before` with 256 random bits and the check digits behind it, and what a record keeps of the bits.
pub(super) fn with_new_secret(before: String, mut random: [u8; 32]) -> (Secret, SecretHash) {
    let digits: [u8; SECRET_LENGTH] = base62(random);
    random.zeroize();
    let mut token = before;
    let secret = Secret::new(digits.into_iter().map(char::from).collect());
    token.push_str(secret.expose());
    let check = check_digits(token.as_bytes());
    token.extend(check.into_iter().map(char::from));
    let stored = hash(secret.expose());
    (Secret::new(token), stored)
}

/// What a record keeps of a secret.
pub(super) fn hash(secret: &str) -> SecretHash {
    SecretHash::from_bytes(Sha256::digest(secret.as_bytes()).into())
}

/// Whether a text has the shape of a secret.
pub(super) fn is_secret(text: &str) -> bool {
    text.len() == SECRET_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// What stands before right check digits.
pub(super) fn checked(text: &str) -> Option<&str> {
    let (signed, check) = text.split_at_checked(text.len().checked_sub(CHECK_LENGTH)?)?;
    (check.as_bytes() == check_digits(signed.as_bytes())).then_some(signed)
}

fn check_digits(signed: &[u8]) -> [u8; CHECK_LENGTH] {
    base62(CRC_32.checksum(signed).to_be_bytes())
}

/// The last `DIGITS` base62 digits of a big-endian number, most significant first.
pub(super) fn base62<const BYTES: usize, const DIGITS: usize>(mut number: [u8; BYTES]) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let dividend = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(dividend / 62).unwrap_or(u8::MAX);
            remainder = dividend % 62;
        }
        *digit = BASE62.get(remainder as usize).copied().unwrap_or(b'0');
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digits_are_the_published_crc_32() {
        // The check value of CRC-32/ISO-HDLC over "123456789" in the catalogue of CRC algorithms.
        assert_eq!(CRC_32.checksum(b"123456789"), 0xcbf4_3926);
        let digits = check_digits(b"123456789");
        let value =
            digits.iter().fold(0_u64, |sum, digit| sum * 62 + BASE62.iter().position(|d| d == digit).unwrap() as u64);
        assert_eq!(value, 0xcbf4_3926);
    }

    #[test]
    fn the_whole_range_of_the_secret_fits_its_digits() {
        let largest: [u8; SECRET_LENGTH] = base62([0xff; 32]);
        let one: [u8; SECRET_LENGTH] = base62({
            let mut number = [0; 32];
            number[31] = 1;
            number
        });
        assert_ne!(largest[0], b'0', "the first digit is used");
        assert_eq!(&one[41..], b"01");
    }
}
