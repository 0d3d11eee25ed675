//! The revocation endpoint: a client gives a token of its own back (RFC 7009).

use serde::{Deserialize, Serialize};

use super::OAuthError;
use super::client::ClientCredentials;
use super::form::Form;
use crate::clock::Timestamp;
use crate::registry::{CredentialId, CredentialRecord, RevokedToken, Secret};
use crate::token::ApiKey;
use crate::token::Signer;

/// A request to revoke a token that is well formed.
#[derive(Debug)]
pub struct RevocationRequest {
    client: ClientCredentials,
    token: Secret,
}

/// What the registry is asked to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The client whose token it is.
    pub client: CredentialId,
    /// The token.
    pub token: RevokedToken,
    /// When it was issued.
    pub issued_at: Timestamp,
}

impl Revocation {
    /// The revocation as the registry is asked for it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers cannot fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads it there.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

impl RevocationRequest {
    /// Reads the request. `token_type_hint` is a hint that is not needed.
    ///
    /// # Errors
    /// Every [`OAuthError`] that needs no record.
    pub fn read(authorization: Option<&str>, form: &Form) -> Result<Self, OAuthError> {
        let client = ClientCredentials::read(authorization, form)?;
        let token = form.value("token").ok_or(OAuthError::InvalidRequest("token is required"))?;
        Ok(Self { client, token: Secret::new(token.to_owned()) })
    }

    /// The id of the client's record, which is needed next.
    #[must_use]
    pub fn client_id(&self) -> &CredentialId {
        self.client.id()
    }

    /// What has to be written; `None` where the token is refused already, for whatever reason: it is over, which is all
    /// that was asked for (section 2.2).
    ///
    /// # Errors
    /// [`OAuthError::InvalidClient`]; [`OAuthError::UnauthorizedClient`] for a disabled client or another one's token;
    /// [`OAuthError::UnsupportedTokenType`] for an API key, which is not over.
    pub fn judge(
        &self,
        record: Option<&CredentialRecord>,
        signer: &Signer,
        now: Timestamp,
    ) -> Result<Option<Revocation>, OAuthError> {
        let client = self.client.authenticate(record, now)?;
        if ApiKey::parse(self.token.expose()).is_some() {
            return Err(OAuthError::UnsupportedTokenType);
        }
        let Some(claims) = signer.read(self.token.expose()) else { return Ok(None) };
        if claims.client != client.id {
            return Err(OAuthError::UnauthorizedClient("The token was issued to another client"));
        }
        Ok(claims.accepted_by(client, now).map(|_| Revocation {
            client: claims.client,
            token: RevokedToken { id: claims.id, until: claims.expires_at },
            issued_at: claims.issued_at,
        }))
    }
}
