//! What counts as done of a create.
//!
//! A transaction is stored under its reference; one with legs as its legs alone. A queued one has a second row, with
//! its reference and `_q`, once its turn has come. Core numbers legs in any order, gives two shares of one balance one
//! leg, and stores no leg without an amount: so legs are complete when their amounts make up the whole.

use std::collections::BTreeSet;

use super::{Finding, Purpose, Question, Row, Rows, refund_references, sum};
use crate::idempotency::work::{Create, Item};
use crate::json::Writer;
use crate::outcome::{Extent, Part, Parts};

/// The questions of a round; `None` where the rounds are over.
pub fn questions(create: &Create, purpose: Purpose, round: usize, rows: &Rows) -> Option<Vec<Question>> {
    match (purpose, round) {
        (Purpose::Before, 0) => {
            let own = create.items.iter().filter(|item| !item.made);
            // Legs of one reference are other rows when they are booked the other way: Core would book them twice.
            let names: Vec<String> =
                own.flat_map(|item| [false, true].map(|queued| item.names(queued))).flatten().collect();
            Some(Question::references(&names).collect())
        }
        (Purpose::After, 0) => {
            let own = create.items.iter().flat_map(|item| item.names(create.queued));
            let otherwise = create.items.iter().flat_map(|item| otherwise(item, create.queued));
            let names: Vec<String> = own.chain(otherwise).collect();
            Some(Question::references(&names).collect())
        }
        (Purpose::After, 1) => {
            let found: Vec<&Row> = rows.all().collect();
            let refunds = refund_references(found.iter().copied());
            let holds: Vec<String> =
                found.iter().filter(|row| row.status == "INFLIGHT").map(|row| row.id.clone()).collect();
            let voids = Question::children(&holds, Some("VOID"));
            Some(Question::references(&refunds).chain(voids).collect())
        }
        _ => None,
    }
}

/// The references of an item's legs if another request brings its reference and is booked the other way.
fn otherwise(item: &Item, queued: bool) -> Vec<String> {
    if item.made || item.legs == 0 { Vec::new() } else { item.stored_as(!queued) }
}

/// The caller's own references that are in use.
pub fn in_use(create: &Create, rows: &Rows) -> Finding {
    let mut parts = Parts::default();
    for item in create.items.iter().filter(|item| !item.made) {
        let used = [false, true].iter().flat_map(|queued| item.names(*queued)).any(|name| rows.get(&name).is_some());
        parts.add(&item.reference, if used { Part::ReferenceUsed } else { Part::Missing });
    }
    Finding { parts, ..Finding::default() }
}

/// The outcome of a create.
pub fn finding(create: &Create, rows: &Rows) -> Finding {
    let (mut parts, mut absent, mut taken) = (Parts::default(), Vec::new(), BTreeSet::new());
    for item in &create.items {
        let names = item.stored_as(create.queued);
        let before = taken.len();
        taken.extend(names.clone());
        if taken.len() < before + names.len() {
            // A row of that name is an earlier item's: Core books it once.
            for name in &names {
                parts.add(name, Part::Missing);
            }
            continue;
        }
        if names.iter().all(|name| rows.get(name).is_none()) {
            if otherwise(item, create.queued).iter().any(|name| rows.get(name).is_some()) {
                for name in &names {
                    parts.add(name, Part::ReferenceUsed);
                }
                continue;
            }
            absent.push(item.reference.clone());
        }
        if item.legs > 0 {
            add_legs(&mut parts, item, &names, rows);
        } else {
            let is_other = rows.get(&item.reference).is_some_and(|row| row.units != item.units);
            let part = if is_other { Part::ReferenceUsed } else { part(item, &item.reference, rows) };
            parts.add(&item.reference, part);
        }
    }
    let (row, answer) = if parts.extent() == Extent::All { answer(create, rows) } else { (None, None) };
    Finding { parts, answer, row, absent, ..Finding::default() }
}

/// The outcome of what is stored under one reference.
fn part(item: &Item, name: &str, rows: &Rows) -> Part {
    let Some(row) = rows.get(name) else { return Part::Missing };
    if row.currency != item.currency {
        Part::ReferenceUsed
    } else if rows.is_rejected(row) {
        Part::Rejected
    } else if rows.is_refunded(row) || rows.is_voided(row) {
        Part::RolledBack
    } else {
        Part::Booked
    }
}

fn add_legs(parts: &mut Parts, item: &Item, names: &[String], rows: &Rows) {
    let found: Vec<Part> = names.iter().map(|name| part(item, name, rows)).collect();
    let legs = || names.iter().zip(&found);
    let booked = || legs().filter(|(_, part)| **part == Part::Booked).filter_map(|(name, _)| rows.get(name));
    let complete = sum(booked().map(|row| row.units.as_str())).is_some_and(|sum| item.units.parse() == Ok(sum));
    let all_there = found.iter().all(|part| *part == Part::Booked);
    for (name, part) in legs() {
        match part {
            // A share of nothing is not stored.
            Part::Missing if complete => {}
            // As many as there should be, and not the right amount: they are another transaction's.
            Part::Booked if all_there && !complete => parts.add(name, Part::ReferenceUsed),
            part => parts.add(name, *part),
        }
    }
}

/// The answer to a create of which everything is there: the transaction, of legs the first, and its reference; or of a
/// batch what Core says of it.
fn answer(create: &Create, rows: &Rows) -> (Option<String>, Option<String>) {
    let first = |item: &Item| item.stored_as(create.queued).iter().find_map(|name| rows.get(name));
    if let Some(item) = create.single() {
        let row = first(item);
        return (row.map(|row| row.reference.clone()), row.and_then(|row| row.json.clone()));
    }
    // A leg belongs to its transaction, so only a queued one names its batch.
    let found = create.items.iter().filter_map(first);
    let mut batches = found.flat_map(|row| [Some(row.parent.as_str()), row.queued_with.as_deref()]).flatten();
    let mut answer = Writer::new();
    answer.some_text("batch_id", batches.find(|id| id.starts_with("bulk_")));
    // Core's own words: it says "applied" of what is queued too.
    answer.text("status", if create.inflight { "inflight" } else { "applied" });
    (None, Some(answer.number("transaction_count", create.items.len() as u64).end()))
}
