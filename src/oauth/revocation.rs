//! The revocation endpoint: a client gives a token of its own back (RFC 7009).

use super::OAuthError;
use super::client::ClientCredentials;
use super::form::Form;
use crate::clock::Timestamp;
use crate::registry::{CredentialId, CredentialRecord, RevokedToken, Secret, TokenRevocation};
use crate::token::{ApiKey, Signer};

/// A request to revoke a token that is well formed.
#[derive(Debug)]
pub struct RevocationRequest {
    client: ClientCredentials,
    token: Secret,
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

    /// What the registry has to write; `None` where the token is refused already, for whatever reason: it is over,
    /// which is all that was asked for (section 2.2).
    ///
    /// # Errors
    /// [`OAuthError::InvalidClient`]; [`OAuthError::UnauthorizedClient`] for a disabled client or another one's token;
    /// [`OAuthError::UnsupportedTokenType`] for an API key, which is not over.
    pub fn judge(
        &self,
        record: Option<&CredentialRecord>,
        signer: &Signer,
        now: Timestamp,
    ) -> Result<Option<TokenRevocation>, OAuthError> {
        let client = self.client.authenticate(record, now)?;
        if ApiKey::parse(self.token.expose()).is_some() {
            return Err(OAuthError::UnsupportedTokenType);
        }
        let Some(claims) = signer.read(self.token.expose()) else { return Ok(None) };
        if claims.client != client.id {
            return Err(OAuthError::UnauthorizedClient("The token was issued to another client"));
        }
        Ok(claims.accepted_by(client, now).map(|_| TokenRevocation {
            client: claims.client,
            token: RevokedToken { id: claims.id, until: claims.expires_at },
            issued_at: claims.issued_at,
        }))
    }
}
