//! What counts as done of a refund.
//!
//! Core refunds every applied row that is the transaction, belongs to it or was queued with it, each under the
//! reference `{id}_refund`. Those rows are the parts of a refund, and a refund stands as long as it was not given back
//! itself: asked for a second one, Core refunds the first.

use std::collections::BTreeSet;

use super::{Finding, Question, Row, Rows, Wanted, refund_reference, refund_references};
use crate::outcome::{Extent, Part, Parts};

/// How many rounds there are at the most.
const MOST_ROUNDS: usize = 9;

/// The questions of a round; `None` where the rounds are over.
pub fn questions(id: &str, round: usize, rows: &Rows) -> Option<Vec<Question>> {
    match round {
        0 => Some(vec![Question::of(Wanted::Family(id.to_owned()))]),
        1 => Some(Question::references(&refund_references(refundable(id, rows))).collect()),
        // Of refunds, of refunds of refunds, and so on: the last of them tells.
        2..=MOST_ROUNDS => {
            let first: Vec<&Row> = refundable(id, rows).collect();
            let refunds = (1..round).fold(first, |refunded, _| {
                let each = rows.with_outcomes(refunded.into_iter());
                each.filter_map(|row| rows.get(&refund_reference(&row.id))).collect()
            });
            let is_any = !refunds.is_empty();
            is_any.then(|| Question::references(&refund_references(rows.with_outcomes(refunds.into_iter()))).collect())
        }
        _ => None,
    }
}

/// The rows that Core would refund for the first time: without those that are refunds of others among them.
fn refundable<'a>(id: &'a str, rows: &'a Rows) -> impl Iterator<Item = &'a Row> {
    let refunds: BTreeSet<String> = refund_references(rows.all()).into_iter().collect();
    let is_settled = move |row: &Row| row.status == "APPLIED" || row.status == "VOID" && row.parent == id;
    rows.all().filter(move |row| row.is_of(id) && is_settled(row) && !refunds.contains(&row.reference))
}

/// The outcome of a refund.
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
    // Of several rows one may be queued behind a refusal of another, and come late.
    let absent = if parts.total <= 1 && parts.extent() == Extent::None { vec![id.to_owned()] } else { Vec::new() };
    let meant = refundable(id, rows).map(|row| row.id.clone()).filter(|row| row != id).collect();
    Finding { meant, absent, ..Finding::answered_by(first, parts) }
}
