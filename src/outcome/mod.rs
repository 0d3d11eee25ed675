//! The outcome of a write: whether Core acted, and on which of its parts.
//!
//! Errors tell it, and an `Idempotency-Key` remembers it.

mod parts;

pub use parts::{Extent, Part, Parts, ReferenceList};

use crate::json::Writer;

/// The outcome of a write that ended in an error of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteOutcome {
    /// Whether Core may have acted.
    pub outcome: Outcome,
    /// The reference of a single create, made or given, where one is known.
    pub reference: Option<String>,
    /// The references that were made for a bulk's items, by index.
    pub references: Vec<(usize, String)>,
}

/// Whether Core may have acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `fetch` was never called.
    NotSent,
    /// It was: whether Core booked cannot be told.
    Unknown,
    /// The same; and sending it again with the same `Idempotency-Key` finds out, and does not book it twice.
    UnknownWithKey,
    /// Core acted in part.
    Partial,
    /// Core acted.
    Done,
}

impl WriteOutcome {
    /// A write that was refused before `fetch`.
    pub const NOT_SENT: Self = Self { outcome: Outcome::NotSent, reference: None, references: Vec::new() };

    /// Adds the outcome, and the references that are known, to the details of an error.
    pub fn describe(&self, details: &mut Writer) {
        let outcome = match self.outcome {
            Outcome::NotSent => "not_sent",
            Outcome::Unknown | Outcome::UnknownWithKey => "unknown",
            Outcome::Partial => "partial",
            Outcome::Done => "done",
        };
        details.text("outcome", outcome).some_text("reference", self.reference.as_deref());
        if !self.references.is_empty() {
            let mut references = Writer::new();
            for (item, made) in &self.references {
                references.text(&item.to_string(), made);
            }
            details.raw("references", &references.end());
        }
    }

    /// What is safe to do next, after a write whose outcome is unknown; empty after any other.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.outcome {
            Outcome::NotSent | Outcome::Partial | Outcome::Done => "",
            Outcome::UnknownWithKey => {
                ". Core may have acted: sent again with the same Idempotency-Key, it is not booked twice"
            }
            Outcome::Unknown if self.reference.is_some() || !self.references.is_empty() => {
                ". Core may have acted: look the reference up before sending it again, and send it again only with the \
                 same reference"
            }
            Outcome::Unknown => ". Core may have acted: read the record before sending it again",
        }
    }
}
