//! Looking for what a request did, among Core's records.
//!
//! Core is asked by `POST /transactions/filter`, which is exact for every reference and counts what it does not show. A
//! [`LookUp`] asks one question after another ([`LookUp::question`], [`LookUp::answered`]) and then says what there is
//! ([`LookUp::finding`]). In reading order: `page` (questions and rows), `create`, `refund`, `inflight` (what counts as
//! done of each kind of work). The parts that are found are [`crate::outcome`]'s.

mod create;
mod inflight;
mod page;
mod refund;

use crate::outcome::{Extent, Parts};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use page::{NotAnswered, Question, Row, Wanted};

use super::Work;

/// The most questions of one look. An object may ask 1,000 times in all.
const MOST_QUESTIONS: usize = 600;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What stands in the way of a first attempt: a reference of the caller's that is in use, a refund that stands.
    Before,
    /// What an attempt did.
    After,
}

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// The parts of the request, and the outcome of each.
    pub parts: Parts,
    /// Where all are there: the answer to it, as JSON.
    pub answer: Option<String>,
    /// The reference of the row that is the answer; none where it is made of several.
    pub row: Option<String>,
    /// Of a refund: the ids of the rows that it means, but for the one that it names.
    pub meant: Vec<String>,
    /// Of a create: the references of the items of which there is no trace at all. Of a refund its id, where there is
    /// none and nothing can come late.
    pub absent: Vec<String>,
}

/// A look under way. A bulk's work is large: who keeps it elsewhere lends it.
pub struct LookUp<W> {
    work: W,
    purpose: Purpose,
    /// How many rounds of questions were put together.
    round: usize,
    questions: VecDeque<Question>,
    /// Whether the row that is the answer was asked for, which comes last.
    answer_asked: bool,
    asked: usize,
    rows: Rows,
}

/// The rows that were found.
#[derive(Default)]
pub struct Rows {
    /// By their references, which are unique.
    found: BTreeMap<String, Row>,
    /// The ids of the holds that were released.
    voided: BTreeSet<String>,
}

impl<W: Borrow<Work>> LookUp<W> {
    /// A look for this work; `None` where nothing would tell.
    #[must_use]
    pub fn new(work: W, purpose: Purpose) -> Option<Self> {
        match (work.borrow(), purpose) {
            (Work::Other { .. }, _) | (Work::Inflight { .. }, Purpose::Before) => return None,
            (Work::Create(create), Purpose::Before) if create.own_references().next().is_none() => return None,
            _ => {}
        }
        let questions = VecDeque::new();
        Some(Self { work, purpose, round: 0, questions, answer_asked: false, asked: 0, rows: Rows::default() })
    }

    /// The next question; `None` where everything was asked.
    pub fn question(&mut self) -> Option<&Question> {
        // One reference in use is enough: no further question is asked.
        let enough = self.purpose == Purpose::Before
            && matches!(self.work.borrow(), Work::Create(_))
            && !self.rows.found.is_empty();
        while self.questions.is_empty() && !enough {
            let more = match self.work.borrow() {
                Work::Create(create) => create::questions(create, self.purpose, self.round, &self.rows),
                Work::Refund { id } => refund::questions(id, self.round, &self.rows),
                Work::Inflight { id, .. } => inflight::questions(id, self.round, &self.rows),
                Work::Other { .. } => None,
            };
            self.round += 1;
            self.questions = match more {
                Some(more) => more.into(),
                None if self.purpose == Purpose::After && !self.answer_asked => {
                    self.answer_asked = true;
                    [Question::whole(self.finding().row?)].into()
                }
                None => return None,
            };
        }
        self.questions.front().filter(|_| !enough)
    }

    /// Takes the answer to the question that [`LookUp::question`] gave; no body stands for one too large to be read.
    ///
    /// # Errors
    /// Where it is not plainly Core's own, or Core would have to be asked too often: nothing is known then.
    pub fn answered(&mut self, status: u16, body: Option<&[u8]>) -> Result<(), NotAnswered> {
        self.asked += 1;
        let question = self.questions.pop_front().filter(|_| self.asked < MOST_QUESTIONS).ok_or(NotAnswered)?;
        let (rows, next) = question.answered(status, body)?;
        self.rows.add(rows);
        if let Some(next) = next {
            self.questions.push_front(next);
        }
        Ok(())
    }

