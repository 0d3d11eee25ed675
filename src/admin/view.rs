//! How records are shown: the whole record, `id` first, without its secrets.

use super::context::{Failure, ManagedRecord, read};
use super::oauth_clients::Client;
use crate::clock::Timestamp;
use crate::json::Writer;
use crate::registry::Kind;
use crate::registry::{CredentialRecord, InstanceRecord, Secret, Workspace};
use crate::store::RecordRow;

/// A record that is to be shown.
#[derive(Debug)]
pub struct RecordView {
    /// The status of the answer.
    pub status: u16,
    /// The record.
    pub row: RecordRow,
    /// The API key or the client's secret, where one was made just now: it is shown this once.
    pub key: Option<Secret>,
}

impl RecordView {
    /// A record as it is, with 200.
    #[must_use]
    pub fn row(row: RecordRow) -> Self {
        Self { status: 200, row, key: None }
    }

    /// The body of the answer.
    ///
    /// # Errors
    /// Where the stored record cannot be read; the detail names it.
    pub fn body(&self) -> Result<String, Failure> {
        let Self { row, key, .. } = self;
        let mut body = Writer::new();
        record(row)?.view(&mut body);
        body.number("revision", row.revision).truth("published", row.is_published());
        body.text("created_at", &row.created_at.to_rfc3339()).text("updated_at", &row.updated_at.to_rfc3339());
        let name = if row.kind == Kind::OauthClient { "client_secret" } else { "key" };
        Ok(body.some_text(name, key.as_ref().map(Secret::expose)).end())
    }
}

/// The record of a row.
///
/// # Errors
/// Where it cannot be read; the detail names it.
pub(super) fn record(row: &RecordRow) -> Result<Box<dyn ManagedRecord>, Failure> {
    Ok(match row.kind {
        Kind::Instance => Box::new(read(row, InstanceRecord::from_json)?),
        Kind::ApiKey => Box::new(read(row, CredentialRecord::from_json)?),
        Kind::OauthClient => Box::new(read(row, Client::from_json)?),
    })
}

impl ManagedRecord for InstanceRecord {
    fn kind(&self) -> Kind {
        Kind::Instance
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    fn status(&self) -> &'static str {
        self.status.as_str()
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    fn to_json(&self) -> String {
        self.to_json()
    }

    fn view(&self, view: &mut Writer) {
        view.text("id", &self.id).text("name", &self.name).text("workspace", &self.workspace);
        view.text("base_url", self.base_url.as_str()).text("profile", self.profile.as_str());
        view.number("timeout_ms", self.timeout_ms.millis().into());
        view.number("upload_timeout_ms", self.upload_timeout_ms.millis().into());
        view.value("default_precision", &self.default_precision);
        view.text("zero_precision", self.zero_precision.as_str()).truth("has_access", self.access.is_some());
        // The id of the key that its secrets are sealed under, so that an operator sees when an old one is out of use.
        view.text_or_null("sealing_key", self.core_key.key_id()).text("status", self.status.as_str());
    }
}

impl ManagedRecord for CredentialRecord {
    fn kind(&self) -> Kind {
        Kind::ApiKey
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    fn status(&self) -> &'static str {
        self.status.as_str()
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    fn to_json(&self) -> String {
        self.to_json()
    }

    fn view(&self, view: &mut Writer) {
        view.text("id", &self.id);
        view_access(self, view);
        put_time(view, "expires_at", self.not_after);
        // Until when the key before the last rotation is accepted.
        put_time(view, "previous_key_until", previous_until(self));
        view.text("status", self.status.as_str());
    }
}

/// What is shown alike of a key and of a client: what it is called and what it reaches.
pub(super) fn view_access(record: &CredentialRecord, view: &mut Writer) {
    view.text("name", &record.name).text("workspace", &record.workspace).value("scopes", &record.scopes);
    view.value("instances", &record.instances);
    view.text_or_null("default_instance", record.default_instance.as_deref());
}

/// Until when the secret before the last rotation is accepted.
pub(super) fn previous_until(record: &CredentialRecord) -> Option<Timestamp> {
    record.secrets.iter().find_map(|secret| secret.until)
}

/// Puts a time, or null.
pub(super) fn put_time(view: &mut Writer, name: &str, time: Option<Timestamp>) {
    view.text_or_null(name, time.map(Timestamp::to_rfc3339).as_deref());
}
