//! The audit trail's export: lines are given out, and only what an administrator then says has arrived may be pruned.

use super::body::{Faults, Fields};
use super::context::AdminContext;
use super::failure::Failure;
use super::handled::{Content, Handled};
use super::{query, values};
use crate::error::Error;
use crate::json::Writer;
use crate::store::Store;
use crate::store::trail::Mark;

/// How many bytes of lines an answer has, and a batch more at most.
const PAGE_BYTES: usize = 1 << 20;
/// How many lines are read at once: one may be as large as the body of the request that it tells of.
const BATCH: u32 = 50;

/// Gives lines out, oldest first, from the one behind `cursor` on; without one from the first that was not exported
/// yet.
pub(super) fn export<S: Store>(context: &mut AdminContext<'_, S>, query: Option<&str>) -> Result<Handled, Failure> {
    let (cursor, limit) = query::export(query)?;
    let given = context.store.mark(Mark::Given)?;
    let mut last = match cursor {
        // What lies between would count as given out as well.
        Some(cursor) if cursor > given => {
            return Err(Faults::one("cursor", "must be the seq of a line that an export gave").into());
        }
        Some(cursor) => cursor,
        None => context.store.mark(Mark::Exported)?,
    };
    let (mut lines, mut left) = (String::new(), limit);
    while left > 0 && lines.len() < PAGE_BYTES {
        let batch = context.store.audit_after(last, left.min(BATCH))?;
        let Some(newest) = batch.last() else { break };
        last = newest.seq;
        left = left.saturating_sub(BATCH);
        for line in batch {
            lines.push_str(&line.to_json());
            lines.push('\n');
        }
    }
    if last > given {
        context.store.set_mark(Mark::Given, last)?;
    }
    Ok(Handled::unchanged(Content::Lines(lines)))
}

/// Notes that all lines up to `through` arrived. What was confirmed before stays so.
pub(super) fn confirm<S: Store>(context: &mut AdminContext<'_, S>, body: &str) -> Result<Handled, Failure> {
    let mut faults = Faults::default();
    let mut fields = Fields::parse(body, &mut faults)?;
    let through = fields.required("through", values::seq, &mut faults);
    fields.finish(&[], &mut faults);
    faults.check()?;
    let through = through.ok_or(Error::Internal)?;
    let given = context.store.mark(Mark::Given)?;
    if through > given {
        return Err(Failure::conflict(format!("No export gave a line after {given}")));
    }
    let before = context.store.mark(Mark::Exported)?;
    if through > before {
        context.store.set_mark(Mark::Exported, through)?;
    }
    let body = Writer::new().number("exported_through", through.max(before)).end();
    Ok(Handled::unchanged(Content::Exported(body)))
}
