//! Lists: records of a kind, and the audit trail, a page at a time.

use super::context::AdminContext;
use super::failure::Failure;
use super::handled::{Content, Handled};
use super::query::{self, Listed};
use super::view::RecordView;
use crate::json::Writer;
use crate::json::write::list;
use crate::registry::Kind;
use crate::store::audit::Line;
use crate::store::{Filter, Store};

/// The records of a kind, newest first. `statuses` are those that a listed one can have.
pub(super) fn records<S: Store>(
    context: &AdminContext<'_, S>,
    kind: Kind,
    statuses: &'static [&'static str],
    query: Option<&str>,
) -> Result<Handled, Failure> {
    let filter = query::filter(query, Listed::Records(statuses))?;
    // One more than the page has shows whether another follows.
    let rows = context.store.rows(kind, &Filter { limit: filter.limit.saturating_add(1), ..filter.clone() })?;
    let (rows, cursor) = query::page(rows, filter.limit);
    let shown: Vec<String> = rows.into_iter().map(|row| RecordView::row(row).body()).collect::<Result<_, _>>()?;
    Ok(page(shown, cursor.as_deref()))
}

/// The lines of the audit trail, newest first.
pub(super) fn audit<S: Store>(context: &AdminContext<'_, S>, query: Option<&str>) -> Result<Handled, Failure> {
    let filter = query::filter(query, Listed::Audit)?;
    let lines = context.store.audit(filter.before, filter.limit.saturating_add(1))?;
    let (lines, cursor) = query::page(lines.into_iter().map(|line| (line.seq, line)).collect(), filter.limit);
    Ok(page(lines.iter().map(Line::to_json).collect(), cursor.as_deref()))
}

fn page(data: Vec<String>, cursor: Option<&str>) -> Handled {
    let body = Writer::new().raw("data", &list(data)).text_or_null("cursor", cursor).end();
    Handled::unchanged(Content::Text(body))
}
