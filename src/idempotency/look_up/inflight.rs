//! What counts as done of a commit or a void of all that is left.
//!
//! The row of a hold stays INFLIGHT; what was done with it are its children: APPLIED for a commit, VOID for a void.

use super::{Finding, Question, Row, Rows, Wanted, sum};
use crate::idempotency::work::InflightAction;
use crate::outcome::{Part, Parts};

/// The questions of a round; `None` where the rounds are over.
pub fn questions(id: &str, round: usize, rows: &Rows) -> Option<Vec<Question>> {
    match round {
        0 => Some(vec![Question::of(Wanted::Family(id.to_owned()))]),
        1 => {
            let holds: Vec<String> = holds(id, rows).map(|hold| hold.id.clone()).collect();
            Some(Question::children(&holds, None).collect())
        }
        _ => None,
    }
}

fn holds<'a>(id: &'a str, rows: &'a Rows) -> impl Iterator<Item = &'a Row> {
    rows.all().filter(move |row| row.status == "INFLIGHT" && row.is_of(id))
}

/// The outcome of a commit or a void.
pub fn finding(id: &str, action: InflightAction, rows: &Rows) -> Finding {
    let status = match action {
        InflightAction::Commit => "APPLIED",
        InflightAction::Void => "VOID",
    };
    let mut parts = Parts::default();
    let mut first = None;
    for hold in holds(id, rows) {
        let children = || {
            let own = rows.all().filter(|row| row.parent == hold.id && !row.is_refund());
            own.filter(|row| row.status == status)
        };
        let done = match action {
            // Several commits may make up the whole.
            InflightAction::Commit => {
                sum(children().map(|row| row.units.as_str())).is_some_and(|sum| hold.units.parse() == Ok(sum))
            }
            InflightAction::Void => children().next().is_some(),
        };
        parts.add(&hold.reference, if done { Part::Booked } else { Part::Missing });
        first = first.or_else(|| children().next());
    }
    Finding::answered_by(first, parts)
}
