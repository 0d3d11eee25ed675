//! The keys: who calls with one, and what its object has.

use super::requests::{Wire, another};
use super::{PATIENCE, World};
use crate::clock::Timestamp;
use crate::enrich::{Reference, Rule, enrich};
use crate::idempotency::attempt::{Attempt, NextStep};
use crate::idempotency::look_up::{Finding, LookUp};
use crate::idempotency::receive::{Received, UnderWay, receive};
use crate::idempotency::record::RECORD_VERSION;
use crate::idempotency::{Fingerprint, KeyRecord, Phase, Work};

/// A key: what its object has stored, and what it has in memory.
pub(super) struct Key {
    /// Its request, and another that is sent with it by mistake.
    pub wires: [Wire; 2],
    pub record: Option<KeyRecord>,
    /// The answer that is kept.
    pub body: Option<(u16, String)>,
    pub under_way: Option<UnderWay>,
    pub running: Option<Running>,
    /// What was sent since the key was last new by its age or because nothing was done.
    pub sent: Vec<Work>,
    /// How many rows there were before it.
    pub since: usize,
    pub was_partial: bool,
    /// What the last call got.
    pub got: &'static str,
}

/// An attempt under way.
pub(super) struct Running {
    pub attempt: Attempt,
    /// Which of the key's requests it carries out; none to ask.
    pub wire: Option<usize>,
    pub completed: Vec<u8>,
    pub record: KeyRecord,
    pub action: NextStep,
    pub looks: u32,
    /// The look under way, how many rows there were when it began, and whether it sees none of them.
    pub look: Option<(LookUp<Work>, usize, bool)>,
    pub found: Option<Finding>,
    /// The run of Core that is waited for, and what it said.
    pub run: Option<usize>,
    pub said: Option<(u16, String)>,
}

impl Key {
    pub(super) fn new(wire: Wire) -> Self {
        let wires = [wire, another()];
        let (record, body, under_way, running) = (None, None, None, None);
        Self { wires, record, body, under_way, running, sent: Vec::new(), since: 0, was_partial: false, got: "" }
    }

    pub(super) fn own_references(&self) -> Vec<String> {
        let wire = &self.wires[0];
        match work(wire, wire.body.as_bytes(), &[]) {
            Work::Create(create) => create.own_references().map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.record.as_ref().is_some_and(|record| matches!(record.phase, Phase::Done { .. }))
    }

    pub(super) fn expire(&mut self) {
        self.sent.clear();
        self.was_partial = false;
    }
}

fn work(wire: &Wire, completed: &[u8], made: &[Reference]) -> Work {
    match wire.shape {
        Some(shape) => Work::of_create(completed, shape, Rule::default(), made),
        None => Work::of_other(wire.pattern, &wire.path, completed),
    }
}

impl World {
    /// A caller sends a request, mostly the same one.
    pub(super) fn call(&mut self, at: usize) {
        let faults = self.engine.faults;
        // Once all is well it is the one that the key was used for.
        let other = match &self.keys[at].record {
            Some(record) if !faults => fingerprint(&self.keys[at].wires[1]) == record.fingerprint,
            _ => faults && self.dice.one_in(12),
        };
        let index = usize::from(other);
        let wire = self.keys[at].wires[index].clone();
        let fingerprint = fingerprint(&wire);
        let key = &mut self.keys[at];
        let now = Timestamp::from_millis(self.now);
        let earlier = match receive(key.record.as_ref(), key.under_way.as_ref(), &fingerprint, now) {
            Received::First => None,
            Received::Again(record) => Some(record.clone()),
            Received::Replay(record) => {
                let phase = record.phase.clone();
                self.check_replay(at, phase, index);
                return self.got(at, "replayed");
            }
            Received::InFlight => return self.got(at, "in flight"),
            Received::Mismatch => return self.got(at, "mismatch"),
            Received::OutcomeUnknown(_) => return self.got(at, "cannot be told"),
        };
        if earlier.is_none() {
            if key.record.take().is_some() {
                key.expire();
                self.note("expired");
            }
            self.check_new(at);
            self.keys[at].sent.clear();
        }
        let partial = earlier.as_ref().is_some_and(|record| matches!(record.phase, Phase::Partial(_)));
        let (completed, work) = self.complete(&wire, earlier.as_ref());
        let attempt = match &earlier {
            Some(_) => Attempt::again(&work, partial),
            None => Attempt::first(&work),
        };
        let record = earlier.unwrap_or_else(|| KeyRecord {
            v: RECORD_VERSION,
            instance: "i".to_owned(),
            fingerprint,
            work,
            phase: Phase::InFlight,
            first_seen: now,
            expires_at: Timestamp::default(),
        });
        self.begin(at, attempt, Some(index), completed, record);
    }

