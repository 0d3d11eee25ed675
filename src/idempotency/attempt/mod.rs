//! One attempt: the steps from a request that is let through to an ending.
//!
//! A first attempt claims what no other key may use at the same time (references of the caller's own, a refund), looks
//! whether Core has it already, and sends. Another attempt, after one whose outcome is unknown, looks for what the
//! earlier one did. All of it is the answer; some of it is told and never sent again; and only where there is nothing
//! of a create the same bytes are sent once more. What Core then says counts for the earlier attempt too, so it is
//! looked for again.

use super::Work;
use super::ending::{Ending, Release};
use super::look_up::{Finding, Purpose};
use super::verdict::Verdict;
use super::work::names_twice;
use crate::outcome::Extent;

/// How often something is looked for that may still be on its way, a second apart: what is queued is stored after the
/// answer, and parts are booked one by one.
const PATIENCE: u32 = 3;

/// What `X-Blnk-Booked` says where Core could not be asked, or it cannot be told yet.
pub const UNKNOWN: &str = "unknown";

/// An attempt under way. What is to be done next is given by [`Attempt::start`], [`Attempt::claimed`],
/// [`Attempt::looked`] and [`Attempt::answered`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct Attempt {
    kind: AttemptKind,
    work: Sort,
    /// Whether something must be claimed before anything is sent.
    claims: bool,
    in_parts: bool,
    atomic: bool,
    /// Whether it contains a reference twice.
    collides: bool,
    /// Whether every reference was made here, so that whatever is found under them is this key's.
    made: bool,
    /// Whether another key has claimed the refund.
    taken: bool,
    /// Whether the rows that a refund means are claimed too, by whatever id they are named.
    rows_claimed: bool,
    /// What Core said to the sending; none before that.
    verdict: Option<Verdict>,
}

/// Which attempt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttemptKind {
    First,
    /// After one whose outcome is unknown.
    Again {
        /// Whether some of it was found before.
        partial: bool,
    },
    /// Nothing may be sent: a caller asks for the state of the key.
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
pub enum NextStep {
    /// Claim [`Work::claims`] for this key, and go on with [`Attempt::claimed`].
    Claim,
    /// Claim the refund of each of [`Finding::meant`] too, and go on with [`Attempt::claimed_rows`].
    ClaimRows,
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

/// The result of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is this key's.
    Granted,
    /// Another key has it.
    Taken,
    /// It could not be found out.
    Failed,
}

impl Attempt {
    /// A first attempt.
    #[must_use]
    pub fn first(work: &Work) -> Self {
        Self::new(work, AttemptKind::First)
    }

    /// Another attempt; `partial` where some of it was found before.
    #[must_use]
    pub fn again(work: &Work, partial: bool) -> Self {
        Self::new(work, AttemptKind::Again { partial })
    }

    /// An attempt to find out, without sending anything.
    #[must_use]
    pub fn ask(work: &Work) -> Self {
        Self::new(work, AttemptKind::Ask)
    }

    fn new(work: &Work, kind: AttemptKind) -> Self {
        let sort = match work {
            Work::Create(_) => Sort::Create,
            Work::Refund { .. } => Sort::Refund,
            Work::Inflight { .. } => Sort::Inflight,
            Work::Other { .. } => Sort::Other,
        };
        let claims = work.claims();
        let create = if let Work::Create(create) = work { Some(create) } else { None };
        Self {
            kind,
            work: sort,
            claims: !claims.is_empty(),
            in_parts: work.is_in_parts(),
            atomic: create.is_some_and(|create| create.atomic),
            collides: names_twice(&claims),
            made: create.is_some_and(|create| create.own_references().next().is_none()),
            taken: false,
            rows_claimed: false,
            verdict: None,
        }
    }

    /// Whether an earlier attempt was made.
    #[must_use]
    pub fn is_again(&self) -> bool {
        matches!(self.kind, AttemptKind::Again { .. })
    }

