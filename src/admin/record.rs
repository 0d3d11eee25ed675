//! Records, as far as all kinds are kept alike: what a row says of each, and what is shown of it.

use super::failure::Failure;
use crate::clock::Timestamp;
use crate::json::Writer;
use crate::registry::{CredentialKind, CredentialRecord, InstanceRecord, Kind, Workspace};
use crate::store::RecordRow;

/// A record of any kind.
pub(super) trait ManagedRecord {
    fn kind(&self) -> Kind;
    fn id(&self) -> &str;
    fn workspace(&self) -> &Workspace;
    fn status(&self) -> &'static str;
    fn set_revision(&mut self, revision: u64);
    /// What is stored and published.
    fn to_json(&self) -> String;
    /// What is shown of it: no secret, `id` first.
    fn view(&self, view: &mut Writer);
}

/// The record of a row, of whatever kind.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn read(row: &RecordRow) -> Result<Box<dyn ManagedRecord>, Failure> {
    Ok(match row.kind {
        Kind::Instance => Box::new(read_instance(row)?),
        Kind::ApiKey | Kind::OauthClient => Box::new(read_credential(row)?),
    })
}

/// The record of an instance's row.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn read_instance(row: &RecordRow) -> Result<InstanceRecord, Failure> {
    InstanceRecord::from_json(&row.json).map_err(|why| Failure::unreadable(row, &why))
}

/// The record of an API key's or a client's row.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn read_credential(row: &RecordRow) -> Result<CredentialRecord, Failure> {
    CredentialRecord::from_json(&row.json).map_err(|why| Failure::unreadable(row, &why))
}

/// The kind of a credential's row.
pub(super) const fn kind_of(credential: CredentialKind) -> Kind {
    match credential {
        CredentialKind::ApiKey => Kind::ApiKey,
        CredentialKind::OauthClient => Kind::OauthClient,
    }
}

/// A record as it is shown, without what its row says beside.
pub(super) fn view(record: &dyn ManagedRecord) -> String {
    let mut view = Writer::new();
    record.view(&mut view);
    view.end()
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
        kind_of(self.kind)
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
        if self.kind == CredentialKind::OauthClient {
            view.text("client_id", &self.id);
        }
        view.text("name", &self.name).text("workspace", &self.workspace).value("scopes", &self.scopes);
        view.value("instances", &self.instances);
        view.text_or_null("default_instance", self.default_instance.as_deref());
        // Until when the secret before the last rotation is accepted.
        let previous_until = self.secrets.iter().find_map(|secret| secret.until);
        match self.kind {
            CredentialKind::ApiKey => {
                put_time(view, "expires_at", self.not_after);
                put_time(view, "previous_key_until", previous_until);
            }
            CredentialKind::OauthClient => {
                view_tokens(self, view);
                put_time(view, "previous_secret_until", previous_until);
            }
        }
        view.text("status", self.status.as_str());
    }
}

/// What is shown of the rules of a client's access tokens.
fn view_tokens(client: &CredentialRecord, view: &mut Writer) {
    let rules = client.tokens.as_ref();
    match rules {
        Some(rules) => view.number("token_ttl_seconds", rules.ttl_seconds.seconds().into()),
        None => view.raw("token_ttl_seconds", "null"),
    };
    // Tokens that were issued then or earlier are refused.
    put_time(view, "tokens_ended_at", rules.and_then(|rules| rules.not_before));
    // How many tokens that would still be good are refused one by one.
    view.number("revoked_tokens", rules.map_or(0, |rules| rules.revoked.len() as u64));
}

/// Puts a time, or null.
fn put_time(view: &mut Writer, name: &str, time: Option<Timestamp>) {
    view.text_or_null(name, time.map(Timestamp::to_rfc3339).as_deref());
}
