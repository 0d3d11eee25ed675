//! API keys: what only they have, which is an expiry and a revocation.

use super::body::{Faults, Fields, Patch};
use super::context::AdminContext;
use super::failure::Failure;
use super::handled::Handled;
use super::{credential, values};
use crate::clock::Timestamp;
use crate::registry::{CredentialKind, CredentialStatus};
use crate::store::Store;
use crate::store::audit::AuditAction;

/// The statuses that a listed key can have.
pub(super) const LISTED: &[&str] = &["active", "revoked"];

pub(super) fn create<S: Store>(context: &mut AdminContext<'_, S>, body: &str) -> Result<Handled, Failure> {
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let (mut record, reach) = credential::take_new(CredentialKind::ApiKey, context, &mut fields, &mut faults);
    record.not_after = expiry(&mut fields, context.now, &mut faults).over(None);
    reach.set(&mut record, context, &mut faults)?;
    fields.finish(&["id", "status"], &mut faults);
    faults.check()?;
    credential::create(context, record)
}

pub(super) fn change<S: Store>(context: &mut AdminContext<'_, S>, id: &str, body: &str) -> Result<Handled, Failure> {
    let (row, mut record) = credential::load_changeable(context, CredentialKind::ApiKey, id)?;
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let reach = credential::take_changes(&mut record, &mut fields, &mut faults);
    record.not_after = expiry(&mut fields, context.now, &mut faults).over(record.not_after);
    reach.set(&mut record, context, &mut faults)?;
    fields.finish(&["id", "workspace", "status"], &mut faults);
    faults.check()?;
    let changed = context.update(&row, &mut record, AuditAction::Update, &[])?;
    Ok(Handled::updated(row, changed, None))
}

/// Ends a key for good; it stays listed. Once is enough: again it changes nothing.
pub(super) fn revoke<S: Store>(context: &mut AdminContext<'_, S>, id: &str) -> Result<Handled, Failure> {
    end(context, id, CredentialStatus::Revoked, AuditAction::Revoke)
}

/// Ends a key for good; lists leave it out. Once is enough: again it changes nothing.
pub(super) fn delete<S: Store>(context: &mut AdminContext<'_, S>, id: &str) -> Result<Handled, Failure> {
    end(context, id, CredentialStatus::Deleted, AuditAction::Delete)
}

fn end<S: Store>(
    context: &mut AdminContext<'_, S>,
    id: &str,
    status: CredentialStatus,
    action: AuditAction,
) -> Result<Handled, Failure> {
    let (row, mut record) = context.credential(CredentialKind::ApiKey, id)?;
    if record.status == CredentialStatus::Deleted && status != CredentialStatus::Deleted {
        return Err(credential::ended(&record));
    }
    record.status = status;
    // What opens nothing any more need not be kept.
    record.secrets.clear();
    let changed = context.update(&row, &mut record, action, &[])?;
    Ok(Handled::updated(row, changed, None))
}

fn expiry(fields: &mut Fields<'_>, now: Timestamp, faults: &mut Faults) -> Patch<Timestamp> {
    let expiry = fields.nullable("expires_at", values::time, faults);
    if expiry.value().is_some_and(|expiry| *expiry <= now) {
        faults.add("expires_at", "must be in the future; to end a key now, revoke it");
    }
    expiry
}
