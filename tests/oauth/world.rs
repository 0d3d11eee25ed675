//! A client, its secret, the keys that sign, and requests as they would be sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blnk_edge::clock::Timestamp;
use blnk_edge::oauth::form::Form;
use blnk_edge::oauth::{OAuthError, RevocationRequest, TokenRequest};
use blnk_edge::registry::{
    CredentialId, CredentialKind, CredentialRecord, CredentialStatus, Scope, Scopes, StoredSecret, TokenRevocation,
    TokenRules, TokenTtl, Workspace,
};
use blnk_edge::token::new_client_secret;
use blnk_edge::token::{Claims, Signer, SigningKey};

pub const NOW: Timestamp = Timestamp::from_millis(1_795_230_067_057);
pub const ID: &str = "0123456789abcDEF";
pub const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

pub fn scopes(bits: u8) -> Scopes {
    Scopes::from_bits(bits).unwrap()
}

pub fn secret_of(byte: u8) -> String {
    new_client_secret([byte; 32]).0.expose().to_owned()
}

pub fn secret() -> String {
    secret_of(1)
}

/// A client that may read and write, and whose secret is [`secret`].
pub fn client() -> CredentialRecord {
    CredentialRecord {
        v: 1,
        kind: CredentialKind::OauthClient,
        id: CredentialId::parse(ID).unwrap(),
        name: "App".to_owned(),
        workspace: Workspace::default(),
        secrets: vec![StoredSecret { sha256: new_client_secret([1; 32]).1, until: None }],
        scopes: [Scope::Read, Scope::Write].into_iter().collect(),
        instances: None,
        default_instance: None,
        status: CredentialStatus::Active,
        not_after: None,
        tokens: Some(TokenRules::new(TokenTtl::DEFAULT)),
        revision: 1,
    }
}

pub fn signer_of(byte: u8) -> Signer {
    Signer::new(SigningKey::from_base64(&STANDARD.encode([byte; 32])).unwrap(), None)
}

pub fn signer() -> Signer {
    signer_of(1)
}

/// The `Authorization` of `client_secret_basic` with both parts as they are.
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

pub fn right() -> String {
    basic(ID, &secret())
}

pub fn form(body: &str) -> Form {
    Form::parse(FORM, body.as_bytes()).unwrap()
}

/// Asks for a token, as the endpoint does.
pub fn ask(authorization: Option<&str>, body: &str, record: Option<&CredentialRecord>) -> Result<Claims, OAuthError> {
    let request = TokenRequest::read(authorization, &Form::parse(FORM, body.as_bytes())?)?;
    request.grant(record, NOW, [7; 16])
}

/// A token of the client, made a moment ago.
pub fn claims() -> Claims {
    ask(Some(&right()), "grant_type=client_credentials", Some(&client())).unwrap()
}

/// Asks for a revocation, as the endpoint does.
pub fn revoke(body: &str, record: &CredentialRecord) -> Result<Option<TokenRevocation>, OAuthError> {
    RevocationRequest::read(Some(&right()), &Form::parse(FORM, body.as_bytes())?)?.judge(Some(record), &signer(), NOW)
}
