//! Random worlds: callers, crashes, lost answers, slow inserts and expiries in any order, against a model of Core.
//!
//! However they fall, two promises hold: one use of a key books once, and nobody gets the answer to another body.

mod core;

use std::collections::BTreeMap;

use super::answer::{LookedUp, Verdict};
use super::attempt::{Action, Attempt, Ending, Left};
use super::receive::{Received, UnderWay, receive};
use super::{Create, Fingerprint, Kept, Phase, Record};
use crate::clock::Timestamp;

use self::core::{Booking, Core, Dice};

/// How long a key is remembered, and an attempt may take, in steps of the world.
const KEEP: u64 = 400;
const PATIENCE: u64 = 60;

#[test]
fn one_use_of_a_key_books_once_and_answers_its_own_body() {
    let mut seen = BTreeMap::new();
    for seed in 1..=2_000 {
        let mut world = World::new(seed);
        for _ in 0..600 {
            world.step();
        }
        for (what, count) in world.seen {
            *seen.entry(what).or_insert(0) += count;
        }
    }
    // A world in which nothing ever happens would keep every promise.
    for what in [
        "booked",
        "replayed",
        "mismatch",
        "in flight",
        "found",
        "resent",
        "crashed",
        "expired",
        "dropped",
        "lost",
        "duplicate",
    ] {
        assert!(seen.get(what).is_some_and(|count| *count > 10), "{what}: {seen:?}");
    }
}

/// One key, one object, one Core.
struct World {
    dice: Dice,
    now: u64,
    /// Whether creates go through Core's queue, and who makes their references.
    queued: bool,
    made: bool,
    /// Made references so far: each use of the key has its own.
    uses: u64,
    /// The references that were sent since the key was last new by its age.
    sent: Vec<String>,
    /// Stored: survives a crash.
    record: Option<Record>,
    answer: Option<Booking>,
    /// In memory: does not.
    under_way: Option<UnderWay>,
    running: Option<Running>,
    core: Core,
    seen: BTreeMap<&'static str, u32>,
}

