//! What is stored of a key: one JSON text, and the body of the answer beside it.
//!
//! Neither Core's key nor the caller's body is in it: the retry brings the body, and the fingerprint proves it the
//! same.

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Work};
use crate::clock::Timestamp;
use crate::json::version;
use crate::outcome::Parts;

/// The version of the stored shape.
pub const RECORD_VERSION: u32 = 2;

/// The largest body of an answer that is kept, in bytes. An object stores up to 2 MB in one value.
pub const KEPT_BODY_BYTES: usize = 1 << 20;

/// A key that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// [`RECORD_VERSION`].
    pub v: u32,
    /// The id of the instance that was asked.
    pub instance: String,
    /// What was asked for, as a hash.
    pub fingerprint: Fingerprint,
    /// What was asked for, as far as it can be looked for.
    pub work: Work,
    /// What is known of it.
    pub phase: Phase,
    /// When the key was first used.
    pub first_seen: Timestamp,
    /// From when on the key counts as unused.
    pub expires_at: Timestamp,
}

/// The state of a used key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is being sent. If the object is dropped while it sends, this is read as `unknown`.
    InFlight,
    /// Core may have acted.
    Unknown,
    /// Core acted in part, as far as was seen.
    Partial(Parts),
    /// Its outcome is known.
    Done {
        /// What is left of the answer.
        kept: Kept,
        /// How many of how many parts stand behind a refusal: `X-Blnk-Booked`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        booked: Option<String>,
    },
}

/// What is left of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// All of it; the body is stored beside the record.
    Whole {
        /// Its status.
        status: u16,
        /// Its content headers.
        headers: Vec<(String, String)>,
    },
    /// Its status: the body was larger than [`KEPT_BODY_BYTES`].
    Status {
        /// Its status.
        status: u16,
    },
}

impl Kept {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Whole { status, .. } | Self::Status { status } => *status,
        }
    }
}

/// The shape that was stored before. A key lives for a day, so an answer that was kept in it is still owed.
#[derive(Deserialize)]
struct RecordV1 {
    fingerprint: Fingerprint,
    phase: PhaseV1,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
struct PhaseV1 {
    kept: Option<KeptV1>,
}

#[derive(Deserialize)]
struct KeptV1 {
    status: Option<u16>,
    headers: Option<Vec<(String, String)>>,
}

impl From<RecordV1> for KeyRecord {
    /// What was not done is unknown: what was looked for then is not enough to know the whole.
    fn from(old: RecordV1) -> Self {
        let kept = old.phase.kept.and_then(|kept| match (kept.status?, kept.headers) {
            (status, Some(headers)) => Some(Kept::Whole { status, headers }),
            (status, None) => Some(Kept::Status { status }),
        });
        Self {
            v: RECORD_VERSION,
            instance: String::new(),
            fingerprint: old.fingerprint,
            work: Work::Other { made: Vec::new() },
            phase: kept.map_or(Phase::Unknown, |kept| Phase::Done { kept, booked: None }),
            // It was not noted then.
            first_seen: Timestamp::default(),
            expires_at: old.expires_at,
        }
    }
}

impl KeyRecord {
    /// Reads a stored record; `None` where it is of no version that is known.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        match version(json)? {
            1 => serde_json::from_str::<RecordV1>(json).ok().map(Self::from),
            RECORD_VERSION => serde_json::from_str(json).ok(),
            _ => None,
        }
    }

    /// The record as it is stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers cannot fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = concat!(
        r#"{"v":2,"instance":"instance_a","fingerprint":"00","work":{"create":{"queued":true,"#,
        r#""rule":{"default_precision":100,"zero_precision":"pass"},"#,
        r#""items":[{"reference":"ref_1","made":true,"currency":"USD","units":"1000"},"#,
        r#"{"reference":"mine","legs":2,"currency":"USD","units":"5"}]}},"#,
        r#""phase":{"done":{"kept":{"whole":{"status":201,"headers":[["content-type","application/json"]]}}}},"#,
        r#""first_seen":4,"expires_at":5}"#,
    );

    #[test]
    fn the_stored_format_stays_the_same() {
        let record = KeyRecord::from_json(GOLDEN).unwrap();
        assert_eq!(record.to_json(), GOLDEN);
        let phases = [
            r#""in_flight""#,
            r#""unknown""#,
            r#"{"partial":{"total":2,"booked":{"count":1,"first":["r-1"]},"missing":{"count":1,"first":["r-2"]}}}"#,
            r#"{"done":{"kept":{"status":{"status":400}},"booked":"1/3"}}"#,
        ];
        for phase in phases {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Phase>(phase).unwrap()).unwrap(), phase);
        }
        let works = [
            r#"{"refund":{"id":"txn_1"}}"#,
            r#"{"inflight":{"id":"txn_1","action":"commit"}}"#,
            r#"{"other":{}}"#,
            r#"{"other":{"made":[[7,"b"]]}}"#,
        ];
        for work in works {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Work>(work).unwrap()).unwrap(), work);
        }
    }

    #[test]
    fn what_is_not_of_the_stored_shape_is_not_read() {
        for (right, wrong) in [
            (r#""status":201"#, r#""status":70000"#),
            (r#""status":201,"#, ""),
            (r#""whole""#, r#""half""#),
            (r#""done""#, r#""over""#),
            (r#"[["content-type","application/json"]]"#, r#"[["content-type"]]"#),
            (r#""made":true"#, r#""made":null"#),
            (r#""expires_at":5"#, r#""expires_at":-5"#),
            (r#""fingerprint":"00","#, ""),
            (r#""expires_at":5"#, r#""expires_at":5,"expires_at":5"#),
            (r#""v":2"#, r#""v":3"#),
        ] {
            assert!(GOLDEN.contains(right));
            assert_eq!(KeyRecord::from_json(&GOLDEN.replacen(right, wrong, 1)), None, "{wrong}");
        }
    }

    #[test]
    fn an_answer_that_was_stored_before_is_still_given_and_anything_else_is_unknown() {
        let old = |phase: &str| {
            let json = format!(
                r#"{{"v":1,"fingerprint":"00","phase":{phase},"expires_at":5,"create":{}}}"#,
                r#"{"reference":"r","made":true,"multi_leg":true,"precision_added":100}"#
            );
            KeyRecord::from_json(&json).unwrap()
        };
        let done = old(r#"{"state":"done","kept":{"kind":"whole","status":201,"headers":[["content-type","a"]]}}"#);
        let headers = vec![("content-type".to_owned(), "a".to_owned())];
        assert_eq!(done.phase, Phase::Done { kept: Kept::Whole { status: 201, headers }, booked: None });
        assert_eq!((done.fingerprint, done.expires_at), (Fingerprint("00".to_owned()), Timestamp::from_millis(5)));
        for phase in
            [r#"{"state":"in_flight"}"#, r#"{"state":"unknown"}"#, r#"{"state":"done","kept":{"kind":"booked"}}"#]
        {
            assert_eq!(old(phase).phase, Phase::Unknown, "{phase}");
        }
    }
}
