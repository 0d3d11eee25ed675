//! What a request gets, by what is stored of its key.

use super::{Fingerprint, Kept, Phase, Record};
use crate::clock::Timestamp;

/// An attempt that this very object has under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// What it asks for.
    pub fingerprint: Fingerprint,
    /// When it must be over, by the deadlines of its steps. After that it counts as crashed.
    pub until: Timestamp,
}

/// What a request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// The key is new: a first attempt.
    First,
    /// Another attempt: an earlier one of this create may or may not have been booked.
    Again(&'a Record),
    /// What is left of the answer to the first request.
    Replay(&'a Record, &'a Kept),
    /// Nothing: the same request is under way.
    InFlight,
    /// Nothing: the key belongs to another request.
    Mismatch,
    /// Nothing: whether Core carried the first request out cannot be found out.
    OutcomeUnknown(&'a Record),
}

/// Judges a request. `under_way` is the attempt that this object has under way; a record in flight without one is what
/// a crash leaves behind.
#[must_use]
pub fn receive<'a>(
    record: Option<&'a Record>,
    under_way: Option<&UnderWay>,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Received<'a> {
    if let Some(other) = under_way.filter(|other| now < other.until) {
        return if other.fingerprint == *fingerprint { Received::InFlight } else { Received::Mismatch };
    }
    let Some(record) = record.filter(|record| now < record.expires_at) else { return Received::First };
    if record.fingerprint != *fingerprint {
        return Received::Mismatch;
    }
    match &record.phase {
        Phase::Done { kept } => Received::Replay(record, kept),
        Phase::InFlight | Phase::Unknown if record.create.is_some() => Received::Again(record),
        Phase::InFlight | Phase::Unknown => Received::OutcomeUnknown(record),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Create;
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const LATER: Timestamp = Timestamp::from_millis(1_001);

    fn fingerprint(body: &str) -> Fingerprint {
        Fingerprint::of("a", "POST", "/x", body.as_bytes())
    }

    fn record(phase: Phase, create: bool) -> Record {
        let create = create.then_some(Create { reference: None, made: false, multi_leg: false, precision_added: None });
        Record { v: 1, fingerprint: fingerprint("1"), phase, expires_at: LATER, create, references: Vec::new() }
    }

    fn done() -> Phase {
        Phase::Done { kept: Kept::Booked }
    }

    #[test]
    fn every_state_meets_the_same_request_as_the_table_says() {
        let same = |record: &Record| format!("{:?}", receive(Some(record), None, &fingerprint("1"), NOW));
        assert_eq!(receive(None, None, &fingerprint("1"), NOW), Received::First);
        for (phase, create, expected) in [
            (Phase::InFlight, true, "Again"),
            (Phase::InFlight, false, "OutcomeUnknown"),
            (Phase::Unknown, true, "Again"),
            (Phase::Unknown, false, "OutcomeUnknown"),
            (done(), true, "Replay"),
            (done(), false, "Replay"),
        ] {
            let record = record(phase, create);
            assert!(same(&record).starts_with(expected), "{record:?}");
        }
    }

    #[test]
    fn every_state_refuses_another_request() {
        for phase in [Phase::InFlight, Phase::Unknown, done()] {
            for create in [true, false] {
                let record = record(phase.clone(), create);
                assert_eq!(receive(Some(&record), None, &fingerprint("2"), NOW), Received::Mismatch);
            }
        }
    }

    #[test]
    fn every_state_is_new_again_once_it_has_expired() {
        for phase in [Phase::InFlight, Phase::Unknown, done()] {
            let record = record(phase, true);
            assert_eq!(receive(Some(&record), None, &fingerprint("1"), LATER), Received::First);
            assert_eq!(receive(Some(&record), None, &fingerprint("2"), LATER), Received::First);
        }
    }

    #[test]
    fn while_an_attempt_is_under_way_nothing_else_counts() {
        let under_way = UnderWay { fingerprint: fingerprint("1"), until: LATER };
        let expired = Record { expires_at: NOW, ..record(Phase::InFlight, true) };
        for record in [None, Some(&expired), Some(&record(done(), true)), Some(&record(Phase::Unknown, true))] {
            assert_eq!(receive(record, Some(&under_way), &fingerprint("1"), NOW), Received::InFlight);
            assert_eq!(receive(record, Some(&under_way), &fingerprint("2"), NOW), Received::Mismatch);
        }
    }

    #[test]
    fn an_attempt_past_its_deadlines_counts_as_crashed() {
        let under_way = UnderWay { fingerprint: fingerprint("1"), until: NOW };
        let record = record(Phase::InFlight, true);
        assert_eq!(receive(Some(&record), Some(&under_way), &fingerprint("1"), NOW), Received::Again(&record));
    }
}
