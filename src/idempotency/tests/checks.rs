//! What must hold, whatever happens.

use std::collections::BTreeMap;

use super::World;
use super::core::{Core, Row};
use crate::idempotency::ending::Ending;
use crate::idempotency::look_up::{Finding, Purpose};
use crate::idempotency::work::{Create, InflightAction, Item};
use crate::idempotency::{Phase, Work};
use crate::outcome::Extent;

impl World {
    /// Nothing is booked twice, and nothing that was refunded is taken back.
    pub(super) fn check(&mut self) {
        let rows = &self.engine.core.rows;
        if rows.len() == self.checked {
            return;
        }
        self.checked = rows.len();
        // A row of a create: its own, not that of its outcome.
        let is_first = |row: &&Row| !row.item.is_empty() && !row.reference.ends_with("_q");
        let mut booked: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        let mut queued: BTreeMap<&str, bool> = BTreeMap::new();
        for row in rows.iter().filter(is_first) {
            let times = booked.entry((&row.item, &row.balance)).or_default();
            *times += 1;
            assert_eq!(*times, 1, "seed {}: {row:?} was booked before", self.seed);
            let is_queued = row.status == "QUEUED";
            assert_eq!(
                *queued.entry(&row.item).or_insert(is_queued),
                is_queued,
                "seed {}: {row:?} both ways",
                self.seed
            );
        }
        // No caller in these worlds asks for a refund of a refund.
        for row in rows.iter().filter(|row| row.reference.ends_with("_refund")) {
            let reversed =
                self.engine.core.get(&row.parent).is_some_and(|refunded| refunded.reference.contains("_refund"));
            let refunded = self.engine.core.row(&row.parent).unwrap();
            assert!(!reversed && !refunded.reference.contains("_refund"), "seed {}: {row:?} reverses", self.seed);
        }
    }

    /// A key that is new again before its time has done nothing, nor will it.
    pub(super) fn check_new(&self, at: usize) {
        let key = &self.keys[at];
        let booked = self.engine.core.rows.iter().skip(key.since).find(|row| row.by == Some(at));
        assert!(key.sent.is_empty() || booked.is_none(), "seed {}: {booked:?} was done", self.seed);
        assert!(key.sent.is_empty() || !self.engine.is_busy_with(at), "seed {}: it may yet be done", self.seed);
    }

    /// What must not be sent twice is sent once, and after a part was seen nothing is.
    pub(super) fn check_sending(&self, at: usize, work: &Work) {
        let (key, seed) = (&self.keys[at], self.seed);
        assert!(!key.was_partial, "seed {seed}: sent again after a part was seen");
        if !matches!(work, Work::Create(_)) {
            assert!(key.sent.is_empty(), "seed {seed}: {work:?} was sent before");
        }
        if let Work::Refund { .. } = work {
            let core = &self.engine.core;
            let stands = self.refundable().any(|row| core.refund_of(row).is_some_and(|refund| core.stands(refund)));
            let coming = self.engine.is_about_to_refund();
            assert!(!stands && !coming, "seed {seed}: refunded {stands}, about to be {coming}");
        }
    }

    fn refundable(&self) -> impl Iterator<Item = &Row> {
        self.stored.iter().filter(|row| row.status == "APPLIED")
    }

    /// What a look counts as booked is booked, and where no other caller is about, the other way round.
    pub(super) fn check_finding(&mut self, work: &Work, purpose: Purpose, found: &Finding, undisturbed: bool) {
        let parts = &found.parts;
        for (what, seen) in [("rolled back", !parts.rolled_back.is_empty()), ("rejected", !parts.rejected.is_empty())] {
            if seen {
                self.note(what);
            }
        }
        if !undisturbed || purpose == Purpose::Before && matches!(work, Work::Create(_)) {
            return;
        }
        let (stand, total) = self.standing(work);
        let all = parts.extent() == Extent::All;
        let strangers = self.strange_legs(work);
        assert!(parts.booked.count <= stand + strangers, "seed {}: {found:?} but {stand} of {total}", self.seed);
        assert!(!all || stand == total, "seed {}: {found:?} but {stand} of {total}", self.seed);
        if parts.reference_used.is_empty() && strangers == 0 {
            assert_eq!(parts.booked.count, stand, "seed {}: {found:?}", self.seed);
            assert_eq!(all, stand == total && total > 0, "seed {}: {found:?}", self.seed);
        }
    }

    /// How many rows have the name and the currency of a leg, and are another transaction's: only where as many legs
    /// are there as should be do the amounts tell.
    fn strange_legs(&self, work: &Work) -> usize {
        let Work::Create(create) = work else { return 0 };
        let legs = create.items.iter().filter(|item| item.legs > 0);
        let rows = legs.flat_map(|item| item.stored_as(create.queued)).filter_map(|name| self.engine.core.get(&name));
        rows.filter(|row| row.item.is_empty() && row.currency == "USD").count()
    }

