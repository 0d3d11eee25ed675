//! A text that must not be seen.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A secret in clear: Core's key, an Access client's secret. `Debug` hides it, there is no `Display`, and its memory
/// is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text in.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the one place that sends or seals it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(REDACTED)")
    }
}

/// The 32 bytes of a configured key, and the id that it is known by: the first 4 bytes of their SHA-256.
pub struct KeyBytes {
    /// The key.
    pub bytes: Zeroizing<[u8; 32]>,
    /// Its id, which may be seen.
    pub id: [u8; 4],
}

impl KeyBytes {
    /// Reads a key from its standard base64. `None` where it is not 32 bytes.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let decoded = Zeroizing::new(STANDARD.decode(text).ok()?);
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(decoded.as_slice()).ok()?);
        let digest: [u8; 32] = Sha256::digest(*bytes).into();
        Some(Self { id: *digest.first_chunk()?, bytes })
    }
}

/// Only the shape of a sealed text: `v1.{key id}.{base64url of nonce and ciphertext}`. Safe to store and to log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub(super) String);

impl Sealed {
    /// What stands in the place of a secret that was taken out for good; it opens under no key.
    #[must_use]
    pub fn erased() -> Self {
        Self(String::new())
    }

    /// The id of the key that it was sealed under, where the text has the shape of a sealed one.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        let mut parts = self.0.split('.');
        (parts.next()? == "v1").then(|| parts.next())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let secret = Secret::new("core-master-key".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(REDACTED)");
        assert_eq!(secret.expose(), "core-master-key");
    }

    #[test]
    fn an_erased_secret_is_sealed_under_no_key() {
        assert_eq!(Sealed::erased().key_id(), None);
    }
}
