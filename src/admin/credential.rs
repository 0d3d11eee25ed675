//! What API keys and OAuth clients have in common: how one is made and changed, and how it gets a new secret.
//!
//! What only one of them has is in [`api_keys`](super::api_keys) and [`oauth_clients`](super::oauth_clients).

use super::body::{Faults, Fields};
use super::context::AdminContext;
use super::failure::Failure;
use super::handled::Handled;
use super::reach::Reach;
use super::values;
use super::view::NewSecret;
use crate::clock::Timestamp;
use crate::registry::{
    CredentialKind, CredentialRecord, CredentialStatus, RECORD_VERSION, SecretHash, StoredSecret, Workspace,
};
use crate::store::audit::AuditAction;
use crate::store::{RecordRow, Store};
use crate::token::{new_api_key, new_client_secret, new_credential_id};

/// Takes the fields of a new credential that both kinds have: a record without a secret, which is empty where a field
/// is missing or has a fault.
pub(super) fn take_new<S: Store>(
    kind: CredentialKind,
    context: &mut AdminContext<'_, S>,
    fields: &mut Fields<'_>,
    faults: &mut Faults,
) -> (CredentialRecord, Reach) {
    let name = fields.required("name", values::name, faults);
    let scopes = fields.required("scopes", values::scopes, faults);
    let sent_workspace = fields.has("workspace");
    let workspace = fields.optional("workspace", values::workspace, faults);
    let known_workspace = if sent_workspace { workspace.clone() } else { Some(Workspace::default()) };
    let record = CredentialRecord {
        v: RECORD_VERSION,
        kind,
        id: new_credential_id(context.random()),
        name: name.unwrap_or_default(),
        workspace: workspace.unwrap_or_default(),
        secrets: Vec::new(),
        scopes: scopes.unwrap_or_default(),
        instances: None,
        default_instance: None,
        status: CredentialStatus::Active,
        not_after: None,
        tokens: None,
        revision: 1,
    };
    (record, Reach::take(known_workspace, fields, faults))
}

/// Takes the fields of a change that both kinds have, into the record.
pub(super) fn take_changes(record: &mut CredentialRecord, fields: &mut Fields<'_>, faults: &mut Faults) -> Reach {
    if let Some(name) = fields.optional("name", values::name, faults) {
        record.name = name;
    }
    if let Some(scopes) = fields.optional("scopes", values::scopes, faults) {
        record.scopes = scopes;
    }
    Reach::take(Some(record.workspace.clone()), fields, faults)
}

/// Writes a new record, with a secret that is shown this once.
pub(super) fn create<S: Store>(
    context: &mut AdminContext<'_, S>,
    mut record: CredentialRecord,
) -> Result<Handled, Failure> {
    let (secret, sha256) = new_secret(&record, context.random());
    record.secrets = vec![StoredSecret { sha256, until: None }];
    let row = context.create(&record, &[secret.field])?;
    Ok(Handled::created(row, Some(secret)))
}

/// Gives a credential a new secret under the same id. The one before it is accepted until its grace ends; any earlier
/// one no more. A client's tokens stay valid.
pub(super) fn rotate<S: Store>(
    context: &mut AdminContext<'_, S>,
    kind: CredentialKind,
    id: &str,
    body: &str,
) -> Result<Handled, Failure> {
    let (row, mut record) = load_changeable(context, kind, id)?;
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let grace = fields.optional("grace_seconds", values::grace_seconds, &mut faults).unwrap_or(0);
    fields.finish(&[], &mut faults);
    faults.check()?;
    let (secret, sha256) = new_secret(&record, context.random());
    record.secrets = rotated(&record.secrets, sha256, grace, context.now);
    let changed = context.update(&row, &mut record, AuditAction::Rotate, &[secret.field])?;
    Ok(Handled::updated(row, changed, Some(secret)))
}

/// A credential that may still be changed: it is neither revoked nor deleted.
pub(super) fn load_changeable<S: Store>(
    context: &AdminContext<'_, S>,
    kind: CredentialKind,
    id: &str,
) -> Result<(RecordRow, CredentialRecord), Failure> {
    let (row, record) = context.credential(kind, id)?;
    match record.status {
        CredentialStatus::Active | CredentialStatus::Disabled => Ok((row, record)),
        CredentialStatus::Revoked | CredentialStatus::Deleted => Err(ended(&record)),
    }
}

/// What is answered about a credential that is revoked or deleted.
pub(super) fn ended(record: &CredentialRecord) -> Failure {
    let noun = match record.kind {
        CredentialKind::ApiKey => "key",
        CredentialKind::OauthClient => "client",
    };
    Failure::ended(noun, record.status.as_str())
}

/// A new secret, and what the record keeps of it.
fn new_secret(record: &CredentialRecord, random: [u8; 32]) -> (NewSecret, SecretHash) {
    let (field, (secret, sha256)) = match record.kind {
        CredentialKind::ApiKey => ("key", new_api_key(&record.id, random)),
        CredentialKind::OauthClient => ("client_secret", new_client_secret(random)),
    };
    (NewSecret { field, secret }, sha256)
}

/// The secrets after a rotation: the new one, and the one before it while its grace lasts.
fn rotated(secrets: &[StoredSecret], sha256: SecretHash, grace: u64, now: Timestamp) -> Vec<StoredSecret> {
    let current = secrets.iter().find(|secret| secret.until.is_none());
    let previous = current
        .filter(|_| grace > 0)
        .map(|current| StoredSecret { sha256: current.sha256, until: Some(now.plus_seconds(grace)) });
    [StoredSecret { sha256, until: None }].into_iter().chain(previous).collect()
}
