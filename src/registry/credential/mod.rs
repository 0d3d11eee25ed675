//! A credential: who calls, and what it may reach.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};
use subtle::{Choice, ConstantTimeEq};

use super::{CredentialId, InstanceId, RecordError, Revised, Scopes, TokenRules, Workspace, read_record};
use crate::clock::Timestamp;

/// The SHA-256 of a secret. Compared in constant time; stored as 64 hexadecimal digits.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct SecretHash(#[serde(with = "hex::serde")] [u8; 32]);

impl SecretHash {
    /// The 32 bytes of a SHA-256.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredSecret {
    /// The SHA-256 of the secret.
    pub sha256: SecretHash,
    /// Until when it is accepted; absent for the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What kind of credential a record describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(try_from = "&str", into = "&'static str")]
#[strum(serialize_all = "snake_case")]
pub enum CredentialKind {
    /// An API key, `blnk_{id}_…`.
    ApiKey,
    /// An OAuth client, which gets access tokens for its id and secret.
    OauthClient,
}

/// Whether a credential is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(try_from = "&str", into = "&'static str")]
#[strum(serialize_all = "snake_case")]
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
    /// The status as it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A credential as it is stored in the registry and published to KV under `credential/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<Vec<InstanceId>>,
    /// The instance that is meant when a request names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_instance: Option<InstanceId>,
    /// Whether it is accepted.
    pub status: CredentialStatus,
    /// From when on it is refused; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// The rules of its access tokens; a client has them, and nothing else does.
    #[serde(skip_serializing_if = "Option::is_none")]
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
        read_record(json)
    }

    /// The record as it is stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers cannot fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
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
