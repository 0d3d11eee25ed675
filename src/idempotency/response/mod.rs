//! What the caller gets: at once, by what is stored of its key, or at the ending of an attempt.

use super::ending::Ending;
use super::message::Report;
use super::receive::Received;
use super::{Kept, KeyRecord, Phase, Work};
use crate::error::Error;
use crate::outcome::{Outcome, Parts, WriteOutcome};

/// What the caller gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The answer that Core gave to this attempt; `said` is for the log.
    FromCore {
        /// The attempt in a word.
        said: &'static str,
    },
    /// What a look-up found, with 200.
    Found,
    /// The answer that was kept.
    Replay,
    /// An error of ours.
    Refused(KeyRefusal),
}

/// An error of ours, and what it says of the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRefusal {
    /// The refusal in a word, for the log.
    pub said: &'static str,
    /// The error.
    pub error: Error,
    /// Whether Core may have acted.
    pub outcome: Outcome,
}

impl KeyRefusal {
    const fn new(said: &'static str, error: Error, outcome: Outcome) -> Self {
        Self { said, error, outcome }
    }

    /// There is no room for the request.
    pub const BUSY: Self = Self::new("busy", Error::Busy, Outcome::NotSent);

    /// The key that somebody asks about is not known.
    pub const NOT_FOUND: Self = Self::new("asked", Error::IdempotencyKeyNotFound, Outcome::NotSent);

    /// A body that is refused before an attempt begins.
    #[must_use]
    pub const fn body(error: Error) -> Self {
        Self::new("refused", error, Outcome::NotSent)
    }
}

impl Received<'_> {
    /// What a request gets for which no attempt begins; `None` where one does.
    #[must_use]
    pub fn response(&self) -> Option<Response> {
        let refused = |said, error, outcome| Some(Response::Refused(KeyRefusal::new(said, error, outcome)));
        match self {
            Self::First | Self::Again(_) => None,
            Self::Replay(record) => Some(replay(record)),
            Self::InFlight => refused("in_flight", Error::IdempotencyInFlight, Outcome::UnknownWithKey),
            Self::Mismatch => refused("mismatch", Error::IdempotencyMismatch, Outcome::NotSent),
            Self::OutcomeUnknown(_) => refused("unknown", Error::IdempotencyOutcomeUnknown, Outcome::Unknown),
        }
    }
}

/// What is left of the answer to an earlier request.
fn replay(record: &KeyRecord) -> Response {
    match &record.phase {
        Phase::Done { kept: Kept::Status { status }, .. } => {
            let error = Error::IdempotencyReplayUnavailable { status: Some(*status) };
            Response::Refused(KeyRefusal::new("replay_unavailable", error, Outcome::Done))
        }
        _ => Response::Replay,
    }
}

/// What is known at the ending of an attempt.
#[derive(Debug)]
pub struct Ended<'a> {
    /// The ending.
    pub ending: Ending,
    /// Whether there is an answer: Core's, or at [`Ending::Found`] the one that was found.
    pub has_answer: bool,
    /// Why there is none of Core's, where it was asked.
    pub lost: Option<Error>,
    /// Whether an earlier attempt was sent.
    pub is_again: bool,
    /// What is stored now.
    pub record: &'a KeyRecord,
    /// What the last look-up showed.
    pub parts: Parts,
}

impl Ended<'_> {
    /// What the caller gets.
    #[must_use]
    pub fn response(self) -> Response {
        let refused = |said, error, outcome| Response::Refused(KeyRefusal::new(said, error, outcome));
        let defect = || refused("unknown", Error::Internal, Outcome::UnknownWithKey);
        match self.ending {
            Ending::Answered | Ending::NotActed | Ending::Unclear | Ending::Found if !self.has_answer => defect(),
            Ending::Answered if self.is_again => Response::FromCore { said: "sent_again" },
            Ending::Answered => Response::FromCore { said: "first" },
            Ending::NotActed => Response::FromCore { said: "not_acted" },
            Ending::Unclear => Response::FromCore { said: "unknown" },
            Ending::Found => match replay(self.record) {
                Response::Replay => Response::Found,
                unavailable => unavailable,
            },
            Ending::Lost => match self.lost {
                Some(error) => refused("unknown", error, Outcome::UnknownWithKey),
                None => defect(),
            },
            Ending::Partial => {
                let error = Error::IdempotencyPartial { parts: Box::new(self.parts) };
                refused("partial", error, Outcome::Partial)
            }
            Ending::ReferenceUsed => {
                let error = Error::ReferenceUsed { used: self.parts.reference_used };
                refused("reference_used", error, Outcome::NotSent)
            }
            Ending::AlreadyRefunded => {
                let error = Error::AlreadyRefunded { parts: Box::new(self.parts) };
                refused("already_refunded", error, Outcome::NotSent)
            }
            Ending::RefundInFlight => refused("refund_in_flight", Error::RefundInFlight, Outcome::NotSent),
            Ending::Unchecked => refused("unchecked", Error::IdempotencyUnavailable, Outcome::NotSent),
            Ending::Unresolved => refused("unresolved", Error::IdempotencyUnavailable, Outcome::UnknownWithKey),
            Ending::OutcomeUnknown => refused("unknown", Error::IdempotencyOutcomeUnknown, Outcome::Unknown),
        }
    }
}

impl Report {
    /// A report about what is stored; `said` is for the log.
    #[must_use]
    pub fn about(record: Option<&KeyRecord>, said: &str) -> Self {
        let work = record.map(|record| &record.work);
        let create = work.and_then(|work| if let Work::Create(create) = work { Some(create) } else { None });
        let single = create.and_then(|create| create.single()).filter(|item| item.made);
        let made = create.map(|create| create.items.iter().any(|item| item.made));
        Self {
            said: said.to_owned(),
            made_reference: single.map(|item| item.reference.clone()),
            reference: made.map(|made| if made { "made" } else { "given" }.to_owned()),
            ..Self::default()
        }
    }
}

impl KeyRecord {
    /// The header `X-Blnk-Booked` of what is stored.
    #[must_use]
    pub fn booked(&self) -> Option<&str> {
        if let Phase::Done { booked, .. } = &self.phase { booked.as_deref() } else { None }
    }
}

/// What an error of ours tells of the write, with the references that are stored.
#[must_use]
pub fn write_outcome(record: Option<&KeyRecord>, outcome: Outcome) -> WriteOutcome {
    let work = record.map(|record| &record.work);
    WriteOutcome {
        outcome,
        reference: work.and_then(Work::reference).map(str::to_owned),
        references: work.map(Work::references).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
