//! One attempt: the steps from a request that is let through to an ending.
//!
//! A first attempt claims what nobody else may use at the same time (references of the caller's own, a refund), looks
//! whether Core has it already, and sends. Another attempt, after one whose outcome is unknown, looks for what the earlier
//! one did. All of it is the answer; some of it is told and never sent again; and only where there is nothing of a create
//! the same bytes are sent once more. What Core then says counts for the earlier attempt too, so it is looked for again.

use super::Work;
use super::answer::Verdict;
use super::look_up::{Extent, Finding, Purpose};

/// How often something is looked for that may still be on its way, a second apart: what is queued is stored after the answer,
/// and parts are booked one by one.
const PATIENCE: u32 = 3;

/// What `X-Blnk-Booked` says where Core could not be asked.
const UNKNOWN: &str = "unknown";

/// An attempt under way. What is to be done next comes of [`Attempt::start`], [`Attempt::claimed`], [`Attempt::looked`] and
/// [`Attempt::answered`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not depend on each other")]
pub struct Attempt {
    kind: Kind,
    work: Sort,
    /// Whether something must be claimed before anything is sent.
    claims: bool,
    in_parts: bool,
    atomic: bool,
    /// Whether of a refused request something may come after the answer: what a batch queued before the item that failed.
    leaves_late: bool,
    /// Whether another key has claimed the refund.
    taken: bool,
    /// What Core said to the sending; none before that.
    verdict: Option<Verdict>,
}

/// Which attempt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    First,
    /// After one whose outcome is unknown.
    Again {
        /// Whether some of it was found before.
        partial: bool,
    },
    /// Nothing may be sent: somebody asks what became of the key.
    Ask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Create,
    Refund,
    Inflight,
    Other,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Claim [`Work::claims`] for this key, and go on with [`Attempt::claimed`].
    Claim,
    /// Look, and go on with [`Attempt::looked`].
    Look {
        /// What for.
        purpose: Purpose,
        /// How often at most, a second apart, as long as [`Attempt::looks_again`] says so.
        times: u32,
    },
    /// Store that it is in flight, then send it, and go on with [`Attempt::answered`].
    Send,
    /// It is over.
    Finish(Ending),
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is this key's.
    Granted,
    /// Another key has it.
    Taken,
    /// It could not be found out.
    Failed,
}

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
    /// What became of it could not be found out just now.
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

impl Attempt {
    /// A first attempt.
    #[must_use]
    pub fn first(work: &Work) -> Self {
        Self::new(work, Kind::First)
    }

    /// Another attempt; `partial` where some of it was found before.
    #[must_use]
    pub fn again(work: &Work, partial: bool) -> Self {
        Self::new(work, Kind::Again { partial })
    }

    /// An attempt to find out, without sending anything.
    #[must_use]
    pub fn ask(work: &Work) -> Self {
        Self::new(work, Kind::Ask)
    }

    fn new(work: &Work, kind: Kind) -> Self {
        let sort = match work {
            Work::Create(_) => Sort::Create,
            Work::Refund { .. } => Sort::Refund,
            Work::Inflight { .. } => Sort::Inflight,
            Work::Preview | Work::Other { .. } => Sort::Other,
        };
        let claims = !work.claims().is_empty();
        let atomic = matches!(work, Work::Create(create) if create.atomic);
        let leaves_late = matches!(work, Work::Create(create) if create.bulk && create.queued);
        let in_parts = work.is_in_parts();
        Self { kind, work: sort, claims, in_parts, atomic, leaves_late, taken: false, verdict: None }
    }

    /// Whether an earlier attempt was made.
    #[must_use]
    pub fn is_again(&self) -> bool {
        matches!(self.kind, Kind::Again { .. })
    }

    /// The first step.
    #[must_use]
    pub fn start(&self) -> Action {
        match self.kind {
            Kind::First if self.claims => Action::Claim,
            Kind::First => Action::Send,
            Kind::Again { .. } | Kind::Ask if self.work == Sort::Other => Action::Finish(Ending::OutcomeUnknown),
            Kind::Again { .. } => Action::Look { purpose: Purpose::After, times: PATIENCE },
            Kind::Ask => Action::Look { purpose: Purpose::After, times: 1 },
        }
    }

    /// The step after a claim.
    #[must_use]
    pub fn claimed(&mut self, claimed: Claimed) -> Action {
        match (claimed, self.kind) {
            (Claimed::Granted, Kind::First) => Action::Look { purpose: Purpose::Before, times: 1 },
            (Claimed::Granted, _) => Action::Send,
            (Claimed::Taken, Kind::First) if self.work == Sort::Refund => {
                self.taken = true;
                Action::Look { purpose: Purpose::Before, times: 1 }
            }
            (Claimed::Taken, Kind::First) => Action::Finish(Ending::ReferenceUsed),
            (Claimed::Taken, _) => Action::Finish(Ending::OutcomeUnknown),
            (Claimed::Failed, Kind::First) => Action::Finish(Ending::Unchecked),
            (Claimed::Failed, _) => Action::Finish(Ending::Unresolved),
        }
    }

