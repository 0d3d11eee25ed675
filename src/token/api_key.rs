//! What callers hold: API keys, `blnk_{id}_{secret}{check}`, and the secrets of OAuth clients,
//! `blnk_cs_{secret}{check}`.
//!
//! - `id`: 16 of `[0-9A-Za-z]`, the credential's id. The record is found by it in one exact-key read.
//! - `secret`: 43 of `[0-9A-Za-z]`, 256 random bits in base62. Only its SHA-256 is stored.
//! - `check`: 6 of `[0-9A-Za-z]`, the CRC-32 (ISO-HDLC, as in IEEE 802.3) in base62 of everything before it, so that a
//!   mistyped or cut token, or garbage, is refused without asking KV. It is no protection: anyone can compute it.
//!
//! A client presents its id beside its secret, so that the secret does not name it. No id has two characters, so that a
//! client's secret cannot be read as an API key.
//!
//! One underscored word: a double click selects all of it, and secret scanners can know it by its prefix and check.

use std::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::registry::{CredentialId, Secret, SecretHash};

const PREFIX: &str = "blnk_";
const CLIENT_SECRET_PREFIX: &str = "blnk_cs_";
const SECRET_LENGTH: usize = 43;
const CHECK_LENGTH: usize = 6;
/// The length of a whole API key.
pub const API_KEY_LENGTH: usize = PREFIX.len() + CredentialId::LENGTH + 1 + SECRET_LENGTH + CHECK_LENGTH;

/// One table of 1 KiB: the faster ones are 16 KiB of wasm, for a text of 65 bytes.
static CRC_32: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

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
        let well_formed =
            id.len() == CredentialId::LENGTH && id.bytes().all(|b| b.is_ascii_alphanumeric()) && is_secret(secret);
        well_formed.then_some(Self { id, secret })
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

/// A new secret of an OAuth client with the 256 random bits of `random`, and what its record keeps of it.
#[must_use]
pub fn new_client_secret(random: [u8; 32]) -> (Secret, SecretHash) {
    with_new_secret(CLIENT_SECRET_PREFIX.to_owned(), random)
}

/// What a client's record would hold of this secret; `None` where it is not a well-formed one with right check digits.
#[must_use]
pub fn client_secret_hash(text: &str) -> Option<SecretHash> {
    let secret = checked(text)?.strip_prefix(CLIENT_SECRET_PREFIX)?;
    is_secret(secret).then(|| hash(secret))
}

fn with_new_secret(mut token: String, mut random: [u8; 32]) -> (Secret, SecretHash) {
    let digits: [u8; SECRET_LENGTH] = base62(random);
    random.zeroize();
    let secret = Secret::new(digits.into_iter().map(char::from).collect());
    token.push_str(secret.expose());
    let check = check_digits(token.as_bytes());
    token.extend(check.into_iter().map(char::from));
    let stored = hash(secret.expose());
    (Secret::new(token), stored)
}

fn hash(secret: &str) -> SecretHash {
    SecretHash::from_bytes(Sha256::digest(secret.as_bytes()).into())
}

fn is_secret(text: &str) -> bool {
    text.len() == SECRET_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// What stands before right check digits.
fn checked(text: &str) -> Option<&str> {
    let (signed, check) = text.split_at_checked(text.len().checked_sub(CHECK_LENGTH)?)?;
    (check.as_bytes() == check_digits(signed.as_bytes())).then_some(signed)
}

fn check_digits(signed: &[u8]) -> [u8; CHECK_LENGTH] {
    base62(CRC_32.checksum(signed).to_be_bytes())
}

/// The last `DIGITS` base62 digits of a big-endian number, most significant first.
fn base62<const BYTES: usize, const DIGITS: usize>(mut number: [u8; BYTES]) -> [u8; DIGITS] {
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

    fn api_key() -> (CredentialId, String, SecretHash) {
        let id = new_credential_id([7; 16]);
        let (key, hash) = new_api_key(&id, [0xab; 32]);
        (id, key.expose().to_owned(), hash)
    }

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
        let (_, key, _) = api_key();
        assert!(client_secret_hash(&key).is_none());
        assert!(ApiKey::parse(new_client_secret([0xab; 32]).0.expose()).is_none());
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

    #[test]
    fn a_token_shows_its_id_and_not_its_secret() {
        let (id, key, _) = api_key();
        let shown = format!("{:?}", ApiKey::parse(&key).unwrap());
        assert_eq!(shown, format!("ApiKey({id}, REDACTED)"));
    }
}
