//! How Core carries a request out: one row after another, with everything else in between.

use std::collections::{BTreeMap, VecDeque};

use super::core::{Core, Row};
use super::dice::Dice;
use super::requests::{Item, Request};

/// How late, in steps of the world, something may come at the most.
pub(super) const LATE: u64 = 100;

/// Core at work.
#[derive(Default)]
pub(super) struct Engine {
    pub core: Core,
    pub runs: Vec<Run>,
    pub late: Vec<Late>,
    pub now: u64,
    /// Whether things go wrong.
    pub faults: bool,
    pub seen: BTreeMap<&'static str, u32>,
    pub count: usize,
}

/// A request that Core carries out.
pub(super) struct Run {
    pub number: usize,
    pub by: usize,
    pub started: u64,
    pub request: Request,
    pub id: String,
    pub plan: VecDeque<Step>,
    pub booked: Vec<String>,
    pub first: Option<String>,
    pub errors: Vec<(u16, &'static str)>,
    /// Its answer, once there is one.
    pub answer: Option<(u16, String)>,
    pub done: bool,
}

pub(super) enum Step {
    /// To find out what is to be done.
    List,
    Book(Box<Row>),
    /// The legs of one transaction, to be stored after the answer.
    Queue(Vec<Row>),
    Refund(String),
    Settle(String),
    Void(String),
    GiveBack(String),
}

/// What comes later than the answer.
pub(super) struct Late {
    pub due: u64,
    pub by: usize,
    pub job: Job,
}

pub(super) enum Job {
    /// A request that was on its way.
    Arrive(Request),
    /// Rows to be stored one after the other; the first that cannot be ends it.
    Insert(VecDeque<Row>),
    /// The turn of a queued row.
    Turn(Box<Row>),
    Settle {
        hold: String,
        commit: bool,
    },
}

impl Engine {
    pub(super) fn note(&mut self, what: &'static str) {
        *self.seen.entry(what).or_insert(0) += 1;
    }

