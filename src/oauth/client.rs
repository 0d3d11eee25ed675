//! Who sends a request: client authentication (RFC 6749 section 2.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::OAuthError;
use super::form::{Form, decode};
use crate::clock::Timestamp;
use crate::registry::{CredentialId, CredentialKind, CredentialRecord, CredentialStatus, SecretHash};
use crate::token::client_secret_hash;

/// A client's id and the hash of its secret, as they were presented: well formed, and not yet known to be right.
#[derive(Debug)]
pub struct ClientCredentials {
    id: CredentialId,
    secret: SecretHash,
}

impl ClientCredentials {
    /// Reads them from the `Authorization` header (`client_secret_basic`) or from the body (`client_secret_post`).
    ///
    /// # Errors
    /// [`OAuthError::InvalidRequest`] where both are used, or where the body names another client than the header;
    /// [`OAuthError::InvalidClient`] where neither is, or where what is there cannot be any client's.
    pub fn read(authorization: Option<&str>, form: &Form) -> Result<Self, OAuthError> {
        let (id, secret) = (form.value("client_id"), form.value("client_secret"));
        match authorization.filter(|value| !value.is_empty()) {
            Some(_) if secret.is_some() => {
                Err(OAuthError::InvalidRequest("A client authenticates in the header or in the body, not in both"))
            }
            Some(value) => {
                let presented = Self::from_basic(value).ok_or(OAuthError::InvalidClient)?;
                if id.is_some_and(|id| *id != *presented.id) {
                    return Err(OAuthError::InvalidRequest("The header and client_id name two clients"));
                }
                Ok(presented)
            }
            None => id.zip(secret).and_then(|(id, secret)| Self::new(id, secret)).ok_or(OAuthError::InvalidClient),
        }
    }

    /// The id of the record that is needed.
    #[must_use]
    pub fn id(&self) -> &CredentialId {
        &self.id
    }

    /// Judges what was presented by the client's record. Of an unknown client a hash is compared all the same, so that
    /// it takes as long as a wrong secret.
    ///
    /// # Errors
    /// [`OAuthError::InvalidClient`]; [`OAuthError::UnauthorizedClient`] for a client that is right, but disabled.
    pub fn authenticate<'a>(
        &self,
        record: Option<&'a CredentialRecord>,
        now: Timestamp,
    ) -> Result<&'a CredentialRecord, OAuthError> {
        let Some(client) = record.filter(|record| record.kind == CredentialKind::OauthClient) else {
            let _ = self.secret.matches(&SecretHash::from_bytes([0; 32]));
            return Err(OAuthError::InvalidClient);
        };
        if !client.knows(&self.secret, now) {
            return Err(OAuthError::InvalidClient);
        }
        if client.status == CredentialStatus::Disabled {
            return Err(OAuthError::UnauthorizedClient("The client is disabled"));
        }
        if client.is_active(now) { Ok(client) } else { Err(OAuthError::InvalidClient) }
    }

    /// `Basic` (RFC 7617) with the id and the secret form-encoded, which is what RFC 6749 adds to it.
    fn from_basic(authorization: &str) -> Option<Self> {
        let (scheme, encoded) = authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(encoded.trim_start_matches(' ')).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        Self::new(&decode(id)?, &decode(secret)?)
    }

    fn new(id: &str, secret: &str) -> Option<Self> {
        Some(Self { id: CredentialId::parse(id)?, secret: client_secret_hash(secret)? })
    }
}
