//! What makes two requests the same.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of what a caller asks for, as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub(super) String);

impl Fingerprint {
    /// The fingerprint of a request: its instance, method, path with query, and body as the caller sent it.
    ///
    /// Headers are no part of it: Core reads none that would change what it books.
    #[must_use]
    pub fn of(instance: &str, method: &str, target: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for text in [instance, method, target] {
            part(&mut hash, text.as_bytes());
        }
        part(&mut hash, body);
        Self(hex::encode(hash.finalize()))
    }
}

/// Adds a part behind its length, so that no two lists of parts run together to the same bytes.
pub(super) fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_differs_in_anything_has_another_fingerprint() {
        let all = [
            Fingerprint::of("a", "POST", "/transactions", b"{}"),
            Fingerprint::of("b", "POST", "/transactions", b"{}"),
            Fingerprint::of("a", "PUT", "/transactions", b"{}"),
            Fingerprint::of("a", "POST", "/transactions?x=1", b"{}"),
            Fingerprint::of("a", "POST", "/transactions", b"{} "),
            Fingerprint::of("a", "POST", "/transactions", b""),
            Fingerprint::of("aPOST", "", "/transactions", b"{}"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one), "{at}");
        }
    }

    #[test]
    fn the_same_request_has_the_same_fingerprint() {
        let of = || Fingerprint::of("a", "POST", "/transactions", b"{\"amount\":1}");
        assert_eq!(of(), of());
    }
}