    /// A request arrives.
    pub(super) fn start(&mut self, by: usize, request: Request, dice: &mut Dice) -> usize {
        self.count += 1;
        let bulk = matches!(&request, Request::Create { bulk: true, .. });
        let id = self.core.id(if bulk { "bulk" } else { "txn" });
        let mut plan = VecDeque::new();
        let mut answer = None;
        match &request {
            Request::Create { items, bulk, queued, run_async, atomic, hold } => {
                for item in items {
                    let rows = self.rows(item, by, (*bulk).then_some(&*id), *queued, *atomic, *hold, dice);
                    if *queued {
                        plan.push_back(Step::Queue(rows));
                    } else {
                        plan.extend(rows.into_iter().map(|row| Step::Book(Box::new(row))));
                    }
                }
                if *run_async {
                    answer = Some((202, format!(r#"{{"batch_id":"{id}","status":"processing"}}"#)));
                }
            }
            Request::Refund { .. } | Request::Inflight { .. } => plan.push_back(Step::List),
            Request::Other => {}
        }
        let (number, started) = (self.count, self.now);
        let (booked, errors) = (Vec::new(), Vec::new());
        self.runs.push(Run {
            number,
            by,
            started,
            request,
            id,
            plan,
            booked,
            first: None,
            errors,
            answer,
            done: false,
        });
        number
    }

    /// The rows of one transaction, its legs in any order.
    #[expect(clippy::too_many_arguments, reason = "all that a row depends on")]
    fn rows(
        &mut self,
        item: &Item,
        by: usize,
        batch: Option<&str>,
        queued: bool,
        atomic: bool,
        hold: bool,
        dice: &mut Dice,
    ) -> Vec<Row> {
        let own = self.core.id("txn");
        let status = if queued {
            "QUEUED"
        } else if hold {
            "INFLIGHT"
        } else {
            "APPLIED"
        };
        let queued_with = if queued { batch.unwrap_or(&own).to_owned() } else { String::new() };
        let row = Row {
            currency: item.currency.clone(),
            status: status.to_owned(),
            queued_with,
            hold,
            atomic,
            ..Row::default()
        };
        let row = Row { item: item.reference.clone(), by: Some(by), ..row };
        if item.shares.is_empty() {
            let parent = batch.unwrap_or_default().to_owned();
            return vec![Row { id: own, parent, reference: item.reference.clone(), units: item.units, ..row }];
        }
        let mut shares = item.shares.clone();
        dice.shuffle(&mut shares);
        // A share of nothing is not stored. Core numbers it where its turn is: then a request that comes late, after
        // the same was sent again, books a leg twice. Nothing here can help that, so here it comes last.
        shares.retain(|(_, units)| *units > 0);
        let mark = if queued { '_' } else { '-' };
        let mut leg = |(number, (balance, units)): (usize, (String, u128))| {
            let reference = format!("{}{mark}{number}", item.reference);
            Row { id: self.core.id("txn"), parent: own.clone(), reference, units, balance, ..row.clone() }
        };
        (1..).zip(shares).map(&mut leg).collect()
    }

    /// Something is to happen within a while.
    pub(super) fn later(&mut self, by: usize, job: Job, dice: &mut Dice) {
        let within = if dice.one_in(3) { LATE } else { 6 };
        let due = self.now + dice.roll(within);
        self.late.push(Late { due, by, job });
    }

    /// Whether anything of a key is still to come.
    pub(super) fn is_busy_with(&self, by: usize) -> bool {
        self.runs.iter().any(|run| run.by == by && !run.done) || self.late.iter().any(|late| late.by == by)
    }

    /// Whether a refund is on its way, under way, or not stored yet.
    pub(super) fn is_about_to_refund(&self) -> bool {
        let is_refund = |request: &Request| matches!(request, Request::Refund { .. });
        let comes = |late: &Late| match &late.job {
            Job::Arrive(request) => is_refund(request),
            Job::Insert(rows) => rows.iter().any(|row| row.reference.ends_with("_refund")),
            Job::Turn(_) | Job::Settle { .. } => false,
        };
        self.runs.iter().any(|run| !run.done && is_refund(&run.request)) || self.late.iter().any(comes)
    }

    /// Time passes: what is due comes, and what is under way goes on.
    pub(super) fn tick(&mut self, dice: &mut Dice) {
        while let Some(at) = self.late.iter().position(|late| late.due <= self.now || !self.faults) {
            let Late { by, job, .. } = self.late.swap_remove(at);
            self.come(by, job, dice);
        }
        for at in 0..self.runs.len() {
            let is_old = self.runs[at].started + LATE < self.now;
            while !self.runs[at].done && (is_old || dice.one_in(2)) {
                self.step(at, dice);
            }
        }
        self.runs.retain(|run| !run.done || run.started + 4 * LATE > self.now);
    }

    /// Core stops what it does for a caller that is gone.
    pub(super) fn cut(&mut self, number: usize) {
        self.runs.retain(|run| run.number != number);
    }

    fn come(&mut self, by: usize, job: Job, dice: &mut Dice) {
        match job {
            Job::Arrive(request) => {
                self.note("arrived late");
                self.start(by, request, dice);
            }
            Job::Insert(mut rows) => {
                let Some(row) = rows.pop_front() else { return };
                if !self.core.insert(row.clone()) {
                    return self.note("dropped");
                }
                self.note("stored late");
                self.later(by, Job::Turn(Box::new(row)), dice);
                self.later(by, Job::Insert(rows), dice);
            }
            Job::Turn(row) => {
                let refused = self.faults && dice.one_in(6);
                let status = if refused {
                    "REJECTED"
                } else if row.hold {
                    "INFLIGHT"
                } else {
                    "APPLIED"
                };
                let (id, reference) = (self.core.id("txn"), format!("{}_q", row.reference));
                let outcome = Row { id, reference, parent: row.id.clone(), status: status.to_owned(), ..*row.clone() };
                self.core.insert(outcome);
                if refused && row.atomic {
                    for id in self.family(&row.queued_with) {
                        self.give_back(by, &id, dice);
                    }
                    for id in self.holds(&row.queued_with) {
                        let _ = self.settle(by, &id, false);
                    }
                }
            }
            Job::Settle { hold, commit } => {
                let _ = self.settle(by, &hold, commit);
            }
        }
    }
}

/// An error of Core's.
pub(super) fn error(code: &str) -> String {
    format!(r#"{{"error":"x","error_detail":{{"code":"{code}","message":"x"}}}}"#)
}
