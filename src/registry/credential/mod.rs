//! A credential: who calls, and what it may reach.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::{CredentialId, InstanceId, RecordError, Revised, Scopes, TokenRules, Workspace, read_record};
use crate::clock::Timestamp;
use crate::json::write::{Writer, list, quoted};
use crate::json::{Json, Object};

/// The SHA-256 of a secret. Compared in constant time; stored as 64 hexadecimal digits.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The 32 bytes of a SHA-256.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads its 64 hexadecimal digits.
    fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0_u8; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Whether both are of the same secret, in a time that does not tell where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(REDACTED)")
    }
}

/// One secret that a credential accepts. Two of them only while a rotated one has its grace.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// The SHA-256 of the secret.
    pub sha256: SecretHash,
    /// Until when it is accepted; absent for the current one.
    pub until: Option<Timestamp>,
}

impl StoredSecret {
    fn read(secret: &Object<'_>) -> Option<Self> {
        let until = secret.maybe_number("until")?.map(Timestamp::from_millis);
        Some(Self { sha256: SecretHash::from_hex(&secret.text("sha256")?)?, until })
    }

    fn to_json(&self) -> String {
        let mut secret = Writer::new();
        secret.text("sha256", &hex::encode(self.sha256.0));
        secret.some_number("until", self.until.map(Timestamp::millis)).end()
    }
}

/// What kind of credential a record describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// An API key, `blnk_{id}_…`.
    ApiKey,
    /// An OAuth client, which gets access tokens for its id and secret.
    OauthClient,
}

impl CredentialKind {
    const ALL: [Self; 2] = [Self::ApiKey, Self::OauthClient];

    /// The kind as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::OauthClient => "oauth_client",
        }
    }

    fn read(json: Json<'_>) -> Option<Self> {
        let text = json.text()?;
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Whether a credential is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialStatus {
    /// It is accepted until `not_after`.
    Active,
    /// It is refused until it is made active again. Only a client can be.
    Disabled,
    /// It is refused for good, and stays listed.
    Revoked,
    /// It is refused for good, and lists leave it out.
    Deleted,
}

impl CredentialStatus {
    const ALL: [Self; 4] = [Self::Active, Self::Disabled, Self::Revoked, Self::Deleted];

    /// The status as it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
        }
    }

    /// Reads what [`CredentialStatus::as_str`] gives.
    #[must_use]
    pub fn read(json: Json<'_>) -> Option<Self> {
        let text = json.text()?;
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A credential as it is stored in the registry and published to KV under `credential/{id}`.
#[derive(Clone, Debug)]
pub struct CredentialRecord {
    /// The version of this shape, [`super::RECORD_VERSION`].
    pub v: u32,
    /// Which kind of credential it is.
    pub kind: CredentialKind,
    /// Its id, a part of the token.
    pub id: CredentialId,
    /// A name for people.
    pub name: String,
    /// The workspace whose instances it may reach.
    pub workspace: Workspace,
    /// The secrets that it accepts.
    pub secrets: Vec<StoredSecret>,
    /// What it may do.
    pub scopes: Scopes,
    /// The instances that it may reach; absent for all of its workspace.
    pub instances: Option<Vec<InstanceId>>,
    /// The instance that is meant when a request names none.
    pub default_instance: Option<InstanceId>,
    /// Whether it is accepted.
    pub status: CredentialStatus,
    /// From when on it is refused; absent for never.
    pub not_after: Option<Timestamp>,
    /// The rules of its access tokens; a client has them, and nothing else does.
    pub tokens: Option<TokenRules>,
    /// Grows by one with every change.
    pub revision: u64,
}

impl CredentialRecord {
    /// Reads a stored record.
    ///
    /// # Errors
    /// Where the text is not a record of this version.
    pub fn from_json(json: &str) -> Result<Self, RecordError> {
        read_record(json, Self::read)
    }

    fn read(v: u32, record: &Object<'_>) -> Option<Self> {
        Some(Self {
            v,
            kind: CredentialKind::read(record.get("kind")?)?,
            id: CredentialId::read(record.get("id")?)?,
            name: record.text("name")?,
            workspace: Workspace::read(record.get("workspace")?)?,
            secrets: record.get("secrets")?.list(|secret| StoredSecret::read(&secret.object()?))?,
            scopes: Scopes::read(record.get("scopes")?)?,
            instances: record.get("instances")?.or_null(|ids| ids.list(InstanceId::read))?,
            default_instance: record.get("default_instance")?.or_null(InstanceId::read)?,
            status: CredentialStatus::read(record.get("status")?)?,
            not_after: record.maybe_number("not_after")?.map(Timestamp::from_millis),
            tokens: record.get("tokens")?.or_null(TokenRules::read)?,
            revision: record.number("revision")?,
        })
    }

    /// The record as it is stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut record = Writer::new();
        record.number("v", self.v.into()).text("kind", self.kind.as_str()).text("id", &self.id);
        record.text("name", &self.name).text("workspace", &self.workspace);
        record.raw("secrets", &list(self.secrets.iter().map(StoredSecret::to_json)));
        record.raw("scopes", &self.scopes.to_json());
        if let Some(instances) = &self.instances {
            record.raw("instances", &list(instances.iter().map(|id| quoted(id))));
        }
        record.some_text("default_instance", self.default_instance.as_deref()).text("status", self.status.as_str());
        record.some_number("not_after", self.not_after.map(Timestamp::millis));
        if let Some(tokens) = &self.tokens {
            record.raw("tokens", &tokens.to_json());
        }
        record.number("revision", self.revision).end()
    }

    /// Whether a key with this hash opens the credential at `now`. The secret is compared before status and expiry are
    /// looked at, so that how long it takes tells nothing about either. A client's secret is no key: it opens nothing
    /// here.
    #[must_use]
    pub fn accepts(&self, presented: &SecretHash, now: Timestamp) -> bool {
        self.knows(presented, now) && self.kind == CredentialKind::ApiKey && self.is_active(now)
    }

    /// Whether it is accepted at `now`, if its secret or token is right.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.status == CredentialStatus::Active && self.not_after.is_none_or(|not_after| now < not_after)
    }

    /// Whether this is the hash of one of its secrets at `now`. All of them are compared, in constant time.
    #[must_use]
    pub fn knows(&self, presented: &SecretHash, now: Timestamp) -> bool {
        let known = self.secrets.iter().fold(Choice::from(0), |known, secret| {
            let in_time = Choice::from(u8::from(secret.until.is_none_or(|until| now < until)));
            known | (secret.sha256.0.ct_eq(&presented.0) & in_time)
        });
        known.into()
    }

    /// Whether the credential may reach this instance of this workspace.
    #[must_use]
    pub fn reaches(&self, id: &InstanceId, workspace: &Workspace) -> bool {
        self.workspace == *workspace && self.instances.as_ref().is_none_or(|ids| ids.contains(id))
    }
}

impl Revised for CredentialRecord {
    fn revision(&self) -> u64 {
        self.revision
    }

    /// Expiry is not looked at here: it is a time, and judged by that of each request.
    fn may_serve_on(&self) -> bool {
        self.status == CredentialStatus::Active
    }
}

#[cfg(test)]
mod tests;
