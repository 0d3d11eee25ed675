//! Sealing: how a secret that must be used again, Core's key, is kept in a record.
//!
//! AES-256-GCM under the Worker's secret `SEALING_KEY`, with a fresh 96-bit nonce a sealing. The associated data ties
//! the ciphertext to its record: a sealed key copied to another instance, workspace or Core does not open there. The id
//! of the key stands in front, so that a key can be rotated while both are configured.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

pub use super::secret::Sealed;
use super::{InstanceId, KeyBytes, Secret, Workspace};

const FORMAT: &str = "v1";
const NONCE_LENGTH: usize = 12;

/// A key to seal with: 32 bytes, known by the first 8 hexadecimal digits of their SHA-256.
#[derive(Clone)]
pub struct SealingKey {
    id: String,
    cipher: Aes256Gcm,
}

impl SealingKey {
    /// Reads a key from its standard base64. `None` where it is not 32 bytes.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let KeyBytes { bytes, id } = KeyBytes::from_base64(text)?;
        Some(Self { id: hex::encode(id), cipher: Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(&*bytes)) })
    }

    /// The key's id, as it stands in what it sealed.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealingKey({}, REDACTED)", self.id)
    }
}

/// The keys that are configured: one seals, both open.
#[derive(Clone, Debug)]
pub struct Sealer {
    current: SealingKey,
    previous: Option<SealingKey>,
}

/// What a sealed text belongs to. All of it is associated data.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The instance whose record holds the text.
    pub instance: &'a InstanceId,
    /// The instance's workspace.
    pub workspace: &'a Workspace,
    /// The record's field.
    pub field: &'static str,
    /// The origin of the instance's `base_url`: a secret opens for its own Core only.
    pub origin: &'a str,
}

/// Why a sealed text did not open.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnsealError {
    /// It was sealed under a key that is not configured.
    #[error("sealed under the key {0}, which is not configured")]
    UnknownKey(String),
    /// It is damaged, or belongs to another record.
    #[error("the sealed text does not open: it is damaged or belongs to another record")]
    Broken,
}

impl Sealer {
    /// `current` seals; `previous`, if any, still opens.
    #[must_use]
    pub fn new(current: SealingKey, previous: Option<SealingKey>) -> Self {
        Self { current, previous }
    }

    /// The id of the key that seals now.
    #[must_use]
    pub fn current_id(&self) -> &str {
        self.current.id()
    }

    /// Seals `secret` for `binding`. `nonce` must be random and never used before.
    ///
    /// # Errors
    /// [`UnsealError::Broken`] where the cipher refuses, which it does only above 64 GiB.
    pub fn seal(
        &self,
        secret: &Secret,
        binding: Binding<'_>,
        nonce: [u8; NONCE_LENGTH],
    ) -> Result<Sealed, UnsealError> {
        let aad = binding.associated_data();
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &aad };
        let ciphertext = self.current.cipher.encrypt(&nonce.into(), payload).map_err(|_| UnsealError::Broken)?;
        let text = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &ciphertext].concat());
        Ok(Sealed(format!("{FORMAT}.{}.{text}", self.current.id)))
    }

    /// Opens what was sealed for `binding`.
    ///
    /// # Errors
    /// [`UnsealError::UnknownKey`] where no configured key has its id; else [`UnsealError::Broken`].
    pub fn open(&self, sealed: &Sealed, binding: Binding<'_>) -> Result<Secret, UnsealError> {
        let id = sealed.key_id().ok_or(UnsealError::Broken)?;
        let key = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.id == id)
            .ok_or_else(|| UnsealError::UnknownKey(id.to_owned()))?;
        let text = sealed.0.rsplit('.').next().unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| UnsealError::Broken)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_LENGTH>().ok_or(UnsealError::Broken)?;
        let aad = binding.associated_data();
        let clear = key
            .cipher
            .decrypt(nonce.into(), Payload { msg: ciphertext, aad: &aad })
            .map_err(|_| UnsealError::Broken)?;
        String::from_utf8(clear).map(Secret::new).map_err(|_| UnsealError::Broken)
    }
}

impl Binding<'_> {
    /// Each part with its length in front, so that no two different bindings give the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(160);
        for part in [FORMAT, self.instance, self.workspace, self.field, self.origin] {
            data.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            data.extend(part.as_bytes());
        }
        data
    }
}

#[cfg(test)]
mod tests;
