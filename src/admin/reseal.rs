//! After `SEALING_KEY` was changed: sealing again what the key before it sealed, until that one can be taken out.

use super::context::AdminContext;
use super::failure::Failure;
use super::handled::{Content, Handled};
use super::instances::seal;
use super::record::read_instance;
use crate::json::Writer;
use crate::json::write::{list, quoted};
use crate::registry::Kind;
use crate::registry::{InstanceRecord, SealedAccess};
use crate::store::audit::AuditAction;
use crate::store::{Filter, RecordRow, Store};

/// How many records one call rewrites: each of them is published too.
pub const AT_ONCE: usize = 50;

const PAGE: u32 = 200;

/// Rewrites up to [`AT_ONCE`] instances that are not sealed under the current key. Answers how many were, how many are
/// left, and the ids of those among them that no configured key opens.
pub(super) fn reseal<S: Store>(context: &mut AdminContext<'_, S>) -> Result<Handled, Failure> {
    let (mut resealed, mut left, mut unreadable) = (Vec::new(), 0_usize, Vec::new());
    for row in old_rows(context)? {
        let record = read_instance(&row)?;
        if resealed.len() == AT_ONCE {
            left += 1;
        } else if let Some(mut new) = sealed_again(&record, context)? {
            let secrets: &[&str] = if new.access.is_some() { &["core_key", "access"] } else { &["core_key"] };
            context.update(&row, &mut new, AuditAction::Reseal, secrets)?;
            resealed.push((Kind::Instance, row.id));
        } else {
            left += 1;
            unreadable.push(row.id);
        }
    }
    let mut body = Writer::new();
    body.number("resealed", resealed.len() as u64).number("left", left as u64);
    let body = body.raw("unreadable", &list(unreadable.iter().map(|id| quoted(id)))).end();
    Ok(Handled { answer: Content::Text(body), changed: resealed })
}

/// The rows with a secret that is not sealed under the current key, oldest last. Deleted ones have no secrets.
fn old_rows<S: Store>(context: &AdminContext<'_, S>) -> Result<Vec<RecordRow>, Failure> {
    let current = context.sealer.current_id();
    let (mut old, mut before) = (Vec::new(), None);
    loop {
        let page = context.store.rows(Kind::Instance, &Filter { before, limit: PAGE, ..Filter::default() })?;
        let Some((last, _)) = page.last() else { return Ok(old) };
        before = Some(*last);
        for (_, row) in page {
            let record = read_instance(&row)?;
            let access = record.access.iter().flat_map(|access| [&access.client_id, &access.client_secret]);
            if access.chain([&record.core_key]).any(|sealed| sealed.key_id() != Some(current)) {
                old.push(row);
            }
        }
    }
}

/// The record with its secrets sealed under the current key; `None` where they do not open.
fn sealed_again<S: Store>(
    record: &InstanceRecord,
    context: &mut AdminContext<'_, S>,
) -> Result<Option<InstanceRecord>, Failure> {
    // Whether its Core is a secure one is no question here.
    let Ok(core) = record.open_core(context.sealer, true) else { return Ok(None) };
    let mut new = record.clone();
    new.core_key = seal(record, context, InstanceRecord::CORE_KEY, &core.key)?;
    if let Some(access) = &core.access {
        new.access = Some(SealedAccess {
            client_id: seal(record, context, InstanceRecord::ACCESS_CLIENT_ID, &access.client_id)?,
            client_secret: seal(record, context, InstanceRecord::ACCESS_CLIENT_SECRET, &access.client_secret)?,
        });
    }
    Ok(Some(new))
}