    /// What there is, once everything was asked.
    #[must_use]
    pub fn finding(&self) -> Finding {
        match (self.work.borrow(), self.purpose) {
            (Work::Create(create), Purpose::Before) => create::in_use(create, &self.rows),
            (Work::Create(create), Purpose::After) => create::finding(create, &self.rows),
            (Work::Refund { id }, _) => refund::finding(id, &self.rows),
            (Work::Inflight { id, action }, _) => inflight::finding(id, *action, &self.rows),
            (Work::Other { .. }, _) => Finding::default(),
        }
    }
}

impl Finding {
    /// The outcome of these parts; where all of them are there, this row is the answer.
    fn answered_by(row: Option<&Row>, parts: Parts) -> Self {
        let row = row.filter(|_| parts.extent() == Extent::All);
        let (answer, row) = (row.and_then(|row| row.json.clone()), row.map(|row| row.reference.clone()));
        Self { parts, answer, row, ..Self::default() }
    }
}

impl Rows {
    fn add(&mut self, rows: Vec<Row>) {
        for row in rows {
            if row.status == "VOID" {
                self.voided.insert(row.parent.clone());
            }
            self.found.insert(row.reference.clone(), row);
        }
    }

    fn get(&self, reference: &str) -> Option<&Row> {
        self.found.get(reference)
    }

    fn all(&self) -> impl Iterator<Item = &Row> {
        self.found.values()
    }

    /// The row with the outcome of a queued one.
    fn outcome_of(&self, row: &Row) -> Option<&Row> {
        self.get(&format!("{}_q", row.reference))
    }

    /// Whether a row was queued, and refused when its turn came.
    fn is_rejected(&self, row: &Row) -> bool {
        // Core before 0.15.1 does not show parents here.
        let is_of = |outcome: &&Row| {
            outcome.parent == row.id || outcome.parent.is_empty() && outcome.queued_with == row.queued_with
        };
        let outcome = self.outcome_of(row).filter(is_of);
        row.status == "REJECTED" || outcome.is_some_and(|outcome| outcome.status == "REJECTED")
    }

    /// The refund of a row, where there is one that was not refused.
    fn refund_of(&self, row: &Row) -> Option<&Row> {
        self.get(&refund_reference(&row.id)).filter(|refund| !self.is_rejected(refund))
    }

    /// Whether a row, or the row with its outcome, was given back, by a refund that was not given back itself.
    fn is_refunded(&self, row: &Row) -> bool {
        let stands = |refund: &Row| !self.is_refunded(refund);
        self.with_outcomes(std::iter::once(row)).any(|row| self.refund_of(row).is_some_and(stands))
    }

    /// Whether a hold, or the row with the outcome of a queued one, was released.
    fn is_voided(&self, row: &Row) -> bool {
        self.with_outcomes(std::iter::once(row)).any(|row| self.voided.contains(&row.id))
    }

    /// Rows, and those with the outcomes of the queued ones among them.
    fn with_outcomes<'a>(&'a self, rows: impl Iterator<Item = &'a Row>) -> impl Iterator<Item = &'a Row> {
        rows.flat_map(|row| [Some(row), self.outcome_of(row)]).flatten()
    }
}

/// The reference of a refund, as Core makes it.
fn refund_reference(id: &str) -> String {
    format!("{id}_refund")
}

/// The references under which refunds of these rows would stand, and those of the outcomes of queued refunds.
fn refund_references<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<String> {
    rows.flat_map(|row| [refund_reference(&row.id), format!("{}_q", refund_reference(&row.id))]).collect()
}

/// The sum of amounts in units; `None` where it is larger than any that Core books.
fn sum<'a>(units: impl Iterator<Item = &'a str>) -> Option<u128> {
    units.map(|units| units.parse::<u128>().ok()).try_fold(0_u128, |sum, units| sum.checked_add(units?))
}

#[cfg(test)]
mod tests;
