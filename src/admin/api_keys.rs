//! API keys: made, changed, rotated, revoked and deleted.

use super::body::{Faults, Fields, Patch};
use super::context::{AdminContext, Failure, answer};
use super::{Content, Handled, RecordView, values};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::registry::Kind;
use crate::registry::{
    CredentialKind, CredentialRecord, CredentialStatus, InstanceId, RECORD_VERSION, SecretHash, StoredSecret, Workspace,
};
use crate::store::Store;
use crate::store::audit::AuditAction;
use crate::token::{new_api_key, new_credential_id};

/// The statuses that a listed key can have.
pub(super) const LISTED: &[&str] = &["active", "revoked"];

/// How a key ends for good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Revocation {
    /// It stays listed.
    Revoked,
    /// Lists leave it out.
    Deleted,
}

pub(super) fn create<S: Store>(context: &mut AdminContext<'_, S>, body: &str) -> Result<Handled, Failure> {
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let name = fields.required("name", values::name, &mut faults);
    let scopes = fields.required("scopes", values::scopes, &mut faults);
    let sent_workspace = fields.has("workspace");
    let workspace = fields.optional("workspace", values::workspace, &mut faults);
    let reach = Reach::take(&mut fields, &mut faults);
    let not_after = expiry(&mut fields, context.now, &mut faults).over(None);
    // Without its workspace, what a key may name cannot be judged.
    if workspace.is_some() || !sent_workspace {
        reach.check(context, &workspace.clone().unwrap_or_default(), &mut faults)?;
    }
    let (instances, default_instance) = (reach.instances.over(None), reach.default_instance.over(None));
    check_default(instances.as_deref(), default_instance.as_ref(), &mut faults);
    fields.finish(&["id", "status"], &mut faults);
    faults.check()?;
    let (Some(name), Some(scopes)) = (name, scopes) else { return Err(Error::Internal.into()) };
    let id = new_credential_id(context.random());
    let (key, sha256) = new_api_key(&id, context.random());
    let record = CredentialRecord {
        v: RECORD_VERSION,
        kind: CredentialKind::ApiKey,
        id,
        name,
        workspace: workspace.unwrap_or_default(),
        secrets: vec![StoredSecret { sha256, until: None }],
        scopes,
        instances,
        default_instance,
        status: CredentialStatus::Active,
        not_after,
        tokens: None,
        revision: 1,
    };
    let row = context.create(&record, &["key"])?;
    let changed = vec![(row.kind, row.id.clone())];
    Ok(Handled { answer: Content::Record(RecordView { status: 201, row, key: Some(key) }), changed })
}

pub(super) fn change<S: Store>(context: &mut AdminContext<'_, S>, id: &str, body: &str) -> Result<Handled, Failure> {
    let (row, mut record) = context.load(Kind::ApiKey, id, CredentialRecord::from_json)?;
    must_be_active(&record)?;
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let name = fields.optional("name", values::name, &mut faults);
    let scopes = fields.optional("scopes", values::scopes, &mut faults);
    let reach = Reach::take(&mut fields, &mut faults);
    let not_after = expiry(&mut fields, context.now, &mut faults);
    reach.check(context, &record.workspace, &mut faults)?;
    record.name = name.unwrap_or(record.name);
    record.scopes = scopes.unwrap_or(record.scopes);
    record.instances = reach.instances.over(record.instances);
    record.default_instance = reach.default_instance.over(record.default_instance);
    record.not_after = not_after.over(record.not_after);
    check_default(record.instances.as_deref(), record.default_instance.as_ref(), &mut faults);
    fields.finish(&["id", "workspace", "status"], &mut faults);
    faults.check()?;
    let changed = context.update(&row, &mut record, AuditAction::Update, &[])?;
    Ok(answer(row, changed))
}

/// Gives a key a new secret under the same id. The one before it is accepted until its grace ends; any earlier one no
/// more.
pub(super) fn rotate<S: Store>(context: &mut AdminContext<'_, S>, id: &str, body: &str) -> Result<Handled, Failure> {
    let (row, mut record) = context.load(Kind::ApiKey, id, CredentialRecord::from_json)?;
    must_be_active(&record)?;
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let grace = fields.optional("grace_seconds", values::grace_seconds, &mut faults).unwrap_or(0);
    fields.finish(&[], &mut faults);
    faults.check()?;
    let (key, sha256) = new_api_key(&record.id, context.random());
    record.secrets = rotated(&record.secrets, sha256, grace, context.now);
    let changed = context.update(&row, &mut record, AuditAction::Rotate, &["key"])?;
    let mut handled = answer(row, changed);
    if let Content::Record(shown) = &mut handled.answer {
        shown.key = Some(key);
    }
    Ok(handled)
}

