//! The steps of which Core's work is made, each a row or its refusal.

use super::core::Row;
use super::dice::Dice;
use super::requests::Request;
use super::runs::{Engine, Job, Step, error};

impl Engine {
    /// What belongs to a transaction or a batch and may be given back, the newest first.
    pub(super) fn family(&self, id: &str) -> Vec<String> {
        let is_meant = |row: &&Row| match row.status.as_str() {
            "APPLIED" => row.id == id || row.parent == id || row.queued_with == id,
            "VOID" => row.parent == id,
            _ => false,
        };
        self.core.rows.iter().rev().filter(is_meant).map(|row| row.id.clone()).collect()
    }

    pub(super) fn holds(&self, id: &str) -> Vec<String> {
        let is_meant =
            |row: &&Row| row.status == "INFLIGHT" && (row.id == id || row.parent == id || row.queued_with == id);
        self.core.rows.iter().filter(is_meant).map(|row| row.id.clone()).collect()
    }

    /// Core's own refund of what it booked in vain goes through the queue, and comes late.
    pub(super) fn give_back(&mut self, by: usize, id: &str, dice: &mut Dice) {
        if let Some(refund) = self.refund_row(by, id, true) {
            self.later(by, Job::Insert([refund].into()), dice);
            self.note("rolled back late");
        }
    }

    /// A refund of a row, unless there is one.
    pub(super) fn refund_row(&mut self, by: usize, id: &str, queued: bool) -> Option<Row> {
        let row = self.core.row(id)?.clone();
        let reference = format!("{id}_refund");
        if self.core.rows.iter().any(|other| other.parent == id && other.reference.ends_with("_refund")) {
            return None;
        }
        let own = self.core.id("txn");
        let status = if queued { "QUEUED" } else { "APPLIED" }.to_owned();
        // One that is booked at once keeps what the other was queued with.
        let queued_with = if queued { own.clone() } else { row.queued_with.clone() };
        let row = Row { hold: false, atomic: false, item: String::new(), by: Some(by), ..row };
        Some(Row { id: own, parent: id.to_owned(), reference, status, queued_with, ..row })
    }

    /// Commits or voids what is left of a hold.
    pub(super) fn settle(&mut self, by: usize, id: &str, commit: bool) -> Result<String, (u16, &'static str)> {
        let hold = self.core.row(id).unwrap().clone();
        let children = || self.core.rows.iter().filter(|row| row.parent == id);
        let committed: u128 = children().filter(|row| row.status == "APPLIED").map(|row| row.units).sum();
        if children().any(|row| row.status == "VOID") {
            return Err((409, "TXN_ALREADY_VOIDED"));
        }
        if committed == hold.units {
            return Err((409, "TXN_ALREADY_COMMITTED"));
        }
        let (own, reference) = (self.core.id("txn"), self.core.id("ref"));
        let status = if commit { "APPLIED" } else { "VOID" }.to_owned();
        let units = hold.units - committed;
        let row =
            Row { id: own, parent: id.to_owned(), reference, status, units, item: String::new(), by: Some(by), ..hold };
        let json = row.json();
        self.core.insert(row);
        Ok(json)
    }

