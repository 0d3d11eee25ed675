//! How records are shown: the whole record, `id` first, without its secrets.

use serde::Serialize;

use super::desk::{Failure, Record, read};
use super::oauth_clients::Client;
use crate::clock::Timestamp;
use crate::enrich::{DefaultPrecision, ZeroPrecision};
use crate::error::Error;
use crate::registry::{
    BaseUrl, CredentialId, CredentialRecord, CredentialStatus, InstanceId, InstanceRecord, InstanceStatus, Profile,
    RecordError, Scopes, Secret, TimeoutMs, Workspace,
};
use crate::store::{Kind, Row};

/// A record that is to be shown.
#[derive(Debug)]
pub struct Shown {
    /// The status of the answer.
    pub status: u16,
    /// The record.
    pub row: Row,
    /// The API key or the client's secret, where one was made just now: it is shown this once.
    pub key: Option<Secret>,
}

impl Shown {
    /// A record as it is, with 200.
    #[must_use]
    pub fn row(row: Row) -> Self {
        Self { status: 200, row, key: None }
    }

    /// The body of the answer.
    ///
    /// # Errors
    /// Where the stored record cannot be read; the detail names it.
    pub fn body(&self) -> Result<String, Failure> {
        match self.row.kind {
            Kind::Instance => self.text(&read::<InstanceRecord>(&self.row)?.view()),
            Kind::ApiKey => self.text(&read::<CredentialRecord>(&self.row)?.view()),
            Kind::OauthClient => self.text(&read::<Client>(&self.row)?.view()),
        }
    }

    fn text<V: Serialize>(&self, view: &V) -> Result<String, Failure> {
        #[derive(Serialize)]
        struct Whole<'a, V> {
            #[serde(flatten)]
            view: &'a V,
            revision: u64,
            published: bool,
            created_at: String,
            updated_at: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            key: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            client_secret: Option<&'a str>,
        }
        let secret = self.key.as_ref().map(Secret::expose);
        let is_client = self.row.kind == Kind::OauthClient;
        let whole = Whole {
            view,
            revision: self.row.revision,
            published: self.row.is_published(),
            created_at: self.row.created_at.to_rfc3339(),
            updated_at: self.row.updated_at.to_rfc3339(),
            key: secret.filter(|_| !is_client),
            client_secret: secret.filter(|_| is_client),
        };
        serde_json::to_string(&whole).map_err(|_| Error::Internal.into())
    }
}

#[derive(Serialize)]
pub(super) struct InstanceView {
    id: InstanceId,
    name: String,
    workspace: Workspace,
    base_url: BaseUrl,
    profile: Profile,
    timeout_ms: TimeoutMs,
    upload_timeout_ms: TimeoutMs,
    default_precision: DefaultPrecision,
    zero_precision: ZeroPrecision,
    has_access: bool,
    /// The id of the key that its secrets are sealed under, so that an operator sees when an old one is out of use.
    sealing_key: Option<String>,
    status: InstanceStatus,
}

impl Record for InstanceRecord {
    const KIND: Kind = Kind::Instance;
    type View = InstanceView;

    fn read(json: &str) -> Result<Self, RecordError> {
        Self::from_json(json)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    fn status(&self) -> &'static str {
        match self.status {
            InstanceStatus::Active => "active",
            InstanceStatus::Paused => "paused",
            InstanceStatus::Deleted => "deleted",
        }
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    fn view(&self) -> InstanceView {
        InstanceView {
            id: self.id.clone(),
            name: self.name.clone(),
            workspace: self.workspace.clone(),
            base_url: self.base_url.clone(),
            profile: self.profile,
            timeout_ms: self.timeout_ms,
            upload_timeout_ms: self.upload_timeout_ms,
            default_precision: self.default_precision,
            zero_precision: self.zero_precision,
            has_access: self.access.is_some(),
            sealing_key: self.core_key.key_id().map(str::to_owned),
            status: self.status,
        }
    }
}

#[derive(Serialize)]
pub(super) struct KeyView {
    id: CredentialId,
    name: String,
    workspace: Workspace,
    scopes: Scopes,
    instances: Option<Vec<InstanceId>>,
    default_instance: Option<InstanceId>,
    expires_at: Option<String>,
    /// Until when the key before the last rotation is accepted.
    previous_key_until: Option<String>,
    status: CredentialStatus,
}

impl Record for CredentialRecord {
    const KIND: Kind = Kind::ApiKey;
    type View = KeyView;

    fn read(json: &str) -> Result<Self, RecordError> {
        Self::from_json(json)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    fn status(&self) -> &'static str {
        match self.status {
            CredentialStatus::Active => "active",
            CredentialStatus::Disabled => "disabled",
            CredentialStatus::Revoked => "revoked",
            CredentialStatus::Deleted => "deleted",
        }
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    fn view(&self) -> KeyView {
        let previous_until = self.secrets.iter().find_map(|secret| secret.until);
        KeyView {
            id: self.id.clone(),
            name: self.name.clone(),
            workspace: self.workspace.clone(),
            scopes: self.scopes,
            instances: self.instances.clone(),
            default_instance: self.default_instance.clone(),
            expires_at: self.not_after.map(Timestamp::to_rfc3339),
            previous_key_until: previous_until.map(Timestamp::to_rfc3339),
            status: self.status,
        }
    }
}
