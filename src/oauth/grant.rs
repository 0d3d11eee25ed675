//! The token endpoint: a client's id and secret for an access token (RFC 6749 section 4.4).

use serde::Serialize;

use super::OAuthError;
use super::client::ClientCredentials;
use super::form::Form;
use crate::clock::Timestamp;
use crate::registry::{CredentialId, CredentialRecord, Scope, Scopes, TokenId};
use crate::token::{Claims, Signer};

/// A request for a token that is well formed.
#[derive(Debug)]
pub struct TokenRequest {
    client: ClientCredentials,
    scope: Option<String>,
}

impl TokenRequest {
    /// Reads the request.
    ///
    /// # Errors
    /// Every [`OAuthError`] that needs no record.
    pub fn read(authorization: Option<&str>, form: &Form) -> Result<Self, OAuthError> {
        let client = ClientCredentials::read(authorization, form)?;
        match form.value("grant_type") {
            None => Err(OAuthError::InvalidRequest("grant_type is required")),
            Some("client_credentials") => Ok(Self { client, scope: form.value("scope").map(str::to_owned) }),
            Some(_) => Err(OAuthError::UnsupportedGrantType),
        }
    }

    /// The id of the client's record, which is needed next.
    #[must_use]
    pub fn client_id(&self) -> &CredentialId {
        self.client.id()
    }

    /// What a new token says, if the client may have one. `random` makes its number.
    ///
    /// # Errors
    /// [`OAuthError::InvalidClient`], [`OAuthError::UnauthorizedClient`] or [`OAuthError::InvalidScope`].
    pub fn grant(
        &self,
        record: Option<&CredentialRecord>,
        now: Timestamp,
        random: [u8; 16],
    ) -> Result<Claims, OAuthError> {
        let client = self.client.authenticate(record, now)?;
        let rules = client.tokens.as_ref().ok_or(OAuthError::ServerError)?;
        let scopes = match &self.scope {
            Some(scope) => narrowed(scope, client.scopes)?,
            None => client.scopes,
        };
        if scopes.is_empty() {
            return Err(OAuthError::InvalidScope);
        }
        Ok(Claims {
            client: client.id.clone(),
            scopes,
            issued_at: rules.issue_time(now),
            expires_at: now.plus_seconds(rules.ttl_seconds.seconds().into()),
            id: TokenId::from_bytes(random),
        })
    }
}

#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    /// In seconds.
    expires_in: u64,
    scope: String,
}

/// The body of a successful answer (RFC 6749 section 5.1).
#[must_use]
pub fn body(claims: &Claims, signer: &Signer, now: Timestamp) -> String {
    let token = signer.sign(claims);
    let body = TokenResponse {
        access_token: token.expose(),
        token_type: "Bearer",
        expires_in: claims.expires_at.since(now) / 1_000,
        scope: claims.scopes.to_string(),
    };
    // Texts and numbers cannot fail to serialise.
    serde_json::to_string(&body).unwrap_or_default()
}

/// The scopes that a request asks for: names with one space between each two (RFC 6749 section 3.3). A client that has
/// `*` may ask for less.
fn narrowed(asked: &str, allowed: Scopes) -> Result<Scopes, OAuthError> {
    asked
        .split(' ')
        .map(|name| name.parse().ok().filter(|scope: &Scope| allowed.allow(*scope)).ok_or(OAuthError::InvalidScope))
        .collect()
}
