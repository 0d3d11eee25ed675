//! The state of a key, for who asks: the answer of `GET /idempotency/{key}`.

use super::attempt::UNKNOWN;
use super::{Kept, KeyRecord, Phase, Work};
use crate::enrich::Made;
use crate::json::Writer;
use crate::outcome::Parts;

/// Whether a look at Core can still tell more: how it came out or, of a batch that was refused on its way, how much of
/// it stands by now.
#[must_use]
pub fn is_open(record: &KeyRecord) -> bool {
    match &record.phase {
        Phase::Done { booked, .. } => booked.as_deref() == Some(UNKNOWN) && matches!(record.work, Work::Create(_)),
        Phase::InFlight | Phase::Unknown | Phase::Partial(_) => !matches!(record.work, Work::Other { .. }),
    }
}

/// The answer, as JSON. `in_flight` says whether an attempt is under way right now; a record in flight without one is
/// what a crash leaves behind, and unknown. `looked` is what a look has just shown.
#[must_use]
pub fn body(key: &str, record: &KeyRecord, in_flight: bool, looked: Option<&Parts>) -> String {
    let mut body = Writer::new();
    body.text("key", key);
    let state = match &record.phase {
        _ if in_flight => "in_flight",
        Phase::Done { .. } => "done",
        Phase::Partial(_) => "partial",
        Phase::InFlight | Phase::Unknown => "unknown",
    };
    body.text("state", state).text("instance_id", &record.instance);
    match &record.phase {
        Phase::Done { kept, booked } => {
            let (Kept::Whole { status, .. } | Kept::Status { status }) = kept;
            let now = looked.map(Parts::booked_of_total);
            body.number("status", (*status).into());
            body.some_text("booked_of_total", booked.as_ref().map(|kept| now.as_deref().unwrap_or(kept)));
            if let Some(parts) = looked.filter(|_| booked.is_some()) {
                parts.write(&mut body);
            }
        }
        Phase::Partial(parts) => parts.write(&mut body),
        Phase::InFlight | Phase::Unknown => {}
    }
    if let Some(reference) = record.work.reference() {
        body.text("reference", reference);
    }
    let references = record.work.references();
    if !references.is_empty() {
        let mut named = Writer::new();
        for (item, reference) in &references {
            named.text(&item.to_string(), reference);
        }
        body.raw("references", &named.end());
    }
    body.text("first_seen", &record.first_seen.to_rfc3339()).text("expires", &record.expires_at.to_rfc3339()).end()
}

/// The answer while a first attempt has not sent anything yet.
#[must_use]
pub fn begun(key: &str) -> String {
    Writer::new().text("key", key).text("state", "in_flight").end()
}

impl Work {
    /// The reference of a single create.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        if let Self::Create(create) = self { create.single().map(|item| item.reference.as_str()) } else { None }
    }

    /// The references that were made for a bulk, by index: the first [`Made::KEPT`].
    #[must_use]
    pub fn references(&self) -> Vec<(usize, String)> {
        match self {
            Self::Create(create) if create.bulk => {
                let made = create.items.iter().enumerate().filter(|(_, item)| item.made);
                made.map(|(index, item)| (index, item.reference.clone())).take(Made::KEPT).collect()
            }
            Self::Other { made } => made.clone(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Fingerprint;
    use super::super::record::RECORD_VERSION;
    use super::super::work::tests::create;
    use super::*;
    use crate::clock::Timestamp;
    use crate::outcome::Part;

    fn record(phase: Phase, work: Work) -> KeyRecord {
        KeyRecord {
            v: RECORD_VERSION,
            instance: "instance_a".to_owned(),
            fingerprint: Fingerprint("00".to_owned()),
            work,
            phase,
            first_seen: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(86_400_000),
        }
    }

    fn told(record: &KeyRecord, in_flight: bool) -> Value {
        serde_json::from_str(&body("k", record, in_flight, None)).unwrap()
    }

    #[test]
    fn every_state_is_told_with_what_is_known_of_it() {
        let single = Work::Create(create("r", true, 0, true));
        let (first_seen, expires) = ("1970-01-01T00:00:00.000Z", "1970-01-02T00:00:00.000Z");
        let base = |state: &str| {
            json!({
                "key": "k", "state": state, "instance_id": "instance_a", "reference": "r",
                "first_seen": first_seen, "expires": expires,
            })
        };
        let with = |state: &str, more: Value| {
            let mut told = base(state);
            told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            told
        };
        assert_eq!(told(&record(Phase::InFlight, single.clone()), true), base("in_flight"));
        assert_eq!(told(&record(Phase::InFlight, single.clone()), false), base("unknown"));
        assert_eq!(told(&record(Phase::Unknown, single.clone()), false), base("unknown"));
        let done = Phase::Done { kept: Kept::Status { status: 400 }, booked: Some("1/2".to_owned()) };
        assert_eq!(
            told(&record(done, single.clone()), false),
            with("done", json!({"status": 400, "booked_of_total": "1/2"}))
        );
        let mut parts = Parts::default();
        parts.add("r-1", Part::Booked);
        parts.add("r-2", Part::RolledBack);
        let partial = json!({
            "total": 2, "booked": ["r-1"], "booked_count": 1, "missing": ["r-2"], "missing_count": 1,
            "rolled_back": ["r-2"], "rolled_back_count": 1,
        });
        assert_eq!(told(&record(Phase::Partial(parts), single), false), with("partial", partial));
    }

    #[test]
    fn of_a_bulk_the_references_that_were_made_are_told_by_index() {
        let mut bulk = create("a", false, 0, true);
        bulk.bulk = true;
        bulk.items.extend(create("b", true, 0, true).items);
        let told = told(&record(Phase::Unknown, Work::Create(bulk)), false);
        assert_eq!((told.get("reference"), &told["references"]), (None, &json!({"1": "b"})));
    }

    #[test]
    fn only_what_core_s_records_can_tell_is_open() {
        assert!(is_open(&record(Phase::Unknown, Work::Refund { id: "txn_1".to_owned() })));
        assert!(is_open(&record(Phase::InFlight, Work::Create(create("r", true, 0, true)))));
        let refused = Phase::Done { kept: Kept::Status { status: 400 }, booked: Some(UNKNOWN.to_owned()) };
        let refused = record(refused, Work::Create(create("r", true, 2, true)));
        assert!(is_open(&refused));
        let mut parts = Parts::default();
        parts.add("r_1", Part::Booked);
        let told: Value = serde_json::from_str(&body("k", &refused, false, Some(&parts))).unwrap();
        assert_eq!(
            (&told["state"], &told["booked_of_total"], &told["booked"]),
            (&json!("done"), &json!("1/1"), &json!(["r_1"]))
        );
        for (phase, work) in [
            (Phase::Unknown, Work::Other { made: Vec::new() }),
            (
                Phase::Done { kept: Kept::Status { status: 201 }, booked: None },
                Work::Create(create("r", true, 0, true)),
            ),
        ] {
            assert!(!is_open(&record(phase, work)));
        }
    }
}
