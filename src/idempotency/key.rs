//! The key that a caller chooses, and the object that keeps it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::fingerprint::part;
use crate::error::Error;

/// The value of an `Idempotency-Key` header: 1 to 255 printable ASCII characters without a comma.
///
/// A comma is what joins a header that was sent twice, so a key with one could be two.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Error::InvalidIdempotencyKey`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b',');
        if printable && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::InvalidIdempotencyKey)
        }
    }

    /// The key itself: for the one answer that names it to who sent it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The name of the object that keeps this key of this credential: 64 hexadecimal digits.
    ///
    /// Names are written to storage as they are, so this one tells neither. The parts carry their lengths: no two pairs
    /// run together to the same text, and so keys of two credentials never meet.
    #[must_use]
    pub fn object_name(&self, credential: &str) -> String {
        let mut hash = Sha256::new();
        part(&mut hash, credential.as_bytes());
        part(&mut hash, self.0.as_bytes());
        hex::encode(hash.finalize())
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdempotencyKey(REDACTED)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(credential: &str, key: &str) -> String {
        IdempotencyKey::parse(key).unwrap().object_name(credential)
    }

    #[test]
    fn a_key_is_up_to_255_printable_characters_without_a_comma() {
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"quoted\"", "a b", &"~".repeat(255)] {
            assert!(IdempotencyKey::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a,b", "a, b", "é", "a\tb", "a\u{7f}", &"a".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad), Err(Error::InvalidIdempotencyKey), "{bad}");
        }
    }

    #[test]
    fn keys_of_two_credentials_never_meet() {
        let names = [name("ab", "c"), name("a", "bc"), name("a", "c"), name("ab", "C")];
        for (at, one) in names.iter().enumerate() {
            assert!(names.iter().skip(at + 1).all(|other| other != one));
        }
        assert_eq!(name("ab", "c"), name("ab", "c"));
    }

    #[test]
    fn a_name_is_a_hash_that_stays_the_same_from_version_to_version() {
        assert_eq!(name("credential", "key"), GOLDEN);
    }

    #[test]
    fn a_key_is_not_shown_in_debug_output() {
        assert!(!format!("{:?}", IdempotencyKey::parse("order-17").unwrap()).contains("order"));
    }

    /// SHA-256 of each part behind its length in eight bytes, the highest first.
    const GOLDEN: &str = "be9e56fcdf41a65bcc26b70ace3d0a5c7c0934b3fb61855fb5eb0c1e441b833a";
}
