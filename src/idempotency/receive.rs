//! What a request gets, by what is stored of its key.

use super::{Fingerprint, KeyRecord, Phase, Work};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// The key is new: a first attempt.
    First,
    /// Another attempt: an earlier one may or may not have been carried out.
    Again(&'a KeyRecord),
    /// What is left of the answer to the first request.
    Replay(&'a KeyRecord),
    /// Nothing: the same request is under way.
    InFlight,
    /// Nothing: the key belongs to another request.
    Mismatch,
    /// Nothing: whether Core carried the first request out cannot be found out.
    OutcomeUnknown(&'a KeyRecord),
}

/// Judges a request. `under_way` is the attempt that this object has under way; a record in flight without one is what
/// a crash leaves behind.
#[must_use]
pub fn receive<'a>(
    record: Option<&'a KeyRecord>,
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
    match (&record.phase, &record.work) {
        (Phase::Done { .. }, _) => Received::Replay(record),
        (_, Work::Other { .. }) => Received::OutcomeUnknown(record),
        (_, Work::Create(_) | Work::Refund { .. } | Work::Inflight { .. }) => Received::Again(record),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::RECORD_VERSION;
    use super::super::work::tests::create;
    use super::super::{Kept, work::InflightAction};
    use super::*;
    use crate::outcome::Parts;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const LATER: Timestamp = Timestamp::from_millis(1_001);

    fn fingerprint(body: &str) -> Fingerprint {
        Fingerprint::of("a", "POST", "/x", body.as_bytes())
    }

    fn record(phase: Phase, work: Work) -> KeyRecord {
        KeyRecord {
            v: RECORD_VERSION,
            instance: "a".to_owned(),
            fingerprint: fingerprint("1"),
            work,
            phase,
            first_seen: NOW,
            expires_at: LATER,
        }
    }

    fn done() -> Phase {
        Phase::Done { kept: Kept::Status { status: 201 }, booked: None }
    }

    fn phases() -> [Phase; 4] {
        [Phase::InFlight, Phase::Unknown, Phase::Partial(Parts::default()), done()]
    }

    #[test]
    fn every_state_meets_the_same_request_as_the_table_says() {
        assert_eq!(receive(None, None, &fingerprint("1"), NOW), Received::First);
        let id = "txn_1".to_owned();
        for (work, expected) in [
            (Work::Create(create("r", true, 0, true)), "Again"),
            (Work::Refund { id: id.clone() }, "Again"),
            (Work::Inflight { id, action: InflightAction::Void }, "Again"),
            (Work::Other { made: Vec::new() }, "OutcomeUnknown"),
        ] {
            for phase in phases() {
                let expected = if phase == done() { "Replay" } else { expected };
                let record = record(phase, work.clone());
                let received = format!("{:?}", receive(Some(&record), None, &fingerprint("1"), NOW));
                assert!(received.starts_with(expected), "{record:?} {received}");
            }
        }
    }

    #[test]
    fn every_state_refuses_another_request() {
        for phase in phases() {
            let record = record(phase, Work::Other { made: Vec::new() });
            assert_eq!(receive(Some(&record), None, &fingerprint("2"), NOW), Received::Mismatch);
        }
    }

    #[test]
    fn every_state_is_new_again_once_it_has_expired() {
        for phase in phases() {
            let record = record(phase, Work::Create(create("r", true, 0, true)));
            assert_eq!(receive(Some(&record), None, &fingerprint("1"), LATER), Received::First);
            assert_eq!(receive(Some(&record), None, &fingerprint("2"), LATER), Received::First);
        }
    }

    #[test]
    fn while_an_attempt_is_under_way_nothing_else_counts() {
        let under_way = UnderWay { fingerprint: fingerprint("1"), until: LATER };
        let work = || Work::Create(create("r", true, 0, true));
        let expired = KeyRecord { expires_at: NOW, ..record(Phase::InFlight, work()) };
        for record in [None, Some(&expired), Some(&record(done(), work())), Some(&record(Phase::Unknown, work()))] {
            assert_eq!(receive(record, Some(&under_way), &fingerprint("1"), NOW), Received::InFlight);
            assert_eq!(receive(record, Some(&under_way), &fingerprint("2"), NOW), Received::Mismatch);
        }
    }

    #[test]
    fn an_attempt_past_its_deadlines_counts_as_crashed() {
        let under_way = UnderWay { fingerprint: fingerprint("1"), until: NOW };
        let record = record(Phase::InFlight, Work::Create(create("r", true, 0, true)));
        assert_eq!(receive(Some(&record), Some(&under_way), &fingerprint("1"), NOW), Received::Again(&record));
    }
}