    /// The first step.
    #[must_use]
    pub fn start(&self) -> NextStep {
        match self.kind {
            AttemptKind::First if self.collides => NextStep::Finish(Ending::ReferenceUsed),
            AttemptKind::First if self.claims => NextStep::Claim,
            AttemptKind::First => NextStep::Send,
            AttemptKind::Again { .. } | AttemptKind::Ask if self.work == Sort::Other => {
                NextStep::Finish(Ending::OutcomeUnknown)
            }
            AttemptKind::Again { .. } => NextStep::Look { purpose: Purpose::After, times: PATIENCE },
            AttemptKind::Ask => NextStep::Look { purpose: Purpose::After, times: 1 },
        }
    }

    /// The step after a claim.
    #[must_use]
    pub fn claimed(&mut self, claimed: Claimed) -> NextStep {
        match (claimed, self.kind) {
            (Claimed::Granted, AttemptKind::First) => NextStep::Look { purpose: Purpose::Before, times: 1 },
            (Claimed::Granted, _) => NextStep::Send,
            (Claimed::Taken, AttemptKind::First) if self.work == Sort::Refund => {
                self.taken = true;
                NextStep::Look { purpose: Purpose::Before, times: 1 }
            }
            (Claimed::Taken, AttemptKind::First) => NextStep::Finish(Ending::ReferenceUsed),
            (Claimed::Taken, _) => NextStep::Finish(Ending::OutcomeUnknown),
            (Claimed::Failed, AttemptKind::First) => NextStep::Finish(Ending::Unchecked),
            (Claimed::Failed, _) => NextStep::Finish(Ending::Unresolved),
        }
    }

    /// The step after a claim of the rows that a refund means: they are looked at again, now that no other key refunds
    /// them.
    #[must_use]
    pub fn claimed_rows(&mut self, claimed: Claimed) -> NextStep {
        self.rows_claimed = true;
        self.taken = claimed == Claimed::Taken;
        match claimed {
            Claimed::Granted | Claimed::Taken => NextStep::Look { purpose: Purpose::Before, times: 1 },
            Claimed::Failed => NextStep::Finish(Ending::Unchecked),
        }
    }

    /// Whether to repeat the look-up: parts may still be being stored, or rolled back.
    #[must_use]
    pub fn looks_again(&self, found: &Finding) -> bool {
        match (self.verdict, self.kind) {
            (Some(_), AttemptKind::First) => self.atomic && !found.parts.booked.is_empty(),
            _ => found.parts.extent() != Extent::All,
        }
    }

    /// The step after a look; none where Core could not be asked.
    #[must_use]
    pub fn looked(&self, found: Option<&Finding>) -> NextStep {
        NextStep::Finish(match (self.kind, self.verdict, found) {
            (AttemptKind::First, None, None) => Ending::Unchecked,
            (AttemptKind::First, None, Some(found)) => return self.checked(found),
            (AttemptKind::First, Some(verdict), Some(found)) if self.is_done(verdict, found) => Ending::Found,
            (AttemptKind::First, Some(_), _) => Ending::Answered,
            (_, _, None) => Ending::Unresolved,
            (_, verdict, Some(found)) => match found.parts.extent() {
                Extent::All => Ending::Found,
                Extent::Some => Ending::Partial,
                Extent::None => return self.found_nothing(verdict),
            },
        })
    }

    /// Whether what Core refused is there all the same, and cannot be anybody else's: a refund or create that failed
    /// after it was booked, a refund that Core calls the second one, a duplicate of a reference that was made here.
    fn is_done(&self, verdict: Verdict, found: &Finding) -> bool {
        let is_ours = match (self.work, verdict) {
            (Sort::Refund, _) | (Sort::Create, Verdict::Refused | Verdict::Stopped) => true,
            (Sort::Create, Verdict::Duplicate) => self.made,
            // A hold may have been committed by somebody else.
            _ => false,
        };
        is_ours && found.parts.extent() == Extent::All
    }