    /// How many of how many parts of a request stand.
    fn standing(&self, work: &Work) -> (usize, usize) {
        let core = &self.engine.core;
        let count = |parts: Vec<bool>| (parts.iter().filter(|stands| **stands).count(), parts.len());
        match work {
            Work::Create(create) => count(
                legs(create)
                    .map(|(item, balance)| row_of(core, create, item, &balance).is_some_and(|row| core.stands(row)))
                    .collect(),
            ),
            Work::Refund { .. } => {
                let refund = |row: &Row| core.refund_of(row).is_some_and(|refund| core.stands(refund));
                count(self.refundable().map(refund).collect())
            }
            Work::Inflight { action, .. } => {
                let holds = self.stored.iter().filter(|row| row.status == "INFLIGHT");
                let children = |hold: &Row, status: &str| {
                    let children = core.rows.iter().filter(|row| row.parent == hold.id && row.status == status);
                    children.map(|row| row.units).sum::<u128>()
                };
                count(
                    holds
                        .map(|hold| match action {
                            InflightAction::Commit => children(hold, "APPLIED") == hold.units,
                            InflightAction::Void => children(hold, "VOID") > 0,
                        })
                        .collect(),
                )
            }
            Work::Other { .. } => (0, 0),
        }
    }

    /// No answer says that it was done while a part of it is missing.
    pub(super) fn check_answer(&mut self, work: &Work, again: bool, ending: Ending, answer: &(u16, String)) {
        if ending == Ending::Found {
            self.check_found(work, &answer.1);
        }
        let Work::Create(create) = work else { return };
        let own_word = !again && (create.queued || answer.0 == 202);
        if (200..300).contains(&answer.0) && !own_word {
            for (item, balance) in legs(create) {
                let row = row_of(&self.engine.core, create, item, &balance);
                assert!(
                    row.is_some(),
                    "seed {}: {ending:?} {answer:?}, and {item:?} {balance} is not booked",
                    self.seed
                );
            }
        }
    }

    fn check_found(&self, work: &Work, answer: &str) {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        match work {
            Work::Create(create) if create.bulk => {
                assert_eq!(answer["transaction_count"], create.items.len(), "seed {}", self.seed);
            }
            Work::Create(create) => {
                let reference = answer["reference"].as_str().unwrap();
                assert!(create.items[0].stored_as(create.queued).iter().any(|name| name == reference));
            }
            _ => assert!(answer["parent_transaction"].is_string()),
        }
    }

    /// Once all is well every key has come to an end.
    pub(super) fn check_end(&mut self, at: usize) {
        let (key, seed) = (&self.keys[at], self.seed);
        let phase = key.record.as_ref().map(|record| &record.phase);
        let held_by_others = || {
            let work = key.sent.last().or(key.record.as_ref().map(|record| &record.work));
            let claims = work.map(Work::claims).unwrap_or_default();
            claims.iter().any(|claim| self.claims.get(claim).is_some_and(|(owner, _)| *owner != at))
        };
        let is_create = key.record.as_ref().is_some_and(|record| matches!(record.work, Work::Create(_)));
        let ended = match key.got {
            "replayed" | "answered" | "found" => matches!(phase, Some(Phase::Done { .. })),
            "partial" => matches!(phase, Some(Phase::Partial(_))),
            "outcome unknown" => !is_create || held_by_others(),
            "cannot be told" | "reference used" | "already refunded" => true,
            "refund in flight" => self.claims.values().any(|(owner, _)| *owner != at),
            _ => false,
        };
        assert!(ended, "seed {seed}: key {at} got {} and is {phase:?}", key.got);
        let name = match key.got {
            "replayed" | "answered" | "found" => "end: done",
            "partial" => "end: partial",
            "outcome unknown" | "cannot be told" => "end: unknown",
            _ => "end: refused",
        };
        self.note(name);
    }
}

/// The transactions of a create, or their legs, by the balances that tell those apart.
fn legs(create: &Create) -> impl Iterator<Item = (&Item, String)> {
    create.items.iter().flat_map(|item| match item.legs {
        0 => vec![(item, String::new())],
        // Of four shares the second is nothing, and never stored.
        legs => (0..legs).filter(|leg| legs < 4 || *leg != 1).map(|leg| (item, format!("bln_{leg}"))).collect(),
    })
}

/// The row of a transaction or a leg, booked as it was asked for.
fn row_of<'a>(core: &'a Core, create: &Create, item: &Item, balance: &str) -> Option<&'a Row> {
    let is_meant = |row: &&Row| row.item == item.reference && row.balance == balance && !row.reference.ends_with("_q");
    core.rows.iter().find(is_meant).filter(|row| item.legs == 0 || (row.status == "QUEUED") == create.queued)
}