struct Running {
    attempt: Attempt,
    again: bool,
    body: &'static str,
    create: Create,
    looks_left: u32,
    action: Action,
    /// What Core said to the sending, where it booked or took in.
    said: Option<Booking>,
    found: Option<Booking>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (queued, made) = (dice.one_in(2), dice.one_in(2));
        Self {
            dice,
            now: 0,
            queued,
            made,
            uses: 0,
            sent: Vec::new(),
            record: None,
            answer: None,
            under_way: None,
            running: None,
            core: Core::default(),
            seen: BTreeMap::new(),
        }
    }

    fn note(&mut self, what: &'static str) {
        *self.seen.entry(what).or_insert(0) += 1;
    }

    fn step(&mut self) {
        self.now += 1 + self.dice.roll(3);
        match self.dice.roll(14) {
            0..=2 => self.call(),
            3..=7 => self.go_on(),
            8 if self.dice.one_in(4) => self.crash(),
            9 | 10 => self.core.insert_one(&mut self.dice, &mut self.seen),
            11 | 12 => self.core.arrive(self.queued),
            13 if self.dice.one_in(8) => self.alarm(),
            _ => {}
        }
        self.check();
    }

    /// A caller sends the request, mostly with the same body.
    fn call(&mut self) {
        let body = if self.dice.one_in(6) { "other" } else { "body" };
        let fingerprint = Fingerprint::of("i", "POST", "/transactions", body.as_bytes());
        let now = Timestamp::from_millis(self.now);
        let record = self.record.clone();
        let attempt = match receive(record.as_ref(), self.under_way.as_ref(), &fingerprint, now) {
            Received::First => {
                if record.is_some() {
                    self.expire();
                }
                // A key that is new again before its time must not have done anything.
                assert!(!self.made || self.sent.iter().all(|reference| !self.core.knows(reference)));
                self.uses += 1;
                // A caller's own reference belongs to the body, not to the use of the key.
                let reference = if self.made { format!("made-{}", self.uses) } else { format!("given-{body}") };
                let (made, multi_leg) = (self.made, false);
                let create = Create { reference: Some(reference), made, multi_leg, precision_added: None };
                Some((Attempt::first(Some(&create)), false, create))
            }
            Received::Again(record) => {
                let create = record.create.clone().unwrap();
                Some((Attempt::again(&create), true, create))
            }
            Received::Replay(_, kept) => {
                self.note("replayed");
                if matches!(kept, Kept::Whole { status: 201, .. }) {
                    let answer = self.answer.clone().unwrap();
                    self.check_answer(&answer, body);
                }
                None
            }
            Received::InFlight => {
                self.note("in flight");
                None
            }
            Received::Mismatch => {
                self.note("mismatch");
                None
            }
            Received::OutcomeUnknown(_) => panic!("a create is never given up"),
        };
        if let Some((attempt, again, create)) = attempt {
            let until = Timestamp::from_millis(self.now + PATIENCE);
            self.under_way = Some(UnderWay { fingerprint, until });
            let action = attempt.start();
            let running = Running { attempt, again, body, create, looks_left: 0, action, said: None, found: None };
            self.running = Some(running.settled());
        }
    }

    /// The attempt under way takes its next step.
    fn go_on(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        match running.action {
            Action::LookUp { .. } => {
                let reference = running.attempt.references().first().unwrap().clone();
                let found = self.core.booked.iter().find(|booking| booking.reference == reference).cloned();
                running.looks_left -= 1;
                let looked_up = match &found {
                    _ if self.dice.one_in(10) => LookedUp::Failed,
                    Some(_) => LookedUp::Found,
                    None => LookedUp::NotFound,
                };
                if looked_up == LookedUp::NotFound && running.looks_left > 0 {
                    self.running = Some(running);
                    return;
                }
                running.found = found;
                running.action = running.attempt.looked_up(looked_up);
            }
            Action::Send => {
                self.store(&running, Phase::InFlight);
                self.sent.push(running.create.reference.clone().unwrap());
                if self.dice.one_in(8) {
                    return self.crash_while_sending(&running);
                }
                if running.again {
                    self.note("resent");
                }
                let verdict = self.send(&mut running);
                running.action = running.attempt.answered(verdict);
            }
            Action::Finish(ending) => return self.finish(&running, ending),
        }
        self.running = Some(running.settled());
    }

    /// Core gets the request, or not; the object gets the answer, or not.
    fn send(&mut self, running: &mut Running) -> Option<Verdict> {
        let reference = running.create.reference.clone().unwrap();
        match self.dice.roll(10) {
            0 => {
                self.note("lost");
                // It may still arrive.
                self.core.on_the_wire.push((reference, running.body));
                return None;
            }
            1 => return Some(Verdict::Unclear),
            2 => return Some(Verdict::NotActed),
            _ => {}
        }
        if self.dice.one_in(3) {
            self.core.arrive(self.queued);
        }
        let (verdict, booking) = self.core.take(reference, running.body, self.queued);
        if verdict == Verdict::Duplicate {
            self.note("duplicate");
        }
        running.said = booking;
        if self.dice.one_in(4) {
            self.note("lost");
            return None;
        }
        Some(verdict)
    }

    fn crash_while_sending(&mut self, running: &Running) {
        if self.dice.one_in(2) {
            self.core.on_the_wire.push((running.create.reference.clone().unwrap(), running.body));
        }
        self.crash();
    }

    fn crash(&mut self) {
        if self.running.take().is_some() {
            self.note("crashed");
        }
        self.under_way = None;
    }

    fn store(&mut self, running: &Running, phase: Phase) {
        let fingerprint = Fingerprint::of("i", "POST", "/transactions", running.body.as_bytes());
        let expires_at = Timestamp::from_millis(self.now + KEEP);
        let create = Some(running.create.clone());
        self.record = Some(Record { v: 1, fingerprint, phase, expires_at, create, references: Vec::new() });
    }

    fn finish(&mut self, running: &Running, ending: Ending) {
        self.under_way = None;
        match ending.leaves() {
            Left::Nothing => self.record = None,
            Left::AsItWas => {}
            Left::Phase(phase) => self.store(running, phase),
            Left::Answer => {
                let answer = if ending == Ending::Found { &running.found } else { &running.said };
                let status = if answer.is_some() { 201 } else { 400 };
                self.answer.clone_from(answer);
                self.store(running, Phase::Done { kept: Kept::Whole { status, headers: Vec::new() } });
                if let Some(answer) = answer.clone() {
                    self.note(if ending == Ending::Found { "found" } else { "booked" });
                    self.check_answer(&answer, running.body);
                }
            }
        }
    }

    fn alarm(&mut self) {
        let expired = |record: &Record| record.expires_at.millis() <= self.now;
        if self.under_way.is_none() && self.record.as_ref().is_some_and(expired) {
            self.expire();
            self.record = None;
        }
    }

    fn expire(&mut self) {
        self.note("expired");
        self.sent.clear();
    }

    /// Nobody gets the answer to another body, nor an id that Core dropped.
    fn check_answer(&self, answer: &Booking, body: &str) {
        assert_eq!(answer.body, body);
        assert!(self.core.booked.contains(answer) || self.core.queue.contains(answer), "{answer:?} was dropped");
        let others = self.core.booked.iter().filter(|other| other.reference == answer.reference);
        assert!(others.clone().all(|other| other == answer), "{answer:?} is not what was booked");
    }

    /// One use of a key has one reference, which is booked once.
    fn check(&self) {
        let mut references: Vec<&str> = self.core.booked.iter().map(|booking| booking.reference.as_str()).collect();
        references.sort_unstable();
        assert!(references.windows(2).all(|pair| pair[0] != pair[1]));
        if let Some(Record { phase: Phase::Done { .. }, create: Some(create), .. }) = &self.record {
            let reference = create.reference.as_deref().unwrap();
            let booked = self.core.booked.iter().filter(|booking| booking.reference == reference).count();
            assert!(booked <= 1);
        }
        // A made reference belongs to one use: no use has two.
        assert!(self.core.booked.len() as u64 <= self.uses);
    }
}

impl Running {
    /// Takes the looks of a new look-up.
    fn settled(mut self) -> Self {
        if let (Action::LookUp { times }, 0) = (self.action, self.looks_left) {
            self.looks_left = times;
        }
        self
    }
}
