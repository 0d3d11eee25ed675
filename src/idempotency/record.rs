//! What is stored of a key: one JSON text, and the body of the answer beside it.
//!
//! Neither Core's key nor the caller's body is in it: the retry brings the body, and the fingerprint proves it the same.

use std::num::NonZeroU64;

use super::Fingerprint;
use crate::clock::Timestamp;
use crate::enrich::{Enriched, Reference, References, Rule};
use crate::json::write::{list, pairs, quoted};
use crate::json::{Json, Object, Writer};

/// The version of the stored shape.
pub const RECORD_VERSION: u32 = 1;

/// The largest body of an answer that is kept, in bytes. An object stores up to 2 MB in one value.
pub const KEPT_BODY_BYTES: usize = 1 << 20;

/// The longest reference that is stored, in bytes. Core's index takes about 2,700 of what does not compress.
const LONGEST_REFERENCE: usize = 4_096;

/// A key that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub create: Option<Create>,
    /// The references that were made for a bulk, by index, for the caller to look up.
    pub references: Vec<(usize, String)>,
}

/// The state of a used key.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Its reference. None where it is no text, or longer than Core could book.
    pub reference: Option<String>,
    /// Whether that was made here.
    pub made: bool,
    /// Whether Core splits it into legs.
    pub multi_leg: bool,
    /// The precision that was added.
    pub precision_added: Option<NonZeroU64>,
}

impl Phase {
    fn read(phase: &Object<'_>) -> Option<Self> {
        match phase.text("state")?.as_str() {
            "in_flight" => Some(Self::InFlight),
            "unknown" => Some(Self::Unknown),
            "done" => Some(Self::Done { kept: Kept::read(&phase.get("kept")?.object()?)? }),
            _ => None,
        }
    }

    fn to_json(&self) -> String {
        match self {
            Self::InFlight => Writer::new().text("state", "in_flight").end(),
            Self::Unknown => Writer::new().text("state", "unknown").end(),
            Self::Done { kept } => Writer::new().text("state", "done").raw("kept", &kept.to_json()).end(),
        }
    }
}

impl Kept {
    fn read(kept: &Object<'_>) -> Option<Self> {
        let status = || u16::try_from(kept.number("status")?).ok();
        match kept.text("kind")?.as_str() {
            "whole" => Some(Self::Whole { status: status()?, headers: kept.get("headers")?.pairs()? }),
            "status" => Some(Self::Status { status: status()? }),
            "booked" => Some(Self::Booked),
            _ => None,
        }
    }

    fn to_json(&self) -> String {
        let mut kept = Writer::new();
        match self {
            Self::Whole { status, headers } => {
                kept.text("kind", "whole").number("status", (*status).into()).raw("headers", &pairs(headers))
            }
            Self::Status { status } => kept.text("kind", "status").number("status", (*status).into()),
            Self::Booked => kept.text("kind", "booked"),
        };
        kept.end()
    }
}

impl Create {
    fn read(create: &Object<'_>) -> Option<Self> {
        Some(Self {
            reference: create.maybe_text("reference")?,
            made: create.truth("made")?,
            multi_leg: create.truth("multi_leg")?,
            precision_added: match create.maybe_number("precision_added")? {
                Some(precision) => Some(NonZeroU64::new(precision)?),
                None => None,
            },
        })
    }

    fn to_json(&self) -> String {
        let mut create = Writer::new();
        create.some_text("reference", self.reference.as_deref());
        create.truth("made", self.made).truth("multi_leg", self.multi_leg);
        create.some_number("precision_added", self.precision_added.map(NonZeroU64::get)).end()
    }

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
        let record = Object::parse(json)?;
        if record.get("v")?.small()? != RECORD_VERSION {
            return None;
        }
        Some(Self {
            v: RECORD_VERSION,
            fingerprint: Fingerprint(record.text("fingerprint")?),
            phase: Phase::read(&record.get("phase")?.object()?)?,
            expires_at: Timestamp::from_millis(record.number("expires_at")?),
            create: record.get("create")?.or_null(|create| Create::read(&create.object()?))?,
            references: if record.has("references") { record.get("references")?.list(reference)? } else { Vec::new() },
        })
    }

    /// The record as it is stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut record = Writer::new();
        record.number("v", self.v.into()).text("fingerprint", &self.fingerprint.0);
        record.raw("phase", &self.phase.to_json()).number("expires_at", self.expires_at.millis());
        if let Some(create) = &self.create {
            record.raw("create", &create.to_json());
        }
        if !self.references.is_empty() {
            let references = self.references.iter().map(|(item, made)| list([item.to_string(), quoted(made)]));
            record.raw("references", &list(references));
        }
        record.end()
    }
}

/// An index and its reference, an array of two.
fn reference(json: Json<'_>) -> Option<(usize, String)> {
    let Json::List(pair) = json else { return None };
    let [item, made] = pair.try_into().ok()?;
    Some((Json::parse(item)?.number()?.try_into().ok()?, Json::parse(made)?.text()?))
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
            assert_eq!(Object::parse(phase).and_then(|phase| Phase::read(&phase)).unwrap().to_json(), phase);
        }
        let bulk =
            r#"{"v":1,"fingerprint":"00","phase":{"state":"in_flight"},"expires_at":5,"references":[[0,"a"],[7,"b"]]}"#;
        assert_eq!(Record::from_json(bulk).unwrap().to_json(), bulk);
    }

    #[test]
    fn what_is_not_of_the_stored_shape_is_not_read() {
        for (right, wrong) in [
            (r#""status":201"#, r#""status":70000"#),
            (r#""status":201,"#, ""),
            (r#""kind":"whole""#, r#""kind":"half""#),
            (r#""state":"done""#, r#""state":"over""#),
            (r#"[["content-type","application/json"]]"#, r#"[["content-type"]]"#),
            (r#""made":true"#, r#""made":null"#),
            (r#""precision_added":100"#, r#""precision_added":0"#),
            (r#""expires_at":5"#, r#""expires_at":-5"#),
            (r#""fingerprint":"00","#, ""),
            (r#""expires_at":5"#, r#""expires_at":5,"expires_at":5"#),
            (r#""expires_at":5"#, r#""expires_at":5,"references":[[0]]"#),
            (r#""expires_at":5"#, r#""expires_at":5,"references":null"#),
        ] {
            assert!(GOLDEN.contains(right));
            assert_eq!(Record::from_json(&GOLDEN.replacen(right, wrong, 1)), None, "{wrong}");
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