    /// The body as it goes to Core: the first time with references that are made, then with the same.
    fn complete(&mut self, wire: &Wire, earlier: Option<&KeyRecord>) -> (Vec<u8>, Work) {
        let body = wire.body.as_bytes();
        let Some(shape) = wire.shape else { return (body.to_vec(), work(wire, body, &[])) };
        let mut again = match earlier.map(|record| &record.work) {
            Some(Work::Create(create)) => create.made_references().collect::<Vec<_>>().into_iter(),
            _ => Vec::new().into_iter(),
        };
        let mut made = Vec::new();
        let dice = &mut self.dice;
        let random = || {
            let random = again.next().map_or_else(|| dice.bytes(), Reference::into_random);
            made.push(Reference::from_random(random));
            random
        };
        let enriched = enrich(body, shape, Rule::default(), 1 << 20, random).unwrap();
        let completed = enriched.body.unwrap_or_else(|| body.to_vec());
        let work = work(wire, &completed, &made);
        assert!(earlier.is_none_or(|earlier| earlier.work == work), "the same bytes go out again");
        (completed, work)
    }

    /// A caller asks for the state of a key.
    pub(super) fn ask(&mut self, at: usize) {
        let key = &self.keys[at];
        let now = Timestamp::from_millis(self.now);
        let is_open = |record: &&KeyRecord| now < record.expires_at && crate::idempotency::state::is_open(record);
        if key.under_way.as_ref().is_some_and(|under_way| now < under_way.until) {
            return;
        }
        if let Some(record) = key.record.as_ref().filter(is_open).cloned() {
            self.note("asked");
            self.begin(at, Attempt::ask(&record.work), None, Vec::new(), record);
        }
    }

    fn begin(&mut self, at: usize, attempt: Attempt, wire: Option<usize>, completed: Vec<u8>, record: KeyRecord) {
        let until = Timestamp::from_millis(self.now + PATIENCE);
        let action = attempt.start();
        let key = &mut self.keys[at];
        key.under_way = Some(UnderWay { fingerprint: record.fingerprint.clone(), until });
        let (look, found, run, said) = (None, None, None, None);
        key.running = Some(Running { attempt, wire, completed, record, action, looks: 0, look, found, run, said });
    }

    pub(super) fn crash(&mut self, at: usize) {
        self.keys[at].under_way = None;
        if let Some(running) = self.keys[at].running.take() {
            self.note("crashed");
            // Core goes on, or it notices that its caller is gone.
            if let Some(number) = running.run.filter(|_| self.dice.one_in(2)) {
                self.engine.cut(number);
            }
        }
    }

    pub(super) fn got(&mut self, at: usize, what: &'static str) {
        self.note(what);
        self.keys[at].got = what;
    }

    /// No caller gets the answer to another body, and a replay is what was kept.
    fn check_replay(&self, at: usize, phase: Phase, index: usize) {
        let key = &self.keys[at];
        let (Phase::Done { kept, .. }, Some((status, _))) = (phase, &key.body) else { panic!("nothing was kept") };
        assert_eq!(kept.status(), *status);
        assert_eq!(key.record.as_ref().unwrap().fingerprint, fingerprint(&key.wires[index]));
    }
}

fn fingerprint(wire: &Wire) -> Fingerprint {
    Fingerprint::of("i", "POST", &wire.path, wire.body.as_bytes())
}