    /// One small step of a request, or its answer.
    pub(super) fn step(&mut self, at: usize, dice: &mut Dice) {
        let Some(step) = self.runs[at].plan.pop_front() else { return self.end(at, dice) };
        let (by, request) = (self.runs[at].by, self.runs[at].request.clone());
        let is_create = matches!(request, Request::Create { .. });
        if self.faults && dice.one_in(9) && !matches!(step, Step::Void(_) | Step::GiveBack(_)) {
            let error =
                [(423, "GEN_RESOURCE_LOCKED"), (400, "TXN_INSUFFICIENT_FUNDS"), (500, "GEN_INTERNAL")][dice.up_to(3)];
            return self.fail(at, error);
        }
        match step {
            Step::List => match &request {
                Request::Refund { id, queued } => {
                    let mut found = self.family(id);
                    // It reads the next page while it refunds, and may see the last of this one again.
                    let again = found.last().cloned().filter(|_| !queued && dice.one_in(3));
                    found.extend(again);
                    self.runs[at].plan.extend(found.into_iter().map(Step::Refund));
                }
                Request::Inflight { id, .. } => {
                    let found = self.holds(id);
                    self.runs[at].plan.extend(found.into_iter().map(Step::Settle));
                }
                _ => {}
            },
            Step::Book(row) => {
                let json = row.json();
                if !self.core.insert((*row).clone()) {
                    return self.fail(at, (409, "TXN_DUPLICATE_REFERENCE"));
                }
                self.book(at, row.id, json);
            }
            Step::Queue(rows) => {
                let (id, json) = (rows[0].id.clone(), rows[0].json());
                self.later(by, Job::Insert(rows.into()), dice);
                self.book(at, id, json);
            }
            Step::Refund(id) => match self.refund_row(by, &id, matches!(request, Request::Refund { queued: true, .. }))
            {
                None => self.fail(at, (409, "GEN_CONFLICT")),
                Some(refund) => {
                    let (id, json) = (refund.id.clone(), refund.json());
                    if refund.status == "QUEUED" {
                        self.later(by, Job::Insert([refund].into()), dice);
                    } else if !self.core.insert(refund) {
                        return self.fail(at, (409, "TXN_DUPLICATE_REFERENCE"));
                    }
                    self.book(at, id, json);
                }
            },
            Step::Settle(hold) => {
                let Request::Inflight { commit, queued, .. } = request else { return };
                let settled = if queued {
                    self.later(by, Job::Settle { hold, commit }, dice);
                    Ok(r#"{"status":"QUEUED"}"#.to_owned())
                } else {
                    self.settle(by, &hold, commit)
                };
                match settled {
                    Ok(json) => self.book(at, String::new(), json),
                    Err(error) => self.fail(at, error),
                }
            }
            Step::Void(id) => {
                let _ = self.settle(by, &id, false);
            }
            Step::GiveBack(id) => self.give_back(by, &id, dice),
        }
        if is_create && self.runs[at].answer.is_some() {
            self.note("goes on after the answer");
        }
    }

    fn book(&mut self, at: usize, id: String, json: String) {
        let run = &mut self.runs[at];
        run.booked.push(id);
        run.first.get_or_insert(json);
    }

    /// One part fails. A create stops there; the others go on with the next part.
    fn fail(&mut self, at: usize, error: (u16, &'static str)) {
        let id = self.runs[at].id.clone();
        let Request::Create { queued, atomic, bulk, .. } = self.runs[at].request else {
            return self.runs[at].errors.push(error);
        };
        self.runs[at].plan.clear();
        self.runs[at].errors.push(error);
        // Legs belong to their transaction, so those of a batch are left as they are.
        let parent = if bulk { id } else { self.parent_of_legs(at) };
        if atomic && !queued {
            let steps: Vec<Step> = self.family(&parent).into_iter().map(Step::GiveBack).collect();
            let voids: Vec<Step> = self.holds(&parent).into_iter().map(Step::Void).collect();
            self.runs[at].plan.extend(steps.into_iter().chain(voids));
        }
    }

    fn parent_of_legs(&self, at: usize) -> String {
        let first = self.runs[at].booked.first().and_then(|id| self.core.row(id));
        first.map(|row| row.parent.clone()).filter(|parent| !parent.is_empty()).unwrap_or_else(|| "none".to_owned())
    }

    fn end(&mut self, at: usize, dice: &mut Dice) {
        let run = &mut self.runs[at];
        run.done = true;
        if run.answer.is_some() {
            return;
        }
        let answer = match (&run.request, run.errors.first(), &run.first) {
            (_, Some((status, code)), _) => (*status, error(code)),
            (Request::Create { bulk: true, items, .. }, ..) => {
                let (id, count) = (&run.id, items.len());
                (201, format!(r#"{{"batch_id":"{id}","status":"applied","transaction_count":{count}}}"#))
            }
            (Request::Other, ..) => (201, r#"{"ledger_id":"ldg_1"}"#.to_owned()),
            (_, _, None) => (404, error("TXN_NOT_FOUND")),
            (Request::Inflight { .. }, _, Some(json)) => (200, json.clone()),
            (_, _, Some(json)) => (201, json.clone()),
        };
        run.answer = Some(answer);
        if matches!(run.request, Request::Other) && self.faults && dice.one_in(6) {
            run.answer = Some((500, error("GEN_INTERNAL")));
        }
    }
}