/// The secrets after a rotation: the new one, and the one before it while its grace lasts.
pub(super) fn rotated(secrets: &[StoredSecret], sha256: SecretHash, grace: u64, now: Timestamp) -> Vec<StoredSecret> {
    let current = secrets.iter().find(|secret| secret.until.is_none());
    let previous = current
        .filter(|_| grace > 0)
        .map(|current| StoredSecret { sha256: current.sha256, until: Some(now.plus_seconds(grace)) });
    [StoredSecret { sha256, until: None }].into_iter().chain(previous).collect()
}

/// Revokes or deletes a key. Both are for good, and once is enough: again they change nothing.
pub(super) fn end<S: Store>(context: &mut AdminContext<'_, S>, id: &str, how: Revocation) -> Result<Handled, Failure> {
    let (row, mut record) = context.load(Kind::ApiKey, id, CredentialRecord::from_json)?;
    let action = match how {
        Revocation::Revoked if record.status == CredentialStatus::Deleted => {
            return Err(Failure::conflict("The key is deleted, and that is for good"));
        }
        Revocation::Revoked => {
            record.status = CredentialStatus::Revoked;
            AuditAction::Revoke
        }
        Revocation::Deleted => {
            record.status = CredentialStatus::Deleted;
            AuditAction::Delete
        }
    };
    // What opens nothing any more need not be kept.
    record.secrets.clear();
    let changed = context.update(&row, &mut record, action, &[])?;
    Ok(answer(row, changed))
}

fn must_be_active(record: &CredentialRecord) -> Result<(), Failure> {
    match record.status {
        CredentialStatus::Active | CredentialStatus::Disabled => Ok(()),
        CredentialStatus::Revoked => Err(Failure::conflict("The key is revoked, and that is for good")),
        CredentialStatus::Deleted => Err(Failure::conflict("The key is deleted, and that is for good")),
    }
}

/// What a key or a client reaches; each part may be left out, and null takes it away.
pub(super) struct Reach {
    pub(super) instances: Patch<Vec<InstanceId>>,
    pub(super) default_instance: Patch<InstanceId>,
}

impl Reach {
    pub(super) fn take(fields: &mut Fields<'_>, faults: &mut Faults) -> Self {
        Self {
            instances: fields.nullable("instances", values::instances, faults),
            default_instance: fields.nullable("default_instance", values::instance_id, faults),
        }
    }

    /// Every instance that is named now must be there and of the key's workspace: a key for another one would never
    /// open anything, and an id that someone takes later would be opened by a key that was not made for it.
    pub(super) fn check<S: Store>(
        &self,
        context: &AdminContext<'_, S>,
        workspace: &Workspace,
        faults: &mut Faults,
    ) -> Result<(), Failure> {
        let listed = self.instances.value().into_iter().flatten().map(|id| ("instances", id));
        let default = self.default_instance.value().map(|id| ("default_instance", id));
        for (field, id) in listed.chain(default) {
            let row = context.store.row(Kind::Instance, id)?;
            if row.is_none_or(|row| row.workspace != **workspace || row.status == "deleted") {
                faults.add(field, format!("must name instances of the workspace {workspace}; {id} is none"));
            }
        }
        Ok(())
    }
}

pub(super) fn check_default(instances: Option<&[InstanceId]>, default: Option<&InstanceId>, faults: &mut Faults) {
    if let (Some(instances), Some(default)) = (instances, default)
        && !instances.contains(default)
    {
        faults.add("default_instance", "must be one of instances");
    }
}

fn expiry(fields: &mut Fields<'_>, now: Timestamp, faults: &mut Faults) -> Patch<Timestamp> {
    let expiry = fields.nullable("expires_at", values::time, faults);
    if expiry.value().is_some_and(|expiry| *expiry <= now) {
        faults.add("expires_at", "must be in the future; to end a key now, revoke it");
    }
    expiry
}