    /// The step after the look before a first attempt.
    fn checked(&self, found: &Finding) -> NextStep {
        match self.work {
            Sort::Refund if !found.parts.booked.is_empty() => NextStep::Finish(Ending::AlreadyRefunded),
            Sort::Refund if self.taken => NextStep::Finish(Ending::RefundInFlight),
            Sort::Refund if !self.rows_claimed && !found.meant.is_empty() => NextStep::ClaimRows,
            Sort::Create if found.parts.extent() != Extent::None => NextStep::Finish(Ending::ReferenceUsed),
            _ => NextStep::Send,
        }
    }

    /// The step where there is no trace of an earlier attempt, and of this one if it was sent.
    fn found_nothing(&self, verdict: Option<Verdict>) -> NextStep {
        match (verdict, self.kind) {
            (Some(Verdict::Refused), _) => NextStep::Finish(Ending::Answered),
            (Some(_), _) => NextStep::Finish(Ending::Unresolved),
            (None, AttemptKind::Again { partial: false }) if self.work == Sort::Create => {
                if self.claims {
                    NextStep::Claim
                } else {
                    NextStep::Send
                }
            }
            (None, _) => NextStep::Finish(Ending::OutcomeUnknown),
        }
    }

    /// The step after sending; no verdict where there is no answer of Core's.
    #[must_use]
    pub fn answered(&mut self, verdict: Option<Verdict>) -> NextStep {
        self.verdict = verdict;
        let again = self.is_again();
        let ending = match verdict {
            None => Ending::Lost,
            // That Core did not act this time says nothing about the time before.
            Some(Verdict::NotActed) if !again => Ending::NotActed,
            Some(Verdict::NotActed | Verdict::Unclear) => Ending::Unclear,
            Some(Verdict::Done | Verdict::Previewed) => Ending::Answered,
            Some(Verdict::Queued) if !again => Ending::Answered,
            Some(_) if again => return NextStep::Look { purpose: Purpose::After, times: PATIENCE },
            Some(_) if self.work != Sort::Other => {
                // What an atomic request takes back it may take back late.
                return NextStep::Look { purpose: Purpose::After, times: if self.atomic { PATIENCE } else { 1 } };
            }
            Some(_) => Ending::Answered,
        };
        NextStep::Finish(ending)
    }

    /// What stands behind a refusal of Core's, where it could have done one part and not another: `X-Blnk-Booked`. Of a
    /// create it is always said, as a refusal alone would pass for "nothing was done".
    #[must_use]
    pub fn booked(&self, found: Option<&Finding>) -> Option<String> {
        if !self.is_refused() || !self.in_parts {
            return None;
        }
        match self.work {
            // What was queued before is stored after the answer: no look can tell how much that will be.
            _ if self.verdict == Some(Verdict::Stopped) => Some(UNKNOWN.to_owned()),
            Sort::Create => Some(found.map_or_else(|| UNKNOWN.to_owned(), |found| found.parts.booked_of_total())),
            _ => found.filter(|found| found.parts.total > 1).map(|found| found.parts.booked_of_total()),
        }
    }

    fn is_refused(&self) -> bool {
        use Verdict::{Duplicate, Refunded, Refused, Stopped};
        matches!(self.verdict, Some(Duplicate | Refunded | Refused | Stopped))
    }

    /// What an ending gives back of what was claimed.
    #[must_use]
    pub fn releases(&self, ending: Ending) -> Release {
        match ending {
            Ending::NotActed | Ending::ReferenceUsed | Ending::AlreadyRefunded | Ending::Unchecked => Release::All,
            Ending::Answered if self.verdict == Some(Verdict::Previewed) => Release::All,
            // What is refused now may have been let through before, and be on its way.
            Ending::Answered if self.is_again() || self.verdict == Some(Verdict::Stopped) => Release::Nothing,
            Ending::Answered if self.is_refused() && self.in_parts => Release::Absent,
            Ending::Answered if self.is_refused() => Release::All,
            _ => Release::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
