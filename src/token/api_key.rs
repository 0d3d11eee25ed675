//! API keys, `blnk_{id}_{secret}{check}`, and the ids of credentials.
//!
//! `id` is 16 of `[0-9A-Za-z]`, the credential's id: the record is found by it in one exact-key read.

use std::fmt;

use super::checked::{CHECK_LENGTH, SECRET_LENGTH, base62, checked, hash, is_secret, with_new_secret};
use crate::registry::{CredentialId, Secret, SecretHash};

const PREFIX: &str = "blnk_";
/// The length of a whole API key.
pub const API_KEY_LENGTH: usize = PREFIX.len() + CredentialId::LENGTH + 1 + SECRET_LENGTH + CHECK_LENGTH;

/// A token as it was presented: well formed and with right check digits, but not yet known to be anyone's.
#[derive(Clone, Copy)]
pub struct ApiKey<'a> {
    id: &'a str,
    secret: &'a str,
}

impl<'a> ApiKey<'a> {
    /// Reads an API key. `None` for every other text; which rule it broke is not told.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() != API_KEY_LENGTH {
            return None;
        }
        let (id, secret) = checked(text)?.strip_prefix(PREFIX)?.split_once('_')?;
        (CredentialId::is_valid(id) && is_secret(secret)).then_some(Self { id, secret })
    }

    /// The id of the credential that it names.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// What the credential's record would hold of this secret.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        hash(self.secret)
    }
}

impl fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, REDACTED)", self.id)
    }
}

/// A new credential id made of 16 random bytes.
#[must_use]
pub fn new_credential_id(random: [u8; 16]) -> CredentialId {
    let id: [u8; CredentialId::LENGTH] = base62(random);
    let text: String = id.into_iter().map(char::from).collect();
    // Base62 digits of the right number are an id by definition; the fallback only spares a panic.
    CredentialId::parse(&text).unwrap_or_else(|| new_credential_id([0; 16]))
}

/// A new API key for `id` with the 256 random bits of `random`, and what its record keeps of it.
#[must_use]
pub fn new_api_key(id: &CredentialId, random: [u8; 32]) -> (Secret, SecretHash) {
    with_new_secret(format!("{PREFIX}{id}_"), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api_key() -> (CredentialId, String, SecretHash) {
        let id = new_credential_id([7; 16]);
        let (key, hash) = new_api_key(&id, [0xab; 32]);
        (id, key.expose().to_owned(), hash)
    }

    #[test]
    fn a_new_key_is_read_back_as_its_own() {
        let (id, key, hash) = api_key();
        assert_eq!(key.len(), API_KEY_LENGTH);
        let token = ApiKey::parse(&key).unwrap();
        assert_eq!(token.id(), &*id);
        assert!(token.hash().matches(&hash));
    }

    #[test]
    fn every_single_changed_character_is_caught() {
        let (_, key, _) = api_key();
        for at in 0..key.len() {
            for wrong in ["0", "Z", "_", "-", "é"] {
                let mut changed = key.clone();
                changed.replace_range(at..=at, wrong);
                assert!(changed == key || ApiKey::parse(&changed).is_none(), "{changed}");
            }
        }
    }

    #[test]
    fn a_cut_or_padded_key_is_refused() {
        let (_, key, _) = api_key();
        for end in 0..key.len() {
            assert!(ApiKey::parse(key.get(..end).unwrap()).is_none());
        }
        assert!(ApiKey::parse(&format!("{key}0")).is_none());
        assert!(ApiKey::parse(&format!(" {key}")).is_none());
    }

    #[test]
    fn access_and_refresh_tokens_are_no_api_keys() {
        let (_, key, _) = api_key();
        for prefix in ["blnk_at_", "blnk_rt_", "BLNK_"] {
            assert!(ApiKey::parse(&key.replacen("blnk_", prefix, 1)).is_none());
        }
    }

    #[test]
    fn a_token_shows_its_id_and_not_its_secret() {
        let (id, key, _) = api_key();
        let shown = format!("{:?}", ApiKey::parse(&key).unwrap());
        assert_eq!(shown, format!("ApiKey({id}, REDACTED)"));
    }
}
