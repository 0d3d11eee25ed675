//! The secret of an OAuth client, `blnk_cs_{secret}{check}`.
//!
//! A client presents its id beside its secret, so that the secret does not name it. No id has two characters, so that a
//! client's secret cannot be read as an API key.

use super::checked::{checked, hash, is_secret, with_new_secret};
use crate::registry::{Secret, SecretHash};

const PREFIX: &str = "blnk_cs_";

/// A new secret of an OAuth client with the 256 random bits of `random`, and what its record keeps of it.
#[must_use]
pub fn new_client_secret(random: [u8; 32]) -> (Secret, SecretHash) {
    with_new_secret(PREFIX.to_owned(), random)
}

/// What a client's record would hold of this secret; `None` where it is not a well-formed one with right check digits.
#[must_use]
pub fn client_secret_hash(text: &str) -> Option<SecretHash> {
    let secret = checked(text)?.strip_prefix(PREFIX)?;
    is_secret(secret).then(|| hash(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{ApiKey, new_api_key, new_credential_id};

    #[test]
    fn a_new_client_secret_is_read_back_as_its_own() {
        let (secret, hash) = new_client_secret([0xab; 32]);
        assert_eq!(secret.expose().len(), 57);
        assert!(client_secret_hash(secret.expose()).unwrap().matches(&hash));
        for at in 0..secret.expose().len() {
            let mut changed = secret.expose().to_owned();
            changed.replace_range(at..=at, if changed.as_bytes()[at] == b'7' { "8" } else { "7" });
            assert!(client_secret_hash(&changed).is_none(), "{changed}");
            assert!(client_secret_hash(secret.expose().get(..at).unwrap()).is_none());
        }
    }

    #[test]
    fn a_client_secret_is_no_api_key_and_an_api_key_no_client_secret() {
        let (key, _) = new_api_key(&new_credential_id([7; 16]), [0xab; 32]);
        assert!(client_secret_hash(key.expose()).is_none());
        assert!(ApiKey::parse(new_client_secret([0xab; 32]).0.expose()).is_none());
    }
}
