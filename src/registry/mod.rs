//! The records and their rules: what an instance and a credential are, how they are stored, and how they are found.
//!
//! The truth is one Durable Object with SQLite; the request path reads what it publishes to KV. Both hold the same
//! versioned JSON ([`CredentialRecord`], [`InstanceRecord`]), so what is published is what was written. A secret is
//! never in a record in clear: a credential's is kept as its SHA-256 ([`crate::token`]), Core's key sealed ([`seal`]).

mod base_url;
mod cache;
mod credential;
mod id;
mod instance;
mod kind;
pub mod publication;
mod scope;
pub mod seal;
mod secret;
mod timeout;
mod token_revocation;
mod token_rules;

pub use base_url::BaseUrl;
pub use cache::{Cache, CacheLimits, Cached, Revised};
pub use credential::{CredentialKind, CredentialRecord, CredentialStatus, SecretHash, StoredSecret};
pub use id::{CredentialId, InstanceId, Workspace};
pub use instance::{Access, Core, Instance, InstanceRecord, InstanceStatus, OpenError, Profile, SealedAccess};
pub use kind::{Kind, credential_key, instance_key};
pub use scope::{Scope, Scopes};
pub use secret::{KeyBytes, Secret};
pub use timeout::TimeoutMs;
pub use token_revocation::TokenRevocation;
pub use token_rules::{MAX_REVOKED, RevokedToken, TokenId, TokenRules, TokenTtl};

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::json::version;

/// The version that this build writes and reads. A record of another one is not guessed at.
pub const RECORD_VERSION: u32 = 1;

/// Why a stored record could not be used. None of these shows the record's content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Not JSON, or not of the shape that this version has.
    #[error("the record is not of the shape that version {RECORD_VERSION} has")]
    Shape,
    /// Written by another version of this worker.
    #[error("the record has version {0}; this worker reads version {RECORD_VERSION}")]
    Version(u32),
}

/// Reads the version first, so that a newer record is named as such and not as a broken one.
fn read_record<R: DeserializeOwned>(json: &str) -> Result<R, RecordError> {
    match version(json) {
        Some(RECORD_VERSION) => serde_json::from_str(json).map_err(|_| RecordError::Shape),
        Some(other) => Err(RecordError::Version(other)),
        None => Err(RecordError::Shape),
    }
}