    /// Whether it pays to look once more: what is missing may be on its way, and so may be what Core takes back.
    #[must_use]
    pub fn looks_again(&self, found: &Finding) -> bool {
        match (self.verdict, self.kind) {
            (Some(Verdict::Refused | Verdict::Duplicate), Kind::First) => {
                self.leaves_late || self.atomic && !found.parts.booked.is_empty()
            }
            _ => found.parts.extent() != Extent::All,
        }
    }

    /// The step after a look; none where Core could not be asked.
    #[must_use]
    pub fn looked(&self, found: Option<&Finding>) -> Action {
        Action::Finish(match (self.kind, self.verdict, found) {
            (Kind::First, None, None) => Ending::Unchecked,
            (Kind::First, None, Some(found)) => return self.checked(found),
            (Kind::First, Some(Verdict::Refunded), Some(found)) if self.is_done_refund(found) => Ending::Found,
            (Kind::First, Some(_), _) => Ending::Answered,
            (_, _, None) => Ending::Unresolved,
            (_, verdict, Some(found)) => match found.parts.extent() {
                Extent::All => Ending::Found,
                Extent::Some => Ending::Partial,
                Extent::None => return self.found_nothing(verdict),
            },
        })
    }

    /// Whether a refund that Core calls a second one is there, so that it is the first.
    fn is_done_refund(&self, found: &Finding) -> bool {
        self.work == Sort::Refund && found.parts.extent() == Extent::All
    }

    /// The step after the look before a first attempt.
    fn checked(&self, found: &Finding) -> Action {
        match self.work {
            Sort::Refund if !found.parts.booked.is_empty() => Action::Finish(Ending::AlreadyRefunded),
            Sort::Refund if self.taken => Action::Finish(Ending::RefundInFlight),
            Sort::Create if found.parts.extent() != Extent::None => Action::Finish(Ending::ReferenceUsed),
            _ => Action::Send,
        }
    }

    /// The step where there is no trace of an earlier attempt, and of this one if it was sent.
    fn found_nothing(&self, verdict: Option<Verdict>) -> Action {
        match (verdict, self.kind) {
            (Some(Verdict::Refused), _) => Action::Finish(Ending::Answered),
            (Some(_), _) => Action::Finish(Ending::Unresolved),
            (None, Kind::Again { partial: false }) if self.work == Sort::Create => {
                if self.claims {
                    Action::Claim
                } else {
                    Action::Send
                }
            }
            (None, _) => Action::Finish(Ending::OutcomeUnknown),
        }
    }

    /// The step after sending; no verdict where there is no answer of Core's.
    #[must_use]
    pub fn answered(&mut self, verdict: Option<Verdict>) -> Action {
        self.verdict = verdict;
        let again = self.is_again();
        let ending = match verdict {
            None => Ending::Lost,
            // That Core did not act this time says nothing about the time before.
            Some(Verdict::NotActed) if !again => Ending::NotActed,
            Some(Verdict::NotActed | Verdict::Unclear) => Ending::Unclear,
            Some(Verdict::Done) => Ending::Answered,
            Some(Verdict::Queued) if !again => Ending::Answered,
            Some(_) if again => return Action::Look { purpose: Purpose::After, times: PATIENCE },
            Some(_) if self.in_parts => {
                // What an atomic request takes back it may take back late; what a batch has queued is stored a moment later.
                let times = match (self.atomic, self.leaves_late) {
                    (true, _) => PATIENCE,
                    (false, true) => 2,
                    (false, false) => 1,
                };
                return Action::Look { purpose: Purpose::After, times };
            }
            Some(_) => Ending::Answered,
        };
        Action::Finish(ending)
    }

    /// What stands behind a refusal of Core's, where it could have done one part and not another: `X-Blnk-Booked`. Of a
    /// create it is always said, as a refusal alone would pass for "nothing was done".
    #[must_use]
    pub fn booked(&self, found: Option<&Finding>) -> Option<String> {
        let refused = matches!(self.verdict, Some(Verdict::Refused | Verdict::Duplicate | Verdict::Refunded));
        if !refused || !self.in_parts {
            return None;
        }
        match self.work {
            Sort::Create => Some(found.map_or_else(|| UNKNOWN.to_owned(), |found| found.parts.booked_of_total())),
            _ => found.filter(|found| found.parts.total > 1).map(|found| found.parts.booked_of_total()),
        }
    }

    /// What an ending gives back of what was claimed.
    #[must_use]
    pub fn releases(&self, ending: Ending) -> Release {
        let refused = matches!(self.verdict, Some(Verdict::Refused | Verdict::Duplicate | Verdict::Refunded));
        match ending {
            Ending::NotActed | Ending::ReferenceUsed | Ending::AlreadyRefunded | Ending::Unchecked => Release::All,
            // What is refused now may have been let through before, and be on its way.
            Ending::Answered if self.is_again() || self.leaves_late => Release::Nothing,
            Ending::Answered if refused && self.in_parts => Release::Absent,
            Ending::Answered if refused => Release::All,
            _ => Release::Nothing,
        }
    }
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

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
