//! Instances: made, changed, paused and deleted.

use super::body::{Faults, Fields, Patch};
use super::context::AdminContext;
use super::failure::Failure;
use super::handled::{Content, Handled};
use super::routes::RESERVED_INSTANCE_ID;
use super::values;
use crate::enrich::{DefaultPrecision, ZeroPrecision};
use crate::error::Error;
use crate::json::Object;
use crate::registry::seal::Sealed;
use crate::registry::{
    Access, BaseUrl, InstanceId, InstanceRecord, InstanceStatus, Profile, RECORD_VERSION, SealedAccess, Secret,
    TimeoutMs,
};
use crate::store::audit::AuditAction;
use crate::store::{RecordRow, Store};

/// The statuses that a listed instance can have.
pub(super) const LISTED: &[&str] = &["active", "paused"];

pub(super) fn create<S: Store>(context: &mut AdminContext<'_, S>, body: &str) -> Result<Handled, Failure> {
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let id = fields.optional("id", values::instance_id, &mut faults);
    if id.as_deref() == Some(RESERVED_INSTANCE_ID) {
        faults.add("id", "must be another: this is a path of its own");
    }
    let name = fields.required("name", values::name, &mut faults);
    let base_url = fields.required("base_url", values::base_url, &mut faults);
    let core_key = fields.required("core_key", values::secret, &mut faults);
    let workspace = fields.optional("workspace", values::workspace, &mut faults);
    let access = access(&mut fields, &mut faults);
    let settings = Settings::take(&mut fields, &mut faults);
    check_allowed(base_url.as_ref(), context.allow_insecure_core, &mut faults);
    fields.finish(&["status"], &mut faults);
    faults.check()?;
    let (Some(name), Some(base_url), Some(core_key)) = (name, base_url, core_key) else {
        return Err(Error::Internal.into());
    };
    let id = id.unwrap_or_else(|| InstanceId::from_random(context.random()));
    let mut record = InstanceRecord {
        v: RECORD_VERSION,
        id,
        name,
        workspace: workspace.unwrap_or_default(),
        base_url,
        profile: settings.profile.unwrap_or_default(),
        timeout_ms: settings.timeout_ms.unwrap_or(TimeoutMs::DEFAULT),
        upload_timeout_ms: settings.upload_timeout_ms.unwrap_or(TimeoutMs::UPLOAD_DEFAULT),
        default_precision: settings.default_precision.unwrap_or_default(),
        zero_precision: settings.zero_precision.unwrap_or_default(),
        core_key: Sealed::erased(),
        access: None,
        status: InstanceStatus::Active,
        revision: 1,
    };
    let secrets = seal_into(&mut record, context, Some(&core_key), access)?;
    let row = context.create(&record, &secrets)?;
    Ok(Handled::created(row, None))
}

pub(super) fn change<S: Store>(context: &mut AdminContext<'_, S>, id: &str, body: &str) -> Result<Handled, Failure> {
    let (row, mut record) = load_undeleted(context, id)?;
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let (has_core_key, has_access) = (fields.has("core_key"), fields.has("access"));
    let name = fields.optional("name", values::name, &mut faults);
    let base_url = fields.optional("base_url", values::base_url, &mut faults);
    let core_key = fields.optional("core_key", values::secret, &mut faults);
    let status = fields.optional("status", values::instance_status, &mut faults);
    let access = access(&mut fields, &mut faults);
    let settings = Settings::take(&mut fields, &mut faults);
    check_allowed(base_url.as_ref(), context.allow_insecure_core, &mut faults);
    // A key is given to the Core that it was made for: whoever may change an address must not send it elsewhere.
    if base_url.as_ref().is_some_and(|url| *url != record.base_url) {
        if !has_core_key {
            faults.add("core_key", "is required with a new base_url");
        }
        if record.access.is_some() && !has_access {
            faults.add("access", "is required with a new base_url; null leaves it out");
        }
    }
    fields.finish(&["id", "workspace"], &mut faults);
    faults.check()?;
    record.name = name.unwrap_or(record.name);
    record.base_url = base_url.unwrap_or(record.base_url);
    record.status = status.unwrap_or(record.status);
    record.profile = settings.profile.unwrap_or(record.profile);
    record.timeout_ms = settings.timeout_ms.unwrap_or(record.timeout_ms);
    record.upload_timeout_ms = settings.upload_timeout_ms.unwrap_or(record.upload_timeout_ms);
    record.default_precision = settings.default_precision.unwrap_or(record.default_precision);
    record.zero_precision = settings.zero_precision.unwrap_or(record.zero_precision);
    let secrets = seal_into(&mut record, context, core_key.as_ref(), access)?;
    let changed = context.update(&row, &mut record, AuditAction::Update, &secrets)?;
    Ok(Handled::updated(row, changed, None))
}

