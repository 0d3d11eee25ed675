//! Access tokens: `blnk_at_` and base64url of claims and their MAC.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format, 1 |
//! | 4 | id of the signing key |
//! | 16 | id of the client |
//! | 1 | scopes, a bit each |
//! | 8 | issued at, milliseconds since 1970, big-endian |
//! | 8 | expires at, the same |
//! | 16 | number of the token, random |
//! | 32 | HMAC-SHA-256 of all of the above |
//!
//! The layout is fixed and so is the algorithm: no field names one, so that a token cannot choose either. A token
//! tells who it is for and what was granted; whether that still holds is the client's record's to say
//! ([`Claims::accepted_by`]).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::registry::{CredentialId, CredentialKind, CredentialRecord, KeyBytes, Scopes, Secret, TokenId};

/// What every access token begins with. No API key does: its id is longer than `at`.
pub const PREFIX: &str = "blnk_at_";
const FORMAT: u8 = 1;
const CLAIMS_LENGTH: usize = 54;
const MAC_LENGTH: usize = 32;
/// The length of a whole access token.
pub const LENGTH: usize = PREFIX.len() + (CLAIMS_LENGTH + MAC_LENGTH).div_ceil(3) * 4 - 1;

/// A key to sign with: 32 bytes, known by the first 4 bytes of their SHA-256.
#[derive(Clone)]
pub struct SigningKey {
    id: [u8; 4],
    mac: Hmac<Sha256>,
}

/// The keys that are configured: one signs, both verify.
#[derive(Clone, Debug)]
pub struct Signer {
    current: SigningKey,
    previous: Option<SigningKey>,
}

/// What a token says. One that was read was signed here, and may yet be expired or revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The client that it was issued to.
    pub client: CredentialId,
    /// What was granted.
    pub scopes: Scopes,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// Its number.
    pub id: TokenId,
}

impl SigningKey {
    /// Reads a key from its standard base64. `None` where it is not 32 bytes.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let KeyBytes { bytes, id } = KeyBytes::from_base64(text)?;
        Some(Self { id, mac: Hmac::new_from_slice(&*bytes).ok()? })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, REDACTED)", hex::encode(self.id))
    }
}

impl Signer {
    /// `current` signs; `previous`, if any, still verifies.
    #[must_use]
    pub fn new(current: SigningKey, previous: Option<SigningKey>) -> Self {
        Self { current, previous }
    }

    /// The token that says this.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> Secret {
        let mut bytes = Zeroizing::new(Vec::with_capacity(CLAIMS_LENGTH + MAC_LENGTH));
        bytes.push(FORMAT);
        bytes.extend(self.current.id);
        bytes.extend(claims.client.bytes());
        bytes.push(claims.scopes.bits());
        bytes.extend(claims.issued_at.millis().to_be_bytes());
        bytes.extend(claims.expires_at.millis().to_be_bytes());
        bytes.extend(claims.id.bytes());
        let mac = self.current.mac.clone().chain_update(&*bytes).finalize().into_bytes();
        bytes.extend(mac);
        let mut token = PREFIX.to_owned();
        URL_SAFE_NO_PAD.encode_string(&*bytes, &mut token);
        Secret::new(token)
    }

    /// Reads a token that was signed under one of the keys; `None` for every other text, without a reason.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Claims> {
        if text.len() != LENGTH {
            return None;
        }
        // Decoded strictly: no other spelling of the same bytes is read. The decoder asks for room for whole groups.
        let mut bytes = [0_u8; (CLAIMS_LENGTH + MAC_LENGTH).next_multiple_of(3)];
        let length = URL_SAFE_NO_PAD.decode_slice(text.strip_prefix(PREFIX)?, &mut bytes).ok()?;
        let (signed, mac) = bytes.get(..length)?.split_first_chunk::<CLAIMS_LENGTH>()?;
        let (format, rest) = signed.split_first()?;
        let (key_id, rest) = rest.split_first_chunk::<4>()?;
        let key = std::iter::once(&self.current).chain(&self.previous).find(|key| key.id == *key_id)?;
        // Compared in constant time.
        key.mac.clone().chain_update(signed).verify_slice(mac).ok()?;
        if *format == FORMAT { Claims::read(rest) } else { None }
    }
}

impl Claims {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (client, bytes) = bytes.split_first_chunk::<{ CredentialId::LENGTH }>()?;
        let (scopes, bytes) = bytes.split_first()?;
        let (issued_at, bytes) = bytes.split_first_chunk()?;
        let (expires_at, bytes) = bytes.split_first_chunk()?;
        Some(Self {
            client: CredentialId::parse(str::from_utf8(client).ok()?)?,
            scopes: Scopes::from_bits(*scopes)?,
            issued_at: Timestamp::from_millis(u64::from_be_bytes(*issued_at)),
            expires_at: Timestamp::from_millis(u64::from_be_bytes(*expires_at)),
            id: TokenId::from_bytes(*bytes.first_chunk()?),
        })
    }

    /// What the token opens at `now`: what was granted, as far as its client may still have it. `None` where it is
    /// expired or revoked, or its client is deleted, disabled or unknown.
    #[must_use]
    pub fn accepted_by(&self, client: &CredentialRecord, now: Timestamp) -> Option<Scopes> {
        let rules = client.tokens.as_ref()?;
        let accepted = client.kind == CredentialKind::OauthClient
            && client.id == self.client
            && client.is_active(now)
            && now < self.expires_at
            && rules.allow(self.id, self.issued_at);
        accepted.then(|| self.scopes.within(client.scopes))
    }
}

#[cfg(test)]
mod tests;
