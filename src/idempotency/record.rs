//! What is stored of a key: one JSON text, and the body of the answer beside it.
//!
//! Neither Core's key nor the caller's body is in it: the retry brings the body, and the fingerprint proves it the same.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::Fingerprint;
use crate::clock::Timestamp;
use crate::enrich::{Enriched, Reference, References, Rule};

/// The version of the stored shape.
pub const RECORD_VERSION: u32 = 1;

/// The largest body of an answer that is kept, in bytes. An object stores up to 2 MB in one value.
pub const KEPT_BODY_BYTES: usize = 1 << 20;

/// The longest reference that is stored, in bytes. Core's index takes about 2,700 of what does not compress.
const LONGEST_REFERENCE: usize = 4_096;

/// A key that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`].
    pub v: u32,
    /// What was asked for.
    pub fingerprint: Fingerprint,
    /// What is known of it.
    pub phase: Phase,
    /// From when on the key counts as unused.
    pub expires_at: Timestamp,
    /// Of a single create: what was added to its body, and how to find it at Core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    /// The references that were made for a bulk, by index, for the caller to look up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<(usize, String)>,
}

/// The state of a used key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Phase {
    /// It is being sent. Where the object that sent it is gone, nobody will ever say how that went: `unknown`.
    InFlight,
    /// Core may have acted.
    Unknown,
    /// What became of it is known.
    Done {
        /// What is left of the answer.
        kept: Kept,
    },
}

/// What is left of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
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
    /// Nothing: Core says that the reference is booked, and cannot show what was booked.
    Booked,
}

/// What a single create needs in order to be found, or sent once more just as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// Its reference. None where it is no text, or longer than Core could book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether that was made here.
    pub made: bool,
    /// Whether Core splits it into legs.
    pub multi_leg: bool,
    /// The precision that was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision_added: Option<NonZeroU64>,
}

impl Create {
    /// What was done to the body of a single create; none for a bulk.
    #[must_use]
    pub fn of(enriched: &Enriched) -> Option<Self> {
        let (reference, made) = match &enriched.references {
            References::Bulk(_) => return None,
            References::Made(reference) => (Some(reference.to_string()), true),
            References::Given(text) => (Some(text.clone()), false),
            References::Unreadable => (None, false),
        };
        Some(Self {
            reference: reference.filter(|reference| reference.len() <= LONGEST_REFERENCE),
            made,
            multi_leg: enriched.multi_leg,
            precision_added: enriched.precision_added,
        })
    }

    /// The rule and the random bytes that make the same additions to the same body, whatever the instance's rule is now.
    #[must_use]
    pub fn additions(&self) -> (Rule, [u8; 16]) {
        let made = self.reference.as_deref().and_then(|reference| reference.parse::<Reference>().ok());
        // Where the reference was given, nothing is made of the bytes.
        (Rule::repeating(self.precision_added), made.map_or([0; 16], Reference::into_random))
    }
}

impl Record {
    /// Reads a stored record; `None` where it is not one of this version.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().filter(|record: &Self| record.v == RECORD_VERSION)
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
    use crate::enrich::{Shape, enrich};

    const GOLDEN: &str = r#"{"v":1,"fingerprint":"00","phase":{"state":"done","kept":{"kind":"whole","status":201,"headers":[["content-type","application/json"]]}},"expires_at":5,"create":{"reference":"ref_1","made":true,"multi_leg":false,"precision_added":100}}"#;

    #[test]
    fn the_stored_format_stays_the_same() {
        let record = Record::from_json(GOLDEN).unwrap();
        assert_eq!(record.to_json(), GOLDEN);
        for phase in
            [r#"{"state":"in_flight"}"#, r#"{"state":"unknown"}"#, r#"{"state":"done","kept":{"kind":"booked"}}"#]
        {
            let read: Phase = serde_json::from_str(phase).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), phase);
        }
    }

    #[test]
    fn a_record_of_another_version_is_not_read() {
        assert_eq!(Record::from_json(&GOLDEN.replace("\"v\":1", "\"v\":2")), None);
        assert_eq!(Record::from_json("{}"), None);
    }

    #[test]
    fn a_body_gets_the_same_additions_whatever_the_rule_has_become() {
        for body in [r#"{"amount":1}"#, r#"{"precision":null,"reference":"mine"}"#, r#"{"precision":0}"#, "{}"] {
            for rule in [r#"{"default_precision":1000}"#, r#"{"zero_precision":"default"}"#] {
                let rule: Rule = serde_json::from_str(rule).unwrap();
                let first = enrich(body.as_bytes(), Shape::Transaction, rule, 1_000, || *b"0123456789abcdef").unwrap();
                let (rule, random) = Create::of(&first).unwrap().additions();
                let again = enrich(body.as_bytes(), Shape::Transaction, rule, 1_000, || random).unwrap();
                assert_eq!(first, again, "{body}");
            }
        }
    }

    #[test]
    fn a_reference_that_core_could_not_book_is_not_stored() {
        let body = format!(r#"{{"reference":"{}"}}"#, "a".repeat(LONGEST_REFERENCE + 1));
        let enriched = enrich(body.as_bytes(), Shape::Transaction, Rule::default(), 9_999, || [0; 16]).unwrap();
        let create = Create::of(&enriched).unwrap();
        assert_eq!(create.reference, None);
        assert!(!create.made);
    }
}
