//! Random worlds: a few keys that want the same, against a Core that books in parts, with everything that can go wrong.
//!
//! However it falls, [`checks`] says what must hold. In reading order: [`core`] (rows, and answers about them),
//! [`requests`] (what is asked), [`runs`] and [`steps`] (how Core carries it out), [`callers`] and [`attempts`] (the
//! keys, and what their objects do by the rules), [`checks`].

mod attempts;
mod callers;
mod checks;
pub(super) mod core;
mod dice;
mod requests;
mod runs;
mod steps;

use std::collections::BTreeMap;

use self::callers::Key;
use self::core::Row;
use self::dice::Dice;
use self::runs::{Engine, LATE};

/// How long a key and a claim are remembered, and an attempt may take, in steps of the world.
const KEEP: u64 = 600;
const CLAIM: u64 = KEEP + 100;
const PATIENCE: u64 = 80;

/// How many worlds there are, and how long each goes wrong.
const WORLDS: u64 = 1_500;
const STEPS: u32 = 150;

#[test]
fn whatever_happens_nothing_is_booked_twice_and_nothing_in_part_is_called_done() {
    let mut seen = BTreeMap::new();
    for seed in 1..=WORLDS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.calm();
        world.seen.append(&mut world.engine.seen);
        for (what, count) in world.seen {
            *seen.entry(what).or_insert(0) += count;
        }
    }
    // A world in which nothing ever happens would keep every promise.
    for what in SEEN {
        assert!(seen.get(what).is_some_and(|count| *count > 20), "{what}: {seen:#?}");
    }
}

/// What must have been seen: how requests went on their way, what Core made of them, and what callers got.
const SEEN: [&str; 42] = [
    "lost",
    "cut",
    "arrived late",
    "crashed",
    "expired",
    "asked",
    "not answered",
    "stored late",
    "dropped",
    "stranger",
    "given back by others",
    "goes on after the answer",
    "rolled back late",
    "taken in",
    "refused",
    "unclear",
    "not acted",
    "already refunded, says Core",
    "answered",
    "no answer",
    "answer passed on",
    "nothing done",
    "replayed",
    "in flight",
    "mismatch",
    "found",
    "resent",
    "partial",
    "partial, then done",
    "refused with booked parts",
    "rolled back",
    "rejected",
    "reference used",
    "already refunded",
    "refund in flight",
    "unchecked",
    "unresolved",
    "outcome unknown",
    "end: done",
    "end: partial",
    "end: unknown",
    "end: refused",
];

/// A few keys, the claims, and Core.
struct World {
    seed: u64,
    dice: Dice,
    now: u64,
    keys: Vec<Key>,
    /// Who has claimed what, and until when.
    claims: BTreeMap<String, (usize, u64)>,
    engine: Engine,
    /// The rows that are there before anybody comes.
    stored: Vec<Row>,
    seen: BTreeMap<&'static str, u32>,
    /// How many rows there were when they were last looked over.
    checked: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut engine = Engine { faults: true, ..Engine::default() };
        let requests = requests::requests(&mut dice, &mut engine.core);
        let stored = engine.core.rows.clone();
        let keys = requests.into_iter().map(Key::new).collect();
        let (claims, counts) = (BTreeMap::new(), BTreeMap::new());
        Self { seed, dice, now: 0, keys, claims, engine, stored, seen: counts, checked: 0 }
    }

    fn note(&mut self, what: &'static str) {
        *self.seen.entry(what).or_insert(0) += 1;
    }

    fn step(&mut self) {
        self.now += 1 + self.dice.roll(3);
        self.engine.now = self.now;
        let at = self.dice.up_to(self.keys.len());
        match self.dice.roll(20) {
            // Of a key that is done little more is to be seen.
            0..=4 if !self.keys[at].is_done() || self.dice.one_in(8) => self.call(at),
            0..=14 => (0..self.keys.len()).for_each(|at| self.go_on(at)),
            15 if self.dice.one_in(3) => self.crash(at),
            16 if self.dice.one_in(3) => self.ask(at),
            17 if self.dice.one_in(4) => self.stranger(),
            18 if self.dice.one_in(6) => self.alarm(at),
            19 if self.dice.one_in(20) => self.long_wait(),
            _ => {}
        }
        self.engine.tick(&mut self.dice);
        self.check();
    }

    /// A long time passes: keys expire, and what was late has come before that.
    fn long_wait(&mut self) {
        for _ in 0..7 {
            self.now += LATE;
            self.engine.now = self.now;
            self.engine.tick(&mut self.dice);
            self.check();
        }
    }

    /// Somebody books past the keys: under a reference that is brought here, or a refund, or the release of a hold.
    fn stranger(&mut self) {
        let own: Vec<String> = self.keys.iter().flat_map(Key::own_references).collect();
        let dice = &mut self.dice;
        let core = &mut self.engine.core;
        if !own.is_empty() && dice.one_in(3) {
            let forms = ["", "-1", "_1", "-2", "_q"];
            let reference = format!("{}{}", own[dice.up_to(own.len())], forms[dice.up_to(forms.len())]);
            let currency = if dice.one_in(2) { "EUR" } else { "USD" }.to_owned();
            // Of the right amount and currency it could not be told from the key's own.
            let (id, status, units) = (core.id("txn"), "APPLIED".to_owned(), 7);
            if core.insert(Row { id, reference, currency, status, units, ..Row::default() }) {
                self.note("stranger");
            }
            return;
        }
        let booked: Vec<Row> =
            core.rows.iter().filter(|row| !row.item.is_empty() && core.stands(row)).cloned().collect();
        let Some(row) = (!booked.is_empty()).then(|| booked[dice.up_to(booked.len())].clone()) else { return };
        let (id, reference, status) = match row.status.as_str() {
            "APPLIED" => (core.id("txn"), format!("{}_refund", row.id), "APPLIED"),
            "INFLIGHT" => (core.id("txn"), core.id("ref"), "VOID"),
            _ => return,
        };
        let (parent, status) = (row.id, status.to_owned());
        if core.insert(Row {
            id,
            reference,
            parent,
            status,
            currency: row.currency,
            units: row.units,
            ..Row::default()
        }) {
            self.note("given back by others");
        }
    }

    fn alarm(&mut self, at: usize) {
        let now = self.now;
        self.claims.retain(|_, (_, until)| now < *until);
        let key = &mut self.keys[at];
        if key.under_way.is_none() && key.record.as_ref().is_some_and(|record| record.expires_at.millis() <= now) {
            key.expire();
            key.record = None;
        }
    }

    /// Nothing goes wrong any more, and all that is late comes: every key comes to an end.
    fn calm(&mut self) {
        self.engine.faults = false;
        for _ in 0..30 {
            self.quiet();
        }
        for at in 0..self.keys.len() {
            self.crash(at);
        }
        for round in 0..4 {
            for at in 0..self.keys.len() {
                self.call(at);
                while self.keys[at].running.is_some() {
                    self.quiet();
                    self.go_on(at);
                    self.check();
                }
                if round == 3 {
                    self.check_end(at);
                }
            }
        }
    }

    fn quiet(&mut self) {
        self.now += 1;
        self.engine.now = self.now;
        self.engine.tick(&mut self.dice);
    }
}