/// Deletes an instance: its record stays as a tombstone, without its secrets.
pub(super) fn delete<S: Store>(context: &mut AdminContext<'_, S>, id: &str) -> Result<Handled, Failure> {
    let (row, mut record) = context.instance(id)?;
    record.status = InstanceStatus::Deleted;
    record.core_key = Sealed::erased();
    record.access = None;
    let changed = context.update(&row, &mut record, AuditAction::Delete, &[])?;
    Ok(Handled::updated(row, changed, None))
}

pub(super) fn to_check<S: Store>(context: &AdminContext<'_, S>, id: &str) -> Result<Handled, Failure> {
    let (_, record) = load_undeleted(context, id)?;
    Ok(Handled::unchanged(Content::Check(Box::new(record))))
}

fn load_undeleted<S: Store>(context: &AdminContext<'_, S>, id: &str) -> Result<(RecordRow, InstanceRecord), Failure> {
    let (row, record) = context.instance(id)?;
    match record.status {
        InstanceStatus::Active | InstanceStatus::Paused => Ok((row, record)),
        InstanceStatus::Deleted => Err(Failure::ended("instance", record.status.as_str())),
    }
}

/// The fields that have a default and are read alike when an instance is made and when it is changed.
struct Settings {
    profile: Option<Profile>,
    timeout_ms: Option<TimeoutMs>,
    upload_timeout_ms: Option<TimeoutMs>,
    default_precision: Option<DefaultPrecision>,
    zero_precision: Option<ZeroPrecision>,
}

impl Settings {
    fn take(fields: &mut Fields<'_>, faults: &mut Faults) -> Self {
        Self {
            profile: fields.optional("profile", values::profile, faults),
            timeout_ms: fields.optional("timeout_ms", values::timeout, faults),
            upload_timeout_ms: fields.optional("upload_timeout_ms", values::timeout, faults),
            default_precision: fields.optional("default_precision", values::default_precision, faults),
            zero_precision: fields.optional("zero_precision", values::zero_precision, faults),
        }
    }
}

fn access(fields: &mut Fields<'_>, faults: &mut Faults) -> Patch<Access> {
    let json = match fields.take("access") {
        None => return Patch::Absent,
        Some("null") => return Patch::Null,
        Some(json) => json,
    };
    let Some(object) = Object::parse(json) else {
        faults.add("access", "must be an object of client_id and client_secret, or null");
        return Patch::Absent;
    };
    let mut inner = Fields::of("access.", object, faults);
    let client_id = inner.required("client_id", values::secret, faults);
    let client_secret = inner.required("client_secret", values::secret, faults);
    inner.finish(&[], faults);
    match (client_id, client_secret) {
        (Some(client_id), Some(client_secret)) => Patch::Value(Access { client_id, client_secret }),
        _ => Patch::Absent,
    }
}

fn check_allowed(base_url: Option<&BaseUrl>, allow_insecure: bool, faults: &mut Faults) {
    if base_url.is_some_and(|url| !allow_insecure && !url.is_secure()) {
        faults.add("base_url", "must be https with a public host name; ALLOW_INSECURE_CORE allows others");
    }
}

/// Seals what was given for the record as it is now, and names the fields that changed. What was not given stays: it
/// was sealed for this very origin.
fn seal_into<S: Store>(
    record: &mut InstanceRecord,
    context: &mut AdminContext<'_, S>,
    core_key: Option<&Secret>,
    access: Patch<Access>,
) -> Result<Vec<&'static str>, Failure> {
    let mut changed = Vec::new();
    if let Some(core_key) = core_key {
        record.core_key = seal(record, context, InstanceRecord::CORE_KEY, core_key)?;
        changed.push("core_key");
    }
    match access {
        Patch::Absent => {}
        Patch::Null => record.access = None,
        Patch::Value(access) => {
            record.access = Some(SealedAccess {
                client_id: seal(record, context, InstanceRecord::ACCESS_CLIENT_ID, &access.client_id)?,
                client_secret: seal(record, context, InstanceRecord::ACCESS_CLIENT_SECRET, &access.client_secret)?,
            });
            changed.push("access");
        }
    }
    Ok(changed)
}

/// Seals a secret for a field of the record, with a fresh nonce.
pub(super) fn seal<S: Store>(
    record: &InstanceRecord,
    context: &mut AdminContext<'_, S>,
    field: &'static str,
    secret: &Secret,
) -> Result<Sealed, Failure> {
    let nonce = context.random();
    context.sealer.seal(secret, record.binding(field), nonce).map_err(|_| Error::Internal.into())
}
