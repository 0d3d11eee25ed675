//! What counts as done of a refund.
//!
//! Core refunds every applied row that is the transaction, belongs to it or was queued with it, each under the reference
//! `{id}_refund`. Those rows are the parts of a refund, and a refund stands as long as it was not given back itself: asked
//! for a second one, Core refunds the first.

use super::{Extent, Finding, Part, Parts, Question, Row, Rows, Wanted, refund_reference, refund_references};

/// The questions of a round; `None` where the rounds are over.
pub fn questions(id: &str, round: usize, rows: &Rows) -> Option<Vec<Question>> {
    match round {
        0 => Some(vec![Question::of(Wanted::Family(id.to_owned()))]),
        1 => Some(Question::references(&refund_references(refundable(id, rows))).collect()),
        2 => {
            let refunds = refundable(id, rows).filter_map(|row| rows.get(&refund_reference(&row.id)));
            Some(Question::references(&refund_references(rows.with_outcomes(refunds))).collect())
        }
        _ => None,
    }
}

/// The rows that Core would refund.
fn refundable<'a>(id: &'a str, rows: &'a Rows) -> impl Iterator<Item = &'a Row> {
    let is_meant = move |row: &Row| row.id == id || row.parent == id || row.queued_with.as_deref() == Some(id);
    let is_settled = move |row: &Row| row.status == "APPLIED" || row.status == "VOID" && row.parent == id;
    rows.all().filter(move |row| is_meant(row) && is_settled(row) && !row.is_refund())
}

/// What became of a refund.
pub fn finding(id: &str, rows: &Rows) -> Finding {
    let mut parts = Parts::default();
    let mut first = None;
    for row in refundable(id, rows) {
        let reference = refund_reference(&row.id);
        let refund = rows.get(&reference);
        let part = match refund {
            None => Part::Missing,
            Some(refund) if rows.is_rejected(refund) => Part::Rejected,
            Some(refund) if rows.is_refunded(refund) => Part::RolledBack,
            Some(_) => Part::Booked,
        };
        parts.add(&reference, part);
        first = first.or(refund);
    }
    let answer = first.filter(|_| parts.extent() == Extent::All).map(|row| row.json.clone());
    Finding { parts, answer, ..Finding::default() }
}
