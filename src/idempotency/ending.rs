//! How an attempt ended, and what that leaves behind.

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Core's answer is the answer for good.
    Answered,
    /// Core did not act: its answer is passed on, and nothing is kept.
    NotActed,
    /// Core's answer leaves open whether it acted; it is passed on.
    Unclear,
    /// There is no answer of Core's.
    Lost,
    /// What was looked for is the answer for good.
    Found,
    /// Some of it was found, or what no longer stands.
    Partial,
    /// A reference of the caller's own was in use before: nothing was sent.
    ReferenceUsed,
    /// A refund stands: nothing was sent.
    AlreadyRefunded,
    /// Another key's refund of the same is not settled: nothing was sent.
    RefundInFlight,
    /// Whether something stands in the way could not be found out: nothing was sent.
    Unchecked,
    /// Its outcome could not be found out just now.
    Unresolved,
    /// There is no trace of it, and it must not be sent again.
    OutcomeUnknown,
}

/// What an ending leaves of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: the key is new again.
    Nothing,
    /// What it was.
    AsItWas,
    /// The state `unknown`; `partial` stays what it is.
    Unknown,
    /// The state `partial`, with what was found.
    Partial,
    /// The state `done`, with the answer.
    Answer,
}

/// What an ending gives back of what was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Nothing: it may have been used.
    Nothing,
    /// All of it.
    All,
    /// The references of which there is no trace.
    Absent,
}

impl Ending {
    /// What it leaves of the record.
    #[must_use]
    pub fn leaves(self) -> Left {
        match self {
            Self::Answered | Self::Found => Left::Answer,
            Self::NotActed => Left::Nothing,
            Self::Partial => Left::Partial,
            Self::Unclear | Self::Lost | Self::Unresolved | Self::OutcomeUnknown => Left::Unknown,
            Self::ReferenceUsed | Self::AlreadyRefunded | Self::RefundInFlight | Self::Unchecked => Left::AsItWas,
        }
    }
}
